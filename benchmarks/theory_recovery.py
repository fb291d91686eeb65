"""If a theory is true inside, does the study find it? Organisms scripted from mechanisms, through the whole analysis.

    python benchmarks/theory_recovery.py [STUDY …] [--studies 2000] [--preset default] [--grow 500]

A mechanism file (`mechanisms/`) says what happens inside; it never sees a region. Samples are binomial at the study's own
item counts, and verdicts come from `exante.analysis.decide.decide`, which `analyse` itself calls. Runs spread, and answers are
ungraded, as on the study's shipped page, which the planner reads too: the values of an arm's runs are spread about their mean
until its units spread as far, and a story's ungraded answers are replaced by the shares shown. A study without a page keeps its
story's own.
The last line is `recovered R worst_wrong W`: R the lowest rate at which a true theory was supported, or tied only with
theories that the planner had declared indistinguishable from it; W the highest at which a wrong one was supported or the
true one contradicted. `--grow` also looks for the number of bases (or seeds) at which
each truth's R is at least .90.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType

os.environ.setdefault("OMP_NUM_THREADS", "1")

import mechanisms
import numpy as np
import pandas as pd
from expected_runs import AS_TOLD, Expected, Side, as_shown, respread
from mechanisms.story import Rates, Runs, Story
from numpy.typing import NDArray

from exante import studies
from exante.analysis.algebra import leaves
from exante.analysis.atoms import Values
from exante.analysis.decide import decide
from exante.analysis.items import values_of
from exante.analysis.table import Counts, Table
from exante.analysis.theories import indistinguishable, theory_codes
from exante.planning.tree import cells_of, preset_of
from exante.study import Cell, Context, Evaluation, Study
from exante.units import SCALE

Array = NDArray[np.float64]
AT_ONCE = 36_000
"""Runs simulated in one call: what they share out is memory, not results."""
FITTED = 60
"""Simulated studies per story from which the spread of its units is estimated."""
LEAST_SD = 0.05
"""Spread below which an arm of a story does not vary, so that no factor widens it."""
LEAST, MOST = 0.90, 0.06
GROWTH = (1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15)


@dataclass(frozen=True)
class Found:
    """B simulated studies in which `truth` was true. Per theory id: `supported` (all its regions hold) and `contradicted`, as
    shares of studies. `recovered` and `wrong`: as in the last line. `sd`: lowest spread between the runs of an arm, in pp."""

    truth: str
    bases: int
    seeds: int
    supported: dict[str, float]
    contradicted: dict[str, float]
    recovered: float
    wrong: float
    sd: float


# --- from a story to a table ---------------------------------------------------------------------------------------------


def counted(study: Study, runs: Runs, rates: Rates) -> dict[tuple[str, str, str], Counts]:
    """Samples of all that the study reads and the story speaks of, at the study's item counts; each phase's last step is
    there as "PHASE@end" too."""
    evaluations = {e.id: e for e in study.evaluations}
    counts: dict[tuple[str, str, str], Counts] = {}
    read = {(leaf.evaluation, leaf.condition) for measure in study.measures for leaf in leaves(measure.expression)}
    for (name, condition, at), outcomes in rates.items():
        if (name, condition) not in read:
            continue
        phase, _, step = at.rpartition("@")
        one = drawn(runs, evaluations[name], condition, outcomes)
        counts[name, condition, at] = one
        end = (name, condition, f"{phase}@end")
        counts[end] = one if end not in counts else later(counts[end], one)
        assert step.isdigit(), f"a story names checkpoints by their step, not {at!r}"
    return counts


def drawn(runs: Runs, evaluation: Evaluation, condition: str, outcomes: dict) -> Counts:
    """Counts (B, R, 1), items pooled. A numeric score in [0, 1] is drawn as hits too: no score varies more than that."""
    shape = (runs.studies, len(runs.cells))
    p = {name: np.broadcast_to(np.asarray(value, float), shape) for name, value in outcomes.items()}
    if evaluation.method == "samples":
        p = left_ungraded(p, shares_of(runs, evaluation, condition))
    happens = np.isfinite(sum(p.values()))
    trials = np.where(happens, item_counts(runs, evaluation, condition), 0.0)
    left, rest = trials, np.ones(shape)
    n: dict[str, Array] = {name: np.zeros((*shape, 1)) for name in evaluation.outcomes}
    for name, share in p.items():
        share = np.nan_to_num(share)
        if evaluation.method == "options":  # each outcome is read off the same probabilities
            hits = runs.rng.binomial(trials.astype(np.int64), share)
        else:
            hits = runs.rng.binomial(left.astype(np.int64), np.clip(share / np.maximum(rest, 1e-12), 0, 1))
            left, rest = left - hits, rest - share
        n[name] = hits[..., None].astype(float)
    return Counts(trials[..., None], n, n, n)


def shares_of(runs: Runs, evaluation: Evaluation, condition: str) -> Array:
    """The ungraded share that each run is to have, (R,); NaN where none was shown."""
    return runs.by(lambda cell: runs.ungraded.get((evaluation.id, condition, cell.arm), np.nan))


def left_ungraded(p: dict[str, Array], share_R: Array) -> dict[str, Array]:
    """The same probabilities with these shares of ungraded answers in place of the story's, taken from all others alike."""
    told = p.get("ungraded", np.zeros(share_R.shape))
    share = np.where(np.isnan(share_R), told, share_R)
    kept = np.where(told < 1, (1 - share) / np.maximum(1 - told, 1e-12), 0.0)
    return {name: value * kept for name, value in p.items() if name != "ungraded"} | {"ungraded": share + 0 * told}


