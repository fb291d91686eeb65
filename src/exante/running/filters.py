"""A phase that samples and filters: what a part keeps of the samples of the model before is data for the next phase.

Watched by the code digests of such phases. Trains nothing; does not know where models and examples are kept, or about grades.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exante.engines.local import LocalEngine
from exante.errors import BadData
from exante.running.jobs import Job
from exante.running.phases import data_of, keeper
from exante.storage.identity import recipe_of
from exante.study import Context
from exante.text import Example, Item

Filtered = tuple[list[Example], Context, list[dict[str, Any]]]
"""The examples kept, the context with what a probe named, and metrics."""


def filtered(job: Job, engine: LocalEngine, context: Context) -> Filtered:
    """Every example that the keep part makes."""
    phase = job.node.phase
    recipe = recipe_of(phase, job.profile, job.node.behaviour)
    items = data_of(job, context, Item)
    examples, metrics = engine.sample_and_filter(items, keeper(phase.keep, context), recipe, job.node.seed)
    return all_examples(job, examples), context, metrics


def all_examples(job: Job, made: Sequence[Any]) -> list[Example]:
    """What a keep part made, if it is examples. Raises BadData."""
    phase = job.node.phase
    wrong = next((one for one in made if not isinstance(one, Example)), None)
    if wrong is not None:
        assert phase.keep is not None, "a phase that samples has a keep part"
        where = f"phase {phase.name!r} (behaviour {job.node.behaviour!r}, seed {job.node.seed})"
        raise BadData(f"{where}: its part {phase.keep.target} returned {type(wrong).__name__}; it must return an Example or None")
    return list(made)
