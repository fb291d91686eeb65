"""What register checks of a study's claims: measures, contrasts, gates, primaries and theories can be read and could be wrong.

Does not know in which runs they are read; `checks_runs.py` does.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from exante.analysis.algebra import Leaf, leaves, natural_range
from exante.analysis.criteria import CRITERIA
from exante.analysis.ledger import LEDGER
from exante.analysis.rules import MOST_PREDICTIONS, MOST_SECONDARIES, is_secondary
from exante.claims import row_of
from exante.errors import UserError
from exante.measures import Measure, contrast_range, contrast_unit
from exante.planning.tree import has_runs
from exante.study import Contrast, Gate, Study, Theory
from exante.units import SCALE, Region


def check_claims(study: Study) -> None:
    """Raises UserError for the first measure, contrast, gate, primary or theory that cannot be read or could never be wrong."""
    for measure in study.measures:
        _check_measure(study, measure)
    for contrast in study.contrasts:
        _check_contrast(study, contrast)
    for gate in study.gates:
        _check_gate(study, gate)
    _check_primaries(study)
    _check_secondaries(study)
    for theory in study.theories:
        _check_theory(study, theory)
    _check_theories_differ(study)


def check_exists(kind: str, name: str, ids: Iterable[str], where: str) -> None:
    """Raises UserError where the study has no row of that kind with that id."""
    ids = list(ids)
    if name not in ids:
        raise UserError(f"{where} names the {kind} {name!r}, which is not in the study; it has {', '.join(ids)}")


def _measure(study: Study, name: str, where: str) -> Measure:
    check_exists("measure", name, (m.id for m in study.measures), where)
    return next(m for m in study.measures if m.id == name)


def _check_contrast(study: Study, contrast: Contrast) -> None:
    where = f"contrast {contrast.id!r}"
    for arm in filter(None, (contrast.arm, contrast.control)):
        check_exists("arm", arm, (a.id for a in study.arms), where)
    check_exists("training", contrast.training, (t.id for t in study.trainings), where)
    if contrast.base is not None:
        check_exists("base variant", contrast.base, study.bases, where)
    measure = _measure(study, contrast.measure, where)
    two = contrast.control is not None
    _check_region(contrast.region, measure, two_arms=two, where=where)
    _check_ends(contrast.region, measure, two_arms=two, where=where)
    _check_criteria(contrast, where)
    _check_clauses(contrast, where)


def check_in_some_preset(study: Study, contrast: Contrast, adapted: bool) -> None:
    """Raises UserError for a contrast whose runs are in no preset, which would be "not in this preset" for ever."""
    as_planned = contrast.model_copy(update={"model": None, "base": None}) if adapted else contrast
    if any(has_runs(as_planned, preset) for preset in study.presets.values()):
        return
    axes = {"control": contrast.control, "model": contrast.model, "base": contrast.base, "behaviour": contrast.behaviour}
    named = [f"{axis} {value!r}" for axis, value in axes.items() if value is not None]
    raise UserError(
        f"contrast {contrast.id!r} is in no preset: none has arm {contrast.arm!r}, training {contrast.training!r}"
        f"{''.join(f', {words}' for words in named)} together; add them to a preset, or leave the contrast out"
    )


def _check_clauses(contrast: Contrast, where: str) -> None:
    """A clause of a row that the ledger does not have is the study's own."""
    for name in (name for name in contrast.objections if row_of(name) in LEDGER and row_of(name) != name):
        row = row_of(name)
        clauses = LEDGER[row].numbered(row)
        if name not in clauses:
            raise UserError(f"{where} answers {name!r}, but {row} has the clauses {', '.join(clauses)}; name one of them")
        if contrast.region.unbounded:
            raise UserError(
                f"{where} answers {name!r} but has no region, so it decides nothing; give it a region, or let it name {row}"
            )


def _check_criteria(contrast: Contrast, where: str) -> None:
    for name in contrast.criteria:
        if name not in CRITERIA:
            raise UserError(f"{where} names the criterion {name!r}, which does not exist; the criteria are {', '.join(CRITERIA)}")
    if contrast.criteria and contrast.region.unbounded:
        raise UserError(
            f"{where} names criteria but has no region, so no value would fail them; give it the region in which they are met"
        )
    if contrast.criteria and contrast.stamp == "installed":
        raise UserError(f"{where} reads back what was installed, which meets no criterion; make it a gate, or name no criteria")


