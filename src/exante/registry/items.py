"""The items that each evaluation will ask, by id, so that `verify` can tell that rows are missing.

Taken from the evaluations' parts when a study is registered. Does not sample or score anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import product

from exante.errors import UserError
from exante.planning.tree import nodes_of_cells
from exante.storage.identity import canonical
from exante.study import Cell, Context, Evaluation, Items, ItemSet, Preset, Study

Place = tuple[str, str, str]
"""Evaluation, condition, behaviour."""


def item_ids(study: Study, *, pilot: bool = False) -> Items:
    """Evaluation → condition → behaviour → the lists of (item id, cluster) that its runs ask; more than one where items differ
    from base to base or seed to seed. A base's own evaluations stand under the behaviour "".

    Items are made at a few bases and seeds, and where these differ, at all bases and seeds of every preset. Items that depend on
    what a probe will name are not known yet and are not recorded.
    """
    if pilot:  # pilots are numbered from 0
        presets = {name: preset.model_copy(update={"first": 0}) for name, preset in study.presets.items()}
        study = study.model_copy(update={"presets": presets})
    evaluations = {e.id: e for e in study.evaluations}
    contexts = {
        name: contexts for name, contexts in _contexts(study).items() if not _depends_on_probe(study, evaluations[name], contexts)
    }
    item_sets: dict[Place, set[ItemSet]] = defaultdict(set)
    for name, at_first in contexts.items():
        _add_items(evaluations[name], [*at_first, *_elsewhere(study, at_first)], item_sets)
    for name, at_first in contexts.items():
        varying = {behaviour for (e, _, behaviour), sets in item_sets.items() if e == name and len(sets) > 1}
        _add_items(evaluations[name], _everywhere(study, at_first, varying), item_sets)
    items: Items = defaultdict(lambda: defaultdict(dict))
    for (evaluation, condition, behaviour), sets in sorted(item_sets.items()):
        items[evaluation][condition][behaviour] = tuple(sorted(sets))
    return {evaluation: dict(conditions) for evaluation, conditions in items.items()}


def _depends_on_probe(study: Study, evaluation: Evaluation, contexts: Iterable[Context]) -> bool:
    """Whether an evaluation's items change with what the study's probes name, or do not exist before the probes have run."""
    if not any(phase.probe for group in (*study.arms, *study.trainings) for phase in group.phases):
        return False
    make = evaluation.items.load()

    def ids(context: Context, condition: str) -> list[tuple[str, str]]:
        return sorted((item.id, item.cluster) for item in make(context, condition))

    for context, condition in product(contexts, evaluation.conditions):
        named = replace(context, settings=context.settings | {"named": ["a cluster that does not exist"]})
        if not (before := ids(context, condition)) or before != ids(named, condition):
            return True
    return False


def _add_items(evaluation: Evaluation, contexts: Iterable[Context], item_sets: dict[Place, set[ItemSet]]) -> None:
    """Add the items of these contexts to the sets of their places."""
    make = evaluation.items.load()
    for context, condition in product(contexts, evaluation.conditions):
        item_sets[evaluation.id, condition, context.behaviour].add(_ids(evaluation, make, context, condition))


def _ids(evaluation: Evaluation, make: Callable[..., Iterable], context: Context, condition: str) -> ItemSet:
    ids = tuple((item.id, item.cluster) for item in make(context, condition))
    where = f"evaluation {evaluation.id!r} under condition {condition!r}"
    if not ids:
        raise UserError(f"{where} has no items, so it would measure nothing; let its part {evaluation.items.target} return some")
    if len({name for name, _ in ids}) < len(ids):
        twice = next(name for name, _ in ids if [n for n, _ in ids].count(name) > 1)
        raise UserError(f"{where} has two items with the id {twice!r}; give each its own")
    return tuple(sorted(ids))


def _contexts(study: Study) -> dict[str, list[Context]]:
    """The contexts in which each evaluation runs, at the first base and seed of each preset."""
    by_evaluation: dict[str, dict[str, Context]] = defaultdict(dict)
    for preset in study.presets.values():
        for node in nodes_of_cells(study, _first(preset)).values():
            for name in node.evaluations:
                by_evaluation[name].setdefault(canonical([node.behaviour, node.context.settings]), node.context)
    return {name: list(contexts.values()) for name, contexts in by_evaluation.items()}


def _first(preset: Preset) -> Iterator[Cell]:
    """A preset's cells on its first base and seed."""
    axes = (preset.base_variants, preset.models, preset.behaviours, preset.trainings, preset.arms)
    for variant, model, behaviour, training, arm in product(*axes):
        base = f"{variant}#{preset.first}"
        yield Cell(arm=arm, model=model, behaviour=behaviour, training=training, base=base, seed=preset.first)


def _numbers(preset: Preset) -> Iterator[tuple[int, int]]:
    """Base draw and seed of a preset's runs, on replacements too."""
    for draw, s in product(preset.draws, range(preset.seeds)):
        yield draw, draw + s


def _elsewhere(study: Study, contexts: Iterable[Context]) -> Iterator[Context]:
    """One context of each behaviour at the last base and seed of every preset, and at the second of both."""
    by_behaviour = {context.behaviour: context for context in contexts}
    few = {numbers for preset in study.presets.values() for numbers in _ends(preset)}
    return _at(by_behaviour.values(), sorted(few))


def _ends(preset: Preset) -> Iterator[tuple[int, int]]:
    last = preset.draws[-1]
    yield from {(min(preset.first + 1, last), preset.first + 1), (last, last + preset.seeds - 1)}


def _everywhere(study: Study, contexts: Iterable[Context], behaviours: set[str]) -> Iterator[Context]:
    """The contexts of the given behaviours at every base and seed of every preset."""
    numbers = {pair for preset in study.presets.values() for pair in _numbers(preset)}
    return _at((context for context in contexts if context.behaviour in behaviours), sorted(numbers))


def _at(contexts: Iterable[Context], numbers: Iterable[tuple[int, int]]) -> Iterator[Context]:
    """The contexts at other bases and seeds. A base's own context has no behaviour, and its seed is its draw."""
    for context, (base, seed) in product(contexts, numbers):
        yield Context(context.behaviour, seed if context.behaviour else base, base, context.settings)
