"""How often is a verdict wrong, and how often does an interval hold the truth? Simulated studies through the real rule.

    python benchmarks/calibration.py [--studies 10000] [--again 200000] [--workers CORES] [--every]

Each row of the tables is an analysis path × a spread of runs, at several n, with `--studies` simulated studies at each. Runs that
are all or nothing are enumerated over a grid of chances instead (`exact_runs.py`). A verdict at a region's boundary is wrong
whichever it is. A promised row beyond the bar, or close to it, is simulated again, with `--again` studies and a fresh seed, and
that second result counts. What the design promises is summed up in the last line. What it does not is printed too: graded
measures on lumpy or skewed runs, runs that depend on those before them, and arms that exclude each other without pairs.
Does not know how a study is simulated.
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
from exact_runs import ExactRow, contradicted, exact_rows, one_sample, secondaries, two_arm
from numpy.typing import NDArray
from simulated_runs import SMOOTH, Scenario, scenarios
from simulated_studies import (
    Outcome,
    Path,
    RunModel,
    paths,
    simulate,
    wrong_families,
    wrong_looks,
    wrong_theories,
)

CHUNK = 5000
"""Studies decided in one call; what they share out is memory, not results."""
FAMILY_N = (8, 16, 24)
LOOK_PATHS = ("two-arm", "one sample", "paired")
MARGIN = 0.2
"""The effect whose smallest n is asked for: this share of the contrast's range beyond the region's boundary (40 pp of ±100)."""
MOST_OFTEN = 0.8
EVERY_N = range(3, 25)
MOST_WRONG, MOST_WRONG_TOGETHER, LEAST_COVERAGE = 0.06, 0.10, 0.94
DOUBTFUL = 0.002
"""How close to the bar a simulated row is simulated again."""
MODELS: tuple[RunModel, RunModel] = ("robust", "graded")


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

    @property
    def doubtful(self) -> bool:
        return self.promised and (self.wrong > MOST_WRONG - DOUBTFUL or self.coverage < LEAST_COVERAGE + DOUBTFUL)


@dataclass(frozen=True)
class Family:
    """A family of contrasts, theories or looks at one n: the share of studies with any wrong verdict of each kind."""

    path: str
    kinds: tuple[str, ...]
    run_model: RunModel
    scenario: str
    n: int
    wrong: tuple[float, ...]

    @property
    def doubtful(self) -> bool:
        return any(wrong > bar(kind) - DOUBTFUL for kind, wrong in zip(self.kinds, self.wrong, strict=True))


def bar(kind: str) -> float:
    return MOST_WRONG_TOGETHER if kind == "both" else MOST_WRONG


def promised(run_model: RunModel, scenario: Scenario) -> bool:
    return not scenario.serial and (run_model == "robust" or scenario.smooth)


def generator(*names: object) -> np.random.Generator:
    """A stream of its own for every row, the same in every run and for any number of workers."""
    return np.random.default_rng(zlib.crc32(repr(names).encode()))


def chunks(studies: int) -> Iterable[int]:
    return [min(CHUNK, studies - first) for first in range(0, studies, CHUNK)]


# --- one row -------------------------------------------------------------------------------------------------------------------


def single(path: Path, scenario: Scenario, n: int, studies: int, seed: str = "") -> list[Row]:
    """Both run models of one path × scenario × n."""
    rng = generator(path.name, scenario.name, n, *filter(None, [seed]))
    parts = [simulate(path, scenario, n, size, rng) for size in chunks(studies)]
    return [
        Row(path.name, model, scenario.name, promised(model, scenario), n, *_numbers([part[model] for part in parts]))
        for model in MODELS
    ]


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


Wrong = tuple[NDArray[np.bool_], ...]
"""Whether a study had a wrong verdict, (B,) for each kind."""
Draws = Callable[[Scenario, int, int, np.random.Generator, RunModel], Wrong]
"""Scenario, n, studies, stream and run model."""


def _family(first_true: bool) -> Draws:
    def draw(
        scenario: Scenario, n: int, studies: int, rng: np.random.Generator, model: RunModel
    ) -> tuple[NDArray[np.bool_], ...]:
        primaries, rest = wrong_families(scenario, n, studies, rng, first_true, model)
        return primaries, rest, primaries | rest

    return draw


def _looks(path: Path) -> Draws:
    return lambda scenario, n, studies, rng, model: (wrong_looks(path, scenario, studies, rng, model),)


FAMILIES: dict[str, tuple[tuple[str, ...], Draws, tuple[int, ...]]] = {
    "sequence, none true; 4 secondaries": (("primaries", "secondaries", "both"), _family(False), FAMILY_N),
    "sequence, first true; 6 secondaries": (("primaries", "secondaries", "both"), _family(True), FAMILY_N),
    "theories of 4": (("true one contradicted", "false one supported"), wrong_theories, FAMILY_N),
    **{f"two looks, {path.name}": (("either look",), _looks(path), (24,)) for path in paths() if path.name in LOOK_PATHS},
}


def family(name: str, scenario: Scenario, n: int, studies: int, seed: str = "") -> list[Family]:
    """One family × scenario × n under every run model that is promised there."""
    kinds, draw, _ = FAMILIES[name]
    rows = []
    for model in MODELS:
        if promised(model, scenario):
            rng = generator(name, model, scenario.name, n, *filter(None, [seed]))
            parts = [draw(scenario, n, size, rng, model) for size in chunks(studies)]
            wrong = tuple(float(np.concatenate(kind).mean()) for kind in zip(*parts, strict=True))
            rows.append(Family(name, kinds, model, scenario.name, n, wrong))
    return rows


def smallest_n(path: Path, edge: float, studies: int = 400) -> dict[RunModel, int | None]:
    """The smallest number of units with which arms near 95 % and 5 % are told apart, in most studies."""
    smallest: dict[RunModel, int | None] = {"robust": None, "graded": None}
    for n in range(6 if path.bases else 2, 41):
        scenario = Scenario("near all", "near none")
        for run_model, one in simulate(path, scenario, n, studies, generator("smallest", path.name, n), edge).items():
            if smallest[run_model] is None and np.mean(one.code > 0) >= MOST_OFTEN:
                smallest[run_model] = n
        if None not in smallest.values():
            break
    return smallest


# --- all of it -----------------------------------------------------------------------------------------------------------

Job = tuple[str, str, int, int, str]
"""Path or family, scenario, n, studies, and the name of a fresh seed."""
Separated = dict[tuple[str, RunModel], int | None]
"""Per path and run model: the smallest n that tells a full separation apart."""


def jobs(studies: int) -> list[Job]:
    singles = [
        (path.name, scenario.name, n, studies, "")
        for path in paths()
        for scenario in scenarios()
        if path.takes(scenario)
        for n in path.units
    ]
    plain = [s for s in scenarios() if s.plain and s.control in (s.arm, "never", "normal")]
    families = [(name, s.name, n, studies, "") for name, (_, _, units) in FAMILIES.items() for s in plain for n in units]
    return singles + families


def work(job: Job) -> list[Row] | list[Family]:
    name, scenario_name, n, studies, seed = job
    scenario = next(s for s in scenarios() if s.name == scenario_name)
    if name in FAMILIES:
        return family(name, scenario, n, studies, seed)
    return single(next(p for p in paths() if p.name == name), scenario, n, studies, seed)


def run(studies: int, again: int, workers: int) -> tuple[list[Row], list[Family], list[ExactRow]]:
    with ProcessPoolExecutor(workers) as pool:
        exact = pool.submit(exact_rows)
        results = [one for part in pool.map(work, jobs(studies)) for one in part]
        doubtful = list(dict.fromkeys((x.path, x.scenario, x.n, again, "again") for x in results if x.doubtful))
        repeated = {key(one): one for part in pool.map(work, doubtful) for one in part}
        results = [repeated.get(key(one), one) for one in results]
    print(f"{len(doubtful)} rows simulated again, with {again} studies each")
    rows, families = [x for x in results if isinstance(x, Row)], [x for x in results if isinstance(x, Family)]
    return rows, families, exact.result()


def key(one: Row | Family) -> tuple[str, str, str, int]:
    return one.path, one.run_model, one.scenario, one.n


# --- tables ----------------------------------------------------------------------------------------------------------------


def grouped(rows: list[Row]) -> dict[tuple[str, RunModel, str, bool], list[Row]]:
    groups: dict[tuple[str, RunModel, str, bool], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.path, row.run_model, row.scenario, row.promised), []).append(row)
    return groups


def _list(values: Iterable[float], digits: int) -> str:
    return " / ".join(f"{value:.{digits}f}".removeprefix("0") if digits > 1 else f"{value:.{digits}f}" for value in values)


def _deciding(rows: list[Row]) -> str:
    enough = [row.n for row in rows if row.powered >= MOST_OFTEN]
    return str(min(enough)) if enough else f"> {rows[-1].n}"


def every_row(rows: list[Row]) -> Iterable[str]:
    """One line per path × run model × spread."""
    yield "| path | run model | arm \\| control | n | wrong verdicts | coverage | mean width | smallest n | promised |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for (path, run_model, scenario, is_promised), mine in grouped(rows).items():
        digits = 2 if path == "log-odds" else 0
        units = " / ".join(str(row.n) for row in mine)
        numbers = (
            _list([r.wrong for r in mine], 3),
            _list([r.coverage for r in mine], 3),
            _list([r.width for r in mine], digits),
        )
        names = (path, run_model, scenario.replace("|", "\\|"), units)
        yield f"| {' | '.join((*names, *numbers))} | {_deciding(mine)} | {'yes' if is_promised else 'no'} |"


def spreads(row: Row) -> str:
    """What a row's spread is, by which rows are put together."""
    if "AR(1)" in row.scenario:
        return "serial dependence: no promise"
    if not row.promised:
        return "lumpy or skewed: no promise"
    return "all" if row.run_model == "robust" else "smooth"


