"""What register checks: that a study's hypotheses can be read and could be wrong, and that nothing in it fails later.

Everything that `plan`, `run` or `analyse` would fail on hours later is refused here, in one sentence that names the row and the
word. Texts and ids are in `checks_text.py`, recipes, checkpoints and gates' places in `checks_runs.py`. Trains and plans nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from exante.analysis.algebra import Leaf, leaves, natural_range
from exante.analysis.criteria import CRITERIA
from exante.errors import UserError
from exante.measures import Measure, contrast_range, contrast_unit
from exante.planning.tree import has_runs
from exante.registry.checks_runs import check_evaluations, check_runs
from exante.registry.checks_text import check_file_names, check_texts
from exante.study import RESERVED, Contrast, Gate, Preset, Study
from exante.units import SCALE, Region

MOST_CELLS = 1_000_000
"""Cells of a preset. The largest shipped one has 144,000; every cell is planned and stored by itself."""
AXES = ("arms", "models", "behaviours", "trainings", "base_variants")
WORDS = ("supported", "contradicted", "undecided", "exploratory")


def check(study: Study, *, adapted: bool = False) -> Study:
    """The study, every field in its range. Raises UserError for the first fault. `adapted`: see `register`."""
    study = check_texts(study)
    _check_names(study)
    _check_presets(study)
    check_evaluations(study)
    for measure in study.measures:
        _check_measure(study, measure)
    for contrast in study.contrasts:
        _check_contrast(study, contrast)
    for gate in study.gates:
        _check_gate(study, gate)
    _check_answers(study)
    _check_primaries(study)
    _check_theories(study)
    _check_recipe_names(study)
    check_file_names(study)
    for contrast in study.contrasts:
        _check_held(study, contrast, adapted)
    check_runs(study, adapted=adapted)
    return study


def check_pilot(study: Study) -> None:
    """Pilots' numbers start at 0 and must stay below those of registered runs."""
    for name, preset in study.presets.items():
        if preset.bases + preset.seeds - 1 > RESERVED:
            raise UserError(
                f"as a pilot, preset {name!r} would use numbers up to {preset.bases + preset.seeds - 2}, but from {RESERVED} on"
                " they are registered runs'; give it fewer bases or seeds"
            )


def warnings(study: Study) -> list[str]:
    """What a registration had better not be made of, though it can be: primaries whose pilot lies at their boundary."""
    found = []
    for contrast in study.contrasts:
        pilot, region = contrast.pilot, contrast.region
        if contrast.primary is None or pilot is None:
            continue
        for end in (region.low, region.high):
            if end is not None and abs(pilot.estimate - end) <= pilot.se:
                found.append(
                    f"primary {contrast.id!r} has its boundary at {end:g} {region.unit}, within one standard error of what pilots"
                    f" showed ({pilot.estimate:g} ± {pilot.se:g}): it will probably stay undecided at any number of runs"
                )
    return found


def _check_names(study: Study) -> None:
    groups = {
        "arm": [a.id for a in study.arms],
        "training": [t.id for t in study.trainings],
        "evaluation": [e.id for e in study.evaluations],
        "measure": [m.id for m in study.measures],
        "contrast": [c.id for c in study.contrasts],
        "gate": [g.id for g in study.gates],
        "theory": [t.id for t in study.theories],
        "model": [p.id for p in study.profiles],
        "objection": [o.id for o in study.objections],
    }
    for kind, ids in groups.items():
        for name, count in Counter(ids).items():
            if count > 1:
                raise UserError(f"two {kind}s of study {study.id!r} are called {name!r}; give each its own id")


def _known(kind: str, name: str, known: Iterable[str], where: str) -> None:
    known = list(known)
    if name not in known:
        raise UserError(f"{where} names the {kind} {name!r}, which is not in the study; it has {', '.join(known)}")


def _measure(study: Study, name: str, where: str) -> Measure:
    _known("measure", name, (m.id for m in study.measures), where)
    return next(m for m in study.measures if m.id == name)


def _check_contrast(study: Study, contrast: Contrast) -> None:
    where = f"contrast {contrast.id!r}"
    for arm in filter(None, (contrast.arm, contrast.control)):
        _known("arm", arm, (a.id for a in study.arms), where)
    _known("training", contrast.training, (t.id for t in study.trainings), where)
    if contrast.base is not None:
        _known("base variant", contrast.base, study.bases, where)
    measure = _measure(study, contrast.measure, where)
    two = contrast.control is not None
    _check_region(contrast.region, measure, two_arms=two, where=where)
    _check_ends(contrast.region, measure, two_arms=two, where=where)
    _check_criteria(contrast, where)


def _check_held(study: Study, contrast: Contrast, adapted: bool) -> None:
    """Some preset has the runs of a contrast, or its verdict would be "not in this preset" for ever."""
    asked = contrast.model_copy(update={"model": None, "base": None}) if adapted else contrast
    if any(has_runs(asked, preset) for preset in study.presets.values()):
        return
    axes = {"control": contrast.control, "model": contrast.model, "base": contrast.base, "behaviour": contrast.behaviour}
    named = [f"{axis} {value!r}" for axis, value in axes.items() if value is not None]
    raise UserError(
        f"contrast {contrast.id!r} is in no preset: none has arm {contrast.arm!r}, training {contrast.training!r}"
        f"{''.join(f', {words}' for words in named)} together; add them to a preset, or leave the contrast out"
    )


