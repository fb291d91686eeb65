"""Simulated studies, one analysis path each, decided by `exante.analysis.decide.decide`, which `analyse` itself calls.

A path is a measure with the counts it reads and its true mean, so that a region's boundary can be put exactly on the truth.
Does not know which results are good enough. Shapes as in simulated_runs; percent and pp, log-odds where the path says so.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from exact_runs import LOOKS
from numpy.typing import NDArray
from scipy import stats
from simulated_runs import CLUSTERS, TEMPLATES, Array, Scenario, draw_counts, draw_rates, identity, lose, mean_over_runs, normal

from exante.analysis.algebra import area_weights, natural_range
from exante.analysis.decide import Decisions, blocked, decide, decide_at
from exante.analysis.table import Counts, Table
from exante.analysis.theories import theory_codes
from exante.measures import Area, Expression, Interaction, LogOdds, Measure, Rate, Ratio, contrast_unit
from exante.parts import Part
from exante.study import Arm, Cell, Contrast, Evaluation, Phase, Prediction, Preset, Study, Theory, Training
from exante.units import SCALE, Region, Unit, above

RunModel = Literal["robust", "graded"]
Keyed = dict[tuple[str, str, str], Counts]

SAMPLES = 100
"""Samples per run, condition and checkpoint."""
STEPS = (0, 10, 40)
HEIGHTS = (1.0, 0.8, 0.6)
"""What is left of a run's rate at each step of an area."""
BEFORE = normal(0.8, 0.08)
DENOMINATOR = normal(0.6, 0.1)
NO_PHASES = pd.DataFrame(columns=["cell", "phase", "step", "metric", "value"])
END, START = "safety@40", "safety@0"
EVERYWHERE = 1e6


def rate(condition: str = "on", at: str = END, outcome: str = "target") -> Rate:
    return Rate(evaluation="e", condition=condition, outcome=outcome, at=at)


@dataclass(frozen=True)
class Path:
    """One way through the analysis. `counts(rng, rates, scenario)` draws what `expression` reads; `mean(scenario, spread, n)`
    is its true mean over runs, unscaled. `linear`: items may differ, because the measure is linear in their rates.
    `control_units`: those of the control, where they are not as many as the arm's."""

    name: str
    expression: Expression
    counts: Callable[[np.random.Generator, Array, Scenario], Keyed]
    mean: Callable[[Scenario, str, int], float]
    unit: Unit = "%"
    control: bool = True
    shared: bool = False
    paired: bool = False
    bases: bool = False
    linear: bool = True
    units: tuple[int, ...] = (8, 16, 24)
    control_units: int | None = None

    def takes(self, scenario: Scenario) -> bool:
        plain = scenario.items == "one" or (self.linear and not self.bases)
        alone = scenario.control == "steady" or scenario.items != "one" or scenario.fixed_bases
        tied = scenario.rho is None or self.shared or self.name in ("two-arm", "over bases")
        return plain and not (self.bases and scenario.fixed_bases) and tied and (self.control or alone)


def _per_item(rates: Array) -> int:
    return SAMPLES // rates.shape[-1]


def _one_rate(rng: np.random.Generator, rates: Array, scenario: Scenario) -> Keyed:
    return {("e", "on", END): draw_counts(rng, rates, _per_item(rates), scenario.ungraded)}


def _four_rates(rng: np.random.Generator, rates: Array, scenario: Scenario) -> Keyed:
    before = rng.choice(BEFORE, (*rates.shape[:-1], 1))
    heights = {("on", END): rates, ("off", END): 0.05, ("on", START): before, ("off", START): 0.05}
    return {
        ("e", condition, at): draw_counts(rng, np.broadcast_to(p, rates.shape), _per_item(rates), scenario.ungraded)
        for (condition, at), p in heights.items()
    }


def _trajectory(rng: np.random.Generator, rates: Array, scenario: Scenario) -> Keyed:
    return {
        ("e", "on", f"safety@{step}"): draw_counts(rng, height * rates, _per_item(rates), scenario.ungraded)
        for step, height in zip(STEPS, HEIGHTS, strict=True)
    }


def _part_of_hits(rng: np.random.Generator, rates: Array, scenario: Scenario, denominator: Array = DENOMINATOR) -> Keyed:
    hits = rng.binomial(SAMPLES, rng.choice(denominator, rates.shape)).astype(float)
    both = rng.binomial(hits.astype(np.int64), rates).astype(float)
    lost = lose(rng, both, scenario.ungraded)
    outcomes = {"target": hits - lost, "both": both - lost, "ungraded": lost}
    return {("e", "on", END): Counts(np.broadcast_to(float(SAMPLES), hits.shape), outcomes)}


