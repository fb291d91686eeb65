"""Conversations as text, and text as token ids with a span label per token.

Knows chat templates and tokenizers; does not know about models, losses or what the words mean.
Labels come from character offsets in the rendered text: a token belongs to the span of its last character.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from exante.errors import UserError
from exante.study import Profile
from exante.text import Example, Prompt

CONTEXT, SCRATCHPAD, ANSWER = 0, 1, 2
"""Span labels. Context carries no loss."""

PAD, BOS, END = "<|pad|>", "<|bos|>", "<|end|>"
SPECIALS = (PAD, BOS, "<|system|>", "<|user|>", "<|assistant|>", END, "<think>", "</think>", "<answer>")
VOCABULARY = 768

MICRO_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>"
    "{% if message['role'] == 'assistant' %}"
    "{% if message.get('scratchpad') is none %}<answer>{% else %}<think>{{ message['scratchpad'] }}</think>{% endif %}"
    "{% endif %}{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>"
    "{% if mode is defined and mode == 'answer' %}<answer>{% else %}<think>{% endif %}"
    "{% endif %}"
)


@dataclass(frozen=True)
class Template:
    """The layout of one model family's text. `micro`: the chat template itself opens the span that the mode names."""

    tokenizer: PreTrainedTokenizerFast
    think_open: str
    think_close: str
    end: str
    pad_id: int
    stop_ids: tuple[int, ...]
    micro: bool

    @property
    def controls(self) -> tuple[str, ...]:
        """Texts that no well-formed span contains."""
        return tuple(token for token in self.tokenizer.all_special_tokens if token)


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


def train_tokenizer(corpus: Iterable[str | Example]) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of `VOCABULARY` tokens, with the micro chat template."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator((words for entry in corpus for words in _words(entry)), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=BOS,
        eos_token=END,
        pad_token=PAD,
        extra_special_tokens=[token for token in SPECIALS if token not in (BOS, END, PAD)],
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )
    tokenizer.chat_template = MICRO_TEMPLATE
    return tokenizer


def _words(entry: str | Example) -> Iterable[str]:
    """The plain texts of a corpus entry: special tokens are no part of them."""
    if isinstance(entry, str):
        yield entry
        return
    for turn in entry.prompt.turns:
        yield from (turn.content, turn.scratchpad or "")
    yield from (entry.scratchpad or "", entry.answer)


def template_for(tokenizer: Any, profile: Profile, stop_ids: Sequence[int] = ()) -> Template:
    """The template of a loaded tokenizer. `stop_ids` are further end-of-turn tokens the model declares."""
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise UserError(
            f"the tokenizer of {profile.id} has no fast (tokenizer.json) form; convert it and save it beside the model"
        )
    if not tokenizer.chat_template:
        raise UserError(f"the tokenizer of {profile.id} has no chat template; add a chat_template.jinja to its directory")
    if tokenizer.eos_token is None:
        raise UserError(f"the tokenizer of {profile.id} has no end-of-sequence token; name one in its tokenizer_config.json")
    end = str(tokenizer.eos_token)
    end_id, pad_id = (tokenizer.get_vocab()[token] for token in (end, str(tokenizer.pad_token or end)))
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    return Template(
        tokenizer=tokenizer,
        think_open=profile.think_open,
        think_close=profile.think_close,
        end=end,
        pad_id=pad_id,
        stop_ids=tuple(sorted({end_id, *stop_ids})),
        micro=tokenizer.chat_template == MICRO_TEMPLATE,
    )


def prompt_text(template: Template, prompt: Prompt) -> str:
    """The rendered prompt up to and including the opened span and the forced prefix."""
    return _open(template, prompt) + prompt.forced


def _open(template: Template, prompt: Prompt) -> str:
    messages = [_message(template, turn.role, turn.content, turn.scratchpad) for turn in prompt.turns]
    try:
        text = template.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, mode=prompt.mode)
    except jinja2.TemplateError as error:
        raise UserError(
            f"the model's chat template refuses a conversation ({error}); use prompts whose roles it takes"
        ) from error
    opened = "" if template.micro or prompt.mode == "answer" else template.think_open
    return str(text) + opened


def _message(template: Template, role: str, content: str, scratchpad: str | None) -> dict[str, str]:
    if scratchpad is None:
        return {"role": role, "content": content}
    if template.micro:
        return {"role": role, "content": content, "scratchpad": scratchpad}
    return {"role": role, "content": template.think_open + scratchpad + template.think_close + content}


def example_text(template: Template, example: Example) -> tuple[str, int, int]:
    """The whole text, and the characters at which the scratchpad and the answer start. A forced prefix plays no part here."""
    if (example.scratchpad is None) != (example.prompt.mode == "answer"):
        raise UserError(
            "a training example must have a scratchpad in think mode and none in answer mode; fix the part that made it"
        )
    context = _open(template, example.prompt)
    thought = "" if example.scratchpad is None else example.scratchpad + template.think_close
    return context + thought + example.answer + template.end, len(context), len(context) + len(thought)


def encode_prompts(template: Template, prompts: Sequence[Prompt]) -> list[np.ndarray]:
    """Token ids of each prompt, as they stand before the first sampled token."""
    return encode_texts(template, [prompt_text(template, prompt) for prompt in prompts])


def encode_texts(template: Template, texts: list[str]) -> list[np.ndarray]:
    """Token ids of rendered texts; templates write their own special tokens, so none are added."""
    encodings = template.tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)
    return [np.array(encoding.ids, dtype=np.int64) for encoding in encodings]


def encode_examples(template: Template, examples: Sequence[Example]) -> Encoded:
    """Ids and loss spans of training examples. Spans that carry no loss are labelled as context."""
    texts = [example_text(template, example) for example in examples]
    encodings = template.tokenizer.backend_tokenizer.encode_batch([text for text, _, _ in texts], add_special_tokens=False)
    ids = [np.array(encoding.ids, dtype=np.int64) for encoding in encodings]
    spans = [
        _loss_spans(example, len(row), first_token(encoding, thought), first_token(encoding, answer))
        for example, row, encoding, (_, thought, answer) in zip(examples, ids, encodings, texts, strict=True)
    ]
    lengths_N = np.array([len(row) for row in ids], dtype=np.int64)
    return Encoded(
        ids=np.concatenate(ids),
        spans=np.concatenate(spans),
        starts_N=np.cumsum(lengths_N) - lengths_N,
        lengths_N=lengths_N,
        targets_N=np.array([example.label == "target" for example in examples], dtype=np.int64),
    )


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
