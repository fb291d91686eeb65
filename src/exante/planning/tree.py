"""plan: a registration's preset → cells → a tree of phases in which shared prefixes are trained once.

Does not train or read results. What it costs is in `cost.py`, what it could decide in `power.py` and `theories.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from exante.errors import UserError
from exante.objectives import lacking, objective_of
from exante.objectives.base import SamplingObjective
from exante.objectives.pretrain import base_phase, is_base
from exante.parts import Frozen
from exante.profiles import weights_digest
from exante.storage.identity import declared, evaluation_id, phase_id, recipe_of
from exante.study import (
    Arm,
    Cell,
    Context,
    Contrast,
    Evaluation,
    Phase,
    Preset,
    Profile,
    Registration,
    Study,
    Training,
)


class Key(NamedTuple):
    """Whose rows a pair of the ledger is about: cells that differ only in base draw and seed, and an evaluation."""

    arm: str
    training: str
    evaluation: str
    model: str
    behaviour: str
    variant: str


class Node(Frozen):
    """One phase to compute: what it is, for whom, from what. `evaluations` maps evaluation ids to the steps they run at."""

    id: str
    phase: Phase
    model: str
    behaviour: str
    seed: int
    base_draw: int
    weights_from: str | None
    data_from: str | None
    evaluations: dict[str, tuple[int, ...]]
    last_step: int

    @property
    def is_base(self) -> bool:
        return is_base(self.phase)

    @property
    def context(self) -> Context:
        """What the node's parts may know: its cell, and the settings of its own data."""
        settings = self.phase.data.params if self.phase.data else {}
        return Context(self.behaviour, self.seed, self.base_draw, settings)

    @property
    def parents(self) -> tuple[str, ...]:
        """The nodes that give the weights and the data."""
        return tuple(parent for parent in (self.weights_from, self.data_from) if parent is not None)


class PlannedCell(Frozen):
    """A cell, the nodes that make it (base first) and what its study calls each of them."""

    cell: Cell
    nodes: tuple[str, ...]
    names: tuple[str, ...]


class Size(NamedTuple):
    """How much of a preset a run holds: so many bases (None: all that are registered), and the base draws that failed the
    gates on bases and were replaced by later numbers."""

    bases: int | None = None
    replaced: tuple[int, ...] = ()


ALL = Size()


class Plan(Frozen):
    """Everything that `run` needs. `left_out` says, in words, what the model's capabilities do not allow.

    `bases` and `replaced`: see `Size`. The cells on a replaced draw have no phase but the base, which shows why it was replaced.
    """

    registration_sha256: str
    study: str
    preset: str
    pilot: bool
    bases: int
    replaced: tuple[int, ...]
    cells: tuple[PlannedCell, ...]
    nodes: dict[str, Node]
    left_out: tuple[str, ...] = ()

    @property
    def replaced_cells(self) -> set[str]:
        """Ids of the cells on replaced draws."""
        return {planned.cell.id for planned in self.cells if draw_of(planned.cell) in self.replaced}


def cells_of(preset: Preset, pilot: bool = False, size: Size = ALL) -> list[Cell]:
    """The preset's cells in a fixed order, those on replaced draws among them. Base draw d and seed index s use seed number
    d + s, so that looks nest."""
    draws = draws_of(preset, pilot, size)
    return [
        Cell(arm=arm, model=model, behaviour=behaviour, training=training, base=f"{variant}#{draw}", seed=draw + s)
        for variant, draw, s, model, behaviour, training, arm in product(
            preset.base_variants,
            draws,
            range(preset.seeds),
            preset.models,
            preset.behaviours,
            preset.trainings,
            preset.arms,
        )
    ]


def draws_of(preset: Preset, pilot: bool = False, size: Size = ALL) -> range:
    """The base draws of a run of this size, replaced ones included: each is replaced by the next number that was not used."""
    first = 0 if pilot else preset.first
    return range(first, first + (size.bases or preset.bases) + len(size.replaced))


