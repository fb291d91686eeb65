"""What every engine offers, what an objective is given to train with, and how a generated text becomes a `Completion`.

Needs no torch and does not know about tokenizers, studies or files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from exante.study import Recipe
from exante.text import Completion, Example, Item, Mode, Prompt

if TYPE_CHECKING:  # these need torch
    from exante.engines.network import Network
    from exante.engines.progress import Hooks

Reward = Callable[[Item, Completion], float]
Keep = Callable[[Item, Completion], Example | None]
"""A keep part with its context already bound by the caller."""

MetricRow = dict[str, Any]
"""One row of phases.parquet: step, metric, value."""


class Engine(Protocol):
    """Samples text. What a model can do beyond that, its profile says (`Profile.capabilities`)."""

    def sample(
        self, prompts: Sequence[Prompt], n: int, seed: int, temperature: float = 1.0, max_tokens: int = 64
    ) -> list[list[Completion]]: ...

    def logprobs(self, prompts: Sequence[Prompt], options: Sequence[Sequence[str]]) -> list[list[float]]: ...


@dataclass(frozen=True)
class Run:
    """One phase of training: the network, changed in place, and what the phase brings.

    `data` are what the objective's data part returns, and what an earlier phase kept. `scratchpad` is the phase's.
    """

    net: Network
    recipe: Recipe
    data: Sequence[Any]
    seed: int
    hooks: Hooks
    reward: Reward | None
    keep: Keep | None
    scratchpad: str


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
        scratchpad, closed, answer = text.partition(marker)
        if closed:
            return scratchpad, answer
    return text, None


def hide_scratchpad(completion: Completion) -> Completion:
    """What a reward may see when the scratchpad is hidden from it."""
    return replace(completion, scratchpad=None, raw=completion.answer or "")


def opened_for(items: Sequence[Item], scratchpad: str) -> list[Item]:
    """The items as a phase asks them: where there is to be no scratchpad ("none"), prompts open the answer directly."""
    if scratchpad != "none":
        return list(items)
    return [replace(item, prompt=replace(item.prompt, mode="answer")) for item in items]
