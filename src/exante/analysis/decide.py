"""The one rule: a contrast is supported if its interval lies inside its region, contradicted if outside, else undecided.

Everything here works on arrays with any leading batch axes, one entry per simulated study: calibration runs through
`decide` exactly as `analyse` does. Codes: +1 supported, −1 contradicted, 0 undecided. Does not know about files or text
formats.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from exante.analysis.algebra import linear
from exante.analysis.atoms import Values
from exante.analysis.evaluate import evaluate, expected_events, ungraded_share
from exante.analysis.gates import Check, Places, checks, failing_runs, inside
from exante.analysis.items import Reach, reach, values_of
from exante.analysis.rules import PRIMARY_LEVEL, SECONDARY_ALPHA, is_secondary, spread_floor
from exante.analysis.runs import Layout, Sample, ends_of, enough_bases, layouts, mean_of_finite, sample, scaled, shared_units
from exante.analysis.table import Table
from exante.errors import UserError
from exante.measures import LogOdds, Measure, contrast_unit
from exante.stats.intervals import Shared, Templates, graded, over_items, robust, template_variance
from exante.study import Contrast, Study
from exante.units import SCALE, Region, Unit

Array = NDArray[np.float64]
Code = NDArray[np.int8]

MOST_UNGRADED = 0.02
NOT_REACHED = "not reached: an earlier primary is undecided"
TOO_UNGRADED = "more than 2 % of an arm's samples are ungraded: no equivalence"
FEWEST_EVENTS = 3.0


@dataclass(frozen=True)
class Block:
    """Why a contrast is undecided whatever its interval, and in which simulated studies (…)."""

    reason: str
    hit: NDArray[np.bool_]


@dataclass(frozen=True)
class Claim:
    """A contrast's units, ready for an interval at any level. `ends` is the measure's range; `templates` holds V_T for the low
    and for the high end (they differ where samples are ungraded). `reach` is how far the interval of a measure over items goes at
    a level."""

    contrast: Contrast
    measure: Measure
    unit: Unit
    ends: tuple[float, float]
    arm: Sample
    control: Sample | None
    shared: Shared | None
    templates: tuple[Templates, Templates] | None
    scope: str
    failed_R: NDArray[np.bool_]
    """Runs of the table that count at both ends because they failed a gate, (…, R)."""
    blocks: tuple[Block, ...] = ()
    ungraded: Array | None = None
    reach: Callable[[float], Reach] | None = None

    @property
    def estimate(self) -> Array:
        return self.arm.mean if self.control is None else self.arm.mean - self.control.mean

    @property
    def n_units(self) -> int:
        return len(self.arm.units) if self.control is None else min(len(self.arm.units), len(self.control.units))

    @property
    def span(self) -> tuple[float, float]:
        """The values that the claim's estimate can take."""
        width = self.ends[1] - self.ends[0]
        return self.ends if self.control is None else (-width, width)


@dataclass(frozen=True)
class Decision:
    """A contrast decided, all (…). `placed` is what the interval alone says, `code` after blocks and the fixed sequence."""

    claim: Claim
    level: Array
    low: Array
    high: Array
    placed: Code
    code: Code
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Decisions:
    """Contrasts that have runs in this preset, by id; and every gate checked."""

    contrasts: dict[str, Decision]
    checks: list[Check]


def decide(
    study: Study,
    table: Table,
    phases: pd.DataFrame,
    texts: Mapping[str, Sequence[str]] | None = None,
    values: Mapping[str, Values] | None = None,
) -> Decisions:
    """Every contrast of the study that has runs in the table, read once. Vectorised over batch axes.

    `values` are those of the study's measures, unscaled, if they have been computed already.
    """
    alone = decide_alone(study, table, phases, texts, values)
    return Decisions(in_sequence(study, alone.contrasts), alone.checks)


