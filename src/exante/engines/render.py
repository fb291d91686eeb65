"""Conversations as text, and text as token ids with a span label per token.

Knows tokenizers and leaves the layout to a dialect; does not know about models, losses or what the words mean.
Labels come from character offsets in the rendered text: a token belongs to the span of its last character.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from exante.engines.dialects import chat, micro
from exante.engines.dialects.base import Dialect
from exante.errors import UserError
from exante.study import Profile
from exante.text import Example, Prompt

CONTEXT, SCRATCHPAD, ANSWER = 0, 1, 2
"""Span labels. Context carries no loss."""


@dataclass(frozen=True)
class Encoded:
    """Token ids and loss spans of N sequences, end to end in one array; sequence i is [starts[i], starts[i] + lengths[i])."""

    ids: np.ndarray
    spans: np.ndarray
    starts_N: np.ndarray
    lengths_N: np.ndarray
    targets_N: np.ndarray

    def rows(self, chosen_B: np.ndarray, pad_id: int) -> tuple[np.ndarray, np.ndarray]:
        """ids_BT and spans_BT of the chosen sequences, padded on the right (pads are context: no loss)."""
        lengths_B = self.lengths_N[chosen_B]
        offsets_T = np.arange(int(lengths_B.max()))
        inside_BT = offsets_T < lengths_B[:, None]
        index_BT = np.where(inside_BT, self.starts_N[chosen_B][:, None] + offsets_T, 0)
        return np.where(inside_BT, self.ids[index_BT], pad_id), np.where(inside_BT, self.spans[index_BT], CONTEXT)


def dialect_for(tokenizer: Any, profile: Profile, stop_ids: Sequence[int] = ()) -> Dialect:
    """The dialect of a loaded tokenizer. `stop_ids` are further end-of-turn tokens the model declares.

    Raises UserError for a tokenizer that is slow or without a chat template.
    """
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise UserError(
            f"the tokenizer of {profile.id} has no fast (tokenizer.json) form; convert it and save it beside the model"
        )
    if not tokenizer.chat_template:
        raise UserError(f"the tokenizer of {profile.id} has no chat template; add a chat_template.jinja to its directory")
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    if tokenizer.chat_template == micro.TEMPLATE:
        return micro.dialect(tokenizer)
    return chat.dialect(tokenizer, profile.id, profile.think_open, profile.think_close, stop_ids)


def prompt_text(dialect: Dialect, prompt: Prompt) -> str:
    """The rendered prompt up to and including the opened span and the forced prefix."""
    return dialect.open(prompt) + prompt.forced


def example_text(dialect: Dialect, example: Example) -> tuple[str, int, int]:
    """The whole text, and the characters at which the scratchpad and the answer start. A forced prefix plays no part here."""
    if (example.scratchpad is None) != (example.prompt.mode == "answer"):
        raise UserError(
            "a training example must have a scratchpad in think mode and none in answer mode; fix the part that made it"
        )
    context = dialect.open(example.prompt)
    thought = "" if example.scratchpad is None else example.scratchpad + dialect.think_close
    return context + thought + example.answer + dialect.end, len(context), len(context) + len(thought)


def encode_prompts(dialect: Dialect, prompts: Sequence[Prompt]) -> list[np.ndarray]:
    """Token ids of each prompt, as they stand before the first sampled token."""
    return encode_texts(dialect, [prompt_text(dialect, prompt) for prompt in prompts])


def encode_texts(dialect: Dialect, texts: list[str]) -> list[np.ndarray]:
    """Token ids of rendered texts; templates write their own special tokens, so none are added."""
    encodings = dialect.tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)
    return [np.array(encoding.ids, dtype=np.int64) for encoding in encodings]


def encode_examples(dialect: Dialect, examples: Sequence[Example]) -> Encoded:
    """Ids and loss spans of training examples. Spans that carry no loss are labelled as context.

    The ids of an example begin with the ids of its prompt, as they do when a model continues it.
    """
    texts = [example_text(dialect, example) for example in examples]
    encodings = dialect.tokenizer.backend_tokenizer.encode_batch([text for text, _, _ in texts], add_special_tokens=False)
    prompts = [None] * len(texts) if dialect.seamless else encode_texts(dialect, [text[:thought] for text, thought, _ in texts])
    rows = [
        _labelled(dialect, example, encoding, text, prompt)
        for example, encoding, text, prompt in zip(examples, encodings, texts, prompts, strict=True)
    ]
    lengths_N = np.array([len(ids) for ids, _ in rows], dtype=np.int64)
    return Encoded(
        ids=np.concatenate([ids for ids, _ in rows]),
        spans=np.concatenate([spans for _, spans in rows]),
        starts_N=np.cumsum(lengths_N) - lengths_N,
        lengths_N=lengths_N,
        targets_N=np.array([example.label == "target" for example in examples], dtype=np.int64),
    )


def _labelled(
    dialect: Dialect, example: Example, encoding: Any, text: tuple[str, int, int], prompt: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Ids and spans of one example. Where its text alone would be cut into other tokens than its prompt, prompt and
    continuation are encoded apart."""
    whole, thought, answer = text
    ids = np.array(encoding.ids, dtype=np.int64)
    if prompt is None or np.array_equal(ids[: len(prompt)], prompt):
        return ids, _loss_spans(example, len(ids), first_token(encoding, thought), first_token(encoding, answer))
    rest = dialect.tokenizer.backend_tokenizer.encode(whole[thought:], add_special_tokens=False)
    ids, start = np.concatenate([prompt, np.array(rest.ids, dtype=np.int64)]), len(prompt)
    return ids, _loss_spans(example, len(ids), start, start + first_token(rest, answer - thought))


def first_token(encoding: Any, character: int) -> int:
    """Index of the token that holds the character, or of the next one (some tokenizers drop white space); the number of
    tokens if none follows."""
    token = encoding.char_to_token(character)
    if token is None:
        end = max((stop for _, stop in encoding.offsets), default=0)
        later = (encoding.char_to_token(place) for place in range(character + 1, end))
        token = next((index for index in later if index is not None), len(encoding.ids))
    return int(token)


def _loss_spans(example: Example, length: int, thought: int, answer: int) -> np.ndarray:
    spans = np.full(length, CONTEXT, dtype=np.int8)
    if example.train_scratchpad:
        spans[thought:answer] = SCRATCHPAD
    if example.train_answer:
        spans[answer:] = ANSWER
    return spans


def padded(rows: Sequence[np.ndarray], pad_id: int, side: str) -> tuple[np.ndarray, np.ndarray]:
    """ids_BT and the mask of real tokens, padded on the left or the right."""
    width = max(len(row) for row in rows)
    ids_BT = np.full((len(rows), width), pad_id, dtype=np.int64)
    real_BT = np.zeros((len(rows), width), dtype=np.int64)
    for line, row in enumerate(rows):
        where = slice(0, len(row)) if side == "right" else slice(width - len(row), width)
        ids_BT[line, where] = row
        real_BT[line, where] = 1
    return ids_BT, real_BT
