"""How often is a verdict wrong, and how often does an interval hold the truth? Simulated studies through the real rule.

    python benchmarks/calibration.py [--studies 20000] [--workers CORES] [--every]

Each row of the tables is an analysis path × a spread of runs, at several n, with `--studies` simulated studies at each.
A verdict at a region's boundary is wrong whichever it is. What the design promises is summed up in the last line; what it
does not (graded measures on runs that collapse, or on rare modes) is printed too. Does not know how a study is simulated.
"""

from __future__ import annotations

import argparse
import os
import time
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from exact_runs import contradicted, one_sample, two_arm
from simulated_runs import ALL_OR_NOTHING, SMOOTH, Scenario, scenarios
from simulated_studies import Outcome, Path, RunModel, paths, simulate, wrong_families, wrong_theories

CHUNK = 5000
"""Studies decided in one call; what they share out is memory, not results."""
FAMILY_N = (3, 5, 8, 16)
MARGIN = 0.2
"""The effect whose smallest n is asked for: this share of the contrast's range beyond the region's boundary (40 pp of ±100)."""
MOST_OFTEN = 0.8
EXACT_N = range(3, 25)
MOST_WRONG, MOST_WRONG_TOGETHER, LEAST_COVERAGE = 0.06, 0.10, 0.94


@dataclass(frozen=True)
class Row:
    """One path × run model × scenario × n. `wrong`: verdicts with the truth at the boundary; `powered`: verdicts with the
    truth MARGIN inside; `width`: mean width of the interval, in the contrast's unit."""

    path: str
    run_model: RunModel
    scenario: str
    promised: bool
    n: int
    wrong: float
    coverage: float
    width: float
    powered: float


@dataclass(frozen=True)
class Family:
    """A family of contrasts, or the theories, at one n: the share of studies with any wrong verdict of each kind."""

    path: str
    kinds: tuple[str, ...]
    scenario: str
    n: int
    wrong: tuple[float, ...]
    promised: bool = True


def generator(*names: object) -> np.random.Generator:
    """A stream of its own for every row, the same in every run and for any number of workers."""
    return np.random.default_rng(zlib.crc32(repr(names).encode()))


def chunks(studies: int) -> Iterable[int]:
    return [min(CHUNK, studies - first) for first in range(0, studies, CHUNK)]


def single(path: Path, scenario: Scenario, studies: int) -> list[Row]:
    """All n and both run models of one path × scenario."""
    rows = []
    for n in path.units:
        rng = generator(path.name, scenario.name, n)
        parts = [simulate(path, scenario, n, size, rng) for size in chunks(studies)]
        for run_model in ("robust", "graded"):
            promised = run_model == "robust" or scenario.smooth
            numbers = _numbers([part[run_model] for part in parts])
            rows.append(Row(path.name, run_model, scenario.name, promised, n, *numbers))
    return rows


def _numbers(parts: list[Outcome]) -> tuple[float, float, float, float]:
    low, high = (np.concatenate([getattr(part, end) for part in parts]) for end in ("low", "high"))
    truth, span = parts[0].truth, parts[0].span
    free = ~np.concatenate([part.blocked for part in parts])
    wrong = np.concatenate([part.code for part in parts]) != 0
    covered = (low <= truth + 1e-9) & (truth - 1e-9 <= high)
    return (
        float(wrong.mean()),
        float(covered.mean()),
        float((high - low).mean()),
        float((free & (low > truth - MARGIN * span)).mean()),
    )


def sequence(scenario: Scenario, studies: int) -> list[Family]:
    found = []
    for first_true in (False, True):
        title = "sequence, first true" if first_true else "sequence, none true"
        for n in FAMILY_N:
            rng = generator(title, scenario.name, n)
            parts = [wrong_families(scenario, n, size, rng, first_true) for size in chunks(studies)]
            primary, other = (np.concatenate(kind) for kind in zip(*parts, strict=True))
            wrong = (float(primary.mean()), float(other.mean()), float((primary | other).mean()))
            found.append(Family(title, ("primaries", "the rest", "both"), scenario.name, n, wrong))
    return found


def theories(scenario: Scenario, studies: int) -> list[Family]:
    found = []
    for run_model in ("robust", "graded"):
        for n in FAMILY_N:
            rng = generator("theories", run_model, scenario.name, n)
            parts = [wrong_theories(scenario, n, size, rng, run_model) for size in chunks(studies)]
            wrong = tuple(float(np.concatenate(kind).mean()) for kind in zip(*parts, strict=True))
            kinds = ("true one contradicted", "false one supported")
            promised = run_model == "robust" or scenario.smooth
            found.append(Family(f"theories, {run_model}", kinds, scenario.name, n, wrong, promised))
    return found


