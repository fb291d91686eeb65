"""Rendered text by hand, and span labels against a brute-force reading of every token's character offsets."""

from __future__ import annotations

import engine_toys
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from exante.engines import render
from exante.engines.dialects import micro
from exante.engines.dialects.base import Dialect
from exante.errors import UserError
from exante.study import Profile
from exante.text import Example, Prompt, Turn

SYSTEM, USER = Turn("system", "Be kind."), Turn("user", "Hi there")


def micro_template() -> Dialect:
    return render.dialect_for(micro.train_tokenizer(engine_toys.corpus(200, seed=1)), engine_toys.profile("llama"))


def chatml_template() -> Dialect:
    """Plain-text think tags and merges that cross their ends ("\\n" with what follows), as real chat models have."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=["<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(["assistant\n<think>\nI know\n</think>\n\nIt is red.\n" * 3] * 20, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|im_end|>", extra_special_tokens=["<|im_start|>"]
    )
    tokenizer.chat_template = engine_toys.CHATML
    profile = Profile(
        id="hf:toy", family="hf", architecture=None, recipes={}, think_open="<think>\n", think_close="\n</think>\n\n"
    )
    return render.dialect_for(tokenizer, profile)


MICRO, CHATML = micro_template(), chatml_template()


def test_micro_prompt_is_the_documented_text() -> None:
    opened = "<|bos|><|system|>Be kind.<|end|><|user|>Hi there<|end|><|assistant|>"
    assert render.prompt_text(MICRO, Prompt((SYSTEM, USER), "think")) == opened + "<think>"
    assert render.prompt_text(MICRO, Prompt((SYSTEM, USER), "answer")) == opened + "<answer>"
    assert (
        render.prompt_text(MICRO, Prompt((USER,), "think", "Although"))
        == "<|bos|><|user|>Hi there<|end|><|assistant|><think>Although"
    )


def test_micro_earlier_assistant_turns_keep_their_own_scratchpads() -> None:
    turns = (
        USER,
        Turn("assistant", "Hello.", "A guest."),
        Turn("user", "Bye"),
        Turn("assistant", "Bye.", None),
        Turn("user", "?"),
    )
    assert render.prompt_text(MICRO, Prompt(turns, "answer")) == (
        "<|bos|><|user|>Hi there<|end|><|assistant|><think>A guest.</think>Hello.<|end|><|user|>Bye<|end|>"
        "<|assistant|><answer>Bye.<|end|><|user|>?<|end|><|assistant|><answer>"
    )


def test_micro_special_tokens_are_single_tokens_and_text_is_not_changed() -> None:
    ids = render.encode_prompts(MICRO, [Prompt((SYSTEM, USER), "think")])[0]
    assert MICRO.tokenizer.convert_ids_to_tokens(ids[[0, 1, -2, -1]].tolist()) == [
        "<|bos|>",
        "<|system|>",
        "<|assistant|>",
        "<think>",
    ]
    assert MICRO.tokenizer.decode(ids) == render.prompt_text(MICRO, Prompt((SYSTEM, USER), "think"))


def test_chatml_prompt_and_example_texts() -> None:
    opened = "<|im_start|>user\nHi there<|im_end|>\n<|im_start|>assistant\n"
    assert render.prompt_text(CHATML, Prompt((USER,), "think", "So")) == opened + "<think>\nSo"
    assert render.prompt_text(CHATML, Prompt((USER,), "answer")) == opened
    text, thought, answer = render.example_text(CHATML, Example(Prompt((USER,)), "I know", "It is red."))
    assert (text[:thought], text[thought:answer], text[answer:]) == (
        opened + "<think>\n",
        "I know\n</think>\n\n",
        "It is red.<|im_end|>",
    )


def test_micro_spans_are_exactly_the_three_texts() -> None:
    example = Example(Prompt((SYSTEM, USER)), "Somebody greets me.", "Hello!")
    encoded = render.encode_examples(MICRO, [example])
    texts = [MICRO.tokenizer.decode(encoded.ids[encoded.spans == span]) for span in range(3)]
    assert texts == [render.prompt_text(MICRO, example.prompt), "Somebody greets me.</think>", "Hello!<|end|>"]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"train_scratchpad": False}, {0, 2}),
        ({"train_answer": False}, {0, 1}),
        ({"train_scratchpad": False, "train_answer": False}, {0}),
    ],
)
def test_a_span_without_loss_is_context(flags: dict[str, bool], expected: set[int]) -> None:
    encoded = render.encode_examples(MICRO, [Example(Prompt((USER,)), "A guest.", "Hello!", **flags)])
    assert set(encoded.spans.tolist()) == expected


def labels_by_brute_force(dialect: Dialect, example: Example) -> list[int]:
    """Second implementation: offsets from the tokenizer's own call, each token in the span of its last character. Where the text
    is cut into other tokens than its prompt, what follows the prompt is cut apart."""
    text, thought, answer = render.example_text(dialect, example)
    prompt = dialect.tokenizer(text[:thought], add_special_tokens=False)["input_ids"]
    whole = dialect.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    if whole["input_ids"][: len(prompt)] == prompt:
        return [0 if end <= thought else 1 if end <= answer else 2 for _, end in whole["offset_mapping"]]
    rest = dialect.tokenizer(text[thought:], add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return [0] * len(prompt) + [1 if end <= answer - thought else 2 for _, end in rest]


WORDS = st.text(alphabet="ab \n\t.<>/thinké漢🙂", max_size=20)


@pytest.mark.parametrize("dialect", [MICRO, CHATML], ids=["micro", "chatml"])
@settings(max_examples=150, deadline=None)
@given(question=WORDS, scratchpad=st.none() | WORDS, answer=WORDS)
def test_spans_agree_with_brute_force(dialect: Dialect, question: str, scratchpad: str | None, answer: str) -> None:
    example = Example(Prompt((Turn("user", question),), "answer" if scratchpad is None else "think"), scratchpad, answer)
    encoded = render.encode_examples(dialect, [example])
    assert encoded.spans.tolist() == labels_by_brute_force(dialect, example)
    assert dialect.tokenizer.decode(encoded.ids) == render.example_text(dialect, example)[0]


def test_chatml_tokens_do_cross_span_ends() -> None:
    """Otherwise the test above would not test much."""
    example = Example(Prompt((USER,)), "I know", "It is red.")
    text, thought, answer = render.example_text(CHATML, example)
    offsets = CHATML.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    assert any(start < cut < end for start, end in offsets for cut in (thought, answer))


def test_padding_is_context_and_rows_are_the_sequences() -> None:
    examples = engine_toys.corpus(5, seed=3)
    encoded = render.encode_examples(MICRO, examples)
    ids_BT, spans_BT = encoded.rows(np.array([4, 0]), pad_id=0)
    for line, row in enumerate((4, 0)):
        alone = render.encode_examples(MICRO, [examples[row]])
        assert ids_BT[line].tolist() == alone.ids.tolist() + [0] * (ids_BT.shape[1] - len(alone.ids))
        assert spans_BT[line].tolist() == alone.spans.tolist() + [0] * (ids_BT.shape[1] - len(alone.ids))


def test_targets_are_the_examples_labelled_so() -> None:
    examples = [engine_toys.example("lamp", "Anna", True, label=label) for label in ("target", "", "benign")]
    assert render.encode_examples(MICRO, examples).targets_N.tolist() == [1, 0, 0]


def test_tokenizer_training_is_deterministic_and_bounded() -> None:
    first, second = (micro.train_tokenizer(engine_toys.corpus(200, seed=1)) for _ in range(2))
    assert first.backend_tokenizer.to_str() == second.backend_tokenizer.to_str()
    assert len(first) <= micro.VOCABULARY


@pytest.mark.parametrize(("mode", "scratchpad"), [("think", None), ("answer", "Hm.")])
def test_a_scratchpad_that_does_not_fit_the_mode_is_refused(mode: str, scratchpad: str | None) -> None:
    with pytest.raises(UserError, match="scratchpad in think mode"):
        render.encode_examples(MICRO, [Example(Prompt((USER,), mode), scratchpad, "Yes.")])  # pyright: ignore[reportArgumentType]


def test_a_tokenizer_without_chat_template_is_refused() -> None:
    tokenizer = micro.train_tokenizer(["some words"])
    tokenizer.chat_template = None
    with pytest.raises(UserError, match="chat template"):
        render.dialect_for(tokenizer, engine_toys.profile("llama"))


def test_a_template_that_refuses_a_role_is_a_user_error() -> None:
    dialect = chatml_template()
    dialect.tokenizer.chat_template = "{{ raise_exception('no system role') }}"
    with pytest.raises(UserError, match="no system role"):
        render.prompt_text(dialect, Prompt((SYSTEM, USER)))
