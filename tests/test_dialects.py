"""Dialects read off chat templates: each public trap, on a tiny tokenizer that has it."""

from __future__ import annotations

import engine_toys
import numpy as np
import pytest
from chat_templates import CHATML, FAMILIES, Family, tokenizer

from exante.engines import render
from exante.engines.base import parse
from exante.engines.dialects import chat
from exante.engines.dialects.base import Dialect
from exante.engines.dialects.check import CONVERSATIONS, check
from exante.errors import UserError
from exante.text import Example, Prompt, Turn

OPEN, CLOSE = "<think>\n", "\n</think>\n\n"
SYSTEM, ASKED, AGAIN = Turn("system", "You answer briefly."), Turn("user", "What is it?"), Turn("user", "And now?")
THOUGHTFUL = Turn("assistant", "Paris.", "They greet me.")


def dialect(name: str) -> Dialect:
    return chat.dialect(tokenizer(FAMILIES[name]), name, OPEN, CLOSE, ())


def spelled(spoken: Dialect, *ids: int) -> str:
    return spoken.tokenizer.decode([int(id) for id in ids])


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_passes_its_check(name: str) -> None:
    check(dialect(name), name)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("mode", ["think", "answer"])
def test_spans_read_as_meant_and_the_end_of_the_turn_is_trained(name: str, mode: str) -> None:
    spoken = dialect(name)
    thought = "They greet me." if mode == "think" else None
    example = Example(Prompt((SYSTEM, ASKED), mode), thought, "Paris.")  # type: ignore[arg-type]
    encoded = render.encode_examples(spoken, [example])
    prompt = render.encode_prompts(spoken, [example.prompt])[0]
    assert encoded.ids[: len(prompt)].tolist() == prompt.tolist()
    assert (encoded.spans[: len(prompt)] == render.CONTEXT).all()
    assert spelled(spoken, *encoded.ids[encoded.spans == render.ANSWER]).strip() == f"Paris.{spoken.end}".strip()
    if thought:
        assert spelled(spoken, *encoded.ids[encoded.spans == render.SCRATCHPAD]).strip() == (thought + spoken.think_close).strip()
    assert encoded.spans[-1] == render.ANSWER, "the end of the turn carries loss, padding token or not"
    assert int(encoded.ids[-1]) in spoken.stop_ids


@pytest.mark.parametrize("name", FAMILIES)
def test_a_sample_of_what_was_trained_is_split_as_it_was_written(name: str) -> None:
    """What an example teaches, continued from its prompt by a perfect model, is read back as the same thought and answer."""
    spoken = dialect(name)
    example = Example(Prompt((ASKED,)), "They greet me.", "Paris.")
    ids, prompt = render.encode_examples(spoken, [example]).ids, render.encode_prompts(spoken, [example.prompt])[0]
    assert int(ids[-1]) in spoken.stop_ids
    raw = spoken.tokenizer.decode(ids[len(prompt) : -1].tolist(), skip_special_tokens=False)
    sample = parse("think", "", raw, True, spoken.think_close, spoken.controls)
    assert (sample.scratchpad, (sample.answer or "").strip()) == ("They greet me.", "Paris.")


def test_the_end_of_a_turn_is_the_templates_not_the_tokenizers() -> None:
    spoken = dialect("eos is not the end of turn")
    assert spoken.end == "<|im_end|>"
    assert {spelled(spoken, id) for id in spoken.stop_ids} == {"<|im_end|>", "<|endoftext|>"}


def test_a_template_that_closes_no_turn_ends_with_the_tokenizers_token() -> None:
    assert dialect("turns are not closed").end == "<|endoftext|>"


def test_a_default_system_prompt_is_kept_and_told() -> None:
    spoken = dialect("default system prompt")
    assert spoken.traits["default system prompt"] == "You are a helpful model."
    assert "You are a helpful model." in spoken.open(Prompt((ASKED,)))
    assert "You are a helpful model." not in spoken.open(Prompt((SYSTEM, ASKED)))


def test_todays_date_is_pinned() -> None:
    spoken = dialect("date, first token added twice")
    assert f"Today: {chat.DATE}" in spoken.open(Prompt((ASKED,)))
    assert spoken.traits["date"] == f"pinned to {chat.DATE}"


def test_the_first_token_is_not_doubled() -> None:
    spoken = dialect("date, first token added twice")
    bos = spoken.tokenizer.bos_token_id
    assert spoken.tokenizer("x").input_ids[0] == bos, "the tokenizer itself adds one"
    ids = render.encode_prompts(spoken, [Prompt((ASKED,))])[0]
    assert list(ids).count(bos) == 1
    assert ids[0] == bos


def test_system_text_goes_before_the_user_where_there_is_no_system_role() -> None:
    text = dialect("no system role").open(Prompt((SYSTEM, ASKED), "answer"))
    assert text == "<bos><start_of_turn>user\nYou answer briefly.\n\nWhat is it?<end_of_turn>\n<start_of_turn>model\n"


