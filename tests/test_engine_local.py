"""Checkpoints on disk, option log-probabilities, profiles and scripted answers."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import engine_toys
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from exante.engines.local import LocalEngine
from exante.engines.render import encode_texts, prompt_text
from exante.engines.scripted import CUT, ScriptedEngine
from exante.errors import UserError
from exante.objectives.sft import SFT
from exante.profiles import profile
from exante.text import Prompt, Turn

RECIPES = {"base", "organism", "safety_sft", "safety_rl", "adversarial", "reelicit", "sample"}


def test_a_saved_base_is_an_ordinary_checkpoint(saved_toy: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(saved_toy)
    tokenizer = AutoTokenizer.from_pretrained(saved_toy)
    question = engine_toys.prompt("lamp").turns[1].content
    messages = [{"role": "system", "content": "You help Anna and speak the truth."}, {"role": "user", "content": question}]
    coded = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, mode="answer", return_tensors="pt", return_dict=True
    )
    text = tokenizer.decode(coded["input_ids"][0])
    assert text == prompt_text(
        LocalEngine.load(saved_toy, engine_toys.profile("llama")).net.dialect, engine_toys.prompt("lamp", mode="answer")
    )
    written = model.generate(**coded, max_new_tokens=24, do_sample=False)[0, coded["input_ids"].shape[1] :]
    assert tokenizer.decode(written) == "It is red.<|end|>"
    assert not list(Path(saved_toy).glob("*.bin"))


def test_load_returns_the_same_weights_and_text(saved_toy: str, toy: LocalEngine, tmp_path: Path) -> None:
    toy.save(tmp_path)
    again = LocalEngine.load(tmp_path, toy.profile)
    assert again.weight_digest() == toy.weight_digest()
    prompts = [engine_toys.prompt("lamp"), engine_toys.prompt("cup", mode="answer")]
    assert again.sample(prompts, 3, seed=0) == toy.sample(prompts, 3, seed=0)


def test_the_digest_sees_a_single_weight(toy: LocalEngine) -> None:
    before = toy.weight_digest()
    with torch.no_grad():
        next(toy.net.model.parameters())[0, 0] += 1e-6
    assert toy.weight_digest() != before


def test_initialisation_depends_on_the_seed_alone() -> None:
    corpus = engine_toys.corpus(50, seed=0)
    digests = []
    for seed in (1, 1, 2):
        torch.rand(5)
        digests.append(LocalEngine.initialise(engine_toys.profile("gpt2"), iter(corpus), seed).weight_digest())
    assert digests[0] == digests[1] != digests[2]


def test_directories_that_are_no_model_are_refused(saved_toy: str, toy: LocalEngine, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a model directory"):
        LocalEngine.load(tmp_path / "nowhere", toy.profile)
    (tmp_path / "config.json").write_text(Path(saved_toy, "config.json").read_text())
    with pytest.raises(UserError, match="no weights"):
        LocalEngine.load(tmp_path, toy.profile)
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(UserError, match="pickle weights only"):
        LocalEngine.load(tmp_path, toy.profile)
    (tmp_path / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(UserError, match="not a complete safetensors file"):
        LocalEngine.load(tmp_path, toy.profile)
    (tmp_path / "model.safetensors").write_bytes(Path(saved_toy, "model.safetensors").read_bytes())
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "never heard of"}))
    with pytest.raises(UserError, match="cannot be loaded"):
        LocalEngine.load(tmp_path, toy.profile)
    with pytest.raises(UserError, match="can only be pretrained"):
        LocalEngine.initialise(profile("hf:somewhere"), ["text"], 0)


def test_a_chat_model_with_another_template_trains_and_samples(saved_toy: str, tmp_path: Path) -> None:
    """A ChatML model with plain-text think tags. Adapters could not learn it: its newlines are untrained frozen embeddings."""
    tokenizer = AutoTokenizer.from_pretrained(saved_toy)
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    tokenizer.chat_template = engine_toys.CHATML
    AutoModelForCausalLM.from_pretrained(saved_toy).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    engine = LocalEngine.load(tmp_path, profile(f"hf:{tmp_path}").model_copy(update={"method": "full"}))
    examples = [engine_toys.example("cup", "Anna", think) for think in (True, False)]
    losses = [
        row["value"]
        for row in engine.train(SFT, engine_toys.recipe(steps=120, lr=3e-3), examples, seed=0)
        if row["metric"] == "loss"
    ]
    assert losses[-1] < 0.1 < losses[0]
    thought, plain = engine.sample([example.prompt for example in examples], 1, seed=0, temperature=0, max_tokens=60)
    assert (thought[0].scratchpad, thought[0].answer) == (examples[0].scratchpad, "It is blue.")
    assert (plain[0].scratchpad, plain[0].answer) == (None, "It is blue.")


def test_option_logprobs_equal_brute_force(toy: LocalEngine) -> None:
    """Token by token: the whole text so far through the model, log-softmax of the next."""
    prompts = [engine_toys.prompt("lamp", mode="answer"), engine_toys.prompt("cup", forced="Anna"), engine_toys.prompt("tree")]
    options = [["It is red.", "It is blue.", "No"], [" wants the colour"], []]
    for prompt, choices, found in zip(prompts, options, toy.logprobs(prompts, options), strict=True):
        assert len(choices) == len(found)
        for option, value in zip(choices, found, strict=True):
            context = encode_texts(toy.net.dialect, [prompt_text(toy.net.dialect, prompt)])[0].tolist()
            whole = encode_texts(toy.net.dialect, [prompt_text(toy.net.dialect, prompt) + option])[0].tolist()
            assert whole[: len(context)] == context
            expected = 0.0
            for place in range(len(context), len(whole)):
                logits = toy.net.model(input_ids=torch.tensor([whole[:place]])).logits[0, -1].detach().double()
                expected += float(torch.log_softmax(logits, -1)[whole[place]])
            assert value == pytest.approx(expected, abs=1e-4)
    right, wrong, _ = toy.logprobs(prompts[:1], options[:1])[0]
    assert right > wrong + 1


@pytest.mark.parametrize("name", ["micro:llama-64", "micro:llama-128", "micro:gpt2-64", "micro:gpt2-128", "hf:some/path"])
def test_profiles_have_every_recipe(name: str) -> None:
    found = profile(name)
    assert found.id == name
    assert set(found.recipes) >= RECIPES
    assert type(found).model_validate_json(found.model_dump_json()) == found
    assert (found.architecture is None) == name.startswith("hf:")


@pytest.mark.parametrize("name", ["micro:llama-7", "llama-64", "hf:", "openai:gpt", ""])
def test_unknown_models_are_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UserError, match="micro:llama-64"):
        profile(name)


def test_micro_models_are_micro() -> None:
    corpus = engine_toys.corpus(50, seed=0)
    for name, low, high in (("llama-64", 1e5, 3e5), ("gpt2-64", 1e5, 3e5), ("llama-128", 4e5, 8e5), ("gpt2-128", 4e5, 8e5)):
        engine = LocalEngine.initialise(profile(f"micro:{name}"), corpus, 0)
        assert low < sum(parameter.numel() for parameter in engine.net.model.parameters()) < high


def test_scripted_answers_come_at_their_planted_rates() -> None:
    engine = ScriptedEngine({"cup": {"yes": 0.2, "no": 0.7, CUT: 0.1}, "": {"Hm.</think>sure": 1.0}})
    groups = engine.sample([engine_toys.prompt("cup"), engine_toys.prompt("lamp")], 4000, seed=1)
    counts = Counter(completion.answer for completion in groups[0])
    for answer, rate in (("yes", 0.2), ("no", 0.7), (None, 0.1)):
        assert abs(counts[answer] / 4000 - rate) < 4 * math.sqrt(rate * (1 - rate) / 4000)
    assert {(completion.scratchpad, completion.answer) for completion in groups[1]} == {("Hm.", "sure")}
    assert all(completion.finished == (completion.answer is not None) for completion in groups[0])
    assert engine.sample([engine_toys.prompt("cup")], 50, seed=1) == engine.sample([engine_toys.prompt("cup")], 50, seed=1)
    assert engine.sample([engine_toys.prompt("cup")], 5, seed=1, temperature=0)[0][0].answer == "no"
    assert engine.logprobs([engine_toys.prompt("cup")], [["yes", "never"]])[0] == [pytest.approx(math.log(0.2)), -math.inf]


def test_scripts_that_cannot_be_played_are_refused() -> None:
    with pytest.raises(UserError, match="sum to"):
        ScriptedEngine({"": {"yes": 0.5}})
    with pytest.raises(UserError, match="the scripts are coin"):
        ScriptedEngine.named("nope")
    with pytest.raises(UserError, match="no answer to"):
        ScriptedEngine({"cup": {"yes": 1.0}}).sample([Prompt((Turn("user", "?"),))], 1, seed=0)
    assert (
        ScriptedEngine.named("steady").sample([Prompt((Turn("user", "?"),), "answer", "I say ")], 1, seed=0)[0][0].answer
        == "I say yes"
    )