def _check_measure(study: Study, measure: Measure) -> None:
    where = f"measure {measure.id!r}"
    try:
        read = sorted(leaves(measure.expression))
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    for leaf in read:
        _check_leaf(study, leaf, where)
    natural = tuple(end * SCALE[measure.unit] for end in natural_range(measure.expression))
    if measure.low < natural[0] - 1e-9 or measure.high > natural[1] + 1e-9 or measure.low >= measure.high:
        raise UserError(
            f"{where} registers the range {measure.low:g} to {measure.high:g}, but its expression runs from"
            f" {natural[0]:g} to {natural[1]:g} {measure.unit}; register a range inside that"
        )
    if measure.run_model == "items" and any("sample" in profile.capabilities for profile in study.profiles):
        raise UserError(
            f"{where} has the run model 'items', which is for imported runs; this study trains runs, so make it robust"
        )
    if measure.run_model == "graded" and not measure.reason:
        raise UserError(f"{where} is graded without a reason; say why its runs cannot be all-or-nothing, or make it robust")


def _check_gate(study: Study, gate: Gate) -> None:
    where = f"gate {gate.id!r}"
    for arm in gate.arms or ():
        check_exists("arm", arm, (a.id for a in study.arms), where)
    for training in gate.trainings or ():
        check_exists("training", training, (t.id for t in study.trainings), where)
    if gate.kind in ("measure", "range"):
        measure = _measure(study, gate.measure or "", where)
        if gate.region is not None and gate.region.unit != measure.unit:
            raise UserError(f"{where} is in {gate.region.unit}, but its measure in {measure.unit}; state it in {measure.unit}")
        if gate.region is not None:
            _check_gate_region(gate.region, measure, where)
    if gate.kind == "judge" and not (gate.known and gate.right is not None and 0 <= gate.right <= gate.known):
        raise UserError(f"{where} has {gate.right} of {gate.known} known cases right; give it counts of at least one case")
    if gate.kind in ("measure", "phase", "judge") and gate.region is None:
        raise UserError(f"{where} has no region, so nothing could fail it; give it one")
    if gate.kind == "phase":
        check_exists("phase", gate.phase or "", _phase_names(study), where)
    for model in gate.models or ():
        check_exists("model", model, (p.id for p in study.profiles), where)
    for contrast in gate.contrasts or ():
        check_exists("contrast", contrast, (c.id for c in study.contrasts), where)
    if gate.of == "arm" and gate.kind != "measure":
        raise UserError(f"{where} is on an arm's mean but of kind {gate.kind!r}; only a gate on a measure can be")
    _check_gate_places(study, gate, where)


def _check_gate_places(study: Study, gate: Gate, where: str) -> None:
    """Raises UserError for a checkpoint that none of the contrasts it guards reads."""
    measures = {measure.id: measure for measure in study.measures}
    guarded = [c for c in study.contrasts if gate.contrasts is None or c.id in gate.contrasts]
    read = {leaf for c in guarded for leaf in leaves(measures[c.measure].expression)}
    places = sorted({leaf.at for leaf in read} | {leaf.phase for leaf in read})
    for place in gate.at or ():
        if place not in places:
            raise UserError(f"{where} guards contrasts that read {place!r}, but none of them does; they read {', '.join(places)}")


def _check_gate_region(region: Region, measure: Measure, where: str) -> None:
    """Raises UserError for a gate that every value passes, or none."""
    if (region.low is not None and region.low >= measure.high) or (region.high is not None and region.high <= measure.low):
        raise UserError(
            f"{where} has a region that no value can lie in; values run from {measure.low:g} to {measure.high:g} {measure.unit}"
        )
    if _covers_range(region, measure.low, measure.high):
        raise UserError(f"{where} has a region that every value lies in, so nothing could fail it; give it a narrower one")


def _phase_names(study: Study) -> list[str]:
    return ["base", *dict.fromkeys(phase.name for group in (*study.arms, *study.trainings) for phase in group.phases)]


def _check_leaf(study: Study, leaf: Leaf, where: str) -> None:
    check_exists("evaluation", leaf.evaluation, (e.id for e in study.evaluations), where)
    evaluation = next(e for e in study.evaluations if e.id == leaf.evaluation)
    check_exists("condition", leaf.condition, evaluation.conditions, where)
    check_exists("outcome", leaf.outcome, evaluation.outcomes, where)
    check_exists("phase", leaf.phase, _phase_names(study), where)


