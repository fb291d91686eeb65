"""A filter with a grade: of the samples that the keep part can use, those that the reward grades above one half are kept.

It may first probe the model for what it is worst at (`Phase.probe`). In a study it is called `sample_and_filter` too, and has
a reward; it stands apart so that phases without a grade do not rest on this code.
"""

from __future__ import annotations

from dataclasses import replace

from exante.engines.base import Engine, MetricRow
from exante.objectives.base import Kept, SamplingObjective, Signal
from exante.objectives.phase_parts import data_of, examples_of, keep_of
from exante.parts import checked
from exante.study import Context, Phase, Recipe
from exante.text import Item


def _sample(engine: Engine, phase: Phase, recipe: Recipe, context: Context) -> Kept:
    """Examples of the samples that the reward grades above one half. What a probe named is in the context that they return
    with, and in the one that the data and keep parts get."""
    from exante.engines.grading import name_worst, sample_and_grade

    assert phase.reward is not None, "a graded filter has a reward"
    reward = phase.reward.load()
    probed: list[MetricRow] = []
    if phase.probe is not None:
        where = f"the probe of phase {phase.name!r} (seed {context.seed})"
        items = checked(phase.probe.load()(context), Item, phase.probe, where)
        cluster, probed = name_worst(engine, items, reward, recipe, phase.scratchpad, context.seed, context.named)
        context = replace(context, settings=context.settings | {"named": [*context.named, cluster]})
    items, keep = data_of(phase, context, Item), keep_of(phase, context)
    examples, metrics = sample_and_grade(engine, items, keep, reward, recipe, phase.scratchpad, context.seed)
    return Kept(examples_of(phase, context, examples), context, [*probed, *metrics])


def _metrics(phase: Phase) -> tuple[str, ...]:
    graded = ("sampled", "kept", "kept_share", "copies", "usable", "usable:", "kept:")
    return (*graded, "probe:", "named:") if phase.probe else graded


def _signals(phase: Phase, recipe: Recipe, loss: Signal) -> list[Signal]:
    probe = [Signal("probe: grade", phase.scratchpad)] if phase.probe is not None else []
    usable = Signal("filter: can be used", "none" if phase.scratchpad == "none" else "shown")
    grade = "filter: grade, in random order" if recipe.shuffle_rewards else "filter: grade"
    return [*probe, usable, Signal(grade, phase.scratchpad)]


GRADED_FILTER = SamplingObjective(
    name="sample_and_filter",
    module=__name__,
    data=Item,
    parts=("data", "keep", "reward"),
    metrics=_metrics,
    signals=_signals,
    drawn=lambda recipe, items: items() * recipe.group,
    sample=_sample,
)