def decide_alone(
    study: Study,
    table: Table,
    phases: pd.DataFrame,
    texts: Mapping[str, Sequence[str]] | None = None,
    values: Mapping[str, Values] | None = None,
    primary_level: float = PRIMARY_LEVEL,
) -> Decisions:
    """Every contrast that has runs in the table, whatever the others come to: the inner function of `analyse`, which reads it at
    every look."""
    values = values_of(study.measures, table) if values is None else values
    places = places_of(study, table)
    gates = checks(study, table, phases, values, places, texts)
    claims = {c.id: claim(study, c, table, values[c.measure], places[c.id], gates) for c in study.contrasts if c.id in places}

    def level(claimed: Claim) -> float:
        return PRIMARY_LEVEL if claimed.contrast.primary is None else primary_level

    alone = {name: decide_at(claimed, level(claimed)) for name, claimed in claims.items()}
    return Decisions(alone | in_steps(study, claims), gates)


def places_of(study: Study, table: Table) -> Places:
    places = {}
    for contrast in study.contrasts:
        arm, control = layouts(table.cells, contrast)
        if arm.units and (control is None or control.units):
            places[contrast.id] = (arm, control)
    return places


def interval(claim: Claim, level: float | Array) -> tuple[Array, Array]:
    """The interval of a claim at a level, one for all simulated studies or one for each (…).

    The lower end counts everything unknown against the claim, the upper end counts it for the claim. Cut to the values that the
    estimate can take; infinite where there are too few units for an interval.
    """
    arm, control = claim.arm, claim.control
    all_graded = np.array_equal(arm.low, arm.high) and (control is None or np.array_equal(control.low, control.high))
    low, high = _interval(claim, level, arm.low, None if control is None else control.high, 0)
    if not all_graded:
        high = _interval(claim, level, arm.high, None if control is None else control.low, 1)[1]
    return _cut(low, claim.span), _cut(high, claim.span)


def _cut(end: Array, span: tuple[float, float]) -> Array:
    return np.where(np.isfinite(end), np.clip(end, *span), end)


def place(low: Array, high: Array, region: Region) -> Code:
    """+1 inside the open region, −1 outside, 0 across its boundary."""
    outside = np.zeros(np.shape(low), bool)
    if region.low is not None:
        outside = outside | (high <= region.low)
    if region.high is not None:
        outside = outside | (low >= region.high)
    return (inside(low, high, region).astype(np.int8) - outside.astype(np.int8)).astype(np.int8)


def judge(claim: Claim, region: Region, level: float | Array) -> tuple[Array, Array, Code]:
    """Interval and code against a region. Includes the equivalence rule, not the claim's blocks."""
    if region.unit != claim.unit:
        raise UserError(f"a region for contrast {claim.contrast.id!r} is in {region.unit}; the contrast is in {claim.unit}")
    low, high = interval(claim, level)
    code = place(low, high, region)
    return low, high, np.where(too_ungraded(claim, region) & (code > 0), np.int8(0), code)


def too_ungraded(claim: Claim, region: Region) -> NDArray[np.bool_]:
    """Equivalence (both ends of the region finite) cannot be claimed with more than 2 % ungraded anywhere."""
    if region.low is None or region.high is None or claim.ungraded is None:
        return np.zeros((), bool)
    return claim.ungraded > MOST_UNGRADED


def blocked(claim: Claim) -> NDArray[np.bool_]:
    return _any(block.hit for block in claim.blocks)