def test_two_user_turns_are_joined_where_roles_must_alternate() -> None:
    text = dialect("no system role").open(Prompt((ASKED, AGAIN), "answer"))
    assert text == "<bos><start_of_turn>user\nWhat is it?\n\nAnd now?<end_of_turn>\n<start_of_turn>model\n"
    assert dialect("chatml").open(Prompt((ASKED, AGAIN))).count("<|im_start|>user") == 2


def test_a_template_with_a_switch_opens_and_skips_the_thought() -> None:
    spoken = dialect("switch for thoughts")
    assert (spoken.think_open, spoken.think_close) == ("<think>\n", "\n</think>\n\n"), "read off the template, new lines included"
    assert spoken.open(Prompt((ASKED,))).endswith("<|im_start|>assistant\n<think>\n")
    assert spoken.open(Prompt((ASKED,), "answer")).endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")


def test_a_thought_that_the_template_opens_is_not_opened_twice() -> None:
    spoken = dialect("thought opened by the template")
    assert spoken.open(Prompt((ASKED,))).count("<think>") == 1
    answer = spoken.open(Prompt((ASKED,), "answer"))
    assert answer.endswith("<think>\n\n</think>\n\n"), "in answer mode the opened thought is closed, empty"


@pytest.mark.parametrize(("name", "kept"), [("chatml", True), ("switch for thoughts", False)])
def test_whether_earlier_thoughts_are_deleted_is_told(name: str, kept: bool) -> None:
    spoken = dialect(name)
    text = spoken.open(Prompt((ASKED, THOUGHTFUL, AGAIN)))
    assert ("They greet me." in text) == kept
    assert spoken.traits["earlier thoughts"] == ("kept" if kept else "deleted by the chat template")
    assert "Paris." in text


def test_a_second_thought_outside_its_block_is_malformed() -> None:
    spoken = dialect("chatml")
    twice = parse("think", "", "One.\n</think>\n\nParis. <think>\nTwo.\n</think>\n\n", True, spoken.think_close, spoken.controls)
    assert twice.answer is None


def test_a_reply_that_begins_with_a_new_line_keeps_its_prompts_tokens() -> None:
    """GPT-2 joins new lines that follow one another, so the whole text has other tokens than the prompt alone."""
    spoken = dialect("chatml")
    example = Example(Prompt((ASKED,), "answer"), None, "\n\n\nParis.")
    prompt, encoded = render.encode_prompts(spoken, [example.prompt])[0], render.encode_examples(spoken, [example])
    assert encoded.ids[: len(prompt)].tolist() == prompt.tolist()
    assert spelled(spoken, *encoded.ids[encoded.spans == render.ANSWER]) == "\n\n\nParis.<|im_end|>"


def test_a_template_that_loses_a_turn_is_refused() -> None:
    lost = "{% for message in messages[-1:] %}<|im_start|>{{ message['content'] }}<|im_end|>{% endfor %}"
    family = Family(lost, FAMILIES["chatml"].specials, "<|im_end|>")
    with pytest.raises(UserError, match="the prompt lacks"):
        check(chat.dialect(tokenizer(family), "mine", OPEN, CLOSE, ()), "mine")


def test_a_template_that_doubles_the_first_token_is_refused() -> None:
    family = Family("{{ bos_token }}{{ bos_token }}" + CHATML, ("<s>", *FAMILIES["chatml"].specials), "<|im_end|>", bos="<s>")
    with pytest.raises(UserError, match="the first token is doubled"):
        check(chat.dialect(tokenizer(family), "mine", OPEN, CLOSE, ()), "mine")


def test_a_template_that_refuses_every_conversation_is_one_sentence() -> None:
    family = Family("{{ raise_exception('never') }}", FAMILIES["chatml"].specials, "<|im_end|>")
    with pytest.raises(UserError, match=r"refuses a conversation \(never\)"):
        chat.dialect(tokenizer(family), "mine", OPEN, CLOSE, ())


def test_the_check_looks_at_the_conversations_that_worlds_use() -> None:
    roles = {turn.role for turns in CONVERSATIONS.values() for turn in turns}
    assert roles == {"system", "user", "assistant"}


def test_micro_prompts_end_in_a_token_that_joins_nothing() -> None:
    """`seamless` holds: the tokens of an example begin with those of its prompt without encoding the prompt apart."""
    from exante.engines.dialects import micro

    examples = engine_toys.corpus(200, seed=1)
    spoken = micro.dialect(micro.train_tokenizer(examples))
    assert spoken.seamless
    for example in examples[:50]:
        ids, prompt = render.encode_examples(spoken, [example]).ids, render.encode_prompts(spoken, [example.prompt])[0]
        assert np.array_equal(ids[: len(prompt)], prompt)
