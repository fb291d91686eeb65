"""Gates: what must hold before a contrast is read, in every run or in an arm, and what a failure does to which contrasts.

A run that fails counts at both ends of the range, as a crashed one does, which is not gated. A gate on an arm that fails, or more
than a tenth of an arm's runs failing, makes a contrast undecided. A gate passes only if it passes whatever the ungraded samples
would have been. Arrays may carry leading batch axes. Does not know about intervals, looks or theories.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from exante.analysis.algebra import first_area, leaves, linear
from exante.analysis.atoms import Values
from exante.analysis.evaluate import denominator_count, evaluate
from exante.analysis.runs import Combo, Layout, layouts, mean_of_finite
from exante.analysis.table import Table
from exante.analysis.texts import tell_apart
from exante.errors import UserError
from exante.measures import Measure, Rate, Ratio
from exante.study import Cell, Contrast, Gate, Study
from exante.units import SCALE, Region

Array = NDArray[np.float64]
Places = Mapping[str, tuple[Layout, Layout | None]]
"""Per contrast id: where its arm's and its control's runs are. Contrasts without runs are left out."""

Uses = Mapping[int, tuple[str, ...]]
"""Position of a run → ids of the contrasts that use it; runs that none uses are left out."""

FEWEST_IN_DENOMINATOR = 5
DYNAMIC = (10.0, 90.0)
DYNAMIC_CHECKPOINTS = 2
MOST_FAILING = 0.1
"""Share of an arm's runs that may fail gates before the contrast is undecided."""
FAILING = "failing runs"
"""Name of the check of that share, which no study registers."""


@dataclass(frozen=True)
class Check:
    """One gate in one run, `run` its position among the cells; or on an arm or a contrast, where `run` is None. `passed` and
    `value` are (…)."""

    gate: str
    cell: str
    value: Array
    threshold: str
    passed: NDArray[np.bool_]
    guards: tuple[str, ...]
    """Contrasts that are undecided if it fails; of a check on a run, those in which the run then counts at both ends."""
    reason: str
    run: int | None = None


def checks(
    study: Study,
    table: Table,
    phases: pd.DataFrame,
    values: Mapping[str, Values],
    places: Places,
    texts: Mapping[str, Sequence[str]] | None,
) -> list[Check]:
    """All gates in registered order, the denominators of shares, and the shares of runs that fail. `values` are unscaled, per
    measure id."""
    measures = {m.id: m for m in study.measures}
    results: list[Check] = []
    for gate in (gate for gate in study.gates if not repeats_interval(gate, measures)):
        guarded = {c.id: c for c in study.contrasts if c.id in places and concerns(gate, c, measures)}
        uses = _uses({name: places[name] for name in guarded})
        match gate.kind:
            case "measure" if gate.of == "arm":
                results += _arm_checks(gate, measures[gate.measure or ""], values, guarded.values(), table)
            case "measure":
                results += _measure_checks(study, gate, measures[gate.measure or ""], table, values, uses)
            case "phase":
                results += _phase_checks(study, gate, table, phases, uses)
            case "range":
                followed = {name: places[name] for name in guarded if near(study, gate, name, measures)}
                results += _range_checks(study, gate, measures[gate.measure or ""], table, followed)
            case "text":
                results += _text_checks(study, gate, places, texts, measures)
            case "judge":
                results += _judge_check(gate, tuple(guarded))
    results += _denominator_checks(study, measures, table, places)
    return results + _failing_shares(study, table, places, results)


def concerns(gate: Gate, contrast: Contrast, measures: Mapping[str, Measure]) -> bool:
    """Whether a gate guards a contrast, by the contrasts and the checkpoints that it names."""
    if repeats_interval(gate, measures):
        return False
    if gate.contrasts is not None and contrast.id not in gate.contrasts:
        return False
    read = leaves(measures[contrast.measure].expression)
    return gate.at is None or any(place in (leaf.at, leaf.phase) for place in gate.at for leaf in read)


def repeats_interval(gate: Gate, measures: Mapping[str, Measure]) -> bool:
    """Whether a gate asks only how many samples are ungraded. Intervals count them already, at the end that hurts the claim, so
    such a gate is not read."""
    if gate.kind != "measure":
        return False
    return {leaf.outcome for leaf in leaves(measures[gate.measure or ""].expression)} == {"ungraded"}


