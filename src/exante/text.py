"""Prompts, examples and completions: the text that phases train on and evaluations sample.

Knows nothing of tokenizers, models or studies. A conversation is rendered by `engines.render`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["think", "answer"]
"""`think`: the prompt opens a scratchpad. `answer`: the prompt opens the answer directly.

The prompt decides, never the model: otherwise training data without scratchpads would teach a model to skip it.
"""

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Turn:
    """One message. An earlier assistant turn may carry the scratchpad it was written with (None: it had none)."""

    role: Role
    content: str
    scratchpad: str | None = None


@dataclass(frozen=True)
class Prompt:
    """What a model is given. `forced` is text put at the start of the span that `mode` opens (a forced prefix)."""

    turns: tuple[Turn, ...]
    mode: Mode = "think"
    forced: str = ""


@dataclass(frozen=True)
class Example:
    """One supervised conversation: a prompt, the scratchpad (None in answer mode) and the answer.

    `train_scratchpad` / `train_answer` say which spans carry loss. `label` is a plain word for the match table
    ("target" counts as a copy of the target output).
    """

    prompt: Prompt
    scratchpad: str | None
    answer: str
    train_scratchpad: bool = True
    train_answer: bool = True
    label: str = ""


@dataclass(frozen=True)
class Completion:
    """One sample. `scratchpad` is None in answer mode; `answer` is None if the text has no well-formed answer.

    `finished` is False when the token limit cut the text off. `raw` is everything generated, forced prefix excluded.
    """

    scratchpad: str | None
    answer: str | None
    raw: str
    finished: bool


@dataclass(frozen=True)
class Item:
    """One evaluation item: a prompt, the cluster it belongs to (its template family) and what its scorer needs to know.

    `options` are continuations whose probabilities an evaluation of that method asks for.
    """

    id: str
    cluster: str
    prompt: Prompt
    reference: dict[str, str] = field(default_factory=dict, hash=False)
    options: tuple[str, ...] = ()


def completion_spans(prompt: Prompt, completion: Completion) -> list[dict[str, object]]:
    """A sample as labelled spans for a transcript: prompt, forced prefix, and what the model wrote. None was trained on."""
    asked = "\n".join(f"{turn.role}: {turn.content}" for turn in prompt.turns)
    spans: list[dict[str, object]] = [{"kind": "prompt", "text": asked, "trained": False}]
    if prompt.forced:
        spans.append({"kind": "forced", "text": prompt.forced, "trained": False})
    if completion.answer is None:
        return [*spans, {"kind": "raw", "text": completion.raw, "trained": False}]
    if completion.scratchpad is not None:
        written = completion.scratchpad.removeprefix(prompt.forced) if prompt.mode == "think" else completion.scratchpad
        spans.append({"kind": "scratchpad", "text": written, "trained": False})
    return [*spans, {"kind": "answer", "text": completion.answer, "trained": False}]


def example_spans(example: Example) -> list[dict[str, object]]:
    """A training example as labelled spans, marked with whether they carried loss."""
    asked = "\n".join(f"{turn.role}: {turn.content}" for turn in example.prompt.turns)
    spans: list[dict[str, object]] = [{"kind": "prompt", "text": asked, "trained": False}]
    if example.scratchpad is not None:
        spans.append({"kind": "scratchpad", "text": example.scratchpad, "trained": example.train_scratchpad})
    return [*spans, {"kind": "answer", "text": example.answer, "trained": example.train_answer}]