def _few_hits(rng: np.random.Generator, rates: Array, scenario: Scenario) -> Keyed:
    return _part_of_hits(rng, rates, scenario, np.array([0.02, 0.06, 0.1]))


@functools.cache
def _expected_log_odds() -> tuple[Array, Array]:
    """Mean of log((x + ½) / (m − x + ½)) over x ~ Binomial(m, p), on a grid of p."""
    p, x = np.linspace(0, 1, 4001), np.arange(SAMPLES + 1)
    return p, stats.binom.pmf(x, SAMPLES, p[:, None]) @ np.log((x + 0.5) / (SAMPLES - x + 0.5))


def _log_odds_mean(scenario: Scenario, spread: str, runs: int) -> float:
    return mean_over_runs(scenario, spread, runs, lambda p: np.interp(p, *_expected_log_odds()))


def _interaction_mean(scenario: Scenario, spread: str, runs: int) -> float:
    return mean_over_runs(scenario, spread, runs) - float(BEFORE.mean())


def _area_mean(scenario: Scenario, spread: str, runs: int) -> float:
    return mean_over_runs(scenario, spread, runs) * float(np.dot(area_weights(STEPS, "log"), HEIGHTS))


def paths() -> list[Path]:
    """Every path of one contrast."""
    persistence = Interaction(a=rate("on", END), b=rate("off", END), c=rate("on", START), d=rate("off", START))
    area, share = Area(of=rate(at="*"), phase="safety", steps=STEPS, axis="log"), Ratio(left=rate(outcome="both"), right=rate())
    mean = functools.partial(mean_over_runs, of=identity)
    return [
        Path("two-arm", rate(), _one_rate, mean),
        Path("one sample", rate(), _one_rate, mean, control=False),
        Path("paired", rate(), _one_rate, mean, shared=True, paired=True),
        Path("interaction", persistence, _four_rates, _interaction_mean, unit="pp"),
        Path("share", share, _part_of_hits, mean, linear=False),
        Path("share of few", share, _few_hits, mean, linear=False),
        Path("log-odds", LogOdds(of=rate(), trials=SAMPLES), _one_rate, _log_odds_mean, unit="log-odds", linear=False),
        Path("area", area, _trajectory, _area_mean),
        Path("over bases", rate(), _one_rate, mean, shared=True, bases=True),
        Path("two-arm, n against 24", rate(), _one_rate, mean, units=(8, 16), control_units=24),
    ]


# --- one contrast ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What B studies of one path, scenario and n came to: arrays (B,). `span` is the width of the contrast's range."""

    truth: float
    span: float
    low: Array
    high: Array
    code: NDArray[np.int8]
    blocked: NDArray[np.bool_]


def simulate(
    path: Path, scenario: Scenario, n: int, studies: int, rng: np.random.Generator, edge: float | None = None
) -> dict[RunModel, Outcome]:
    """The same counts decided under both run models; the region is what lies above `edge`, by default above the truth."""
    table = simulated_table(rng, path, scenario, _rates(rng, path, scenario, n, studies))
    truth = truth_of(path, scenario, n)
    found: dict[RunModel, Outcome] = {}
    for run_model in ("robust", "graded"):
        measure = measure_of(path, run_model)
        one = _only(path, scenario, measure, truth if edge is None else edge)
        decision = decide(study((measure,), (one,)), table, NO_PHASES).contrasts["c"]
        span = (measure.high - measure.low) * (2 if path.control else 1)
        stopped = np.broadcast_to(blocked(decision.claim), decision.code.shape)
        found[run_model] = Outcome(truth, span, decision.low, decision.high, decision.code, stopped)
    return found


def _rates(rng: np.random.Generator, path: Path, scenario: Scenario, n: int, studies: int) -> list[Array]:
    """Rates of the arm, and of its control if the path has one."""
    most = max(n, path.control_units or n)
    arm, control = draw_rates(rng, scenario, 1, studies, most, 2 if path.bases else None)
    runs = arm.shape[1] // most
    return [arm[:, : n * runs], control[:, : (path.control_units or n) * runs]][: 2 if path.control else 1]


def truth_of(path: Path, scenario: Scenario, n: int) -> float:
    """The contrast's true value, in its unit."""
    control = path.mean(scenario, scenario.control, path.control_units or n) if path.control else 0.0
    return (path.mean(scenario, scenario.arm, n) - control) * SCALE[path.unit]