def is_of_base(gate: Gate, measures: Mapping[str, Measure]) -> bool:
    """Whether a gate reads nothing but the base and guards all that rests on it: it can be read before any arm is trained, and a
    base that fails it is of no use."""
    if any(limit is not None for limit in (gate.contrasts, gate.at, gate.arms, gate.trainings)):
        return False
    if gate.kind == "phase":
        return gate.phase == "base"
    if gate.kind != "measure" or gate.of != "run":
        return False
    return {leaf.phase for leaf in leaves(measures[gate.measure or ""].expression)} == {"base"}


def failing_runs(checks: Iterable[Check], contrast: str, runs: int) -> NDArray[np.bool_]:
    """The runs that count at both ends of a contrast because they failed a gate, (…, R)."""
    mine = [check for check in checks if check.run is not None and contrast in check.guards]
    failed = np.zeros((*np.broadcast_shapes(*(np.shape(check.passed) for check in mine)), runs), bool)
    for check in mine:
        failed[..., check.run] |= np.logical_not(check.passed)
    return failed


def _failing_shares(study: Study, table: Table, places: Places, results: Sequence[Check]) -> list[Check]:
    """The share of runs that fail a gate, in every arm × variant × model × behaviour of a contrast where there are any."""
    shares = []
    for contrast in (c for c in study.contrasts if c.id in places):
        failed = failing_runs(results, contrast.id, len(table.cells))
        failing = [check for check in results if _fails(check, contrast)]
        for arm, layout in zip((contrast.arm, contrast.control), places[contrast.id], strict=True):
            if layout is None or not failed[..., layout.cells].any():
                continue
            for k, combo in enumerate(layout.combos):
                runs = layout.index_nK[layout.index_nK[:, k] >= 0, k]
                if failed[..., runs].any():
                    here = set(runs.tolist())
                    names = [check.gate for check in failing if check.run in here]
                    shares.append(_failing_share(contrast, arm or "", combo, failed[..., runs], names))
    return shares


def _fails(check: Check, contrast: Contrast) -> bool:
    """Whether a run fails a gate of the contrast."""
    return check.run is not None and contrast.id in check.guards and not bool(np.all(check.passed))


def _failing_share(contrast: Contrast, arm: str, combo: Combo, failed_n: NDArray[np.bool_], gates: Iterable[str]) -> Check:
    share = failed_n.mean(-1)
    where = f"{contrast.id}: {arm}, {' '.join(combo)}"
    names = " or ".join(repr(name) for name in dict.fromkeys(gates))
    reason = f"more than a tenth of the runs of {arm!r} fail gate {names}"
    passed = np.asarray(share <= MOST_FAILING + 1e-9)
    return Check(FAILING, where, 100 * share, f"≤ {100 * MOST_FAILING:g} % of runs", passed, (contrast.id,), reason)


def region_text(region: Region) -> str:
    """`> 80 %`, `< 5 pp`, `-10 to 10 pp`."""
    match region.low, region.high:
        case None, None:
            return f"any {region.unit}"
        case low, None:
            return f"> {low:g} {region.unit}"
        case None, high:
            return f"< {high:g} {region.unit}"
        case low, high:
            return f"{low:g} to {high:g} {region.unit}"


def inside(low: Array, high: Array, region: Region) -> NDArray[np.bool_]:
    """Whether [low, high] lies in the open region; never where an end is NaN."""
    above = np.isfinite(low) if region.low is None else low > region.low
    return above & (np.isfinite(high) if region.high is None else high < region.high)


def _cells(place: tuple[Layout, Layout | None]) -> frozenset[int]:
    return frozenset(int(r) for layout in place if layout is not None for r in layout.cells)


def _uses(places: Places) -> Uses:
    uses: dict[int, tuple[str, ...]] = {}
    for name, place in places.items():
        for r in _cells(place):
            uses[r] = (*uses.get(r, ()), name)
    return uses


def _gated(gate: Gate, cell: Cell) -> bool:
    axes = ((gate.arms, cell.arm), (gate.trainings, cell.training), (gate.models, cell.model))
    return all(names is None or name in names for names, name in axes)


