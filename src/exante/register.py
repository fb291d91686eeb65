"""register: freeze a study. Study → canonical JSON and its sha256, checked so that what is frozen can be read.

Does not run or plan anything. Whether outcomes had been seen before is the ledger's business (`store.Ledger`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from exante.analysis.algebra import Leaf, leaves, natural_range
from exante.analysis.criteria import CRITERIA
from exante.errors import UserError
from exante.identity import digest
from exante.measures import Measure
from exante.study import RESERVED, Contrast, Gate, Preset, Registration, Study
from exante.units import SCALE, Region, Unit


def register(study: Study, *, pilot: bool = False, amends: str | None = None, note: str = "") -> Registration:
    """Check and freeze `study`. Raises UserError where a hypothesis cannot be read or could never be wrong."""
    _check_names(study)
    for measure in study.measures:
        _check_measure(study, measure)
    for contrast in study.contrasts:
        _check_contrast(study, contrast)
    for gate in study.gates:
        _check_gate(study, gate)
    _check_primaries(study)
    _check_theories(study)
    _check_presets(study)
    _check_recipes(study)
    if amends is not None and not note:
        raise UserError("an amendment needs a note on what was changed and why; pass one with --note")
    if note and amends is None:
        raise UserError("a note says what an amendment changes; name the registration that it amends with --amends")
    if amends is not None and not re.fullmatch("[0-9a-f]{64}", amends):
        raise UserError(f"{amends!r} is no registration's sha256; give the 64 hex digits that 'exante register' printed")
    study = with_own_recipes(study)
    body = {"study": study.model_dump(mode="json"), "amends": amends, "amendment_note": note, "pilot": pilot}
    return Registration(study=study, amends=amends, amendment_note=note, pilot=pilot, sha256=digest(body))


def with_own_recipes(study: Study) -> Study:
    """A study whose profiles hold the recipes that its phases name and no others: a recipe that is added for another study
    changes no registration."""
    named = {study.base_recipe, *(phase.recipe for group in (*study.arms, *study.trainings) for phase in group.phases)}
    profiles = tuple(
        profile.model_copy(
            update={"recipes": {name: r for name, r in profile.recipes.items() if name.partition(":")[0] in named}}
        )
        for profile in study.profiles
    )
    return study.model_copy(update={"profiles": tuple(profiles)})


def intact(registration: Registration) -> bool:
    """Whether the recorded sha256 is that of the content."""
    return digest(registration.model_dump(mode="json", exclude={"sha256"})) == registration.sha256


def adapt(study: Study, *, models: Iterable[str] = (), seeds: int | None = None) -> Study:
    """The same study on other models or with another number of seeds; to be registered under its own hash.

    An outside checkpoint has no base draws: its presets get one base, and as many seeds as they had runs.
    """
    from exante.profiles import profile

    models = tuple(models)
    known = {p.id for p in study.profiles}
    profiles = study.profiles + tuple(profile(m) for m in models if m not in known)
    outside = bool(models) and all(p.architecture is None for p in profiles if p.id in models)
    presets = {}
    for name, preset in study.presets.items():
        changes: dict[str, object] = {"models": models} if models else {}
        if outside:
            changes |= {"bases": 1, "base_variants": preset.base_variants[:1], "seeds": preset.bases * preset.seeds}
        presets[name] = preset.model_copy(update=changes | ({"seeds": seeds} if seeds else {}))
    return study.model_copy(update={"profiles": profiles, "presets": presets})


def _check_names(study: Study) -> None:
    groups = {
        "arm": [a.id for a in study.arms],
        "training": [t.id for t in study.trainings],
        "evaluation": [e.id for e in study.evaluations],
        "measure": [m.id for m in study.measures],
        "contrast": [c.id for c in study.contrasts],
        "gate": [g.id for g in study.gates],
        "theory": [t.id for t in study.theories],
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
    _check_region(contrast.region, measure, two_arms=contrast.control is not None, where=where)
    _check_criteria(contrast, where)


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
    for leaf in sorted(leaves(measure.expression)):
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
    if gate.kind in ("measure", "phase") and gate.region is None:
        raise UserError(f"{where} has no region, so nothing could fail it; give it one")
    if gate.kind == "phase":
        _known("phase", gate.phase or "", _phase_names(study), where)


def _phase_names(study: Study) -> list[str]:
    return ["base", *dict.fromkeys(phase.name for group in (*study.arms, *study.trainings) for phase in group.phases)]


def _check_leaf(study: Study, leaf: Leaf, where: str) -> None:
    _known("evaluation", leaf.evaluation, (e.id for e in study.evaluations), where)
    evaluation = next(e for e in study.evaluations if e.id == leaf.evaluation)
    _known("condition", leaf.condition, evaluation.conditions, where)
    _known("outcome", leaf.outcome, evaluation.outcomes, where)
    _known("phase", leaf.phase, _phase_names(study), where)


def contrast_unit(measure: Measure, two_arms: bool) -> Unit:
    """The unit of a contrast: a difference of percentages is in percentage points."""
    return "pp" if two_arms and measure.unit == "%" else measure.unit


def contrast_range(measure: Measure, two_arms: bool) -> tuple[float, float]:
    """The values that a contrast on `measure` can take, in its unit."""
    width = measure.high - measure.low
    return (-width, width) if two_arms else (measure.low, measure.high)


def _check_region(region: Region, measure: Measure, *, two_arms: bool, where: str) -> None:
    unit = contrast_unit(measure, two_arms)
    if region.unit != unit:
        raise UserError(f"{where} has a region in {region.unit}, but its values are in {unit}; state the region in {unit}")
    low, high = contrast_range(measure, two_arms)
    if (region.low is not None and region.low >= high) or (region.high is not None and region.high <= low):
        raise UserError(f"{where} has a region that no value can lie in; values run from {low:g} to {high:g} {unit}")


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
    for left, right in ((a, b) for i, a in enumerate(study.theories) for b in study.theories[i + 1 :]):
        if set(left.predictions) == set(right.predictions):
            raise UserError(
                f"theories {left.id!r} and {right.id!r} predict the same everywhere; merge them"
                " or add a contrast that tells them apart"
            )


def _check_presets(study: Study) -> None:
    if not study.presets:
        raise UserError(f"study {study.id!r} has no presets; give it at least 'default'")
    axes = {
        "arms": [a.id for a in study.arms],
        "trainings": [t.id for t in study.trainings],
        "models": [p.id for p in study.profiles],
        "base_variants": list(study.bases),
    }
    for name, preset in study.presets.items():
        for axis, known in axes.items():
            for value in getattr(preset, axis):
                _known(axis.removesuffix("s").replace("_", " "), value, known, f"preset {name!r}")
        _check_counts(name, preset)
    for objection in study.objections:
        for contrast in objection.contrasts:
            _known("contrast", contrast, (c.id for c in study.contrasts), f"objection {objection.id!r}")


def _check_counts(name: str, preset: Preset) -> None:
    if preset.first < RESERVED:
        raise UserError(
            f"preset {name!r} begins at number {preset.first}; numbers below {RESERVED} are pilots', begin at {RESERVED} or above"
        )
    if preset.bases < 1 or preset.seeds < 1:
        raise UserError(f"preset {name!r} has {preset.bases} bases and {preset.seeds} seeds; both must be at least 1")


def _check_recipes(study: Study) -> None:
    for profile in study.profiles:
        if study.base_recipe != "base" and study.base_recipe not in profile.recipes:
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