def _only(path: Path, scenario: Scenario, measure: Measure, edge: float) -> Contrast:
    return contrast("c", "a0", path, scenario, above(edge, contrast_unit(measure, path.control)), primary=1)


def wrong_looks(path: Path, scenario: Scenario, studies: int, rng: np.random.Generator, run_model: RunModel) -> NDArray[np.bool_]:
    """Whether either of two looks at the same runs came to a verdict although the truth is at the region's boundary: (B,)."""
    last = LOOKS[-1][0]
    table = simulated_table(rng, path, scenario, _rates(rng, path, scenario, last, studies))
    measure = measure_of(path, run_model)
    one = _only(path, scenario, measure, truth_of(path, scenario, last))
    wrong = np.zeros(studies, bool)
    for n, level in LOOKS:
        claim = decide(study((measure,), (one,)), first_runs(table, n), NO_PHASES).contrasts["c"].claim
        wrong |= decide_at(claim, level).code != 0
    return wrong


def first_runs(table: Table, n: int) -> Table:
    """The table without each arm's runs beyond its first n."""
    seen: dict[str, int] = {}
    kept = []
    for k, cell in enumerate(table.cells):
        seen[cell.arm] = seen.get(cell.arm, 0) + 1
        if seen[cell.arm] <= n:
            kept.append(k)
    counts = {
        key: Counts(c.trials[:, kept], {outcome: hits[:, kept] for outcome, hits in c.n.items()})
        for key, c in table.counts.items()
    }
    return replace(table, cells=tuple(table.cells[k] for k in kept), crashed_R=table.crashed_R[kept], counts=counts)


def measure_of(path: Path, run_model: RunModel) -> Measure:
    low, high = (end * SCALE[path.unit] for end in natural_range(path.expression))
    return Measure(
        id="m", title=path.name, expression=path.expression, unit=path.unit, low=low, high=high, run_model=run_model, reason="-"
    )


def contrast(name: str, arm: str, path: Path, scenario: Scenario, region: Region, **more: Any) -> Contrast:
    return Contrast(
        **{
            "id": name,
            "title": name,
            "arm": arm,
            "control": "control" if path.control else None,
            "measure": "m",
            "region": region,
            "training": "sft",
            "over": "bases" if path.bases else "runs",
            "templates": scenario.items == "templates",
            "paired": path.paired,
            **more,
        }
    )


def study(measures: Sequence[Measure], contrasts: Sequence[Contrast], theories: Sequence[Theory] = ()) -> Study:
    part = Part(target="benchmarks:nothing", version=1)
    arms = tuple(sorted({a for c in contrasts for a in (c.arm, c.control) if a is not None}))
    safety = Phase(name="safety", objective="sft", recipe="r", checkpoints=STEPS)
    evaluation = Evaluation(
        id="e", items=part, score=part, conditions=("on", "off"), outcomes=("target", "both", "ungraded"), at=("safety",)
    )
    preset = Preset(arms=arms, models=("m",), behaviours=("x",), trainings=("sft",), base_variants=("base",), bases=1, seeds=1)
    return Study(
        id="simulated",
        title="simulated",
        question="-",
        answers={},
        world="-",
        bases={"base": part},
        profiles=(),
        arms=tuple(Arm(id=arm, title=arm, phases=()) for arm in arms),
        trainings=(Training(id="sft", title="sft", phases=(safety,)),),
        evaluations=(evaluation,),
        measures=tuple(measures),
        gates=(),
        contrasts=tuple(contrasts),
        theories=tuple(theories),
        objections=(),
        presets={"default": preset},
    )


def simulated_table(rng: np.random.Generator, path: Path, scenario: Scenario, rates: list[Array]) -> Table:
    """Arms a0, a1, … and the control. They share seeds (or bases) only where the path or the scenario says so."""
    share = path.shared or scenario.rho is not None
    cells = [
        cell
        for k, rates_BRI in enumerate(rates)
        for cell in _cells(
            "control" if path.control and k == len(rates) - 1 else f"a{k}", k, path, scenario, rates_BRI.shape[1], share
        )
    ]
    parts = [path.counts(rng, p, scenario) for p in rates]
    counts = {key: _joined([part[key] for part in parts]) for key in parts[0]}
    items = {"one": 1, "clusters": CLUSTERS, "templates": TEMPLATES}[scenario.items]
    names = {"e": tuple(f"i{k}" for k in range(items))}
    clusters = {"e": tuple(f"t{k}" for k in range(items))}
    return Table(tuple(cells), np.zeros(len(cells), bool), names, clusters, counts)


