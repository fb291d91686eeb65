"""The form of a hypothesis: all that a verdict on it depends on, so that two registrations can be compared.

Ids, titles and whatever is only shown are no part of it. Does not know what had been seen; `stamps.py` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from exante.analysis.algebra import leaves
from exante.measures import Measure
from exante.planning.tree import has_runs
from exante.storage.identity import canonical, evaluation_id
from exante.study import Contrast, Gate, Phase, Preset, Profile, Registration, Theory

Json = dict[str, Any]


def evaluations_of(measure: Measure) -> set[str]:
    """Ids of the evaluations that a measure reads."""
    return {leaf.evaluation for leaf in leaves(measure.expression)}


Family = frozenset[str]
"""The hypotheses that a secondary shares its error with, itself included, whether or not a preset has their runs. Empty for
primaries and theories."""


class Form(NamedTuple):
    """What a verdict depends on as canonical JSON, and its family."""

    text: str
    family: Family

    def registered_in(self, families: Mapping[str, Iterable[Family]]) -> bool:
        """Whether a registration with these forms had it, in a family that is still whole. Secondaries that are added only make
        its interval wider; any that is dropped, or exchanged, would make it narrower after the data."""
        return any(earlier <= self.family for earlier in families.get(self.text, ()))


def families(registration: Registration) -> dict[str, list[Family]]:
    """Every form that a registration has in some preset → the families that it has there."""
    result: dict[str, list[Family]] = {}
    forms = Forms(registration)
    for name in registration.study.presets:
        for form in forms.of(name).values():
            result.setdefault(form.text, []).append(form.family)
    return result


class Forms:
    """The forms of a registration's contrasts and theories."""

    def __init__(self, registration: Registration) -> None:
        self.study, self.sources = registration.study, registration.sources
        self.measures = {measure.id: measure for measure in self.study.measures}
        self.evaluations = {evaluation.id: evaluation_id(evaluation) for evaluation in self.study.evaluations}
        self.phases = {("arm", arm.id): arm.phases for arm in self.study.arms}
        self.phases |= {("training", training.id): training.phases for training in self.study.trainings}
        self.contrasts = {contrast.id: contrast for contrast in self.study.contrasts}

    def of(self, preset: str, ids: Iterable[str] | None = None) -> dict[str, Form]:
        """The forms of these contrasts and theories in a preset; of all that are in it without `ids`."""
        chosen = self.study.presets[preset]
        wanted = None if ids is None else set(ids)
        held = {c.id: c for c in self.study.contrasts if has_runs(c, chosen)}
        reads = cache(lambda name: self.reads(held[name], chosen))
        contrasts = [c for c in held.values() if wanted is None or c.id in wanted]
        theories = [t for t in self.study.theories if (wanted is None or t.id in wanted)]
        family, nobody = frozenset(_claim(c) for c in self.study.contrasts if _is_secondary(c)), frozenset[str]()
        forms = {c.id: Form(self._contrast(c, held, reads), family if _is_secondary(c) else nobody) for c in contrasts}
        return forms | {t.id: Form(self._theory(t, held, reads), nobody) for t in theories}

    def _contrast(self, contrast: Contrast, held: Mapping[str, Contrast], reads: Callable[[str], str]) -> str:
        """A primary is read only if those before it are decided, so they are part of its form."""
        place = contrast.primary or 0
        before = sorted((c.primary, c.id) for c in self.study.contrasts if c.primary is not None and c.primary < place)
        earlier = [[canonical(self.contrasts[name].region), reads(name) if name in held else ""] for _, name in before]
        return canonical([reads(contrast.id), canonical(contrast.region), contrast.primary is not None, earlier])

    def _theory(self, theory: Theory, held: Mapping[str, Contrast], reads: Callable[[str], str]) -> str:
        regions = [[canonical(p.region), reads(p.contrast) if p.contrast in held else ""] for p in theory.predictions]
        return canonical(sorted(regions))

    def reads(self, contrast: Contrast, preset: Preset) -> str:
        """All that a contrast reads in a preset, whatever its region: how it is measured, on which runs, behind which gates."""
        models = preset.models if contrast.model is None else (contrast.model,)
        behaviours = preset.behaviours if contrast.behaviour is None else (contrast.behaviour,)
        variants = preset.base_variants if contrast.base is None else (contrast.base,)
        arms = [arm for arm in (contrast.arm, contrast.control) if arm is not None]
        phases = {arm: (*self.phases["arm", arm], *self.phases["training", contrast.training]) for arm in arms}
        recipes = {self.study.base_recipe, *(phase.recipe for mine in phases.values() for phase in mine)}
        read = {
            "claim": contrast.model_dump(mode="json", include={"over", "templates", "paired", "stamp"}),
            "arms": [[_phase(phase) for phase in phases[arm]] for arm in arms],
            "measure": self._measure(self.measures[contrast.measure]),
            "gates": sorted(canonical(gate) for gate in self._gates(contrast, models, phases)),
            "models": [_profile(p, recipes, behaviours) for p in self.study.profiles if p.id in models],
            "behaviours": sorted(behaviours),
            "bases": {name: self.study.bases[name].model_dump(mode="json") for name in variants},
            "base_recipe": self.study.base_recipe,
            "runs": [preset.first, preset.bases, preset.seeds, preset.replacements],
            "looks": [look.model_dump(mode="json") for look in preset.readings],
        }
        return canonical(read | ({"sources": self.sources} if self._has_user_parts(read, contrast) else {}))

    def _measure(self, measure: Measure) -> Json:
        body = measure.model_dump(mode="json", exclude={"id", "title", "reason", "pilot_sd"})
        return body | {"evaluations": {name: self.evaluations[name] for name in evaluations_of(measure)}}

    def _gates(self, contrast: Contrast, models: Iterable[str], phases: Mapping[str, tuple[Phase, ...]]) -> list[Json]:
        """The gates whose failure makes the contrast undecided, each with what it reads."""
        names = {arm: {"base", *(phase.name for phase in mine)} for arm, mine in phases.items()}
        blocking = []
        for gate in self.study.gates:
            arms = sorted(arm for arm in names if (gate.arms is None or arm in gate.arms) and self._has(gate, names[arm]))
            beside = self._arms_beside(gate, contrast)
            arms = arms or sorted(beside)
            on = sorted(model for model in models if gate.models is None or model in gate.models)
            if arms and on and self._blocks(gate, contrast):
                read = self._measure(self.measures[gate.measure]) if gate.measure else None
                body = gate.model_dump(mode="json", include={"kind", "of", "phase", "metric", "statistic", "region"})
                blocking.append(body | {"reads": read, "arms": arms, "models": on} | beside)
        return blocking

    def _arms_beside(self, gate: Gate, contrast: Contrast) -> Json:
        """What the arms went through that a gate on arms reads for a contrast which need not be theirs: a positive control."""
        if gate.of == "run" or gate.contrasts is None:
            return {}
        training = self.phases["training", contrast.training]
        return {arm: [_phase(phase) for phase in (*self.phases["arm", arm], *training)] for arm in gate.arms or ()}

    def _has(self, gate: Gate, names: set[str]) -> bool:
        """Whether a run with these phases has what a gate reads."""
        if gate.kind == "phase":
            return gate.phase in names
        return gate.kind != "measure" or {x.phase for x in leaves(self.measures[gate.measure or ""].expression)} <= names

    def _blocks(self, gate: Gate, contrast: Contrast) -> bool:
        from exante.analysis.gates import concerns, near  # pandas: only where something had been seen

        if not concerns(gate, contrast, self.measures):
            return False
        if gate.trainings is not None and contrast.training not in gate.trainings:
            return False
        if gate.kind == "text":
            return set(gate.arms or ()) == {contrast.arm, contrast.control}
        return gate.kind != "range" or near(self.study, gate, contrast.id, self.measures)

    def _has_user_parts(self, read: Json, contrast: Contrast) -> bool:
        """Whether the user's own code is behind any of it."""
        names = evaluations_of(self.measures[contrast.measure])
        parts = [part for e in self.study.evaluations if e.id in names for part in (e.items, e.score)]
        return any(not target.startswith("exante.") for target in (*(part.target for part in parts), *_targets(read)))


def _claim(contrast: Contrast) -> str:
    """A hypothesis as a member of a family: what it says, in the study's own names. What its arms are made of concerns only the
    contrasts that read them."""
    return canonical(contrast.model_dump(mode="json", exclude={"id", "title", "objections", "criteria", "pilot"}))


def _is_secondary(contrast: Contrast) -> bool:
    return contrast.primary is None and not contrast.region.unbounded


def _phase(phase: Phase) -> Json:
    return phase.model_dump(mode="json", exclude={"checkpoints"})


def _profile(profile: Profile, recipes: set[str], behaviours: Iterable[str]) -> Json:
    """A model with the recipes that are used there."""
    names = recipes | {f"{name}:{behaviour}" for name in recipes for behaviour in behaviours}
    used = {name: recipe.model_dump(mode="json") for name, recipe in profile.recipes.items() if name in names}
    return profile.model_dump(mode="json", exclude={"recipes"}) | {"recipes": used}


def _targets(value: Any) -> Iterable[str]:
    """The targets of all parts in plain data."""
    if isinstance(value, dict):
        if {"target", "version"} <= value.keys():
            yield value["target"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _targets(item)