def smallest_n(path: Path, edge: float, studies: int = 400) -> dict[RunModel, int | None]:
    """The smallest number of units with which arms near 95 % and 5 % are told apart, in most studies."""
    found: dict[RunModel, int | None] = {"robust": None, "graded": None}
    for n in range(6 if path.bases else 2, 41):
        scenario = Scenario("near all", "near none")
        for run_model, one in simulate(path, scenario, n, studies, generator("smallest", path.name, n), edge).items():
            if found[run_model] is None and np.mean(one.code > 0) >= MOST_OFTEN:
                found[run_model] = n
        if None not in found.values():
            break
    return found


# --- all of it -----------------------------------------------------------------------------------------------------------

Job = tuple[str, str, int]
Separated = dict[tuple[str, RunModel], int | None]
"""Per path and run model: the smallest n that tells a full separation apart."""


def jobs(studies: int) -> list[Job]:
    singles = [(path.name, scenario.name, studies) for path in paths() for scenario in scenarios() if path.takes(scenario)]
    plain = [s for s in scenarios() if s.items == "one" and s.rho is None]
    return singles + [(family, scenario.name, studies) for family in ("sequence", "theories") for scenario in plain]


def work(job: Job) -> list[Row] | list[Family]:
    path, scenario_name, studies = job
    scenario = next(s for s in scenarios() if s.name == scenario_name)
    families: dict[str, Callable[[Scenario, int], list[Family]]] = {"sequence": sequence, "theories": theories}
    if path in families:
        return families[path](scenario, studies)
    return single(next(p for p in paths() if p.name == path), scenario, studies)


def run(studies: int, workers: int) -> tuple[list[Row], list[Family]]:
    todo = jobs(studies)
    if workers == 1:
        parts = [work(job) for job in todo]
    else:
        with ProcessPoolExecutor(workers) as pool:
            parts = list(pool.map(work, todo))
    found = [one for part in parts for one in part]
    return [one for one in found if isinstance(one, Row)], [one for one in found if isinstance(one, Family)]


# --- tables ----------------------------------------------------------------------------------------------------------------


def grouped(rows: list[Row]) -> dict[tuple[str, RunModel, str, bool], list[Row]]:
    found: dict[tuple[str, RunModel, str, bool], list[Row]] = {}
    for row in rows:
        found.setdefault((row.path, row.run_model, row.scenario, row.promised), []).append(row)
    return found


def _list(values: Iterable[float], digits: int) -> str:
    return " / ".join(f"{value:.{digits}f}".removeprefix("0") if digits > 1 else f"{value:.{digits}f}" for value in values)


def _deciding(rows: list[Row]) -> str:
    enough = [row.n for row in rows if row.powered >= MOST_OFTEN]
    return str(min(enough)) if enough else f"> {rows[-1].n}"


def every_row(rows: list[Row]) -> Iterable[str]:
    """One line per path × run model × spread."""
    yield "| path | run model | arm \\| control | n | wrong verdicts | coverage | mean width | smallest n | promised |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for (path, run_model, scenario, promised), mine in grouped(rows).items():
        digits = 2 if path == "log-odds" else 0
        units = " / ".join(str(row.n) for row in mine)
        numbers = (
            _list([r.wrong for r in mine], 3),
            _list([r.coverage for r in mine], 3),
            _list([r.width for r in mine], digits),
        )
        names = (path, run_model, scenario.replace("|", "\\|"), units)
        yield f"| {' | '.join((*names, *numbers))} | {_deciding(mine)} | {'yes' if promised else 'no'} |"


def worst_rows(rows: list[Row], separated: Separated) -> Iterable[str]:
    """One line per path × run model × promised or not: the worst over spreads at each n."""
    yield "| path | run model | spreads | n | wrong, worst | coverage, worst | mean width | separated from n | worst spread |"
    yield "|---|---|---|---|---|---|---|---|---|"
    keys: list[tuple[str, RunModel, bool]] = list(dict.fromkeys((row.path, row.run_model, row.promised) for row in rows))
    for path, run_model, promised in keys:
        mine = [r for r in rows if (r.path, r.run_model, r.promised) == (path, run_model, promised)]
        by_n = [[r for r in mine if r.n == n] for n in sorted({r.n for r in mine})]
        worst = min(mine, key=lambda r: r.coverage)
        digits = 2 if path == "log-odds" else 0
        spreads = ("all" if run_model == "robust" else "smooth") if promised else "lumpy: no promise"
        cells = [
            path,
            run_model,
            spreads,
            " / ".join(str(group[0].n) for group in by_n),
            _list([max(r.wrong for r in group) for group in by_n], 3),
            _list([min(r.coverage for r in group) for group in by_n], 3),
            _list([float(np.mean([r.width for r in group])) for group in by_n], digits),
            str(separated[path, run_model] or "> 40") if promised else "",
            worst.scenario.replace("|", "\\|") + f" (n = {worst.n})",
        ]
        yield "| " + " | ".join(cells) + " |"