def replaced_draws(preset: Preset, pilot: bool, bases: int, failing: Collection[int]) -> tuple[int, ...]:
    """The failing draws that are replaced: numbers are taken in order, and a failing one is passed over, up to the registered
    number of times. So the bases of an earlier look are those of a later one."""
    replaced: list[int] = []
    kept = 0
    for draw in draws_of(preset, pilot, Size(preset.bases + preset.replacements)):
        if kept == bases:
            break
        if draw in failing and len(replaced) < preset.replacements:
            replaced.append(draw)
        else:
            kept += 1
    return tuple(replaced)


def every_cell(preset: Preset, pilot: bool = False) -> list[Cell]:
    """The cells on every draw that a run of the preset may use, all replacements included."""
    return cells_of(preset.model_copy(update={"bases": preset.bases + preset.replacements}), pilot)


def preset_of(study: Study, name: str) -> Preset:
    if name not in study.presets:
        raise UserError(f"study {study.id!r} has no preset {name!r}; it has {', '.join(study.presets)}")
    return study.presets[name]


def has_runs(contrast: Contrast, preset: Preset) -> bool:
    """Whether a preset has the runs of a contrast."""
    arms = {contrast.arm, contrast.control} - {None}
    axes = (contrast.behaviour, preset.behaviours), (contrast.model, preset.models), (contrast.base, preset.base_variants)
    has_axes = all(name in (None, *values) for name, values in axes)
    return has_axes and arms <= set(preset.arms) and contrast.training in preset.trainings


def last_step(phase: Phase, profile: Profile, behaviour: str) -> int:
    """The step of a phase's last checkpoint: 0 where nothing is optimised."""
    objective = objective_of(phase)
    if isinstance(objective, SamplingObjective) or (is_base(phase) and profile.architecture is None):
        return 0
    return objective.steps(recipe_of(phase, profile, behaviour))


def plan(registration: Registration, preset: str = "default", only: tuple[str, ...] = (), size: Size = ALL) -> Plan:
    """The tree of phases of one preset, or of so much of it. Raises UserError if the model can do nothing that the study asks."""
    study = registration.study
    every = cells_of(preset_of(study, preset), registration.pilot, size)
    cells = [cell for cell in every if not only or cell.arm in only]
    planned = _tree(registration, preset, cells, size)
    if not planned.cells and not any(profile.capabilities for profile in study.profiles):
        raise UserError(f"the runs of study {study.id!r} are made elsewhere and imported, so there is nothing to plan or run")
    if not planned.cells:
        raise UserError(f"nothing of study {study.id!r} can run: {'; '.join(planned.left_out) or 'the preset has no cells'}")
    return planned


def _tree(registration: Registration, preset: str, cells: Sequence[Cell], size: Size = ALL) -> Plan:
    builder = _Builder(registration.study, registration.sources)
    replaced = set(size.replaced)
    planned = [builder.add_base(cell) if draw_of(cell) in replaced else builder.add(cell) for cell in cells]
    return Plan(
        bases=size.bases or preset_of(registration.study, preset).bases,
        replaced=tuple(size.replaced),
        registration_sha256=registration.sha256,
        study=registration.study.id,
        preset=preset,
        pilot=registration.pilot,
        cells=tuple(cell for cell in planned if cell is not None),
        nodes=builder.nodes,
        left_out=tuple(builder.left_out),
    )


def nodes_of_cells(study: Study, cells: Iterable[Cell]) -> dict[str, Node]:
    """The phases of some cells, and what is evaluated on them. Ids that rest on a user's code are not a run's."""
    builder = _Builder(study, {})
    for cell in cells:
        builder.add(cell)
    return builder.nodes


def evaluated_steps(evaluation: Evaluation, phase: Phase, profile: Profile, behaviour: str) -> tuple[int, ...]:
    """The steps of a phase at which an evaluation runs; none where it does not look at the phase."""
    if not objective_of(phase).trains:
        return ()
    end = last_step(phase, profile, behaviour)
    if phase.name in evaluation.at:
        return tuple(sorted({s for s in phase.checkpoints if s <= end} | {end}))
    return (end,) if f"{phase.name}@end" in evaluation.at else ()


