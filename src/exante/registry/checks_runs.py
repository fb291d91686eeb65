"""What register checks of a study's evaluations: measures and gates are read where something is evaluated.

Works on the study's declarations; plans nothing and loads no part.
"""

from __future__ import annotations

from collections.abc import Iterable

from exante.analysis.algebra import Leaf, first_area, leaves, linear
from exante.errors import UserError
from exante.measures import Measure, Rate
from exante.objectives import objective_of
from exante.planning.tree import has_runs, last_step
from exante.registry.checks_recipes import check_phases, check_recipes
from exante.registry.run_kinds import RunKind, RunKinds
from exante.study import Gate, Study


def check_runs(study: Study, *, adapted: bool) -> None:
    """Raises UserError for a recipe, checkpoint, measure or gate that no run could give. Studies of runs that were made
    elsewhere (models without capabilities) train nothing, so nothing of theirs is checked here.

    `adapted`: the study was put on other models, and gates may speak of those that it was written for.
    """
    if not any(profile.capabilities for profile in study.profiles):
        return
    check_recipes(study)
    kinds = RunKinds(study)
    for kind in kinds.in_presets:
        check_phases(kind)
    read = {measure.id: _leaves(measure) for measure in study.measures}
    _check_contrasts(kinds, read)
    _check_measures(kinds, read)
    for gate in study.gates:
        _check_gate(kinds, gate, read, adapted)


def _leaves(measure: Measure) -> list[Leaf]:
    try:
        return sorted(leaves(measure.expression))
    except UserError as error:
        raise UserError(f"measure {measure.id!r}: {error}") from error


# --- what is evaluated where ----------------------------------------------------------------------------------------


def check_evaluations(study: Study) -> None:
    """Raises UserError for a condition or outcome that is listed twice, and for phases to run at that do not exist."""
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
    """Studies may share an evaluation, so some of its phases may be another study's, but not all."""
    wrong = [place for place in at if place not in names and "@" in place.removesuffix("@end")]
    if wrong or not names & {place.removesuffix("@end") for place in at}:
        raise UserError(
            f"{where} is to run at {', '.join(map(repr, wrong or at))}; name a phase ('safety') or the end of one"
            f" ('safety@end') of the study, whose phases are {', '.join(sorted(names))}"
        )


def _check_contrasts(kinds: RunKinds, read: dict[str, list[Leaf]]) -> None:
    checked: set[tuple[str, str, str, str, str]] = set()
    for name, preset in kinds.study.presets.items():
        for contrast in (c for c in kinds.study.contrasts if has_runs(c, preset)):
            for kind in kinds.of_contrast(contrast, preset):
                key = (contrast.measure, kind.arm.id, kind.training.id, kind.profile.id, kind.behaviour)
                leaf = None if key in checked else kinds.missing(kind, read[contrast.measure])
                checked.add(key)
                if leaf is not None:
                    raise UserError(
                        f"contrast {contrast.id!r} reads measure {contrast.measure!r}, which {_not_evaluated(kinds, kind, leaf)}"
                        f" (preset {name!r}, model {kind.profile.id!r})"
                    )


def _not_evaluated(kinds: RunKinds, kind: RunKind, leaf: Leaf) -> str:
    at = sorted(kinds.checkpoints(kind, leaf.evaluation))
    there = f"it runs at {', '.join(at)}" if at else "it runs nowhere there"
    return f"needs evaluation {leaf.evaluation!r} at {leaf.at!r} in {kind.words}, but {there}"


def _check_measures(kinds: RunKinds, read: dict[str, list[Leaf]]) -> None:
    """A measure may be in a study without being read by a contrast, but not if no arm and training could provide it."""
    everywhere = kinds.possible
    for name, needed in read.items():
        missing = [kinds.missing(kind, needed) for kind in everywhere]
        if missing and None not in missing:
            leaf = next(leaf for leaf in missing if leaf is not None)
            at = sorted({at for kind in everywhere for at in kinds.checkpoints(kind, leaf.evaluation)})
            raise UserError(
                f"measure {name!r} reads evaluation {leaf.evaluation!r} at {leaf.at!r}, where no arm and training of the study"
                f" is evaluated; it runs at {', '.join(at) or 'no checkpoint at all'}"
            )