def _check_region(region: Region, measure: Measure, *, two_arms: bool, where: str) -> None:
    unit = contrast_unit(measure, two_arms)
    if region.unit != unit:
        raise UserError(f"{where} has a region in {region.unit}, but its values are in {unit}; state the region in {unit}")
    low, high = contrast_range(measure, two_arms)
    if (region.low is not None and region.low >= high) or (region.high is not None and region.high <= low):
        raise UserError(f"{where} has a region that no value can lie in; values run from {low:g} to {high:g} {unit}")


def _check_ends(region: Region, measure: Measure, *, two_arms: bool, where: str) -> None:
    """An end at or beyond the end of the range excludes nothing, and would turn a one-sided claim into an equivalence."""
    low, high = contrast_range(measure, two_arms)
    for end, beyond, instead in ((region.low, low, "below"), (region.high, high, "above")):
        if end is not None and (end <= low or end >= high):
            other = region.high if instead == "below" else region.low
            how = f"write it as {instead}({other:g}, {region.unit!r})" if other is not None else "leave that end out"
            raise UserError(
                f"{where} has a region that ends at {end:g} {region.unit}, but values run only from {low:g} to {high:g}, so the"
                f" end at {beyond:g} excludes nothing; {how}"
            )


def _covers_range(region: Region, low: float, high: float) -> bool:
    return (region.low is None or region.low < low) and (region.high is None or region.high > high)


def _check_primaries(study: Study) -> None:
    places = sorted(c.primary for c in study.contrasts if c.primary is not None)
    if len(places) > 4:
        raise UserError(
            f"study {study.id!r} has {len(places)} primary contrasts; at most four may be primary, make the rest secondary"
        )
    if not places or places != list(range(1, len(places) + 1)):
        raise UserError(f"study {study.id!r} orders its primaries as {places}; number them 1, 2, … without gaps")


def _check_secondaries(study: Study) -> None:
    """Every further hypothesis widens the intervals of all."""
    hypotheses = [contrast.id for contrast in study.contrasts if is_secondary(contrast)]
    if len(hypotheses) > MOST_SECONDARIES:
        raise UserError(
            f"study {study.id!r} has {len(hypotheses)} secondary hypotheses; at most {MOST_SECONDARIES} are allowed, so make"
            f" {', '.join(hypotheses[MOST_SECONDARIES:])} or others estimates: give them a region without ends ('any pp')"
        )


def _check_theory(study: Study, theory: Theory) -> None:
    contrasts = {c.id: c for c in study.contrasts}
    where = f"theory {theory.id!r}"
    falsifiable = False
    if len(theory.predictions) > MOST_PREDICTIONS:
        raise UserError(
            f"{where} makes {len(theory.predictions)} predictions; at most {MOST_PREDICTIONS} are allowed, so keep those that"
            " tell it from the others"
        )
    if len({p.contrast for p in theory.predictions}) < len(theory.predictions):
        raise UserError(f"{where} predicts twice on one contrast; join the two regions into one")
    for prediction in theory.predictions:
        check_exists("contrast", prediction.contrast, contrasts, where)
        contrast = contrasts[prediction.contrast]
        measure, two_arms = _measure(study, contrast.measure, where), contrast.control is not None
        _check_region(prediction.region, measure, two_arms=two_arms, where=where)
        falsifiable |= not _covers_range(prediction.region, *contrast_range(measure, two_arms))
    if not falsifiable:
        raise UserError(
            f"{where} forbids nothing, so nothing could count against it; give it a region that some result would miss"
        )
    for prediction in theory.predictions:
        contrast = contrasts[prediction.contrast]
        measure, two_arms = _measure(study, contrast.measure, where), contrast.control is not None
        _check_ends(prediction.region, measure, two_arms=two_arms, where=f"{where} on {contrast.id!r}")


def _check_theories_differ(study: Study) -> None:
    for left, right in itertools.combinations(study.theories, 2):
        if set(left.predictions) == set(right.predictions):
            raise UserError(
                f"theories {left.id!r} and {right.id!r} predict the same everywhere; merge them"
                " or add a contrast that tells them apart"
            )