class _Builder:
    """Collects nodes while cells are added; equal ids are one node, with the union of their evaluations."""

    def __init__(self, study: Study, sources: Mapping[str, str]) -> None:
        self.sources = sources
        self.profiles = {p.id: p for p in study.profiles}
        self.arms: dict[str, Arm] = {a.id: a for a in study.arms}
        self.trainings: dict[str, Training] = {t.id: t for t in study.trainings}
        self.evaluations: tuple[Evaluation, ...] = study.evaluations
        self.bases, self.base_recipe = study.bases, study.base_recipe
        self.nodes: dict[str, Node] = {}
        self.declared: dict[tuple[int, str, str], tuple[Phase, str, dict[str, tuple[int, ...]]]] = {}
        self.base_phases: dict[tuple[str, bool], Phase] = {}
        self.left_out: list[str] = []

    def add(self, cell: Cell) -> PlannedCell | None:
        profile = self.profiles[cell.model]
        phases = (*self.arms[cell.arm].phases, *self.trainings[cell.training].phases)
        if missing := lacking(phases, profile):
            return self._without_phases(cell, profile, phases, f"{cell.model} cannot {' or '.join(missing)}")
        base = self._base(cell, profile)
        ids, weights, data = [base], base, None
        for phase in phases:
            context = Context(behaviour=cell.behaviour, seed=cell.seed, base_draw=draw_of(cell))
            start = base if phase.start == "base" else weights
            from_samples = data if phase.data is None or phase.with_samples else None
            node = self._node(phase, profile, context, start, from_samples)
            ids.append(node)
            if objective_of(phase).trains:
                weights = node
            else:
                data = node
        return PlannedCell(cell=cell, nodes=tuple(ids), names=("base", *(phase.name for phase in phases)))

    def add_base(self, cell: Cell) -> PlannedCell:
        """A cell whose base was replaced: the base alone."""
        return PlannedCell(cell=cell, nodes=(self._base(cell, self.profiles[cell.model]),), names=("base",))

    def _without_phases(self, cell: Cell, profile: Profile, phases: tuple[Phase, ...], reason: str) -> PlannedCell | None:
        """What is left of a cell whose phases the model cannot go through: the model as it is, if evaluations look at it."""
        base = self._base(cell, profile) if profile.architecture is None else None
        if base is None or not self.nodes[base].evaluations:
            self._leave_out(f"{reason}, so arm {cell.arm!r} under {cell.training!r} is left out")
            return None
        names = " and ".join(repr(name) for name in dict.fromkeys(phase.name for phase in phases))
        self._leave_out(
            f"{reason}, so {names} of arm {cell.arm!r} under {cell.training!r} is left out; only what comes before is evaluated"
        )
        return PlannedCell(cell=cell, nodes=(base,), names=("base",))

    def _base(self, cell: Cell, profile: Profile) -> str:
        variant, micro = cell.base.partition("#")[0], profile.architecture is not None
        if (variant, micro) not in self.base_phases:
            data = self.bases[variant] if micro else None
            self.base_phases[variant, micro] = base_phase(self.base_recipe, data)
        return self._node(self.base_phases[variant, micro], profile, Context("", draw_of(cell), draw_of(cell)), None, None)

    def _node(self, phase: Phase, profile: Profile, context: Context, weights: str | None, data: str | None) -> str:
        """Id of the phase's node, which is made unless it is there. `id(phase)` tells phases apart: a study holds each once."""
        key = (id(phase), profile.id, context.behaviour)
        if key not in self.declared:
            outside = weights_digest(profile.id) if profile.architecture is None and is_base(phase) else None
            self.declared[key] = (
                phase,
                declared(phase, profile, context.behaviour, outside, self.sources),
                self._evaluations(phase, profile, context.behaviour),
            )
        _, fields, evaluations = self.declared[key]
        node_id = phase_id(fields, context, (weights, data))
        node = self.nodes.get(node_id)
        if node is not None and node.evaluations == evaluations:
            return node_id
        if node is not None:
            evaluations = {
                name: _union(node.evaluations.get(name), evaluations.get(name)) for name in node.evaluations | evaluations
            }
        self.nodes[node_id] = Node(
            id=node_id,
            phase=phase,
            model=profile.id,
            behaviour=context.behaviour,
            seed=context.seed,
            base_draw=context.base_draw,
            weights_from=weights,
            data_from=data,
            evaluations=evaluations,
            last_step=last_step(phase, profile, context.behaviour),
        )
        return node_id

    def _evaluations(self, phase: Phase, profile: Profile, behaviour: str) -> dict[str, tuple[int, ...]]:
        """The evaluations that run on a phase, with their steps."""
        steps_of = {e.id: evaluated_steps(e, phase, profile, behaviour) for e in self.evaluations if self._can(e, profile)}
        return {name: steps for name, steps in steps_of.items() if steps}

    def _can(self, evaluation: Evaluation, profile: Profile) -> bool:
        missing = [need for need in evaluation.needs if need not in profile.capabilities]
        if missing:
            self._leave_out(f"{profile.id} cannot {' or '.join(missing)}, so evaluation {evaluation.id!r} is left out")
        return not missing

    def _leave_out(self, sentence: str) -> None:
        if sentence not in self.left_out:
            self.left_out.append(sentence)