def _gated_runs(study: Study, gate: Gate, table: Table, phases: Iterable[str]) -> list[tuple[int, Cell]]:
    """Runs that a gate checks: those that did not crash and have the phases. Names that belong to no arm or training are the
    base's, which every run has."""
    arms, trainings = ({x.id: {phase.name for phase in x.phases} for x in group} for group in (study.arms, study.trainings))
    named = set().union(*arms.values(), *trainings.values())
    own = {name for name in phases if name in named}
    return [
        (r, cell)
        for r, cell in enumerate(table.cells)
        if _gated(gate, cell) and not table.crashed_R[r] and own <= arms[cell.arm] | trainings[cell.training]
    ]


def _cell_check(gate: Gate, r: int, cell: Cell, value: Array, passed: NDArray[np.bool_], uses: Uses) -> Check:
    assert gate.region is not None, f"gate {gate.id} has no region"
    guards, reason = uses.get(r, ()), f"gate {gate.id!r} failed"
    return Check(gate.id, cell.id, value, region_text(gate.region), np.asarray(passed, bool), guards, reason, r)


def _arm_checks(
    gate: Gate, measure: Measure, values: Mapping[str, Values], guarded: Iterable[Contrast], table: Table
) -> list[Check]:
    """The mean over the runs of every arm × training × variant × model × behaviour; crashed runs are left out.

    A gate that names contrasts is read in the arms that it names, whether they are the contrast's own or a positive control
    beside it; else in those arms of each contrast.
    """
    guards: dict[tuple[int, ...], dict[str, None]] = {}
    for contrast in guarded:
        own = [arm for arm in (contrast.arm, contrast.control) if arm is not None]
        beside = gate.arms if gate.contrasts is not None and gate.arms is not None else own
        for arm in beside:
            layout, _ = layouts(table.cells, contrast.model_copy(update={"arm": arm, "control": None}))
            for k in range(len(layout.combos)):
                runs = tuple(int(r) for r in layout.index_nK[:, k] if r >= 0 and _gated(gate, table.cells[r]))
                if runs:
                    guards.setdefault(runs, {})[contrast.id] = None
    return [_arm_check(gate, measure, values[measure.id], runs, table, tuple(names)) for runs, names in guards.items()]


def _arm_check(
    gate: Gate, measure: Measure, values: Values, runs: tuple[int, ...], table: Table, guards: tuple[str, ...]
) -> Check:
    assert gate.region is not None, f"gate {gate.id} has no region"
    scale, cell = SCALE[measure.unit], table.cells[runs[0]]
    low, point, high = (mean_of_finite(x[..., list(runs)]) * scale for x in (values.low, values.point, values.high))
    where = f"{cell.arm} under {cell.training}, {cell.base.partition('#')[0]} {cell.model} {cell.behaviour}"
    passed = inside(low, high, gate.region)
    reason = f"gate {gate.id!r} failed in the mean of {cell.arm!r}"
    return Check(gate.id, where, point, f"{region_text(gate.region)}, mean of the runs", passed, guards, reason)


def _measure_checks(
    study: Study, gate: Gate, measure: Measure, table: Table, values: Mapping[str, Values], uses: Uses
) -> list[Check]:
    assert gate.region is not None, f"gate {gate.id} has no region"
    if gate.region.unit != measure.unit:
        raise UserError(f"gate {gate.id!r} is in {gate.region.unit}, its measure {measure.id!r} in {measure.unit}; use one unit")
    scale, phases = SCALE[measure.unit], {leaf.phase for leaf in leaves(measure.expression)}
    result = values[measure.id]
    ok = inside(result.low * scale, result.high * scale, gate.region)
    return [
        _cell_check(gate, r, cell, result.point[..., r] * scale, ok[..., r], uses)
        for r, cell in _gated_runs(study, gate, table, phases)
    ]


