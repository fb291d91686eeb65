"""Evaluations of a model at the checkpoints of a phase: which items are asked, with which seed, and how answers are counted.

Watched by the code digests of all rows. Does not know where models and rows are kept.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from exante.engines.base import Engine
from exante.errors import BadData, UserError
from exante.running.jobs import Job
from exante.storage.identity import digest, evaluation_id
from exante.study import Context, Evaluation
from exante.text import Completion, Example, Item, completion_spans, example_spans

SHOWN_ITEMS = 2
"""Items of each evaluation × condition × checkpoint whose text is kept for the report."""
SHOWN_EXAMPLES = 3
"""Training examples of each phase whose text is kept."""


class Recorder:
    """Runs the job's evaluations at their steps and collects rows and a few transcripts."""

    def __init__(self, job: Job, context: Context) -> None:
        self.job, self.context = job, context
        self.rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self.texts: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.training: list[dict[str, Any]] = []
        self.seconds = 0.0
        self.samples = 0
        self.steps = tuple(sorted({s for e in job.evaluations for s in job.node.evaluations[e.id]}))
        self.between = tuple(s for s in self.steps if s not in (0, job.node.last_step))

    def listener(self, engine: Engine) -> Callable[[int], None]:
        """What an engine calls at its checkpoints. Both ends of a phase are evaluated outside it, on plain weights, so that
        evaluating a kept checkpoint later gives the same rows."""
        return lambda step: self.evaluate(engine, step) if step in self.between else None

    def evaluate(self, engine: Engine, step: int) -> None:
        started = time.perf_counter()
        for evaluation in self.job.evaluations:
            if step in self.job.node.evaluations[evaluation.id]:
                self._one(engine, evaluation, step)
        self.seconds += time.perf_counter() - started

    def _one(self, engine: Engine, evaluation: Evaluation, step: int) -> None:
        make = evaluation.items.load()
        made = [(condition, make(self.context, condition)) for condition in evaluation.conditions]
        for condition, items in made:
            _check_items(evaluation, condition, items)
        asked = [(condition, item) for condition, items in made for item in items]
        (self._options if evaluation.method == "options" else self._samples)(engine, evaluation, step, asked)

    def _samples(self, engine: Engine, evaluation: Evaluation, step: int, asked: Sequence[tuple[str, Item]]) -> None:
        score = evaluation.score.load()
        # The same seed for all arms: their samples are drawn with common random numbers.
        seed = int(digest([self.context.seed, self.context.base_draw, evaluation_id(evaluation), step])[:8], 16)
        drawn = engine.sample(
            [item.prompt for _, item in asked],
            evaluation.samples,
            seed,
            temperature=evaluation.temperature,
            max_tokens=evaluation.max_tokens,
        )
        shown: dict[str, int] = defaultdict(int)
        for (condition, item), completions in zip(asked, drawn, strict=True):
            scored = [_scored(score(item, completion), evaluation) for completion in completions]
            values = {outcome: [value for name, value in scored if name == outcome] for outcome in evaluation.outcomes}
            counted = {outcome: (len(v), sum(v), sum(x * x for x in v)) for outcome, v in values.items()}
            self._add(evaluation, step, condition, item, len(scored), counted)
            if shown[condition] < SHOWN_ITEMS:
                shown[condition] += 1
                self.texts[evaluation.id].append(_transcript(step, evaluation, condition, item, completions[0], scored[0][0]))

    def _options(self, engine: Engine, evaluation: Evaluation, step: int, asked: Sequence[tuple[str, Item]]) -> None:
        score = evaluation.score.load()
        _check_options(evaluation, asked)
        nats = engine.logprobs([item.prompt for _, item in asked], [item.options for _, item in asked])
        for (condition, item), logprobs in zip(asked, nats, strict=True):
            values: dict[str, float] = score(item, [math.exp(x) for x in logprobs])
            assert set(values) <= set(evaluation.outcomes), f"{evaluation.score.target} returned undeclared outcomes {values}"
            shares = {outcome: float(values.get(outcome, 0.0)) for outcome in evaluation.outcomes}
            counted = {outcome: (int(value > 0.5), value, value * value) for outcome, value in shares.items()}
            self._add(evaluation, step, condition, item, 1, counted)

    def _add(
        self,
        evaluation: Evaluation,
        step: int,
        condition: str,
        item: Item,
        trials: int,
        counted: dict[str, tuple[int, float, float]],
    ) -> None:
        self.samples += trials
        for outcome, (n, total, squares) in counted.items():
            row = (step, evaluation.id, condition, item.id, item.cluster, outcome, n, trials, total, squares)
            self.rows[evaluation.id].append(row)

    def show_training(self, data: Sequence[Example] | Sequence[Item]) -> None:
        """Keep the first few training examples, with the spans that carried loss."""
        examples = [e for e in data if isinstance(e, Example)][:SHOWN_EXAMPLES]
        self.training = [{"item": f"example {i}", "outcome": e.label, "spans": example_spans(e)} for i, e in enumerate(examples)]


def _check_items(evaluation: Evaluation, condition: str, items: Any) -> None:
    if not isinstance(items, list | tuple) or not all(isinstance(item, Item) for item in items):
        raise BadData(
            f"evaluation {evaluation.id!r}: its part {evaluation.items.target} returned what is no list of Item for condition"
            f" {condition!r}"
        )


def _check_options(evaluation: Evaluation, asked: Sequence[tuple[str, Item]]) -> None:
    for condition, item in asked:
        if not item.options or not all(item.options):
            raise UserError(
                f"item {item.id!r} of evaluation {evaluation.id!r} ({condition}) has an empty option; its part"
                f" {evaluation.items.target} must give every item options that are words"
            )


def _scored(result: Any, evaluation: Evaluation) -> tuple[str, float]:
    outcome, value = result if isinstance(result, tuple) else (result, 0.0)
    assert outcome in evaluation.outcomes, f"{evaluation.score.target} returned the undeclared outcome {outcome!r}"
    return outcome, float(value)


def _transcript(
    step: int, evaluation: Evaluation, condition: str, item: Item, completion: Completion, outcome: str
) -> dict[str, Any]:
    return {
        "step": step,
        "evaluation": evaluation.id,
        "condition": condition,
        "item": item.id,
        "outcome": outcome,
        "spans": completion_spans(item.prompt, completion),
    }
