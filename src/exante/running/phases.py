"""What a phase does to a model: makes its data, trains on them, and says where its checkpoints are.

Watched by the code digests of every phase. Does not know where models and rows are kept, or what is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from exante.engines.base import Engine, MetricRow
from exante.engines.local import LocalEngine
from exante.objectives import objective_of
from exante.objectives.base import Kept, SamplingObjective, TrainingObjective
from exante.objectives.phase_parts import data_of, keep_of
from exante.running.jobs import Job
from exante.storage.identity import recipe_of
from exante.study import Context, Phase
from exante.text import Example, Item

Progress = Callable[[float], None]
"""Called with the share of a phase that is done."""


class Watcher(Protocol):
    """Evaluates a model at the checkpoints of a phase. `context` is what the phase's parts may know."""

    context: Context
    between: tuple[int, ...]

    def listener(self, engine: Engine) -> Callable[[int], None]: ...
    def evaluate(self, engine: Engine, step: int) -> None: ...
    def show_training(self, data: Sequence[Example] | Sequence[Item]) -> None: ...


def pretrained(job: Job, watcher: Watcher, progress: Progress) -> tuple[LocalEngine, list[MetricRow]]:
    """A base trained from nothing: tokenizer, weights and order of its corpus come from its base draw."""
    draw = watcher.context.base_draw
    corpus = data_of(job.node.phase, watcher.context, Example)
    engine = LocalEngine.initialise(job.profile, corpus, seed=draw, device=job.device)
    metrics = engine.train(
        _training(job.node.phase),
        recipe_of(job.node.phase, job.profile),
        corpus,
        seed=draw,
        checkpoints=watcher.between,
        on_checkpoint=watcher.listener(engine),
        on_progress=lambda done, total: progress(done / max(total, 1)),
    )
    watcher.evaluate(engine, job.node.last_step)
    return engine, metrics


def trained(job: Job, engine: LocalEngine, kept: Sequence[Example], watcher: Watcher, progress: Progress) -> list[MetricRow]:
    """Train a model in place on the phase's own data and the examples `kept` for it. A phase of no steps leaves it as it is."""
    node, phase, context = job.node, job.node.phase, watcher.context
    objective = _training(phase)
    own = data_of(phase, context, objective.data) if phase.data else []
    data: Sequence[Any] = [*own, *kept]
    watcher.show_training(data)
    watcher.evaluate(engine, 0)
    if not node.last_step:
        return []
    metrics = engine.train(
        objective,
        recipe_of(phase, job.profile, node.behaviour),
        data,
        seed=node.seed,
        checkpoints=watcher.between,
        on_checkpoint=watcher.listener(engine),
        reward=phase.reward.load() if phase.reward else None,
        keep=keep_of(phase, context) if phase.keep else None,
        scratchpad=phase.scratchpad,
        on_progress=lambda done, total: progress(done / max(total, 1)),
    )
    watcher.evaluate(engine, node.last_step)
    return metrics


def _training(phase: Phase) -> TrainingObjective:
    objective = objective_of(phase)
    assert isinstance(objective, TrainingObjective), f"{phase.objective} changes no weights"
    return objective


def sampled(job: Job, engine: Engine, watcher: Watcher) -> Kept:
    """Examples made of the samples of a model, which stays as it is."""
    phase = job.node.phase
    objective = objective_of(phase)
    assert isinstance(objective, SamplingObjective), f"{phase.objective} keeps no samples"
    return objective.sample(engine, phase, recipe_of(phase, job.profile, job.node.behaviour), watcher.context)