def draw_of(cell: Cell) -> int:
    """The number of the base that a cell is on."""
    return int(cell.base.partition("#")[2])


def _union(a: tuple[int, ...] | None, b: tuple[int, ...] | None) -> tuple[int, ...]:
    return tuple(sorted({*(a or ()), *(b or ())}))


def pairs_of(planned: Plan, study: Study, nodes: Iterable[str]) -> Iterator[tuple[Key, str]]:
    """What the ledger knows outcomes by: "PHASE:EVALUATION" of the given nodes, and the study's own cells by name
    ("STUDY:CELL:EVALUATION"); each with the runs and the evaluation that it belongs to.

    The second form notices the same cells trained or evaluated another way under the same study id.
    """
    wanted, asked = set(nodes), _asked(study)
    for planned_cell in planned.cells:
        cell = planned_cell.cell
        for node in wanted.intersection(planned_cell.nodes):
            for evaluation, pair in _pairs(planned, study.id, asked, planned_cell, node):
                yield Key(cell.arm, cell.training, evaluation, cell.model, cell.behaviour, cell.base.partition("#")[0]), pair


def pairs_by_node(planned: Plan, study: Study) -> dict[str, list[str]]:
    """Node → what the ledger knows its outcomes by."""
    asked = _asked(study)
    pairs: dict[str, dict[str, None]] = defaultdict(dict)
    for planned_cell in planned.cells:
        for node in planned_cell.nodes:
            pairs[node].update(dict.fromkeys(pair for _, pair in _pairs(planned, study.id, asked, planned_cell, node)))
    return {node: list(pairs_of_node) for node, pairs_of_node in pairs.items()}


def _asked(study: Study) -> dict[str, str]:
    """Evaluation → digest of what it asks."""
    return {evaluation.id: evaluation_id(evaluation) for evaluation in study.evaluations}


def _pairs(
    planned: Plan, study: str, asked: Mapping[str, str], planned_cell: PlannedCell, node: str
) -> Iterator[tuple[str, str]]:
    cell = planned_cell.cell.id
    for evaluation in planned.nodes[node].evaluations:
        yield evaluation, f"{node}:{asked[evaluation]}"
        yield evaluation, f"{study}:{cell}:{evaluation}"


def seen_pairs(
    registration: Registration, preset: str, wanted: Callable[[Cell], bool] = lambda cell: True
) -> Iterator[tuple[Key, str]]:
    """What the ledger may be asked about a preset: the pairs of the `wanted` cells, as planning all of many takes seconds."""
    cells = [cell for cell in every_cell(preset_of(registration.study, preset), registration.pilot) if wanted(cell)]
    if not any(profile.capabilities for profile in registration.study.profiles):
        yield from _imported_pairs(registration.study, cells)
        return
    planned = _tree(registration, preset, cells)
    yield from pairs_of(planned, registration.study, planned.nodes)


def _imported_pairs(study: Study, cells: Iterable[Cell]) -> Iterator[tuple[Key, str]]:
    """The pairs of runs that were made elsewhere, which have no phases here: the study's own cells by name."""
    for cell in cells:
        for evaluation in study.evaluations:
            variant = cell.base.partition("#")[0]
            key = Key(cell.arm, cell.training, evaluation.id, cell.model, cell.behaviour, variant)
            yield key, f"{study.id}:{cell.id}:{evaluation.id}"
