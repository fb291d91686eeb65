"""Timing of candidates against each other: they run in turns, so that a slow spell of the machine meets all of them alike.

Does not know what a candidate does. Times are wall-clock seconds of one whole call; preparation belongs outside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median


def in_turns(candidates: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Seconds of `rounds` calls of each candidate. Each is called once more before, untimed; every round starts one further."""
    for call in candidates.values():
        call()
    names, seconds = list(candidates), {name: [] for name in candidates}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            candidates[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def rates(seconds: Mapping[str, list[float]], amounts: Mapping[str, float]) -> dict[str, float]:
    """Amount of work done per second in the median round."""
    return {name: amounts[name] / median(taken) for name, taken in seconds.items()}


def ratio(rates: Mapping[str, float], ours: str) -> float:
    """Our rate over the best of the others."""
    return rates[ours] / max(rate for name, rate in rates.items() if name != ours)


def table(seconds: Mapping[str, list[float]], amounts: Mapping[str, float], unit: str) -> str:
    """One line per candidate: rate and seconds (median, fastest, slowest), tab-separated."""
    lines = [f"candidate\t{unit}/s\tmedian s\tfastest s\tslowest s"]
    for name, rate in rates(seconds, amounts).items():
        taken = seconds[name]
        lines.append(f"{name}\t{rate:.1f}\t{median(taken):.3f}\t{min(taken):.3f}\t{max(taken):.3f}")
    return "\n".join(lines)
