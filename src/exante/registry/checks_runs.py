"""What register checks of a study's runs: recipes that can train, checkpoints that exist, measures and gates read where
something is evaluated.

Works on the study's declarations, cell by kind of cell (arm × training × model × behaviour); plans nothing and loads no part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import product
from typing import NamedTuple

from pydantic import ValidationError

from exante.analysis.algebra import Leaf, first_area, leaves, linear
from exante.errors import UserError
from exante.measures import Measure, Rate
from exante.planning.tree import evaluated_steps, has_runs, last_step
from exante.registry.checks_text import first_error
from exante.storage.identity import recipe_of
from exante.study import Arm, Contrast, Gate, Phase, Preset, Profile, Recipe, Study, Training

_COUNTED = ("tokens_prompt", "tokens_scratchpad", "tokens_answer", "examples", "copies", "weight_change")
_SUPERVISED = (*_COUNTED, "loss", "loss_answer", "loss_scratchpad")
METRICS: dict[str, tuple[str, ...]] = {
    "pretrain": _SUPERVISED,
    "sft": _SUPERVISED,
    "rl": (*_COUNTED, "kl", "reward_mean", "reward_spread"),
    "adversarial": (*_SUPERVISED, "red_team_success"),
    "sample_and_filter": ("sampled", "kept", "kept_share", "copies"),
}
"""What each objective logs into phases.parquet, as docs/design.md lists it; some of it also under a label after a colon."""
_GRADED = ("usable", "usable:", "kept:")
_PROBED = ("probe:", "named:")


class Place(NamedTuple):
    """One kind of cell: runs that differ in base and seed only."""

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


class Runs:
    """What the runs of a study's presets go through and are evaluated at."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.arms = {arm.id: arm for arm in study.arms}
        self.trainings = {training.id: training for training in study.trainings}
        self.profiles = {profile.id: profile for profile in study.profiles}
        self.named = {phase.name for owner in (*study.arms, *study.trainings) for phase in owner.phases}
        self.base = Phase(name="base", objective="pretrain", recipe=study.base_recipe)
        self._evaluated: dict[tuple[int, str, str], dict[str, set[str]]] = {}

    @cached_property
    def places(self) -> list[Place]:
        """Every kind of cell that some preset trains. What a model that only samples leaves out, `plan` says."""
        found = {
            (arm, training, model, behaviour): None
            for preset in self.study.presets.values()
            for arm, training, model, behaviour in product(preset.arms, preset.trainings, preset.models, preset.behaviours)
        }
        return list(self._trainable(found))

    @cached_property
    def declared(self) -> list[Place]:
        """Every kind of cell that the study's arms, trainings and models could make, in a preset or not."""
        behaviours = {name: None for preset in self.study.presets.values() for name in preset.behaviours}
        return list(self._trainable(product(self.arms, self.trainings, self.profiles, behaviours)))

    def of_contrast(self, contrast: Contrast, preset: Preset) -> Iterator[Place]:
        arms = tuple(arm for arm in (contrast.arm, contrast.control) if arm is not None)
        models = preset.models if contrast.model is None else (contrast.model,)
        behaviours = preset.behaviours if contrast.behaviour is None else (contrast.behaviour,)
        yield from self._trainable(product(arms, (contrast.training,), models, behaviours))

    def _trainable(self, names: Iterable[tuple[str, str, str, str]]) -> Iterator[Place]:
        for arm, training, model, behaviour in names:
            profile = self.profiles[model]
            if "train" in profile.capabilities:
                yield Place(self.arms[arm], self.trainings[training], profile, behaviour)

    def phase(self, place: Place, name: str) -> Phase | None:
        return self.base if name == "base" else next((phase for phase in place.phases if phase.name == name), None)

    def goes_through(self, place: Place, names: Iterable[str]) -> bool:
        return all(self.phase(place, name) is not None for name in names)

    def missing(self, place: Place, wanted: Iterable[Leaf]) -> Leaf | None:
        """The first of the leaves that is not evaluated there; what the model cannot be asked is left out, and `plan` says so."""
        for leaf in wanted:
            evaluation = next(e for e in self.study.evaluations if e.id == leaf.evaluation)
            asked = set(evaluation.needs) <= set(place.profile.capabilities)
            if asked and leaf.at not in self.checkpoints(place, leaf.evaluation):
                return leaf
        return None

    def checkpoints(self, place: Place, evaluation: str) -> list[str]:
        """`PHASE@STEP` and `PHASE@end` of everything in a cell at which an evaluation runs."""
        return [at for phase in (self.base, *place.phases) for at in self._at(phase, place).get(evaluation, ())]

    def _at(self, phase: Phase, place: Place) -> dict[str, set[str]]:
        key = (id(phase), place.profile.id, place.behaviour)
        if key not in self._evaluated:
            steps = {e.id: evaluated_steps(e, phase, place.profile, place.behaviour) for e in self.study.evaluations}
            self._evaluated[key] = {
                name: {f"{phase.name}@{step}" for step in (*found, "end")} for name, found in steps.items() if found
            }
        return self._evaluated[key]


