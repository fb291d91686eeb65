"""The verb `analyse`: rows and phases → verdicts and series. Pure: reads no file, and needs no torch.

For one study at a time this is `decide` (the batch-capable inner function, in `analysis.decide`) put into words.
Does not know how runs were made or how verdicts are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from exante.analysis.algebra import leaves
from exante.analysis.atoms import Values
from exante.analysis.clauses import judge, state_of
from exante.analysis.criteria import ROWS
from exante.analysis.decide import Array, Claim, Code, Decision, interval, weighted_claim
from exante.analysis.gates import Check
from exante.analysis.items import values_of
from exante.analysis.looks import Reading, Walked, failed_later, read_once, readings, walked
from exante.analysis.match import match_table
from exante.analysis.rules import level_of
from exante.analysis.runs import layouts, split_base
from exante.analysis.sentences import (
    absent,
    counted,
    early_stop,
    estimate_so_far,
    prediction_reason,
    reason,
    runs_alike,
    theory_reason,
    word,
)
from exante.analysis.series import cells as cells_drawn
from exante.analysis.series import outcomes, run_values, shown_outcomes
from exante.analysis.sign_flip import p_value
from exante.analysis.spread import spread_warnings
from exante.analysis.table import Table, cells_of, read_table
from exante.analysis.theories import PredictionResult, forbidden, forbids, spans, theory_codes, ties
from exante.analysis.verdicts import (
    CellEstimate,
    ClauseVerdict,
    ContrastVerdict,
    Evidence,
    GateVerdict,
    LookEstimate,
    ObjectionVerdict,
    RegionVerdict,
    TheoryVerdict,
    Verdicts,
    Word,
)
from exante.claims import row_of
from exante.errors import UserError
from exante.measures import Rate, contrast_unit
from exante.stats.proportions import free_to_differ
from exante.storage.tables import SERIES, Measured
from exante.study import Cell, Contrast, Preset, Registration, Study, Theory


@dataclass(frozen=True)
class RunValues:
    """The counts of a preset's runs, and the values of the study's measures in them, unscaled, by measure id."""

    table: Table
    values: dict[str, Values]


@dataclass(frozen=True)
class ReadStudy:
    """A study at every look so far (`read`) and its contrasts after them. `changed`: ids of what was changed after data."""

    registration: Registration
    preset: Preset
    read: list[Reading]
    walked: dict[str, Walked]
    changed: frozenset[str]

    @property
    def early(self) -> str:
        """Why what is not primary is still an estimate; "" at the last look."""
        return read_once(self.preset, self.read)


def run_values_of(study: Study, measured: Measured, preset: str, cells: Sequence[Cell] | None = None) -> RunValues:
    """What `analyse` and `series` both start from. Raises UserError for an unknown preset or rows that cannot be read."""
    table = table_of(study, measured, preset, cells)
    return RunValues(table, values_of(study.measures, table))


def analyse(
    registration: Registration,
    measured: Measured,
    preset: str = "default",
    texts: Mapping[str, Sequence[str]] | None = None,
    *,
    cells: Sequence[Cell] | None = None,
    runs: RunValues | None = None,
    bases: int | None = None,
    replaced: Sequence[int] = (),
    before_data: bool = False,
    exploratory: Iterable[str] = (),
    provenance: Mapping[str, Any] | None = None,
) -> Verdicts:
    """Verdicts of a study from what was measured.

    `cells` are those planned: one without rows counts as crashed (None: the cells that were measured); `runs` is what
    `run_values_of` gives for them, if it has been called already. `texts` are training texts per arm, for gates of kind "text".
    `bases` are those at which the run was read last (None: all that are registered), `replaced` the base draws that failed.
    What rows cannot show is passed in: whether the study was registered before any of its outcomes existed, the ids of contrasts
    (and theories) changed after data, and versions and digests.
    Raises UserError for an unknown preset or rows that cannot be read.
    """
    study = registration.study
    runs = runs or run_values_of(study, measured, preset, cells)
    table, phases = runs.table, measured.metrics_of_cells()
    registered, changed = study.presets[preset], frozenset(exploratory)
    read = readings(study, registered, bases or registered.bases, table, runs.values, phases, texts)
    results = ReadStudy(registration, registered, read, walked(study, registered, read), changed)
    contrasts = tuple(_contrast(results, contrast) for contrast in study.contrasts)
    return Verdicts(
        study=study.id,
        registration_sha256=registration.sha256,
        registered_before_data=before_data and not registration.pilot,
        preset=preset,
        pilot=registration.pilot,
        bases=read[-1].look.bases,
        looks=registered.readings,
        replaced=tuple(replaced),
        gates=tuple(_gate(check) for check in read[-1].decisions.checks),
        contrasts=contrasts,
        theories=_theories(results),
        objections=_objections(registration, contrasts, preset),
        match_table=match_table(study, phases, frozenset(cell.id for cell in table.cells)),
        provenance=dict(provenance or {}),
    )


def series(
    registration: Registration,
    measured: Measured,
    preset: str = "default",
    *,
    cells: Sequence[Cell] | None = None,
    runs: RunValues | None = None,
) -> pd.DataFrame:
    """What the figures draw, for series.parquet. Same arguments as `analyse`."""
    study = registration.study
    runs = runs or run_values_of(study, measured, preset, cells)
    table = runs.table
    totals = measured.totals(shown_outcomes(study))
    finished = [cell.id for cell, crashed in zip(table.cells, table.crashed_R, strict=True) if not crashed]
    drawn = [outcomes(study, measured, totals, finished), cells_drawn(study, measured, totals, finished)]
    return pd.concat([*drawn, run_values(study, table, runs.values)], ignore_index=True).astype(SERIES)


def outcomes_of(study: Study) -> dict[str, tuple[str, ...]]:
    """The declared outcomes of each evaluation."""
    return {evaluation.id: evaluation.outcomes for evaluation in study.evaluations}


def table_of(study: Study, measured: Measured, preset: str, cells: Sequence[Cell] | None) -> Table:
    """The counts of a preset's cells that the study's measures read."""
    if preset not in study.presets:
        raise UserError(f"{study.id} has no preset {preset!r}; it has {', '.join(study.presets)}")
    of_preset = [cell for cell in (cells_of(measured) if cells is None else cells) if _in_preset(cell, study.presets[preset])]
    needed = {(leaf.evaluation, leaf.condition) for measure in study.measures for leaf in leaves(measure.expression)}
    return read_table(measured, of_preset, needed, outcomes_of(study))


def _in_preset(cell: Cell, preset: Preset) -> bool:
    return (
        cell.arm in preset.arms
        and cell.model in preset.models
        and cell.behaviour in preset.behaviours
        and cell.training in preset.trainings
        and split_base(cell.base)[0] in preset.base_variants
    )


def _number(value: Array | float | None) -> float | None:
    """A plain float, or None for NaN and infinities, which verdicts.json does not have."""
    return None if value is None or not np.isfinite(value) else float(value)


def _why_exploratory(results: ReadStudy, name: str) -> str:
    if results.registration.pilot:
        return "this is a pilot"
    return "it was changed after data" if name in results.changed else ""


def _gate(check: Check) -> GateVerdict:
    passed = bool(check.passed)
    failed = () if passed else check.guards
    return GateVerdict(
        cell=check.cell,
        gate=check.gate,
        value=_number(check.value),
        threshold=check.threshold,
        passed=passed,
        blocks=() if check.run is not None else failed,
        both_ends=failed if check.run is not None else (),
    )


def _contrast(results: ReadStudy, contrast: Contrast) -> ContrastVerdict:
    study = results.registration.study
    why = _why_exploratory(results, contrast.id)
    after_looks = results.walked.get(contrast.id)
    decision = None if after_looks is None else after_looks.decision
    measure = next(m for m in study.measures if m.id == contrast.measure)
    if after_looks is None:
        numbers: dict[str, Any] = _no_results(contrast, results.read[-1].table) | {"level": level_of(study, contrast)}
    else:
        numbers = _results(after_looks.decision, results.read[after_looks.reading], why)
        numbers |= _over_looks(results, after_looks, why, numbers["reason"])
    code = 0 if decision is None else decision.code
    early = decision is not None and contrast.primary is None and bool(results.early)
    verdict: Word = "exploratory" if why else "estimate" if contrast.region.unbounded or early else word(code)
    return ContrastVerdict(
        **contrast.model_dump(
            include={"id", "title", "arm", "control", "measure", "training", "behaviour", "model", "primary", "stamp", "criteria"}
        ),
        region=contrast.region,
        unit=contrast_unit(measure, contrast.control is not None),
        run_model=measure.run_model,
        verdict=verdict,
        exploratory=bool(why),
        objections=_linked(study, contrast),
        **numbers,
    )


def _over_looks(results: ReadStudy, after_looks: Walked, why: str, why_decided: str) -> dict[str, Any]:
    """What several looks add to a contrast; nothing where only one is registered. `why`: why it is exploratory, if it is;
    `why_decided`: the reason of its verdict."""
    contrast = after_looks.decision.claim.contrast
    if len(results.preset.readings) == 1 or (contrast.primary is None and (why or contrast.region.unbounded)):
        return {}
    if contrast.primary is None:
        return {"reason": estimate_so_far(results.early)} if results.early else {}
    at, decisions = after_looks.reading, [(r.look, r.decisions.contrasts[contrast.id]) for r in results.read]
    shown = tuple(
        LookEstimate(bases=look.bases, level=float(d.level), n_units=d.claim.n_units, **_numbers_of(d), reason=reason(d, ""))
        for look, d in decisions
    )
    if not after_looks.decided:
        return {"looks": shown}
    bases, last = results.read[at].look.bases, results.preset.readings[-1].bases
    reasoned = {} if bases == last else {"reason": early_stop(why_decided, bases, last)}
    return {"looks": shown, "decided_at": bases, "in_part": failed_later(contrast.id, at, results.read)} | reasoned


def _linked(study: Study, contrast: Contrast) -> tuple[str, ...]:
    named = set(map(row_of, contrast.objections))
    also = (o.id for o in study.objections if contrast.id in o.contrasts and o.id not in named)
    return tuple(dict.fromkeys([*contrast.objections, *also, *(ROWS if contrast.criteria else ())]))


def _no_results(contrast: Contrast, table: Table) -> dict[str, Any]:
    """Entries of a contrast that has no runs in this preset."""
    have = {cell.arm for cell in table.cells if cell.training == contrast.training}
    arms = [arm for arm in (contrast.arm, contrast.control) if arm is not None and arm not in have]
    numbers = dict.fromkeys(("estimate", "low", "high", "n_control", "arm_mean", "control_mean", "ungraded", "free"))
    reason = absent(arms or [contrast.arm], contrast.training)
    more = {"n_units": 0, "n_arm": 0, "scope": "", "reason": reason, "sentence": "", "cells": ()}
    return {**numbers, **more}


def _results(decision: Decision, runs: Reading, why: str) -> dict[str, Any]:
    claim, table = decision.claim, runs.table
    n = claim.n_units
    return {
        "scope": claim.scope,
        "level": float(decision.level),
        **_numbers_of(decision),
        "n_units": n,
        "n_arm": len(claim.arm.units),
        "n_control": None if claim.control is None else len(claim.control.units),
        "arm_mean": _number(claim.arm.mean),
        "control_mean": None if claim.control is None else _number(claim.control.mean),
        "ungraded": _number(claim.ungraded),
        "reason": reason(decision, why),
        "free": free_to_differ(n),
        "sentence": "; ".join([runs_alike(n), *_raw(claim, table)]),
        "cells": _cells(decision, runs),
        "sign_flip": p_value(claim.contrast, claim.measure, table),
        "warnings": spread_warnings(claim),
    }


def _raw(claim: Claim, table: Table) -> list[str]:
    """The samples behind a claim about a plain rate of one arm, with their exact bound."""
    read = claim.measure.expression
    if claim.control is not None or not isinstance(read, Rate):
        return []
    counts = table.find(read.evaluation, read.condition, read.at)
    runs = layouts(table.cells, claim.contrast)[0].cells
    if counts is None or not (trials := int(np.nansum(counts.trials[runs]))):
        return []
    return [counted(int(sum(np.nansum(counts.outcome(outcome)[runs]) for outcome in read.outcomes)), trials)]


def _numbers_of(decision: Decision) -> dict[str, float | None]:
    numbers = {"estimate": decision.claim.estimate, "low": decision.low, "high": decision.high}
    return {name: _number(value) for name, value in numbers.items()}


def _cells(decision: Decision, runs: Reading) -> tuple[CellEstimate, ...]:
    """The contrast in each variant × model × behaviour, and its difference from the mean of the others; empty if there is only
    one."""
    contrast, measure, table = decision.claim.contrast, decision.claim.measure, runs.table
    where = layouts(table.cells, contrast)
    combos = where[0].combos
    if len(combos) < 2:
        return ()
    values = runs.values[measure.id]
    estimates = []
    for k, (variant, model, behaviour) in enumerate(combos):
        only = np.eye(len(combos))[k]
        others = (1 - only) / (len(combos) - 1)
        alone, against = (
            weighted_claim(contrast, measure, table, values, where, w, decision.claim.failed_R) for w in (only, only - others)
        )
        numbers, interaction = _numbers(alone, decision.level), _numbers(against, decision.level)
        estimates.append(
            CellEstimate(
                base=variant, model=model, behaviour=behaviour, n_units=alone.n_units, **numbers, interaction=interaction
            )
        )
    return tuple(estimates)


def _numbers(claim: Claim, level: float | Array) -> dict[str, float | None]:
    low, high = interval(claim, level)
    return {"estimate": _number(claim.estimate), "low": _number(low), "high": _number(high)}


def _theories(results: ReadStudy) -> tuple[TheoryVerdict, ...]:
    """Theories by the latest look: before the last one they are estimates."""
    study = results.registration.study
    claims = {name: decision.claim for name, decision in results.read[-1].decisions.contrasts.items()}
    judged = {theory.id: theory_codes(theory, claims) for theory in study.theories}
    tied = ties(study, {name: code for name, (_, code) in judged.items()})
    verdicts = []
    for theory in study.theories:
        with_ = tuple(other for other, both in tied[theory.id].items() if bool(both))
        names = (theory.id, *(p.contrast for p in theory.predictions))
        why = next((w for w in (_why_exploratory(results, name) for name in names) if w), "")
        verdicts.append(_theory(study, theory, claims, *judged[theory.id], with_, why, results.early))
    return tuple(verdicts)


def _theory(
    study: Study,
    theory: Theory,
    claims: dict[str, Claim],
    judged: list[PredictionResult | None],
    code: Code,
    tied: tuple[str, ...],
    why: str,
    early: str,
) -> TheoryVerdict:
    ranges = spans(study)
    undecided: Word | None = "exploratory" if why else "estimate" if early else None
    regions = tuple(
        RegionVerdict(
            contrast=p.contrast,
            region=p.region,
            verdict=undecided or ("undecided" if t is None else word(t.code)),
            reason=prediction_reason(claims.get(p.contrast), t, p.region),
            **{end: None if t is None else _number(getattr(t, end)) for end in ("low", "high", "low_wide", "high_wide")},
            forbids=forbidden(p.region, ranges[p.contrast]),
        )
        for p, t in zip(theory.predictions, judged, strict=True)
    )
    missing = [p.contrast for p, t in zip(theory.predictions, judged, strict=True) if t is None]
    open_ = [p.contrast for p, t in zip(theory.predictions, judged, strict=True) if t is not None and not t.code]
    installed = all(c.stamp == "installed" for c in study.contrasts if c.id in {p.contrast for p in theory.predictions})
    why_so = theory_reason(code, list(tied), missing, open_, installed)
    final: Word = undecided or ("undecided" if tied and int(code) > 0 else word(code))
    return TheoryVerdict(
        id=theory.id,
        title=theory.title,
        verdict=final,
        reason=f"exploratory, because {why}: {why_so}" if why else estimate_so_far(early) if early else why_so,
        forbids=forbids(study, theory),
        regions=regions,
        tied_with=tied,
        exploratory=bool(why),
    )


def _objections(registration: Registration, contrasts: tuple[ContrastVerdict, ...], preset: str) -> tuple[ObjectionVerdict, ...]:
    study = registration.study
    run = {"study": study.id, "registration_sha256": registration.sha256, "preset": preset, "pilot": registration.pilot}
    run |= {"gates": [], "contrasts": [c.model_dump() for c in contrasts]}
    verdicts = []
    for objection in study.objections:
        linked = [c for c in contrasts if objection.id in map(row_of, c.objections)]
        clauses = judge(objection.id, {"": run})
        evidence = tuple(
            Evidence(study=study.id, contrast=c.id, estimate=c.estimate, low=c.low, high=c.high, unit=c.unit, verdict=c.verdict)
            for c in linked
        )
        verdicts.append(
            ObjectionVerdict(
                id=objection.id,
                says=objection.says,
                state=state_of(objection.id, clauses, any(c.estimate is not None for c in linked)),
                clauses=tuple(ClauseVerdict(**{key: clause[key] for key in ClauseVerdict.model_fields}) for clause in clauses),
                evidence=evidence,
                gap=objection.gap,
            )
        )
    return tuple(verdicts)