def worst_families(families: list[Family]) -> Iterable[str]:
    yield "| family | spreads | kind | n | wrong, worst over spreads | worst spread |"
    yield "|---|---|---|---|---|---|"
    for path, promised in dict.fromkeys((f.path, f.promised) for f in families):
        mine = [f for f in families if (f.path, f.promised) == (path, promised)]
        units = sorted({f.n for f in mine})
        for k, kind in enumerate(mine[0].kinds):
            worst = max(mine, key=lambda f: f.wrong[k])
            values = _list([max(f.wrong[k] for f in mine if f.n == n) for n in units], 3)
            spreads = "promised" if promised else "lumpy: no promise"
            pair = worst.scenario.replace("|", "\\|")
            yield f"| {path} | {spreads} | {kind} | {' / '.join(map(str, units))} | {values} | {pair} (n = {worst.n}) |"


def misses(rows: list[Row], families: list[Family]) -> Iterable[str]:
    """What the design promises and the rule does not keep."""
    for row in rows:
        if row.promised and (row.wrong > MOST_WRONG or row.coverage < LEAST_COVERAGE):
            where = f"{row.path}, {row.run_model}, {row.scenario}, n = {row.n}"
            yield f"miss: {where}: coverage {row.coverage:.4f}, wrong verdicts {row.wrong:.4f}"
    for family in families:
        for kind, wrong in zip(family.kinds, family.wrong, strict=True):
            if family.promised and wrong > (MOST_WRONG_TOGETHER if kind == "both" else MOST_WRONG):
                yield f"miss: {family.path}, {kind}, {family.scenario}, n = {family.n}: wrong {wrong:.4f}"


def summary(rows: list[Row], families: list[Family], smallest: int | None) -> str:
    each = [wrong for f in families if f.promised for kind, wrong in zip(f.kinds, f.wrong, strict=True) if kind != "both"]
    wrong = max([row.wrong for row in rows if row.promised] + each)
    coverage = min(row.coverage for row in rows if row.promised)
    return f"calibration worst_false_positive {wrong:.4f} worst_coverage {coverage:.4f} smallest_n {smallest}"


def exact_lines() -> Iterable[str]:
    """All-or-nothing runs need no simulation: every n, with the p that are simulated and with any."""
    listed = (0.0, *ALL_OR_NOTHING, 1.0)
    kinds: list[tuple[str, Callable[[int], float]]] = [
        ("two-arm, least coverage, the p simulated", lambda n: two_arm(n, listed, listed)),
        ("two-arm, least coverage, any p", two_arm),
        ("one sample, least coverage, any p", one_sample),
        ("theories, true one contradicted, the p simulated", lambda n: contradicted(n, listed, listed)),
        ("theories, true one contradicted, any p", contradicted),
    ]
    yield "| all-or-nothing runs, robust, exact | n | value |"
    yield "|---|---|---|"
    for title, of in kinds:
        yield f"| {title} | {EXACT_N[0]} … {EXACT_N[-1]} | {_list([of(n) for n in EXACT_N], 3)} |"


def edges() -> dict[str, float]:
    """The region of a full separation: above zero, or above 50 % where there is no control."""
    return {path.name: 0.0 if path.control else 50.0 for path in paths()}


def main() -> None:
    parser = argparse.ArgumentParser(description="calibration of the verdict rule, by simulated studies")
    parser.add_argument("--studies", type=int, default=20_000, help="simulated studies per path, spread and n")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--every", action="store_true", help="print every spread, not only the worst of each path")
    options = parser.parse_args()
    start = time.perf_counter()
    rows, families = run(options.studies, options.workers)
    separated: Separated = {
        (path.name, model): n for path in paths() for model, n in smallest_n(path, edges()[path.name]).items()
    }
    if options.every:
        print(*every_row(rows), "", sep="\n")
    print(*worst_rows(rows, separated), "", *worst_families(families), "", *exact_lines(), "", sep="\n")
    by_ten = smallest_n(paths()[0], 10.0)["robust"]
    print(f"full separation, two-arm, robust: `> 0` from n = {separated['two-arm', 'robust']}, `> +10 pp` from n = {by_ten}")
    print(
        f"both families together: {max(f.wrong[2] for f in families if len(f.kinds) == 3):.4f} at worst (≤ {MOST_WRONG_TOGETHER})"
    )
    print(f"{options.studies} studies per path, spread and n; {len(rows) + len(families)} rows")
    print(f"smooth spreads: {', '.join(sorted(SMOOTH))}")
    print(f"{time.perf_counter() - start:.0f} s with {options.workers} workers")
    for line in misses(rows, families):
        print(line)
    print(summary(rows, families, separated["two-arm", "robust"]))


if __name__ == "__main__":
    main()
