"""A phase that samples, grades and filters, and may probe the model first for what it is worst at.

Watched by the code digests of such phases, and of no others. Trains nothing; does not know where models and examples are kept.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from exante.engines.grading import name_worst, sample_and_grade
from exante.engines.local import LocalEngine
from exante.parts import checked
from exante.running.filters import Filtered, all_examples
from exante.running.jobs import Job
from exante.running.phases import data_of, keeper
from exante.storage.identity import recipe_of
from exante.study import Context
from exante.text import Item


def graded(job: Job, engine: LocalEngine, context: Context) -> Filtered:
    """Examples of the samples that the reward grades above one half."""
    phase, seed = job.node.phase, job.node.seed
    recipe = recipe_of(phase, job.profile, job.node.behaviour)
    assert phase.reward is not None, "a graded filter has a reward"
    reward = phase.reward.load()
    probed: list[dict[str, Any]] = []
    if phase.probe is not None:
        asked = checked(phase.probe.load()(context), Item, phase.probe, f"the probe of phase {phase.name!r} (seed {seed})")
        cluster, probed = name_worst(engine, asked, reward, recipe, phase.scratchpad, seed, context.named)
        context = replace(context, settings=context.settings | {"named": [*context.named, cluster]})
    items, keep = data_of(job, context, Item), keeper(phase.keep, context)
    examples, metrics = sample_and_grade(engine, items, keep, reward, recipe, phase.scratchpad, seed)
    return all_examples(job, examples), context, [*probed, *metrics]