def worst_rows(rows: list[Row], separated: Separated) -> Iterable[str]:
    """One line per path × run model × kind of spread: the worst over spreads at each n."""
    yield "| path | run model | spreads | n | wrong, worst | coverage, worst | mean width | separated from n | worst spread |"
    yield "|---|---|---|---|---|---|---|---|---|"
    keys: list[tuple[str, RunModel, str]] = list(dict.fromkeys((row.path, row.run_model, spreads(row)) for row in rows))
    for path, run_model, kind in keys:
        mine = [r for r in rows if (r.path, r.run_model, spreads(r)) == (path, run_model, kind)]
        by_n = [[r for r in mine if r.n == n] for n in sorted({r.n for r in mine})]
        worst = min(mine, key=lambda r: r.coverage)
        digits = 2 if path == "log-odds" else 0
        cells = [
            path,
            run_model,
            kind,
            " / ".join(str(group[0].n) for group in by_n),
            _list([max(r.wrong for r in group) for group in by_n], 3),
            _list([min(r.coverage for r in group) for group in by_n], 3),
            _list([float(np.mean([r.width for r in group])) for group in by_n], digits),
            str(separated.get((path, run_model)) or "") if worst.promised else "",
            worst.scenario.replace("|", "\\|") + f" (n = {worst.n})",
        ]
        yield "| " + " | ".join(cells) + " |"