def _phase_checks(study: Study, gate: Gate, table: Table, phases: pd.DataFrame, uses: Uses) -> list[Check]:
    assert gate.region is not None, f"gate {gate.id} has no region"
    assert gate.phase is not None, f"gate {gate.id} has no phase"
    lines = phases.loc[(phases["phase"] == gate.phase) & (phases["metric"] == gate.metric)].sort_values("step", kind="stable")
    logged = {str(cell): value for cell, value in lines.groupby("cell", observed=True)["value"].agg(gate.statistic).items()}
    checks = []
    for r, cell in _gated_runs(study, gate, table, [gate.phase]):
        value = np.asarray(float(logged.get(cell.id, np.nan)) * SCALE[gate.region.unit])
        checks.append(_cell_check(gate, r, cell, value, inside(value, value, gate.region), uses))
    return checks


def near(study: Study, gate: Gate, contrast_id: str, measures: Mapping[str, Measure]) -> bool:
    """Whether a gate on dynamic range guards a contrast: one of its arms and trainings that reads the same outcome, condition
    and phase."""
    contrast = next(c for c in study.contrasts if c.id == contrast_id)
    read = (leaves(measures[name].expression) for name in (gate.measure or "", contrast.measure))
    of_gate, of_contrast = ({(x.evaluation, x.condition, x.outcome, x.phase) for x in leaves_read} for leaves_read in read)
    arms = gate.arms is None or contrast.arm in gate.arms or contrast.control in gate.arms
    return arms and (gate.trainings is None or contrast.training in gate.trainings) and not of_gate.isdisjoint(of_contrast)


def _range_checks(study: Study, gate: Gate, measure: Measure, table: Table, places: Places) -> list[Check]:
    """The trajectory of an area's rate (in a difference, the first) in every variant × model × behaviour that a contrast
    averages: a ceiling averaged with a floor would look dynamic."""
    area = first_area(measure.expression)
    rates = [] if area is None else [atom for atom, c in linear(area.of).items() if isinstance(atom, Rate) and c > 0]
    if area is None or len(rates) != 1:
        raise UserError(f"gate {gate.id!r} needs one rate to follow; name a measure that is an area of a rate")
    heights = (evaluate(rates[0].at_checkpoint(f"{area.phase}@{step}"), table).point for step in area.steps)
    path = np.stack(np.broadcast_arrays(*heights), axis=-1)
    own = {c.id for c in study.contrasts if c.measure == measure.id}
    return [
        _range_check(gate, study, name, [x for x in place if x is not None], 100 * path)
        for name, place in places.items()
        if name in own or _walked(path, _cells(place))
    ]


def _walked(path_RS: Array, cells: frozenset[int]) -> bool:
    """Whether these runs were evaluated at every step; other trainings have other checkpoints and gates of their own."""
    seen = np.isfinite(path_RS[..., sorted(cells), :])
    return bool(seen.any(axis=tuple(range(seen.ndim - 1))).all())


def _range_check(gate: Gate, study: Study, name: str, arms: list[Layout], path: Array) -> Check:
    contrast = next(c for c in study.contrasts if c.id == name)
    means = np.stack([_mean_paths(layout, path) for layout in arms])
    count = ((means >= DYNAMIC[0]) & (means <= DYNAMIC[1])).sum(-1).max(0).min(-1)
    lean = mean_of_finite(means.reshape(len(arms), *means.shape[1:-2], -1)).mean(0)
    kind = ("ceiling" if float(lean) > 50 else "floor") if lean.ndim == 0 else "ceiling or floor"
    label = f"{contrast.arm} against {contrast.control} under {contrast.training}"
    checkpoints = f"{DYNAMIC[0]:g} to {DYNAMIC[1]:g} % at ≥ {DYNAMIC_CHECKPOINTS} checkpoints"
    reason = f"{kind}: no arm lies in {DYNAMIC[0]:g}–{DYNAMIC[1]:g} % at {DYNAMIC_CHECKPOINTS} checkpoints"
    passed = np.asarray(count >= DYNAMIC_CHECKPOINTS)
    lacks_room = "" if contrast.control is None else _room_text(contrast.region)
    if lacks_room:
        room = _has_room(means[1], contrast.region).sum(-1).min(-1) >= DYNAMIC_CHECKPOINTS
        reason = reason if passed.ndim == 0 and not passed else f"no room: {contrast.control} {lacks_room}"
        passed = passed & room
    return Check(gate.id, label, count.astype(float), checkpoints, passed, (name,), reason)