# --- gates ----------------------------------------------------------------------------------------------------------


def _check_gate(kinds: RunKinds, gate: Gate, read: dict[str, list[Leaf]], adapted: bool) -> None:
    where = f"gate {gate.id!r}"
    if gate.kind == "judge":  # its counts are registered, whatever was run
        return
    if gate.kind == "text":
        _check_text_gate(kinds, gate, where)
        return
    if gate.kind == "range":
        _check_range_gate(kinds.study, gate, where)
    names = {gate.phase or ""} if gate.kind == "phase" else {leaf.phase for leaf in read[gate.measure or ""]}
    if not adapted and kinds.possible and not any(_applies(kinds, gate, kind, names) for kind in kinds.possible):
        raise UserError(
            f"{where} reads {' and '.join(sorted(names))}, which none of its arms and trainings goes through, so it would check"
            " nothing; name other arms, trainings or models, or leave it out"
        )
    for kind in (kind for kind in kinds.in_presets if _applies(kinds, gate, kind, names)):
        if gate.kind == "phase":
            _check_metric(kinds, gate, kind, where)
        elif gate.kind == "measure" and (leaf := kinds.missing(kind, read[gate.measure or ""])) is not None:
            raise UserError(f"{where} reads measure {gate.measure!r}, which {_not_evaluated(kinds, kind, leaf)}")


def _applies(kinds: RunKinds, gate: Gate, kind: RunKind, phases: Iterable[str]) -> bool:
    """Whether a gate reads these runs: they are of its arms, trainings and models, and go through the phases that it reads."""
    limits = ((gate.arms, kind.arm.id), (gate.trainings, kind.training.id), (gate.models, kind.profile.id))
    return all(names is None or name in names for names, name in limits) and kinds.goes_through(kind, phases)


def _check_metric(kinds: RunKinds, gate: Gate, kind: RunKind, where: str) -> None:
    phase = kinds.phase(kind, gate.phase or "")
    assert phase is not None
    metrics = objective_of(phase).metrics(phase)
    prefix, colon, _ = (gate.metric or "").partition(":")
    if prefix + colon not in metrics:
        logged = ", ".join(f"{name}LABEL" if name.endswith(":") else name for name in metrics)
        raise UserError(
            f"{where} reads the metric {gate.metric!r} of phase {phase.name!r}, whose objective {phase.objective} logs {logged}"
        )
    if objective_of(phase).trains and not last_step(phase, kind.profile, kind.behaviour):
        raise UserError(
            f"{where} reads {gate.metric!r} of phase {phase.name!r}, which in {kind.words} has no steps and so logs nothing;"
            " name the arms or trainings where it has steps"
        )


def _check_range_gate(study: Study, gate: Gate, where: str) -> None:
    measure = next(m for m in study.measures if m.id == gate.measure)
    area = first_area(measure.expression)
    rates = [] if area is None else [atom for atom, c in linear(area.of).items() if isinstance(atom, Rate) and c > 0]
    if len(rates) != 1:
        raise UserError(f"{where} needs one rate to follow; name a measure that is an area of a rate")


def _check_text_gate(kinds: RunKinds, gate: Gate, where: str) -> None:
    if gate.arms is None or len(set(gate.arms)) != 2:
        raise UserError(f"{where} compares the texts of two arms; name the two in arms")
    for name in gate.arms:
        of_arm = [kind for kind in kinds.in_presets if kind.arm.id == name]
        if of_arm and not any(not objective_of(phase).trains for kind in of_arm for phase in kind.phases):
            raise UserError(
                f"{where} compares the texts that arm {name!r} was trained on, but texts are kept for sample_and_filter phases"
                " only, and it has none; name another arm"
            )