def worst_families(families: list[Family]) -> Iterable[str]:
    yield "| family | run model | kind | n | wrong, worst over spreads | worst spread |"
    yield "|---|---|---|---|---|---|"
    for path, run_model in dict.fromkeys((f.path, f.run_model) for f in families):
        mine = [f for f in families if (f.path, f.run_model) == (path, run_model)]
        units = sorted({f.n for f in mine})
        for k, kind in enumerate(mine[0].kinds):
            worst = max(mine, key=lambda f: f.wrong[k])
            values = _list([max(f.wrong[k] for f in mine if f.n == n) for n in units], 3)
            pair = worst.scenario.replace("|", "\\|")
            yield f"| {path} | {run_model} | {kind} | {' / '.join(map(str, units))} | {values} | {pair} (n = {worst.n}) |"


def exact_lines(exact: list[ExactRow]) -> Iterable[str]:
    """The worst over all p and q of runs that are all or nothing."""
    yield "| all-or-nothing runs, exact | level | n | wrong, worst over p and q | at p, q | promised |"
    yield "|---|---|---|---|---|---|"
    for path, level in dict.fromkeys((row.path, row.level) for row in exact):
        mine = [row for row in exact if (row.path, row.level) == (path, level)]
        where = "; ".join(", ".join(f"{value:g}" for value in row.worst.where) for row in mine)
        units, values = " / ".join(str(row.n) for row in mine), _list([row.worst.wrong for row in mine], 3)
        yield f"| {path} | {level} | {units} | {values} | {where} | {'yes' if mine[0].promised else 'no'} |"


