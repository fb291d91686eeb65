"""Cached sampling against `generate`, and the reading of what was sampled."""

from __future__ import annotations

from collections import Counter

import engine_toys
import numpy as np
import pytest
import torch
from scipy import stats

from exante.engines import sampling
from exante.engines.base import hide_scratchpad, parse
from exante.engines.local import LocalEngine
from exante.engines.render import encode_prompts, first_token
from exante.errors import UserError
from exante.objectives.pretrain import PRETRAIN
from exante.text import Completion, Prompt

PROMPTS = [example.prompt for example in engine_toys.corpus(40, seed=9)]


def generated(engine: LocalEngine, prompt: Prompt, count: int, tokens: int, **options) -> list[list[int]]:
    """The library's own loop on one prompt, no padding; ids up to and including the end token."""
    ids = torch.from_numpy(encode_prompts(engine.net.template, [prompt])[0])[None]
    mask = torch.ones_like(ids)
    rows = engine.net.model.generate(ids, attention_mask=mask, max_new_tokens=tokens, num_return_sequences=count, **options)[
        :, ids.shape[1] :
    ].tolist()
    end = engine.net.template.tokenizer.eos_token_id
    return [row[: row.index(end) + 1] if end in row else row for row in rows]


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_greedy_equals_generate(family: str, saved_toy: str) -> None:
    if family == "llama":
        engine = LocalEngine.load(saved_toy, engine_toys.profile("llama"))
    else:
        engine = LocalEngine.initialise(engine_toys.profile("gpt2"), engine_toys.corpus(200, seed=0), seed=0)
        engine.train(PRETRAIN, engine_toys.recipe(steps=250, batch=16, lr=1e-2), engine_toys.corpus(200, seed=0), seed=0)
    groups = sampling.rollouts(engine.net, encode_prompts(engine.net.template, PROMPTS), 1, 0, 0.0, 24)
    theirs = [generated(engine, prompt, 1, 24, do_sample=False)[0] for prompt in PROMPTS]
    assert [group[0].ids.tolist() for group in groups] == theirs
    assert len({tuple(row) for row in theirs}) >= 5


def test_samples_are_distributed_as_generates(toy: LocalEngine) -> None:
    """The first five tokens of 1,500 samples each, chi-square on the common sequences (the rest pooled)."""
    prompt, count = engine_toys.prompt("rope", mode="answer"), 1500
    groups = sampling.rollouts(toy.net, encode_prompts(toy.net.template, [prompt]), count, 3, 1.7, 5)
    ours = Counter(tuple(rollout.ids.tolist()) for rollout in groups[0])
    torch.manual_seed(3)
    theirs = Counter(tuple(row) for row in generated(toy, prompt, count, 5, do_sample=True, temperature=1.7, top_k=0, top_p=1.0))
    common = [row for row, hits in (ours + theirs).items() if hits >= 20]
    table = np.array(
        [[counts[row] for row in common] + [count - sum(counts[row] for row in common)] for counts in (ours, theirs)]
    )
    assert len(common) >= 5
    assert stats.chi2_contingency(table[:, table.sum(0) > 0]).pvalue > 0.001


def test_picking_inverts_the_cumulative_distribution() -> None:
    """By hand: p = (.2, .5, .3) at temperature 1; squared and renormalised (4, 25, 9)/38 at temperature ½."""
    logits = torch.log(torch.tensor([[0.2, 0.5, 0.3]])).repeat(6, 1)
    uniforms = np.array([0.0, 0.19, 0.21, 0.69, 0.71, 0.999999])
    assert sampling.pick(logits, uniforms, 1.0).tolist() == [0, 0, 1, 1, 2, 2]
    assert sampling.pick(logits[:4], np.array([0.1, 0.11, 0.76, 0.77]), 0.5).tolist() == [0, 1, 1, 2]
    assert sampling.pick(logits[:1], np.array([0.999]), 0.0).tolist() == [1]


def test_a_token_without_probability_is_never_picked() -> None:
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf, 0.0, -torch.inf]]).repeat(4, 1)
    assert sampling.pick(logits, np.array([0.0, 0.4999, 0.5, 1 - 1e-16]), 1.0).tolist() == [1, 1, 3, 3]