def _cells(arm: str, place: int, path: Path, scenario: Scenario, runs: int, share: bool) -> list[Cell]:
    """Seeds count from 1000, arm by arm unless shared; drawn bases have two seeds each, fixed ones alternate."""
    first = 1000 if share else 1000 * (place + 1)
    if path.bases:
        where = [(first + b, 1000 + s) for b in range(runs // 2) for s in range(2)]
    else:
        where = [(1000 + (k % 2 if scenario.fixed_bases else 0), first + k) for k in range(runs)]
    return [Cell(arm=arm, model="m", behaviour="x", training="sft", base=f"base#{base}", seed=seed) for base, seed in where]


def _joined(parts: list[Counts]) -> Counts:
    outcomes = {name: np.concatenate([part.n[name] for part in parts], axis=1) for name in parts[0].n}
    return Counts(np.concatenate([part.trials for part in parts], axis=1), outcomes)


# --- families of contrasts ---------------------------------------------------------------------------------------------

ARMS = 4


def decide_family(
    scenario: Scenario, n: int, studies: int, rng: np.random.Generator, first_true: bool, run_model: RunModel
) -> tuple[Decisions, list[str], list[str]]:
    """Four primaries against one control and secondaries, each region's boundary on the truth; with `first_true` the first
    primary's region holds every value, so that the sequence always reaches the second. The secondaries are the four arms against
    the control, or, with `first_true`, the six pairs of them. Names of those that can err."""
    path = paths()[0]
    table = simulated_table(rng, path, scenario, draw_rates(rng, scenario, ARMS, studies, n))
    truth = truth_of(path, scenario, n)
    primaries = [
        contrast(
            f"p{k}",
            f"a{k}",
            path,
            scenario,
            above(-EVERYWHERE if first_true and k == 0 else truth, "pp"),
            primary=k + 1,
        )
        for k in range(ARMS)
    ]
    arms = [f"a{k}" for k in range(ARMS)]
    pairs = list(itertools.combinations(arms, 2)) if first_true else [(arm, "control") for arm in arms]
    edge = 0.0 if first_true else truth
    others = [contrast(f"s{k}", a, path, scenario, above(edge, "pp"), control=b) for k, (a, b) in enumerate(pairs)]
    found = decide(study((measure_of(path, run_model),), (*primaries, *others)), table, NO_PHASES)
    return found, [c.id for c in primaries[1 if first_true else 0 :]], [c.id for c in others]


def wrong_families(
    scenario: Scenario, n: int, studies: int, rng: np.random.Generator, first_true: bool, run_model: RunModel = "robust"
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether any primary, and any secondary, came out with a verdict although the truth is at its boundary: (B,) each."""
    found, primaries, others = decide_family(scenario, n, studies, rng, first_true, run_model)
    first, rest = (np.max([found.contrasts[c].code != 0 for c in names], axis=0) for names in (primaries, others))
    return np.asarray(first), np.asarray(rest)


def wrong_theories(
    scenario: Scenario, n: int, studies: int, rng: np.random.Generator, run_model: RunModel = "robust"
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether a theory was contradicted although no truth lies beyond its regions (all are at a boundary), and whether one
    was supported although one truth is not inside (it is at the boundary; the others are deep inside): (B,) each."""
    path = paths()[0]
    table = simulated_table(rng, path, scenario, draw_rates(rng, scenario, ARMS, studies, n))
    truth = truth_of(path, scenario, n)
    claims = [contrast(f"c{k}", f"a{k}", path, scenario, above(truth, "pp"), primary=k + 1) for k in range(ARMS)]
    found = decide(study((measure_of(path, run_model),), claims), table, NO_PHASES)
    held = {name: one.claim for name, one in found.contrasts.items()}
    at = (truth,) * ARMS, (truth, *(-EVERYWHERE,) * (ARMS - 1))
    true, false = (
        Theory(
            id=name,
            title=name,
            says=name,
            predictions=tuple(Prediction(contrast=c.id, region=above(edge, "pp")) for c, edge in zip(claims, edges, strict=True)),
        )
        for name, edges in zip(("true", "false"), at, strict=True)
    )
    return theory_codes(true, held)[1] < 0, theory_codes(false, held)[1] > 0