def _check_criteria(contrast: Contrast, where: str) -> None:
    for name in contrast.criteria:
        if name not in CRITERIA:
            raise UserError(f"{where} names the criterion {name!r}, which the gate does not know; it knows {', '.join(CRITERIA)}")
    if contrast.criteria and contrast.region.unbounded:
        raise UserError(f"{where} names criteria, but no value would fail them; give it the region in which they are met")
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
        raise UserError(f"{where} is over items, which is for runs made elsewhere; this study trains runs, so make it robust")
    if measure.run_model == "graded" and not measure.reason:
        raise UserError(f"{where} is graded without a reason; say why its runs cannot be all-or-nothing, or make it robust")


def _check_gate(study: Study, gate: Gate) -> None:
    where = f"gate {gate.id!r}"
    for arm in gate.arms or ():
        _known("arm", arm, (a.id for a in study.arms), where)
    for training in gate.trainings or ():
        _known("training", training, (t.id for t in study.trainings), where)
    if gate.kind in ("measure", "range"):
        measure = _measure(study, gate.measure or "", where)
        if gate.region is not None and gate.region.unit != measure.unit:
            raise UserError(f"{where} is in {gate.region.unit}, but its measure in {measure.unit}; state it in {measure.unit}")
        if gate.region is not None:
            _check_gate_region(gate.region, measure, where)
    if gate.kind == "judge" and not (gate.known and gate.right is not None and 0 <= gate.right <= gate.known):
        raise UserError(f"{where} counts {gate.right} of {gate.known} known cases; give it counts of one case or more")
    if gate.kind in ("measure", "phase", "judge") and gate.region is None:
        raise UserError(f"{where} has no region, so nothing could fail it; give it one")
    if gate.kind == "phase":
        _known("phase", gate.phase or "", _phase_names(study), where)
    for model in gate.models or ():
        _known("model", model, (p.id for p in study.profiles), where)
    for contrast in gate.contrasts or ():
        _known("contrast", contrast, (c.id for c in study.contrasts), where)


def _check_gate_region(region: Region, measure: Measure, where: str) -> None:
    """A gate that every value passes, or none, checks nothing."""
    if (region.low is not None and region.low >= measure.high) or (region.high is not None and region.high <= measure.low):
        raise UserError(
            f"{where} has a region that no value can lie in; values run from {measure.low:g} to {measure.high:g} {measure.unit}"
        )
    if _forbids_nothing(region, measure.low, measure.high):
        raise UserError(f"{where} has a region that every value lies in, so nothing could fail it; give it a narrower one")


def _phase_names(study: Study) -> list[str]:
    return ["base", *dict.fromkeys(phase.name for group in (*study.arms, *study.trainings) for phase in group.phases)]


def _check_leaf(study: Study, leaf: Leaf, where: str) -> None:
    _known("evaluation", leaf.evaluation, (e.id for e in study.evaluations), where)
    evaluation = next(e for e in study.evaluations if e.id == leaf.evaluation)
    _known("condition", leaf.condition, evaluation.conditions, where)
    _known("outcome", leaf.outcome, evaluation.outcomes, where)
    _known("phase", leaf.phase, _phase_names(study), where)


def _check_region(region: Region, measure: Measure, *, two_arms: bool, where: str) -> None:
    unit = contrast_unit(measure, two_arms)
    if region.unit != unit:
        raise UserError(f"{where} has a region in {region.unit}, but its values are in {unit}; state the region in {unit}")
    low, high = contrast_range(measure, two_arms)
    if (region.low is not None and region.low >= high) or (region.high is not None and region.high <= low):
        raise UserError(f"{where} has a region that no value can lie in; values run from {low:g} to {high:g} {unit}")


def _check_ends(region: Region, measure: Measure, *, two_arms: bool, where: str) -> None:
    """A region's end at or beyond that of the range separates nothing, and would make an equivalence of a one-sided claim."""
    low, high = contrast_range(measure, two_arms)
    for end, beyond, instead in ((region.low, low, "below"), (region.high, high, "above")):
        if end is not None and (end <= low or end >= high):
            other = region.high if instead == "below" else region.low
            how = f"write it as {instead}({other:g}, {region.unit!r})" if other is not None else "leave that end out"
            raise UserError(
                f"{where} has a region that ends at {end:g} {region.unit}, but values run only from {low:g} to {high:g}, so the"
                f" end at {beyond:g} says nothing; {how}"
            )


def _forbids_nothing(region: Region, low: float, high: float) -> bool:
    return (region.low is None or region.low < low) and (region.high is None or region.high > high)