_ITEMS: dict[tuple[str, str, str, str], int] = {}


def item_counts(runs: Runs, evaluation: Evaluation, condition: str) -> Array:
    """Samples that each run draws, (R,): items of its behaviour times samples of each."""
    found = []
    for cell in runs.cells:
        key = (evaluation.model_dump_json(), condition, cell.behaviour, cell.arm)
        if key not in _ITEMS:
            data = next((phase.data for phase in runs.arms[cell.arm].phases if phase.data), None)
            context = Context(cell.behaviour, cell.seed, 0, data.params if data else {})
            _ITEMS[key] = len(evaluation.items.load()(context, condition))
        found.append(_ITEMS[key] * (1 if evaluation.method == "options" else evaluation.samples))
    return np.array(found, float)


def later(old: Counts, new: Counts) -> Counts:
    """The new counts in runs that have them, else the old ones; steps come in order."""
    has = new.trials > 0
    n = {name: np.where(has, new.n[name], old.n[name]) for name in new.n}
    return Counts(np.where(has, new.trials, old.trials), n, n, n)


def simulated(study: Study, story: Story, runs: Runs) -> Table:
    counts = counted(study, runs, dict(sorted(story.rates(runs).items(), key=lambda item: _step(item[0][2]))))
    names = {name: ("all",) for name, _, _ in counts}
    return Table(runs.cells, np.zeros(len(runs.cells), bool), names, names, counts)


