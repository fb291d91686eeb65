"""What a phase does to a model: makes its data, trains on them, and says where its checkpoints are.

Watched by the code digests of every phase. Does not know where models and rows are kept, or what is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from exante.engines.base import Engine, Keep
from exante.engines.local import LocalEngine
from exante.parts import Part, checked
from exante.running.jobs import Job
from exante.storage.identity import recipe_of
from exante.study import Context
from exante.text import Example, Item

Made = TypeVar("Made", bound=Example | Item)
Progress = Callable[[float], None]
"""Called with the share of a phase that is done."""
Metrics = list[Any]


class Watcher(Protocol):
    """Evaluates a model at the checkpoints of a phase. `context` is what the phase's parts may know."""

    context: Context
    between: tuple[int, ...]

    def listener(self, engine: Engine) -> Callable[[int], None]: ...
    def evaluate(self, engine: Engine, step: int) -> None: ...
    def show_training(self, data: Sequence[Example] | Sequence[Item]) -> None: ...


def pretrained(job: Job, watcher: Watcher, progress: Progress) -> tuple[LocalEngine, Metrics]:
    """A base trained from nothing: tokenizer, weights and order of its corpus come from its base draw."""
    draw = watcher.context.base_draw
    corpus = data_of(job, watcher.context, Example)
    engine = LocalEngine.initialise(job.profile, corpus, seed=draw, device=job.device)
    metrics = engine.train(
        "pretrain",
        recipe_of(job.node.phase, job.profile),
        corpus,
        seed=draw,
        checkpoints=watcher.between,
        on_checkpoint=watcher.listener(engine),
        on_progress=lambda done, total: progress(done / max(total, 1)),
    )
    watcher.evaluate(engine, job.node.last_step)
    return engine, metrics


def trained(job: Job, engine: LocalEngine, kept: Sequence[Example], watcher: Watcher, progress: Progress) -> Metrics:
    """Train a model in place on the phase's own data and the examples `kept` for it. A phase of no steps leaves it as it is."""
    node, phase, context = job.node, job.node.phase, watcher.context
    own = data_of(job, context, Example if phase.objective == "sft" else Item) if phase.data else []
    data: Sequence[Any] = [*own, *kept]
    watcher.show_training(data)
    watcher.evaluate(engine, 0)
    if not node.last_step:
        return []
    metrics = engine.train(
        phase.objective,
        recipe_of(phase, job.profile, node.behaviour),
        data,
        seed=node.seed,
        checkpoints=watcher.between,
        on_checkpoint=watcher.listener(engine),
        reward=phase.reward.load() if phase.reward else None,
        keep=keeper(phase.keep, context) if phase.keep else None,
        scratchpad=phase.scratchpad,
        on_progress=lambda done, total: progress(done / max(total, 1)),
    )
    watcher.evaluate(engine, node.last_step)
    return metrics


def data_of(job: Job, context: Context, kind: type[Made]) -> list[Made]:
    """What the phase's data part returns. Raises BadData where that is not a list of some examples (or items)."""
    part = job.node.phase.data
    assert part is not None, "a phase without a data part follows one that samples"
    where = f"phase {job.node.phase.name!r} (behaviour {job.node.behaviour!r}, seed {job.node.seed})"
    return checked(part.load()(context), kind, part, where)


def keeper(part: Part | None, context: Context) -> Keep:
    """The keep part of a phase with its context."""
    assert part is not None, "a phase that samples has a keep part"
    keep = part.load()
    return lambda item, completion: keep(context, item, completion)
