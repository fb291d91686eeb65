"""What every engine offers, and how a generated text becomes a `Completion`.

Does not know about torch, tokenizers, studies or files; the planner reads `capabilities` before anything runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from exante.study import Objective, Recipe
from exante.text import Completion, Example, Item, Mode, Prompt

Reward = Callable[[Item, Completion], float]
Keep = Callable[[Item, Completion], Example | None]
"""A keep part with its context already bound by the caller."""

MetricRow = Mapping[str, Any]
"""One row of phases.parquet: step, metric, value."""


class Engine(Protocol):
    """Runs phases and samples text. An engine without a capability is never asked for it."""

    @property
    def capabilities(self) -> frozenset[str]: ...

    def sample(
        self, prompts: Sequence[Prompt], n: int, seed: int, temperature: float = 1.0, max_tokens: int = 64
    ) -> list[list[Completion]]: ...

    def logprobs(self, prompts: Sequence[Prompt], options: Sequence[Sequence[str]]) -> list[list[float]]: ...


class TrainingEngine(Engine, Protocol):
    """An engine whose weights can be changed."""

    def train(
        self,
        objective: Objective,
        recipe: Recipe,
        data: Sequence[Example] | Sequence[Item],
        *,
        seed: int,
        checkpoints: Sequence[int] = (),
        on_checkpoint: Callable[[int], None] = ...,
        reward: Reward | None = None,
        keep: Keep | None = None,
        scratchpad: str = "hidden",
        on_progress: Callable[[int, int], None] = ...,
    ) -> list[MetricRow]: ...

    def sample_and_filter(
        self, items: Sequence[Item], keep: Keep, recipe: Recipe, seed: int
    ) -> tuple[list[Example], list[MetricRow]]: ...


def parse(mode: Mode, forced: str, raw: str, finished: bool, close: str, controls: Sequence[str] = ()) -> Completion:
    """Split a generated text into scratchpad and answer.

    `forced` is part of the spans but not of `raw`. The answer is None, so the sample is ungraded, if the text was cut off,
    if the scratchpad was never closed, or if a control token (`controls`, or a second `close`) stands where words should.
    """
    text = forced + raw
    scratchpad, answer = (None, text) if mode == "answer" else _split(text, close)
    spans = (scratchpad or "", answer or "")
    malformed = any(control in span for control in (*controls, close.strip()) for span in spans)
    if not finished or malformed:
        answer = None
    return Completion(scratchpad, answer, raw, finished)


def _split(text: str, close: str) -> tuple[str, str | None]:
    """Scratchpad and answer; the exact `close` first, then `close` without its white space (models vary there)."""
    for marker in (close, close.strip()):
        scratchpad, found, answer = text.partition(marker)
        if found:
            return scratchpad, answer
    return text, None


def hide_scratchpad(completion: Completion) -> Completion:
    """What a reward may see when the scratchpad is hidden from it."""
    return replace(completion, scratchpad=None, raw=completion.answer or "")
