"""The dialect of models that are pretrained here: a chat template whose generation prompt opens the span that the mode names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from exante.engines.dialects.base import Dialect
from exante.text import Example, Prompt, Turn

PAD, BOS, END = "<|pad|>", "<|bos|>", "<|end|>"
SPECIALS = (PAD, BOS, "<|system|>", "<|user|>", "<|assistant|>", END, "<think>", "</think>", "<answer>")
VOCABULARY = 768
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>"
    "{% if message['role'] == 'assistant' %}"
    "{% if message.get('scratchpad') is none %}<answer>{% else %}<think>{{ message['scratchpad'] }}</think>{% endif %}"
    "{% endif %}{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>"
    "{% if mode is defined and mode == 'answer' %}<answer>{% else %}<think>{% endif %}"
    "{% endif %}"
)


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
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _words(entry: str | Example) -> Iterable[str]:
    """The plain texts of a corpus entry: special tokens are no part of them."""
    if isinstance(entry, str):
        yield entry
        return
    for turn in entry.prompt.turns:
        yield from (turn.content, turn.scratchpad or "")
    yield from (entry.scratchpad or "", entry.answer)


def dialect(tokenizer: Any) -> Dialect:
    """The dialect of a tokenizer that has the micro chat template."""
    vocabulary = tokenizer.get_vocab()

    def opened(prompt: Prompt) -> str:
        messages = [_message(turn) for turn in prompt.turns]
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, mode=prompt.mode))

    return Dialect(
        name="micro",
        tokenizer=tokenizer,
        open=opened,
        think_open="<think>",
        think_close="</think>",
        end=END,
        pad_id=vocabulary[PAD],
        stop_ids=(vocabulary[END],),
        controls=tuple(token for token in tokenizer.all_special_tokens if token),
        seamless=True,
    )


def _message(turn: Turn) -> dict[str, str]:
    message = {"role": str(turn.role), "content": turn.content}
    return message if turn.scratchpad is None else message | {"scratchpad": turn.scratchpad}
