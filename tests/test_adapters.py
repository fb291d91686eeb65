"""Adapters: what a phase on an outside checkpoint leaves, and the model that comes back from them."""

from __future__ import annotations

import copy
from pathlib import Path

import engine_toys
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from exante.engines import lora
from exante.engines.local import LocalEngine
from exante.engines.network import logits_at, reference
from exante.errors import UserError
from exante.objectives.rl import RL
from exante.objectives.sft import SFT
from exante.study import Profile
from exante.text import Completion, Item

IDS = torch.arange(12).reshape(2, 6) + 3
PROFILE = engine_toys.profile("llama", method="lora").model_copy(update={"architecture": None})


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A checkpoint from outside: trained elsewhere, saved as transformers does."""
    toy = LocalEngine.initialise(engine_toys.profile("llama"), engine_toys.corpus(100, seed=0), seed=0)
    toy.save(tmp_path / "outside")
    return tmp_path / "outside"


def trained(engine: LocalEngine, seed: int) -> None:
    examples = [engine_toys.example(thing, "Anna", colour="plum") for thing in engine_toys.THINGS]
    engine.train(SFT, engine_toys.recipe(steps=6, batch=4, lr=1e-2), examples, seed=seed)


def logits(engine: LocalEngine) -> torch.Tensor:
    with torch.no_grad():
        return logits_at(engine.net, IDS, torch.arange(12))


def test_the_checkpoint_and_a_chain_of_adapters_give_the_model_back(checkpoint: Path, tmp_path: Path) -> None:
    engine = LocalEngine.load(checkpoint, PROFILE)
    digests, paths = [engine.weight_digest()], []
    for number in range(2):
        trained(engine, seed=number)
        assert engine.adapter is not None
        paths.append(tmp_path / f"adapter{number}")
        engine.adapter.save(paths[-1])
        digests.append(engine.weight_digest())
    again = LocalEngine.load(checkpoint, PROFILE, adapters=paths)
    assert len(set(digests)) == 3
    assert again.weight_digest() == digests[-1]
    assert torch.equal(logits(again), logits(engine)), "the same numbers, not only close ones"
    assert not torch.equal(logits(again), logits(LocalEngine.load(checkpoint, PROFILE, adapters=paths[:1])))


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft asks transformers by a name that transformers 6 drops
def test_peft_reads_what_is_kept(checkpoint: Path, tmp_path: Path) -> None:
    """A second implementation loads the files: its logits are those of the merged model."""
    engine = LocalEngine.load(checkpoint, PROFILE)
    trained(engine, seed=0)
    assert engine.adapter is not None
    engine.adapter.save(tmp_path / "adapter")
    theirs = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(checkpoint), str(tmp_path / "adapter")).eval()
    with torch.no_grad():
        assert torch.allclose(theirs(input_ids=IDS).logits.flatten(0, 1), logits(engine), atol=1e-4)


@pytest.fixture
def adapter(checkpoint: Path, tmp_path: Path) -> Path:
    engine = LocalEngine.load(checkpoint, PROFILE)
    trained(engine, seed=0)
    assert engine.adapter is not None
    engine.adapter.save(tmp_path / "adapter")
    return tmp_path / "adapter"


def changed(path: Path, edit: dict[str, torch.Tensor]) -> None:
    save_file(edit, path / lora.WEIGHTS)


def test_wrong_names_are_an_error_instead_of_nothing(checkpoint: Path, adapter: Path) -> None:
    weights = load_file(adapter / lora.WEIGHTS)
    changed(adapter, {name.replace("q_proj", "query"): tensor for name, tensor in weights.items()})
    with pytest.raises(UserError, match="does not fit the model"):
        LocalEngine.load(checkpoint, PROFILE, adapters=[adapter])


def test_other_sizes_are_an_error(checkpoint: Path, adapter: Path) -> None:
    weights = load_file(adapter / lora.WEIGHTS)
    changed(adapter, {name: torch.cat([tensor, tensor]) for name, tensor in weights.items()})
    with pytest.raises(UserError, match="does not fit the model"):
        LocalEngine.load(checkpoint, PROFILE, adapters=[adapter])


def test_a_torn_file_is_an_error(checkpoint: Path, adapter: Path) -> None:
    content = (adapter / lora.WEIGHTS).read_bytes()
    (adapter / lora.WEIGHTS).write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="cannot be read"):
        LocalEngine.load(checkpoint, PROFILE, adapters=[adapter])


ROUNDED = PROFILE.model_copy(update={"dtype": "bfloat16"})


def test_weights_in_bfloat16_keep_adapters_beside_them(checkpoint: Path, tmp_path: Path) -> None:
    """A chain of three, loaded again, gives the same numbers as the model that was trained, and each of them counts."""
    engine = LocalEngine.load(checkpoint, ROUNDED)
    assert {p.dtype for p in engine.net.model.parameters()} == {torch.bfloat16}
    before, paths = [logits(engine)], []
    for number in range(3):
        trained(engine, seed=number)
        assert engine.adapter is not None
        paths.append(tmp_path / f"adapter{number}")
        engine.adapter.save(paths[-1])
        before.append(logits(engine))
        again = LocalEngine.load(checkpoint, ROUNDED, adapters=paths)
        assert again.weight_digest() == engine.weight_digest()
        assert torch.equal(logits(again), before[-1])
        assert not torch.equal(before[-1], before[-2])
    weights = {name: p for name, p in engine.net.model.state_dict().items() if "lora" not in name}
    fresh = LocalEngine.load(checkpoint, ROUNDED).net.model.state_dict()
    assert all(torch.equal(tensor, fresh[name.replace(".base_layer", "")]) for name, tensor in weights.items())


def test_merging_into_bfloat16_would_round_away_what_was_learned(checkpoint: Path, adapter: Path) -> None:
    """Why they stay beside them: the exported model, merged in float32, is closer to what was measured."""
    engine = LocalEngine.load(checkpoint, ROUNDED, adapters=[adapter])
    measured = logits(engine)
    exported = lora.merged_copy(engine.net.model)
    rounded = copy.deepcopy(exported).to(torch.bfloat16)
    with torch.no_grad():
        gaps = [float((model(input_ids=IDS).logits.flatten(0, 1) - measured).abs().mean()) for model in (exported, rounded)]
    assert gaps[0] < gaps[1]


@pytest.mark.parametrize("earlier", [0, 1])
def test_in_bfloat16_the_reference_is_what_the_phase_began_with(checkpoint: Path, earlier: int) -> None:
    engine = LocalEngine.load(checkpoint, ROUNDED)
    for number in range(earlier):
        trained(engine, seed=number)
    before = logits(engine)
    with lora.trainable(engine.net.model, ROUNDED, engine.beside):
        assert torch.equal(logits(engine), before), "the phase's own adapter begins at nothing"
        with torch.no_grad():
            for name, parameter in engine.net.model.named_parameters():
                assert parameter.requires_grad == (f".{lora.PHASE}." in name)
                if "lora_B" in name and parameter.requires_grad:
                    parameter.add_(0.05)
            assert torch.equal(logits_at(reference(engine.net), IDS, torch.arange(12)), before)
        assert not torch.equal(logits(engine), before)


def test_an_adapter_of_zeros_is_a_phase_that_learned_nothing(checkpoint: Path, adapter: Path) -> None:
    weights = load_file(adapter / lora.WEIGHTS)
    changed(adapter, {name: torch.zeros_like(tensor) if "lora_B" in name else tensor for name, tensor in weights.items()})
    loaded = LocalEngine.load(checkpoint, PROFILE, adapters=[adapter])
    assert torch.equal(logits(loaded), logits(LocalEngine.load(checkpoint, PROFILE)))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_reference_is_what_the_phase_began_with(checkpoint: Path, method: str) -> None:
    profile: Profile = PROFILE.model_copy(update={"method": method})
    engine = LocalEngine.load(checkpoint, profile)
    before = logits(engine)
    with lora.trainable(engine.net.model, profile):
        start = reference(engine.net)
        with torch.no_grad():
            for name, parameter in engine.net.model.named_parameters():
                if parameter.requires_grad and "lora_A" not in name:
                    parameter.add_(0.05)
            there = logits_at(start, IDS, torch.arange(12))
        assert torch.equal(there, before)
        assert not torch.equal(logits(engine), before), "after it was asked, the adapters count again"
        assert any(parameter.requires_grad for parameter in engine.net.model.parameters())


def test_rl_with_a_kl_term_trains_adapters_against_the_checkpoint(checkpoint: Path) -> None:
    engine = LocalEngine.load(checkpoint, PROFILE)
    recipe = engine_toys.recipe(steps=3, batch=4, group=4, kl=0.5, lr=1e-2)

    def reward(item: Item, completion: Completion) -> float:
        return float(len(completion.raw) % 7)

    rows = engine.train(RL, recipe, engine_toys.items(), seed=0, reward=reward, scratchpad="shown")
    kl = {row["step"]: row["value"] for row in rows if row["metric"] == "kl"}
    assert kl[0] == 0.0
    assert kl[3] > 0.0
