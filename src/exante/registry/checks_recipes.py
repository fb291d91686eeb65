"""What register checks of a study's phases: recipes that can train, checkpoints within their steps, the parts that they call."""

from __future__ import annotations

from itertools import product

from pydantic import ValidationError

from exante.errors import UserError
from exante.objectives import objective_of
from exante.objectives.base import SamplingObjective
from exante.objectives.pretrain import base_phase
from exante.planning.tree import last_step
from exante.registry.checks_text import first_error
from exante.registry.run_kinds import RunKind
from exante.storage.identity import recipe_of
from exante.study import Phase, Profile, Recipe, Study


def check_recipes(study: Study) -> None:
    """Raises UserError for a recipe that a phase cannot be trained by."""
    behaviours = sorted({name for preset in study.presets.values() for name in preset.behaviours})
    for profile in study.profiles:
        if profile.architecture is not None and "train" in profile.capabilities:
            _check_recipe("the base's phase", base_phase(study.base_recipe), profile, "")
    for group, owners in (("arm", study.arms), ("training", study.trainings)):
        for owner, profile in product(owners, study.profiles):
            for phase in owner.phases:
                where = f"phase {phase.name!r} of {group} {owner.id!r}"
                _check_overrides(where, phase)
                for behaviour in behaviours or [""]:
                    _check_recipe(where, phase, profile, behaviour)


def _check_overrides(where: str, phase: Phase) -> None:
    for name in phase.overrides:
        if name not in Recipe.model_fields:
            raise UserError(f"{where} overrides {name!r}, which no recipe has; a recipe has {', '.join(Recipe.model_fields)}")


def _check_recipe(where: str, phase: Phase, profile: Profile, behaviour: str) -> None:
    try:
        recipe = recipe_of(phase, profile, behaviour)
    except ValidationError as error:
        raise UserError(f"{where} overrides its recipe with a value out of range: {first_error(error)}") from error
    fault = _fault(phase, recipe)
    if fault:
        raise UserError(f"{where} has the objective {phase.objective} and, on model {profile.id!r}, {fault}")


def _fault(phase: Phase, recipe: Recipe) -> str:
    """Why an objective cannot train by a recipe whose fields are in range, and how to correct it; "" if it can."""
    objective = objective_of(phase)
    if isinstance(objective, SamplingObjective) or not recipe.steps:
        return ""
    if not recipe.batch:
        return f"{recipe.steps} steps with a batch of 0; give it a batch of at least 1, or no steps"
    if not recipe.lr:
        return f"{recipe.steps} steps at a learning rate of 0; give it one above 0, or no steps"
    return objective.fault(recipe)


def check_phases(kind: RunKind) -> None:
    """Raises UserError for phases that cannot follow each other in a run."""
    kept = False
    names: set[str] = set()
    for phase in kind.phases:
        where = f"phase {phase.name!r} of {kind.words}"
        end = last_step(phase, kind.profile, kind.behaviour)
        if phase.name in names:
            raise UserError(f"{where} occurs twice, so its checkpoints would be ambiguous; give the two phases different names")
        names.add(phase.name)
        _check_parts(where, phase, end, kept)
        beyond = [step for step in phase.checkpoints if step > end]
        if end and beyond:
            raise UserError(
                f"{where} has a checkpoint at step {beyond[0]}, but on model {kind.profile.id!r} it ends at step {end};"
                " give it steps up to there"
            )
        kept |= not objective_of(phase).trains


def _check_parts(where: str, phase: Phase, steps: int, kept: bool) -> None:
    """Raises UserError for a part that an objective calls and the phase lacks. `kept`: an earlier phase keeps samples."""
    objective = objective_of(phase)
    if objective.trains and not steps:
        return
    for name in objective.parts:
        from_samples = name == "data" and objective.trains
        if getattr(phase, name) is None and not (from_samples and kept):
            also = ", or put a sample_and_filter phase before it" if from_samples else ""
            raise UserError(f"{where} has the objective {phase.objective} and no {name}; name a part for it{also}")