def _check_primaries(study: Study) -> None:
    places = sorted(c.primary for c in study.contrasts if c.primary is not None)
    if len(places) > 4:
        raise UserError(
            f"study {study.id!r} has {len(places)} primary contrasts; at most four may be primary, make the rest secondary"
        )
    if not places or places != list(range(1, len(places) + 1)):
        raise UserError(f"study {study.id!r} orders its primaries as {places}; number them 1, 2, … without gaps")


def _check_theories(study: Study) -> None:
    contrasts = {c.id: c for c in study.contrasts}
    for theory in study.theories:
        where = f"theory {theory.id!r}"
        informative = False
        if len({p.contrast for p in theory.predictions}) < len(theory.predictions):
            raise UserError(f"{where} predicts twice on one contrast; join the two regions into one")
        for prediction in theory.predictions:
            _known("contrast", prediction.contrast, contrasts, where)
            contrast = contrasts[prediction.contrast]
            measure = _measure(study, contrast.measure, where)
            _check_region(prediction.region, measure, two_arms=contrast.control is not None, where=where)
            informative |= not _forbids_nothing(prediction.region, *contrast_range(measure, contrast.control is not None))
        if not informative:
            raise UserError(
                f"{where} forbids nothing, so nothing could count against it; give it a region that some result would miss"
            )
        for prediction in theory.predictions:
            contrast = contrasts[prediction.contrast]
            measure = _measure(study, contrast.measure, where)
            _check_ends(prediction.region, measure, two_arms=contrast.control is not None, where=f"{where} on {contrast.id!r}")
    for left, right in ((a, b) for i, a in enumerate(study.theories) for b in study.theories[i + 1 :]):
        if set(left.predictions) == set(right.predictions):
            raise UserError(
                f"theories {left.id!r} and {right.id!r} predict the same everywhere; merge them"
                " or add a contrast that tells them apart"
            )


def _check_presets(study: Study) -> None:
    if not study.presets:
        raise UserError(f"study {study.id!r} has no presets; give it at least 'default'")
    known_names = {
        "arms": [a.id for a in study.arms],
        "trainings": [t.id for t in study.trainings],
        "models": [p.id for p in study.profiles],
        "base_variants": list(study.bases),
    }
    for name, preset in study.presets.items():
        for axis in AXES:
            _check_axis(name, axis, getattr(preset, axis))
        for axis, known in known_names.items():
            for value in getattr(preset, axis):
                _known(axis.removesuffix("s").replace("_", " "), value, known, f"preset {name!r}")
        _check_counts(name, preset)
    for objection in study.objections:
        for contrast in objection.contrasts:
            _known("contrast", contrast, (c.id for c in study.contrasts), f"objection {objection.id!r}")


def _check_axis(name: str, axis: str, values: tuple[str, ...]) -> None:
    if not values:
        raise UserError(f"preset {name!r} lists no {axis}, so it has no cells; list at least one")
    for value, count in Counter(values).items():
        if count > 1:
            raise UserError(f"preset {name!r} lists {value!r} twice among its {axis}; list it once")


def _check_counts(name: str, preset: Preset) -> None:
    if preset.first < RESERVED:
        raise UserError(
            f"preset {name!r} begins at number {preset.first}; numbers below {RESERVED} are pilots', begin at {RESERVED} or above"
        )
    if preset.bases < 1 or preset.seeds < 1:
        raise UserError(f"preset {name!r} has {preset.bases} bases and {preset.seeds} seeds; both must be at least 1")
    cells = preset.bases * preset.seeds * math.prod(len(getattr(preset, axis)) for axis in AXES)
    if cells > MOST_CELLS:
        raise UserError(
            f"preset {name!r} has {cells:,} cells ({preset.bases:,} bases × {preset.seeds:,} seeds × the rest);"
            f" at most {MOST_CELLS:,} can be planned, take fewer seeds or bases"
        )


def _check_answers(study: Study) -> None:
    """The report's opening sentences are found by the verdicts of the first primaries."""
    primaries = sum(contrast.primary is not None for contrast in study.contrasts)
    for key in study.answers:
        said = key.split(", ")
        if not set(said) <= set(WORDS) or len(said) > max(primaries, 1):
            raise UserError(
                f"the answer for {key!r} is never given: name the verdicts of the first of {primaries} primaries, in order,"
                f" each {', '.join(WORDS[:-1])} or {WORDS[-1]}, with ', ' between them"
            )


def _check_recipe_names(study: Study) -> None:
    for profile in study.profiles:
        makes_bases = profile.architecture is not None and "train" in profile.capabilities
        if (makes_bases or study.base_recipe != "base") and study.base_recipe not in profile.recipes:
            raise UserError(
                f"bases use the recipe {study.base_recipe!r}, which model {profile.id!r} lacks; add it to the profile, or name"
                " another as base_recipe"
            )
        for phase in (phase for part in (*study.arms, *study.trainings) for phase in part.phases):
            if phase.recipe not in profile.recipes:
                raise UserError(
                    f"phase {phase.name!r} uses the recipe {phase.recipe!r}, which model {profile.id!r} lacks;"
                    " add it to the profile"
                )