def over_n() -> Iterable[str]:
    """The exact values at every n, not only at those that are promised."""
    kinds: list[tuple[str, Callable[[int], float]]] = [
        ("two-arm", lambda n: two_arm(n).wrong),
        ("one sample", lambda n: one_sample(n).wrong),
        ("6 secondaries", lambda n: secondaries(n, 6).wrong),
        ("theories of 4, true one contradicted", lambda n: contradicted(n).wrong),
    ]
    yield "| all-or-nothing runs, exact | n | wrong, worst over p and q |"
    yield "|---|---|---|"
    for title, of in kinds:
        yield f"| {title} | {EVERY_N[0]} … {EVERY_N[-1]} | {_list([of(n) for n in EVERY_N], 3)} |"


def misses(rows: list[Row], families: list[Family], exact: list[ExactRow]) -> Iterable[str]:
    """What the design promises and the rule does not keep."""
    for row in rows:
        if row.promised and (row.wrong > MOST_WRONG or row.coverage < LEAST_COVERAGE):
            where = f"{row.path}, {row.run_model}, {row.scenario}, n = {row.n}"
            yield f"miss: {where}: coverage {row.coverage:.4f}, wrong verdicts {row.wrong:.4f}"
    for one in families:
        for kind, wrong in zip(one.kinds, one.wrong, strict=True):
            if wrong > bar(kind):
                yield f"miss: {one.path}, {one.run_model}, {kind}, {one.scenario}, n = {one.n}: wrong {wrong:.4f}"
    for row in exact:
        if row.promised and row.worst.wrong > MOST_WRONG:
            yield f"miss: exact, {row.path}, n = {row.n}: wrong {row.worst.wrong:.4f}"


def summary(rows: list[Row], families: list[Family], exact: list[ExactRow], smallest: int | None) -> str:
    each = [wrong for f in families for kind, wrong in zip(f.kinds, f.wrong, strict=True) if kind != "both"]
    enumerated = [row.worst.wrong for row in exact if row.promised]
    wrong = max([row.wrong for row in rows if row.promised] + each + enumerated)
    coverage = min([row.coverage for row in rows if row.promised] + [1 - value for value in enumerated])
    return f"calibration worst_false_positive {wrong:.4f} worst_coverage {coverage:.4f} smallest_n {smallest}"


def edges() -> dict[str, float]:
    """The region of a full separation: above zero, or above 50 % where there is no control."""
    return {path.name: 0.0 if path.control else 50.0 for path in paths()}


def main() -> None:
    parser = argparse.ArgumentParser(description="calibration of the verdict rule, by simulated studies")
    parser.add_argument("--studies", type=int, default=10_000, help="simulated studies per path, spread and n")
    parser.add_argument("--again", type=int, default=200_000, help="studies of a row that is simulated again")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--every", action="store_true", help="print every spread, not only the worst of each path")
    options = parser.parse_args()
    start = time.perf_counter()
    rows, families, exact = run(options.studies, options.again, options.workers)
    separated: Separated = {
        (path.name, model): n
        for path in paths()
        if path.control_units is None
        for model, n in smallest_n(path, edges()[path.name]).items()
    }
    if options.every:
        print(*every_row(rows), "", sep="\n")
    print(*worst_rows(rows, separated), "", *worst_families(families), "", *exact_lines(exact), "", *over_n(), "", sep="\n")
    by_ten = smallest_n(paths()[0], 10.0)["robust"]
    print(f"full separation, two-arm, robust: `> 0` from n = {separated['two-arm', 'robust']}, `> +10 pp` from n = {by_ten}")
    together = max((f.wrong[2] for f in families if len(f.kinds) == 3), default=0.0)
    print(f"both families together: {together:.4f} at worst (≤ {MOST_WRONG_TOGETHER})")
    print(f"{options.studies} studies per path, spread and n; {len(rows) + len(families) + len(exact)} rows")
    print(f"smooth spreads: {', '.join(sorted(SMOOTH))}")
    print(f"{time.perf_counter() - start:.0f} s with {options.workers} workers")
    for line in misses(rows, families, exact):
        print(line)
    print(summary(rows, families, exact, separated["two-arm", "robust"]))


if __name__ == "__main__":
    main()
