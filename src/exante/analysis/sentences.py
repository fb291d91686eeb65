"""Verdicts in plain words: why a contrast or theory came out as it did. Without numbers, which verdicts.json has beside them.

Only for one study at a time (no batch axes). Does not decide anything.
"""

from __future__ import annotations

import numpy as np

from exante.analysis.decide import TOO_UNGRADED, Claim, Code, Decision, place, too_ungraded
from exante.analysis.theories import PredictionResult
from exante.analysis.verdicts import Word
from exante.stats.proportions import exact, free_to_differ
from exante.units import Region


def word(code: Code | int) -> Word:
    return "supported" if int(code) > 0 else "contradicted" if int(code) < 0 else "undecided"


def placement(code: Code | int) -> str:
    if int(code) > 0:
        return "the interval lies inside the region"
    return "the interval lies outside the region" if int(code) < 0 else "the interval crosses the region's boundary"


def reason(decision: Decision, why_exploratory: str) -> str:
    """The first block that holds, or where the interval lies; exploratory contrasts say so first."""
    hit = next((block.reason for block in decision.blocks if bool(block.hit)), None)
    if decision.claim.contrast.region.unbounded:
        return "an estimate: no hypothesis was registered" if hit is None else hit
    text = placement(decision.placed) if hit is None else hit
    if hit is None and not decision.placed and decision.claim.n_units == 1 and decision.claim.measure.run_model != "items":
        text = f"{text}: one run of an arm leaves open what other runs would do"
    return f"exploratory, because {why_exploratory}: {text}" if why_exploratory else text


def early_stop(reason: str, bases: int, last: int) -> str:
    """A reason with what must be said of a verdict that an earlier look than the last gave."""
    return f"{reason}; decided at {bases} of {last} bases, and the estimate of an early stop is biased outward"


def estimate_so_far(early: str) -> str:
    """Why what is read at the last look only has no verdict yet."""
    return f"an estimate, because {early}"


def prediction_reason(claim: Claim | None, judged: PredictionResult | None, region: Region) -> str:
    """Why one of a theory's predictions is open; nothing if it is decided."""
    if claim is None or judged is None:
        return "not in this preset"
    if judged.code:
        return ""
    hit = next((block.reason for block in claim.blocks if bool(block.hit)), None)
    if hit is not None:
        return hit
    placed = place(judged.low, judged.high, region)
    return TOO_UNGRADED if bool(too_ungraded(claim, region) & (placed > 0)) else placement(np.minimum(placed, 0))


def runs_alike(n: int) -> str:
    runs = "1 run leaves" if n == 1 else f"{n} runs alike leave"
    return f"{runs} up to {100 * free_to_differ(n):.0f} % of runs free to differ"


def counted(count: int, trials: int) -> str:
    """A raw rate with its exact bounds, so that 0 % never stands alone."""
    low, high = exact(count, trials)
    return f"{count} of {trials} samples (exact bounds for these runs alone: {100 * low:.1f} to {100 * high:.1f} %)"


def absent(arms: list[str], training: str) -> str:
    return f"not in this preset: no runs of {' or '.join(arms)} under {training}"


def theory_reason(code: Code | int, tied: list[str], missing: list[str], held_up: list[str], installed: bool) -> str:
    """`installed`: every contrast that the theory speaks of reads back what was built in."""
    if tied and int(code) > 0:
        return f"undecided between this and {', '.join(tied)}: their regions are identical or nested, and all survive"
    if int(code) > 0:
        only = "; only installed contrasts support it: what was built in is read back, nothing learned is" if installed else ""
        return f"every interval lies inside the region it names{only}"
    if int(code) < 0:
        return "an interval lies outside the region it names"
    if missing:
        return f"not in this preset: {', '.join(missing)}"
    return f"undecided on {', '.join(held_up)}"