def _any(hits: Iterable[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Where at least one holds; the hits broadcast over batch axes."""
    return np.asarray(functools.reduce(np.logical_or, hits, np.asarray(False)))


def _interval(claim: Claim, level: float | Array, a: Array, b: Array | None, side: int) -> tuple[Array, Array]:
    templates = None if claim.templates is None else claim.templates[side]
    if claim.measure.run_model == "robust":
        return robust(a, b, claim.ends, level, claim.shared, templates, paired=claim.contrast.paired)
    if claim.measure.run_model == "items":
        assert claim.reach is not None
        return over_items(a, b, claim.ends, claim.reach(float(np.max(level))))  # levels differ between simulated studies only
    return graded(
        a,
        b,
        claim.ends,
        level,
        within_a=claim.arm.within,
        within_b=None if claim.control is None else claim.control.within,
        floor=spread_floor(claim.measure),
        shared=claim.shared,
        paired=claim.contrast.paired,
        templates=templates,
    )


def claim(
    study: Study, contrast: Contrast, table: Table, values: Values, where: tuple[Layout, Layout | None], gates: list[Check]
) -> Claim:
    """The contrast's units, and everything that could block it."""
    measure = next(m for m in study.measures if m.id == contrast.measure)
    weights = np.full(len(where[0].combos), 1 / len(where[0].combos))
    failed_R = failing_runs(gates, contrast.id, len(table.cells))
    bare = weighted_claim(contrast, measure, table, values, where, weights, failed_R)
    blocks = (*_data_blocks(measure, table, values, where), *_unpaired(bare), *_gate_blocks(contrast, gates))
    return replace(bare, blocks=blocks, ungraded=_ungraded(measure, table, where))


def weighted_claim(
    contrast: Contrast,
    measure: Measure,
    table: Table,
    values: Values,
    where: tuple[Layout, Layout | None],
    weights_K: Array,
    failed_R: NDArray[np.bool_],
) -> Claim:
    """A claim about Σ weight × run over the combinations: their mean, one of them, or an interaction. Runs that failed a gate
    count at both ends."""
    ends = (measure.low, measure.high)
    natural = scaled(_without(values, failed_R), SCALE[measure.unit], ends)
    over_bases = contrast.over == "bases" and enough_bases(*where)
    arm, control = (None if x is None else sample(natural, x, ends, weights_K, over_bases) for x in where)
    assert arm is not None
    templates = _templates(measure, table, where, weights_K, failed_R) if contrast.templates else None
    return Claim(
        contrast,
        measure,
        contrast_unit(measure, contrast.control is not None),
        ends_of(weights_K, ends),
        arm,
        control,
        shared_units(arm, control),
        templates,
        _items_scope(where) if measure.run_model == "items" else _scope(contrast, where, over_bases),
        failed_R,
        reach=functools.partial(_reach, measure, table, where, weights_K) if measure.run_model == "items" else None,
    )


def _reach(measure: Measure, table: Table, where: tuple[Layout, Layout | None], weights_K: Array, level: float) -> Reach:
    """How far the claim could be off over items, in the measure's unit: the arm's runs against the control's."""
    weight_R = np.zeros(len(table.cells))
    for layout, sign in zip(where, (1.0, -1.0), strict=True):
        if layout is not None:
            there = layout.index_nK >= 0
            share_nK = np.broadcast_to(sign * weights_K / len(layout.units), there.shape)
            np.add.at(weight_R, layout.index_nK[there], share_nK[there])
    below, above = reach(measure.expression, table, weight_R, level)
    return below * SCALE[measure.unit], above * SCALE[measure.unit]


def _without(values: Values, failed_R: NDArray[np.bool_]) -> Values:
    """The values of runs that did not fail; NaN, which counts at both ends, for the others."""
    if not failed_R.any():
        return values
    return Values(*(np.where(failed_R, np.nan, x) for x in (values.point, values.low, values.high, values.within)))


def _scope(contrast: Contrast, where: tuple[Layout, Layout | None], over_bases: bool) -> str:
    bases = {draw for layout in where if layout is not None for draw, _ in layout.units}
    given = f"over {len(bases)} bases" if over_bases else "given this base" if len(bases) == 1 else "given these bases"
    return f"{given}, {'over templates' if contrast.templates else 'on these items'}"


def _items_scope(where: tuple[Layout, Layout | None]) -> str:
    counts = [f"{len(x.units)} run{'s' if len(x.units) > 1 else ''}" for x in where if x is not None]
    return f"{' against '.join(counts)}, over {'its' if counts == ['1 run'] else 'their'} items"


def _templates(
    measure: Measure, table: Table, where: tuple[Layout, Layout | None], weights_K: Array, failed_R: NDArray[np.bool_]
) -> tuple[Templates, Templates]:
    """V_T for both ends. Behaviours have templates of their own; models and variants share them."""
    behaviours = [combo[2] for combo in where[0].combos]
    parts = []
    for behaviour in sorted(set(behaviours)):
        weights_here = np.array([b == behaviour for b in behaviours]) * weights_K
        if weights_here.sum() != 0:
            share = float(weights_here.sum())
            parts.append((share, *_template_means(measure, table, where, weights_here / share, failed_R)))
    low, high = (sum((w**2 * template_variance(means[side]) for w, *means in parts), np.zeros(())) for side in (0, 1))
    count = min((means[0].shape[-1] for _, *means in parts), default=0)
    return Templates(low, count), Templates(high, count)


def _template_means(
    measure: Measure, table: Table, where: tuple[Layout, Layout | None], weights_K: Array, failed_R: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Arm difference per template, over runs, (…, T): at its low and at its high end."""
    ends = (measure.low, measure.high)
    lows, highs = [], []
    for cluster in sorted({name for names in table.clusters.values() for name in names}):
        raw = evaluate(measure.expression, table.only_cluster(cluster))
        used = np.unique(np.concatenate([x.index_nK[:, weights_K != 0].ravel() for x in where if x is not None]))
        if not np.isfinite(raw.low[..., used[used >= 0]]).any():
            continue
        values = scaled(_without(raw, failed_R), SCALE[measure.unit], ends)
        arm, control = (None if x is None else sample(values, x, ends, weights_K) for x in where)
        assert arm is not None
        lows.append(arm.low.mean(-1) - (0.0 if control is None else control.high.mean(-1)))
        highs.append(arm.high.mean(-1) - (0.0 if control is None else control.low.mean(-1)))
    empty = np.zeros((0,))
    return (np.stack(lows, -1), np.stack(highs, -1)) if lows else (empty, empty)


def _data_blocks(measure: Measure, table: Table, values: Values, where: tuple[Layout, Layout | None]) -> list[Block]:
    blocks: list[Block] = []
    for layout in (x for x in where if x is not None):
        measured = np.asarray(np.isfinite(values.low[..., layout.cells]).any(-1))
        blocks.append(Block(f"not measured: no run of an arm has {measure.id!r}", np.logical_not(measured)))
    slack = 1e-9 * (measure.high - measure.low)
    cells = np.concatenate([x.cells for x in where if x is not None])
    point = np.nan_to_num(values.point[..., cells] * SCALE[measure.unit], nan=measure.low)
    beyond = np.asarray(((point < measure.low - slack) | (point > measure.high + slack)).any(-1))
    blocks.append(Block(f"a run's value lies outside the range registered for {measure.id!r}", beyond))
    for atom in linear(measure.expression):
        if isinstance(atom, LogOdds):
            hit = _any(_too_few_events(atom, table, x) for x in where if x is not None)
            blocks.append(Block("fewer than 3 events are expected in a cell: log-odds are undecided, the points decide", hit))
    return blocks


def _unpaired(claim: Claim) -> list[Block]:
    """A contrast registered as paired whose arms have not the same runs: where arms exclude each other, which is what `paired` is
    for, the two-arm interval does not hold."""
    if not claim.contrast.paired or claim.control is None:
        return []
    partners = 0 if claim.shared is None else len(claim.shared.a)
    if partners == len(claim.arm.units) == len(claim.control.units):
        return []
    return [Block("registered as paired, but not every run has its partner in the other arm", np.asarray(True))]


def _too_few_events(atom: LogOdds, table: Table, layout: Layout) -> NDArray[np.bool_]:
    events = expected_events(atom, table)[..., layout.index_nK]
    mean_K = mean_of_finite(np.moveaxis(np.where(layout.index_nK < 0, np.nan, events), -2, -1))
    return np.asarray(((mean_K < FEWEST_EVENTS) | (atom.trials - mean_K < FEWEST_EVENTS)).any(-1))


def _gate_blocks(contrast: Contrast, gates: list[Check]) -> list[Block]:
    """One block per gate on an arm: it fails if it fails in any arm or behaviour of the contrast."""
    guarding: dict[tuple[str, str], list[Check]] = {}
    for check in gates:
        if check.run is None and contrast.id in check.guards:
            guarding.setdefault((check.gate, check.reason), []).append(check)
    return [Block(reason, _any(~check.passed for check in group)) for (_, reason), group in guarding.items()]


def _ungraded(measure: Measure, table: Table, where: tuple[Layout, Layout | None]) -> Array:
    """Largest ungraded share of an arm × condition × checkpoint, in [0, 1]."""
    lost, drawn = ungraded_share(measure.expression, table)
    shares = []
    for layout in (x for x in where if x is not None):
        u, m = lost[..., layout.cells].sum(-1), drawn[..., layout.cells].sum(-1)
        shares.append(np.divide(u, m, out=np.zeros(np.shape(u)), where=m > 0).max(0))
    return np.maximum.reduce(shares)


def decide_at(claim: Claim, level: float | Array) -> Decision:
    """A contrast decided on its own at a level, whatever became of the others."""
    region = claim.contrast.region
    low, high, code = judge(claim, region, level)
    placed = place(low, high, region)
    lost = Block(TOO_UNGRADED, too_ungraded(claim, region) & (placed > 0))
    few = Block("too few units for an interval", ~(np.isfinite(low) & np.isfinite(high)))
    code = np.where(blocked(claim), np.int8(0), code)
    return Decision(claim, np.asarray(level), low, high, placed, code, (*claim.blocks, few, lost))


def in_steps(study: Study, claims: Mapping[str, Claim]) -> dict[str, Decision]:
    """The secondary hypotheses that have runs, in Holm's (1979) steps: while a step decides any, those still undecided are read
    again at 1 − .025/k, k their number among all that were registered.

    A decided one keeps the interval of its step; undecided ones have that of the last.
    """
    registered = sum(map(is_secondary, study.contrasts))
    held = {name: claim for name, claim in claims.items() if is_secondary(claim.contrast)}
    decisions = {name: decide_at(claim, 1 - SECONDARY_ALPHA / registered) for name, claim in held.items()}
    for _ in held:
        decided = sum((np.asarray(d.code != 0).astype(int) for d in decisions.values()), np.zeros((), int))
        level = 1 - SECONDARY_ALPHA / np.maximum(registered - decided, 1)
        levels = {name: np.where(d.code != 0, d.level, level) for name, d in decisions.items()}
        if all(np.array_equal(levels[name], np.broadcast_to(d.level, d.code.shape)) for name, d in decisions.items()):
            break
        decisions = {name: decide_at(claim, levels[name]) for name, claim in held.items()}
    return decisions


def in_sequence(study: Study, alone: Mapping[str, Decision], unreached: str = NOT_REACHED) -> dict[str, Decision]:
    """Primaries are read in their registered order until one is undecided; those after it are undecided because `unreached`.

    A primary that has no runs in this preset is undecided too.
    """
    decisions = dict(alone)
    reached: NDArray[np.bool_] = np.asarray(True)
    for contrast in sorted((c for c in study.contrasts if c.primary is not None), key=lambda c: c.primary or 0):
        decision = alone.get(contrast.id)
        if decision is None:
            reached = np.asarray(False)
            continue
        stop = Block(unreached, ~reached)
        decisions[contrast.id] = replace(
            decision, code=np.where(reached, decision.code, np.int8(0)), blocks=(*decision.blocks, stop)
        )
        reached = reached & (decisions[contrast.id].code != 0)
    return decisions
