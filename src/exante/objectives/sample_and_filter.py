"""Samples of the model become examples for the next phase; the keep part makes them and discards the rest. Nothing is graded."""

from __future__ import annotations

from exante.engines.base import Engine
from exante.objectives.base import Kept, SamplingObjective, Signal
from exante.objectives.phase_parts import data_of, examples_of, keep_of
from exante.study import Context, Phase, Recipe
from exante.text import Item


def _sample(engine: Engine, phase: Phase, recipe: Recipe, context: Context) -> Kept:
    """Every example that the keep part makes."""
    from exante.engines.filtering import sample_and_filter

    items = data_of(phase, context, Item)
    examples, metrics = sample_and_filter(engine, items, keep_of(phase, context), recipe, context.seed)
    return Kept(examples_of(phase, context, examples), context, metrics)


SAMPLE_AND_FILTER = SamplingObjective(
    name="sample_and_filter",
    module=__name__,
    data=Item,
    parts=("data", "keep"),
    metrics=lambda phase: ("sampled", "kept", "kept_share", "copies"),
    signals=lambda phase, recipe, loss: [Signal("filter", "shown")],
    drawn=lambda recipe, items: items() * recipe.group,
    sample=_sample,
)