def tables(
    study: Study, story: Story, cells: tuple[Cell, ...], count: int, expected: Expected = AS_TOLD
) -> Iterator[tuple[int, Table]]:
    """`count` simulated studies, some at a time: how many, and their table."""
    arms, chunk = {arm.id: arm for arm in study.arms}, max(AT_ONCE // len(cells), 1)
    rng = np.random.default_rng(zlib.crc32(repr((study.id, story.theory, len(cells))).encode()))
    for size in [min(chunk, count - first) for first in range(0, count, chunk)]:
        yield size, simulated(study, story, Runs(cells, arms, size, rng, expected.ungraded))


def _step(at: str) -> int:
    return int(at.rpartition("@")[2])


def recorded(cells: Iterable[Cell], told: dict[tuple[str, str], float]) -> pd.DataFrame:
    """What training records in every run: phases.parquet of the simulated study."""
    rows = [(cell.id, phase, 1, metric, value) for cell in cells for (phase, metric), value in told.items()]
    return pd.DataFrame(rows, columns=["cell", "phase", "step", "metric", "value"])


# --- studies decided -----------------------------------------------------------------------------------------------------


def resized(study: Study, preset: str, factor: float) -> Study:
    """The study with `factor` times the bases of its preset, or the seeds where it has too few bases to draw them."""
    one = preset_of(study, preset)
    grown = {"bases": round(one.bases * factor)} if one.bases >= 6 else {"seeds": round(one.seeds * factor)}
    return study.model_copy(update={"presets": {preset: one.model_copy(update=grown)}})


def narrowed(study: Study, preset: str, spread: str) -> Study:
    """The study without the contrasts, measures and runs that no theory speaks of: larger sizes are simulated without them."""
    one, wanted = preset_of(study, preset), {p.contrast for theory in study.theories for p in theory.predictions}
    contrasts = tuple(c for c in study.contrasts if c.id in wanted)
    measures = {c.measure for c in contrasts} | {gate.measure for gate in study.gates} | {spread}
    arms = {arm for c in contrasts for arm in (c.arm, c.control)}
    variants = one.base_variants if any(c.base is None for c in contrasts) else tuple({c.base: 0 for c in contrasts})
    axes = {
        "arms": tuple(arm for arm in one.arms if arm in arms),
        "trainings": tuple(t for t in one.trainings if t in {c.training for c in contrasts}),
        "base_variants": tuple(variant for variant in one.base_variants if variant in variants),
    }
    return study.model_copy(
        update={
            "contrasts": contrasts,
            "measures": tuple(m for m in study.measures if m.id in measures),
            "presets": {preset: one.model_copy(update=axes)},
        }
    )


def factors(study: Study, module: ModuleType, story: Story, preset: str, expected: Expected) -> dict[Side, float]:
    """How much further than in the story the units of each contrast's arms spread on the study's page."""
    if not expected.spreads:
        return {}
    told = unit_spreads(study, module, story, preset, expected)
    return {side: expected.spreads[side] / sd for side, sd in told.items() if side in expected.spreads and sd > LEAST_SD}


def unit_spreads(
    study: Study, module: ModuleType, story: Story, preset: str, expected: Expected, by: Mapping[Side, float] | None = None
) -> dict[Side, float]:
    """Spread of the units of each contrast's arms in simulated studies, in the measure's unit, all ungraded counted against them.
    `by`: the factors by which their runs are spread."""
    cells = tuple(cells_of(preset_of(study, preset)))
    arms = {arm.id: arm for arm in study.arms}
    table = simulated(study, story, Runs(cells, arms, FITTED, np.random.default_rng(0), expected.ungraded))
    values = respread(study, table, values_of(study.measures, table), by or {})
    spreads = {}
    for name, decision in decide(study, table, recorded(cells, module.PHASES), values=values).contrasts.items():
        contrast, claim = decision.claim.contrast, decision.claim
        for arm, sample in ((contrast.arm, claim.arm), (contrast.control, claim.control)):
            if arm is not None and sample is not None and sample.low.shape[-1] > 1:
                spreads[name, arm] = float(np.sqrt(sample.low.var(-1, ddof=1).mean()))
    return spreads


def recover(study: Study, module: ModuleType, story: Story, preset: str, count: int, expected: Expected = AS_TOLD) -> Found:
    cells = tuple(cells_of(preset_of(study, preset)))
    phases = recorded(cells, module.PHASES)
    codes: dict[str, list[NDArray[np.int8]]] = {theory.id: [] for theory in study.theories}
    values = []
    by = factors(study, module, story, preset, expected)
    scale = next(SCALE[m.unit] for m in study.measures if m.id == module.SPREAD)
    for size, table in tables(study, story, cells, count, expected):
        spread = respread(study, table, values_of(study.measures, table), by)
        values.append(scale * spread[module.SPREAD].point)
        for name, code in judged(study, table, phases, size, spread).items():
            codes[name].append(code)
    found = {name: np.concatenate(code) for name, code in codes.items()}
    return summed(study, story.theory, preset, found, run_spread(cells, np.concatenate(values)))


def judged(
    study: Study, table: Table, phases: pd.DataFrame, size: int, values: Mapping[str, Values] | None = None
) -> dict[str, NDArray[np.int8]]:
    """Every theory's code in every simulated study, (B,), before ties. `values` of the measures, if not the table's own."""
    claims = {name: one.claim for name, one in decide(study, table, phases, values=values).contrasts.items()}
    return {theory.id: np.broadcast_to(theory_codes(theory, claims)[1], (size,)) for theory in study.theories}


def run_spread(cells: Iterable[Cell], values_BR: Array) -> float:
    """Lowest spread between the runs of one arm, behaviour and training over simulated studies, sampling included."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for r, cell in enumerate(cells):
        groups.setdefault((cell.arm, cell.behaviour, cell.training, cell.base.partition("#")[0]), []).append(r)
    spreads = [float(np.std(values_BR[:, places])) for places in groups.values()]
    return min(sd for sd in spreads if np.isfinite(sd))


def summed(study: Study, truth: str, preset: str, codes: dict[str, NDArray[np.int8]], sd: float) -> Found:
    """Where the truth is supported it is alone, or tied with those declared indistinguishable: nothing else ties theories."""
    same = {truth, *indistinguishable(study)[truth]}
    wrong = np.logical_or.reduce([codes[truth] < 0, *(code > 0 for name, code in codes.items() if name not in same)])
    size = preset_of(study, preset)
    return Found(
        truth,
        size.bases,
        size.seeds,
        {name: float((code > 0).mean()) for name, code in codes.items()},
        {name: float((code < 0).mean()) for name, code in codes.items()},
        float((codes[truth] > 0).mean()),
        float(wrong.mean()),
        sd,
    )


# --- what is printed -----------------------------------------------------------------------------------------------------


def confusion(study: Study, found: list[Found]) -> Iterable[str]:
    """One row per truth: how often each theory was supported / contradicted, in % of studies."""
    names = [theory.id for theory in study.theories]
    yield f"| true inside \\ supported / contradicted, % | {' | '.join(names)} | recovered | wrong | spread of runs |"
    yield f"|---|{'---|' * len(names)}---|---|---|"
    for one in found:
        cells = [f"{100 * one.supported[name]:.0f} / {100 * one.contradicted[name]:.0f}" for name in names]
        yield f"| {one.truth} | {' | '.join(cells)} | {one.recovered:.3f} | {one.wrong:.3f} | {one.sd:.0f} pp |"


def told(study: Study, module: ModuleType, preset: str, count: int, grow: int) -> list[Found]:
    one, expected = preset_of(study, preset), as_shown(study)
    found = [recover(study, module, story, preset, count, expected) for story in module.STORIES]
    print(f"\n{study.id}, preset {preset}: {one.bases} bases × {one.seeds} seeds, {count} studies per truth")
    print(expected_words(expected))
    print(*confusion(study, found), sep="\n")
    for name, others in indistinguishable(study).items():
        if others:
            print(f"declared indistinguishable: {name} and {', '.join(others)}")
    if grow:
        for story, first in zip(module.STORIES, found, strict=True):
            print(growth(study, module, story, preset, grow, first, expected))
    return found


def expected_words(expected: Expected) -> str:
    if not expected.spreads:
        return "no page shows this study's runs: spread and ungraded answers are the stories' own"
    shares = sorted(expected.ungraded.values()) or [0.0]
    most = f"{100 * shares[-1]:.1f} % at most, {100 * float(np.median(shares)):.1f} % in the median"
    return f"units spread as on the page ({len(expected.spreads)} arms of contrasts), ungraded answers too ({most})"


def growth(
    study: Study, module: ModuleType, story: Story, preset: str, count: int, found: Found, expected: Expected = AS_TOLD
) -> str:
    """The first size at which the truth is recovered in 90 % of studies."""
    worst, narrow = found.wrong, narrowed(study, preset, module.SPREAD)
    for factor in (1.0, *GROWTH):
        if factor > 1:
            found = recover(resized(narrow, preset, factor), module, story, preset, count, expected)
            worst = max(worst, found.wrong)
        if found.recovered >= LEAST:
            where = f"{found.bases} bases × {found.seeds} seeds"
            return f"{story.theory}: recovered {found.recovered:.3f} at {where}; wrong at most {worst:.3f} up to there"
    return f"{story.theory}: recovered {found.recovered:.3f} at {found.bases} bases × {found.seeds} seeds, and not .90 before"


def mechanism_of(study_id: str) -> ModuleType:
    return importlib.import_module(f"{mechanisms.__name__}.{study_id.replace('-', '_')}")


def told_studies() -> list[str]:
    """Ids of the studies that have a mechanism file."""
    names = {info.name.replace("_", "-") for info in pkgutil.iter_modules(mechanisms.__path__)}
    return [name for name in studies.shipped() if name in names]


def unmeasured(study: Study, module: ModuleType, preset: str) -> set[str]:
    """Theories whose contrasts read what the mechanism does not speak of, and theories without a story."""
    cells = tuple(cells_of(preset_of(study, preset)))
    runs = Runs(cells, {arm.id: arm for arm in study.arms}, 1, np.random.default_rng(0))
    keys = set(simulated(study, module.STORIES[0], runs).counts)
    contrasts, measures = {c.id: c for c in study.contrasts}, {m.id: m for m in study.measures}
    missing = {t.id for t in study.theories} - {story.theory for story in module.STORIES}
    for theory in study.theories:
        read = {leaf for p in theory.predictions for leaf in leaves(measures[contrasts[p.contrast].measure].expression)}
        if {(leaf.evaluation, leaf.condition, leaf.at) for leaf in read} - keys:
            missing.add(theory.id)
    return missing


def main() -> None:
    parser = argparse.ArgumentParser(description="theory recovery: organisms scripted from mechanisms, through the analysis")
    parser.add_argument("study", nargs="*", help="studies; default: all that have a mechanism file")
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies per truth")
    parser.add_argument("--preset", default="default")
    parser.add_argument(
        "--grow",
        type=int,
        default=0,
        metavar="STUDIES",
        help="also look for the size at which every truth is\
 recovered, with this many studies at each",
    )
    options = parser.parse_args()
    start = time.perf_counter()
    found = []
    for name in options.study or told_studies():
        study, module = studies.load(name), mechanism_of(name)
        found += told(study, module, options.preset, options.studies, options.grow)
    print(f"\n{time.perf_counter() - start:.0f} s")
    print(f"recovered {min(f.recovered for f in found):.3f} worst_wrong {max(f.wrong for f in found):.3f}")


if __name__ == "__main__":
    main()