def check_runs(study: Study, *, adapted: bool) -> None:
    """Raises UserError for a recipe, checkpoint, measure or gate that no run could give. Studies of runs that were made
    elsewhere (models without capabilities) train nothing, so nothing of theirs is checked here.

    `adapted`: the study was put on other models, and gates may speak of those that it was written for.
    """
    if not any(profile.capabilities for profile in study.profiles):
        return
    _check_recipes(study)
    runs = Runs(study)
    for place in runs.places:
        _check_phases(place)
    read = {measure.id: _leaves(measure) for measure in study.measures}
    _check_contrasts(runs, read)
    _check_measures(runs, read)
    for gate in study.gates:
        _check_gate(runs, gate, read, adapted)


def _leaves(measure: Measure) -> list[Leaf]:
    try:
        return sorted(leaves(measure.expression))
    except UserError as error:
        raise UserError(f"measure {measure.id!r}: {error}") from error


# --- recipes and phases ---------------------------------------------------------------------------------------------


def _check_recipes(study: Study) -> None:
    behaviours = sorted({name for preset in study.presets.values() for name in preset.behaviours})
    for profile in study.profiles:
        if profile.architecture is not None and "train" in profile.capabilities:
            base = Phase(name="base", objective="pretrain", recipe=study.base_recipe)
            _check_recipe("the base's phase", base, profile, "")
    for kind, owners in (("arm", study.arms), ("training", study.trainings)):
        for owner, profile in product(owners, study.profiles):
            for phase in owner.phases:
                where = f"phase {phase.name!r} of {kind} {owner.id!r}"
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
        raise UserError(f"{where} overrides its recipe with a value that it cannot have: {first_error(error)}") from error
    fault = _fault(phase, recipe)
    if fault:
        raise UserError(f"{where} has the objective {phase.objective} and, on model {profile.id!r}, {fault}")


def _fault(phase: Phase, recipe: Recipe) -> str:
    """What an objective cannot do with a recipe that is in range, and how to correct it."""
    if phase.objective == "sample_and_filter" or not recipe.steps:
        return ""
    if not recipe.batch:
        return f"{recipe.steps} steps with a batch of 0; give it a batch of at least 1, or no steps"
    if not recipe.lr:
        return f"{recipe.steps} steps at a learning rate of 0; give it one above 0, or no steps"
    if phase.objective == "rl" and (recipe.group < 2 or not recipe.temperature):
        return (
            f"group {recipe.group} at temperature {recipe.temperature:g}; it needs at least two samples of each prompt, at a"
            " temperature above 0"
        )
    return ""