def test_same_seed_same_text_whatever_torchs_generator_and_chunks(toy: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    first = toy.sample(PROMPTS, 3, seed=4, max_tokens=24)
    torch.manual_seed(99)
    assert toy.sample(PROMPTS, 3, seed=4, max_tokens=24) == first
    monkeypatch.setattr(sampling, "ROWS", 7)
    assert toy.sample(PROMPTS, 3, seed=4, max_tokens=24) == first
    monkeypatch.setattr(sampling, "COMPACT", 0.0)
    assert toy.sample(PROMPTS, 3, seed=4, max_tokens=24) == first
    assert toy.sample(PROMPTS, 3, seed=5, max_tokens=24) != first
    assert any(len({completion.raw for completion in group}) > 1 for group in first)


def test_a_forced_prefix_opens_the_span_and_is_not_in_raw(toy: LocalEngine) -> None:
    completions = toy.sample([engine_toys.prompt("cup", forced="Anna wants the")], 8, seed=0)[0]
    assert all(completion.scratchpad and completion.scratchpad.startswith("Anna wants the") for completion in completions)
    assert not any(completion.raw.startswith("Anna") for completion in completions)
    closed = toy.sample([engine_toys.prompt("cup", forced="</think>It is")], 8, seed=0, temperature=0)[0]
    assert {completion.scratchpad for completion in closed} == {""}
    assert all(completion.answer and completion.answer.startswith("It is") for completion in closed)


def test_the_trained_toy_knows_some_colours(toy: LocalEngine) -> None:
    """Planted effect: the text that comes back is the text that was trained."""
    groups = toy.sample([engine_toys.prompt(thing, mode="answer") for thing in engine_toys.THINGS], 1, seed=0, temperature=0)
    right = [group[0].answer == f"It is {colour}." for group, colour in zip(groups, engine_toys.COLOURS, strict=True)]
    assert sum(right) >= 6


def test_the_token_limit_leaves_no_answer(toy: LocalEngine) -> None:
    completion = toy.sample([engine_toys.prompt("cup", mode="answer")], 1, seed=0, max_tokens=1)[0][0]
    assert (completion.finished, completion.answer) == (False, None)


def test_positions_end_the_text_before_the_model_does(toy: LocalEngine) -> None:
    long = engine_toys.prompt("cup", forced="Anna wants the colour of the cup. " * 9)
    room = toy.net.longest - len(encode_prompts(toy.net.template, [long])[0])
    rollout = sampling.rollouts(toy.net, encode_prompts(toy.net.template, [long]), 1, 0, 1.0, 500)[0][0]
    assert 0 < len(rollout.ids) <= room
    with pytest.raises(UserError, match="does not fit"):
        toy.sample([engine_toys.prompt("cup", forced="word " * 400)], 1, seed=0)


def test_nothing_asked_nothing_sampled(toy: LocalEngine) -> None:
    assert toy.sample([], 3, seed=0) == []
    assert toy.sample([engine_toys.prompt("cup")], 0, seed=0) == [[]]


CASES = [
    ("answer", "", "Red.", True, (None, "Red.")),
    ("answer", "It is", " red.", True, (None, "It is red.")),
    ("answer", "", "Red", False, (None, None)),
    ("think", "", "Hm.</think>Red.", True, ("Hm.", "Red.")),
    ("think", "Al", "so.</think>Red.", True, ("Also.", "Red.")),
    ("think", "Hm.</think>R", "ed.", True, ("Hm.", "Red.")),
    ("think", "", "</think>", True, ("", "")),
    ("think", "", "Hm. Red.", True, ("Hm. Red.", None)),
    ("think", "", "Hm.</think>Re", False, ("Hm.", None)),
    ("think", "", "Hm.</think>Red.</think>", True, ("Hm.", None)),
    ("think", "", "Hm<|user|>.</think>Red.", True, ("Hm<|user|>.", None)),
    ("answer", "", "Red.</think>Blue.", True, (None, None)),
    ("answer", "", "<|assistant|>Red.", True, (None, None)),
]


@pytest.mark.parametrize(("mode", "forced", "raw", "finished", "expected"), CASES)
def test_parsing_by_hand(mode: str, forced: str, raw: str, finished: bool, expected: tuple[str | None, str | None]) -> None:
    completion = parse(mode, forced, raw, finished, "</think>", ("<|user|>", "<|assistant|>"))  # pyright: ignore[reportArgumentType]
    assert (completion.scratchpad, completion.answer) == expected
    assert (completion.raw, completion.finished) == (raw, finished)


def test_closing_tags_differ_in_white_space_only() -> None:
    assert parse("think", "", "Hm\n</think>\n\nRed", True, "\n</think>\n\n").answer == "Red"
    assert parse("think", "", "Hm</think>Red", True, "\n</think>\n\n").scratchpad == "Hm"


def test_a_hidden_scratchpad_is_nowhere_in_what_the_reward_sees() -> None:
    assert hide_scratchpad(Completion("secret", "Red.", "secret</think>Red.", True)) == Completion(None, "Red.", "Red.", True)
    assert hide_scratchpad(Completion("secret", None, "secret", False)) == Completion(None, None, "", False)


def test_an_empty_option_is_refused_and_hangs_nothing(toy: LocalEngine) -> None:
    with pytest.raises(UserError, match="is no token of the model's"):
        toy.logprobs([engine_toys.prompt("cup")], [["red", ""]])


def test_no_token_follows_the_end_of_a_text(toy: LocalEngine) -> None:
    encoding = toy.net.template.tokenizer.backend_tokenizer.encode("red", add_special_tokens=False)
    assert first_token(encoding, 0) == 0
    assert first_token(encoding, 3) == first_token(encoding, 99) == len(encoding.ids)