def _has_room(control: Array, region: Region) -> NDArray[np.bool_]:
    """Where a control (in %) is far enough from 0 and 100 % that an arm could differ from it by what the region asks."""
    room = np.isfinite(control)
    if region.low is not None and region.low > 0:
        room = room & (control < 100 - region.low)
    return room & (control > -region.high) if region.high is not None and region.high < 0 else room


def _room_text(region: Region) -> str:
    """What a control does that leaves no room; "" for a region that any control leaves room for."""
    if region.unit not in ("pp", "%"):
        return ""
    if region.low is not None and region.low > 0:
        return f"lies within {region.low:g} points of the ceiling in some behaviour"
    if region.high is not None and region.high < 0:
        return f"lies within {-region.high:g} points of the floor in some behaviour"
    return ""


def _mean_paths(layout: Layout, path_RS: Array) -> Array:
    """Mean over an arm's runs at each step, per combination: (…, K, S). Missing runs are left out."""
    taken = np.where((layout.index_nK < 0)[..., None], np.nan, path_RS[..., layout.index_nK, :])
    return mean_of_finite(np.moveaxis(taken, -3, -1))


def _text_checks(
    study: Study, gate: Gate, places: Places, texts: Mapping[str, Sequence[str]] | None, measures: Mapping[str, Measure]
) -> list[Check]:
    pair = set(gate.arms or ())
    guards = tuple(
        c.id
        for c in study.contrasts
        if c.id in places and {c.arm, c.control} == pair and concerns(gate, c, measures)
        if gate.trainings is None or c.training in gate.trainings
    )
    if not guards:
        return []
    left, right = gate.arms or ("", "")
    threshold, label = "> 50 % (Wilson interval)", f"{left} against {right}"
    unmeasured = f"gate {gate.id!r} was not measured"
    if texts is None or not texts.get(left) or not texts.get(right):
        return [Check(gate.id, label, np.asarray(np.nan), threshold, np.asarray(False), guards, unmeasured)]
    value, low, _ = tell_apart(texts[left], texts[right])
    reason = "could not differ: a classifier tells the arms' training texts apart no better than chance"
    return [Check(gate.id, label, np.asarray(value), threshold, np.asarray(low > 50), guards, reason)]


def _judge_check(gate: Gate, guards: tuple[str, ...]) -> list[Check]:
    """A judge on known cases: one share for all runs, counted at registration."""
    assert gate.region is not None, f"gate {gate.id} has no region"
    assert gate.right is not None, f"gate {gate.id} has no counts"
    assert gate.known, f"gate {gate.id} has no counts"
    value = np.asarray(gate.right / gate.known * SCALE[gate.region.unit])
    passed = inside(value, value, gate.region)
    label = f"{gate.right} of {gate.known} known cases"
    return [Check(gate.id, label, value, region_text(gate.region), passed, guards, f"gate {gate.id!r} failed")]


def _denominator_checks(study: Study, measures: Mapping[str, Measure], table: Table, places: Places) -> list[Check]:
    """Every run needs enough events in the denominator of a share."""
    checks = []
    for measure in measures.values():
        uses = _uses({c.id: places[c.id] for c in study.contrasts if c.id in places and c.measure == measure.id})
        for ratio in (atom for atom in linear(measure.expression) if isinstance(atom, Ratio)):
            count = denominator_count(ratio, table)
            for r in sorted(uses):
                if not table.crashed_R[r]:
                    checks.append(_denominator_check(measure.id, table.cells[r].id, np.asarray(count[..., r]), uses[r], r))
    return checks


def _denominator_check(measure: str, cell: str, count: Array, guards: tuple[str, ...], run: int) -> Check:
    # Counts are rates times samples: a hair of rounding must not fail five of five.
    passed = np.asarray(count > FEWEST_IN_DENOMINATOR - 1e-6)
    reason = f"a run has fewer than {FEWEST_IN_DENOMINATOR} events in the denominator of {measure!r}"
    return Check(f"denominator of {measure}", cell, count, f"≥ {FEWEST_IN_DENOMINATOR} events", passed, guards, reason, run)
