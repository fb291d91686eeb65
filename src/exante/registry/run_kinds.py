"""The kinds of runs that a study's presets have, what phases they go through, and where they are evaluated.

A kind is arm × training × model × behaviour: runs of it differ in base and seed only. Read off the study's declarations; plans
nothing and loads no part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import product
from typing import NamedTuple

from exante.analysis.algebra import Leaf
from exante.objectives import lacking
from exante.objectives.pretrain import base_phase
from exante.planning.tree import evaluated_steps
from exante.study import Arm, Contrast, Phase, Preset, Profile, Study, Training


class RunKind(NamedTuple):
    """Runs that differ in base and seed only."""

    arm: Arm
    training: Training
    profile: Profile
    behaviour: str

    @property
    def phases(self) -> tuple[Phase, ...]:
        return (*self.arm.phases, *self.training.phases)

    @property
    def words(self) -> str:
        return f"arm {self.arm.id!r} under training {self.training.id!r}"


class RunKinds:
    """The kinds of runs of a study, with what they go through and are evaluated at."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.arms = {arm.id: arm for arm in study.arms}
        self.trainings = {training.id: training for training in study.trainings}
        self.profiles = {profile.id: profile for profile in study.profiles}
        self.named = {phase.name for owner in (*study.arms, *study.trainings) for phase in owner.phases}
        self.base = base_phase(study.base_recipe)
        self._evaluated: dict[tuple[int, str, str], dict[str, set[str]]] = {}

    @cached_property
    def in_presets(self) -> list[RunKind]:
        """Every kind that some preset trains. What is left out on a model that only samples, `plan` says."""
        names = {
            (arm, training, model, behaviour): None
            for preset in self.study.presets.values()
            for arm, training, model, behaviour in product(preset.arms, preset.trainings, preset.models, preset.behaviours)
        }
        return list(self._trainable(names))

    @cached_property
    def possible(self) -> list[RunKind]:
        """Every kind that the study's arms, trainings and models could make, in a preset or not."""
        behaviours = {name: None for preset in self.study.presets.values() for name in preset.behaviours}
        return list(self._trainable(product(self.arms, self.trainings, self.profiles, behaviours)))

    def of_contrast(self, contrast: Contrast, preset: Preset) -> Iterator[RunKind]:
        arms = tuple(arm for arm in (contrast.arm, contrast.control) if arm is not None)
        models = preset.models if contrast.model is None else (contrast.model,)
        behaviours = preset.behaviours if contrast.behaviour is None else (contrast.behaviour,)
        yield from self._trainable(product(arms, (contrast.training,), models, behaviours))

    def _trainable(self, names: Iterable[tuple[str, str, str, str]]) -> Iterator[RunKind]:
        for arm, training, model, behaviour in names:
            kind = RunKind(self.arms[arm], self.trainings[training], self.profiles[model], behaviour)
            if not lacking(kind.phases, kind.profile) and "train" in kind.profile.capabilities:
                yield kind

    def phase(self, kind: RunKind, name: str) -> Phase | None:
        return self.base if name == "base" else next((phase for phase in kind.phases if phase.name == name), None)

    def goes_through(self, kind: RunKind, names: Iterable[str]) -> bool:
        return all(self.phase(kind, name) is not None for name in names)

    def missing(self, kind: RunKind, needed: Iterable[Leaf]) -> Leaf | None:
        """The first of the leaves that is not evaluated there. Evaluations that the model cannot take do not count: `plan` names
        them."""
        for leaf in needed:
            evaluation = next(e for e in self.study.evaluations if e.id == leaf.evaluation)
            asked = set(evaluation.needs) <= set(kind.profile.capabilities)
            if asked and leaf.at not in self.checkpoints(kind, leaf.evaluation):
                return leaf
        return None

    def checkpoints(self, kind: RunKind, evaluation: str) -> list[str]:
        """`PHASE@STEP` and `PHASE@end` of every phase at which an evaluation runs."""
        return [at for phase in (self.base, *kind.phases) for at in self._at(phase, kind).get(evaluation, ())]

    def _at(self, phase: Phase, kind: RunKind) -> dict[str, set[str]]:
        key = (id(phase), kind.profile.id, kind.behaviour)
        if key not in self._evaluated:
            steps = {e.id: evaluated_steps(e, phase, kind.profile, kind.behaviour) for e in self.study.evaluations}
            self._evaluated[key] = {name: {f"{phase.name}@{step}" for step in (*at, "end")} for name, at in steps.items() if at}
        return self._evaluated[key]