def _check_phases(place: Place) -> None:
    kept = False
    names: set[str] = set()
    for phase in place.phases:
        where = f"phase {phase.name!r} of {place.words}"
        end = last_step(phase, place.profile, place.behaviour)
        if phase.name in names:
            raise UserError(f"{where} comes twice, so its checkpoints would be confused; give the two phases names of their own")
        names.add(phase.name)
        _check_parts(where, phase, bool(end), kept)
        beyond = [step for step in phase.checkpoints if step > end]
        if end and beyond:
            raise UserError(
                f"{where} has a checkpoint at step {beyond[0]}, but on model {place.profile.id!r} it ends at step {end};"
                " give it steps up to there"
            )
        kept |= phase.objective == "sample_and_filter"


def _check_parts(where: str, phase: Phase, trains: bool, kept: bool) -> None:
    """The parts that an objective calls. `kept`: a phase before it keeps samples."""
    filters = phase.objective == "sample_and_filter"
    needs = {
        "data": filters or (trains and not kept),
        "reward": trains and phase.objective in ("rl", "adversarial"),
        "keep": filters or (trains and phase.objective == "adversarial"),
    }
    for name, needed in needs.items():
        if needed and getattr(phase, name) is None:
            also = ", or put a sample_and_filter phase before it" if name == "data" and not filters else ""
            raise UserError(f"{where} has the objective {phase.objective} and no {name}; name a part for it{also}")


# --- what is evaluated where ----------------------------------------------------------------------------------------


def check_evaluations(study: Study) -> None:
    """Conditions and outcomes are listed once each, and phases that an evaluation is to run at exist."""
    names = {"base", *(phase.name for owner in (*study.arms, *study.trainings) for phase in owner.phases)}
    for evaluation in study.evaluations:
        where = f"evaluation {evaluation.id!r}"
        for axis in ("conditions", "outcomes", "at"):
            values = getattr(evaluation, axis)
            if not values or len(set(values)) < len(values):
                raise UserError(f"{where} lists {axis} {list(values)}; list at least one, each once")
        if "crashed" in evaluation.outcomes:
            raise UserError(f"{where} has the outcome 'crashed', which marks cells that crashed; name it otherwise")
        _check_at(where, evaluation.at, names)


def _check_at(where: str, at: tuple[str, ...], names: set[str]) -> None:
    """An evaluation may be shared by studies, so some of its phases may be another's, but not all of them."""
    wrong = [one for one in at if one not in names and "@" in one.removesuffix("@end")]
    if wrong or not names & {one.removesuffix("@end") for one in at}:
        raise UserError(
            f"{where} is to run at {', '.join(map(repr, wrong or at))}, but a phase ('safety') or a phase's end ('safety@end') of"
            f" the study is meant, whose phases are {', '.join(sorted(names))}"
        )


def _check_contrasts(runs: Runs, read: dict[str, list[Leaf]]) -> None:
    asked: set[tuple[str, str, str, str, str]] = set()
    for name, preset in runs.study.presets.items():
        for contrast in (c for c in runs.study.contrasts if has_runs(c, preset)):
            for place in runs.of_contrast(contrast, preset):
                key = (contrast.measure, place.arm.id, place.training.id, place.profile.id, place.behaviour)
                leaf = None if key in asked else runs.missing(place, read[contrast.measure])
                asked.add(key)
                if leaf is not None:
                    raise UserError(
                        f"contrast {contrast.id!r} reads measure {contrast.measure!r}, which {_unread(runs, place, leaf)}"
                        f" (preset {name!r}, model {place.profile.id!r})"
                    )


def _unread(runs: Runs, place: Place, leaf: Leaf) -> str:
    at = sorted(runs.checkpoints(place, leaf.evaluation))
    there = f"it runs at {', '.join(at)}" if at else "it runs nowhere there"
    return f"needs evaluation {leaf.evaluation!r} at {leaf.at!r} in {place.words}, but {there}"


def _check_measures(runs: Runs, read: dict[str, list[Leaf]]) -> None:
    """A measure that no contrast of a preset reads can stand in a study, but not if no arm and training could give it."""
    everywhere = runs.declared
    for name, wanted in read.items():
        missing = [runs.missing(place, wanted) for place in everywhere]
        if missing and None not in missing:
            leaf = next(leaf for leaf in missing if leaf is not None)
            at = sorted({at for place in everywhere for at in runs.checkpoints(place, leaf.evaluation)})
            raise UserError(
                f"measure {name!r} reads evaluation {leaf.evaluation!r} at {leaf.at!r}, where no arm and training of the study"
                f" is evaluated; it runs at {', '.join(at) or 'no checkpoint at all'}"
            )


# --- gates ----------------------------------------------------------------------------------------------------------


def _check_gate(runs: Runs, gate: Gate, read: dict[str, list[Leaf]], adapted: bool) -> None:
    where = f"gate {gate.id!r}"
    if gate.kind == "judge":  # counts of its own, whatever was run
        return
    if gate.kind == "text":
        _check_text_gate(runs, gate, where)
        return
    if gate.kind == "range":
        _check_range_gate(runs.study, gate, where)
    names = {gate.phase or ""} if gate.kind == "phase" else {leaf.phase for leaf in read[gate.measure or ""]}
    if not adapted and runs.declared and not any(_gated(runs, gate, place, names) for place in runs.declared):
        raise UserError(
            f"{where} reads {' and '.join(sorted(names))}, which no arm and training goes through that it speaks of, so it would"
            " check nothing; name other arms, trainings or models, or leave it out"
        )
    for place in (place for place in runs.places if _gated(runs, gate, place, names)):
        if gate.kind == "phase":
            _check_metric(runs, gate, place, where)
        elif gate.kind == "measure" and (leaf := runs.missing(place, read[gate.measure or ""])) is not None:
            raise UserError(f"{where} reads measure {gate.measure!r}, which {_unread(runs, place, leaf)}")


def _gated(runs: Runs, gate: Gate, place: Place, phases: Iterable[str]) -> bool:
    """Whether a gate looks at these runs: they are of its arms, trainings and models, and go through all that it reads."""
    chosen = ((gate.arms, place.arm.id), (gate.trainings, place.training.id), (gate.models, place.profile.id))
    return all(names is None or name in names for names, name in chosen) and runs.goes_through(place, phases)


def _check_metric(runs: Runs, gate: Gate, place: Place, where: str) -> None:
    phase = runs.phase(place, gate.phase or "")
    assert phase is not None
    metrics = METRICS[phase.objective] + (_GRADED if phase.reward and phase.objective == "sample_and_filter" else ())
    metrics += _PROBED if phase.probe else ()
    prefix, colon, _ = (gate.metric or "").partition(":")
    if prefix + colon not in metrics:
        logged = ", ".join(f"{name}LABEL" if name.endswith(":") else name for name in metrics)
        raise UserError(
            f"{where} reads the metric {gate.metric!r} of phase {phase.name!r}, whose objective {phase.objective} logs {logged}"
        )
    if phase.objective != "sample_and_filter" and not last_step(phase, place.profile, place.behaviour):
        raise UserError(
            f"{where} reads {gate.metric!r} of phase {phase.name!r}, which in {place.words} has no steps and so logs nothing;"
            " name the arms or trainings where it has"
        )


def _check_range_gate(study: Study, gate: Gate, where: str) -> None:
    measure = next(m for m in study.measures if m.id == gate.measure)
    area = first_area(measure.expression)
    rates = [] if area is None else [atom for atom, c in linear(area.of).items() if isinstance(atom, Rate) and c > 0]
    if len(rates) != 1:
        raise UserError(f"{where} needs one rate to follow; name a measure that is an area of a rate")


def _check_text_gate(runs: Runs, gate: Gate, where: str) -> None:
    if gate.arms is None or len(set(gate.arms)) != 2:
        raise UserError(f"{where} compares the texts of two arms; name the two in arms")
    for name in gate.arms:
        mine = [place for place in runs.places if place.arm.id == name]
        if mine and not any(phase.objective == "sample_and_filter" for place in mine for phase in place.phases):
            raise UserError(
                f"{where} compares texts that arm {name!r} was trained on, which are kept of sample_and_filter phases only,"
                " and it has none; name another arm"
            )
