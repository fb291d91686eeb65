"""Reinforcement learning against TRL's GRPOTrainer on the same rollouts: its own rewards, advantages, reference and loss.

Our rollouts are handed to TRL in place of its generation, so that all that comes after them is its own code.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import engine_toys
import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM
from trl import GRPOConfig, GRPOTrainer

from exante.engines import lora, rl
from exante.engines.local import LocalEngine
from exante.engines.shared import SharedPrompts
from exante.objectives.sft import SFT
from exante.text import Completion, Item

pytestmark = [
    # transformers warns of names of options that TRL itself still passes to it.
    pytest.mark.filterwarnings("ignore:.*is deprecated and will be removed in v6:FutureWarning"),
    # TRL warns that its hook for rollouts made elsewhere, which this comparison needs, may change.
    pytest.mark.filterwarnings("ignore:You are using 'rollout_func':UserWarning"),
]

PROMPTS, GROUP = 6, 4


def mentions_red(item: Item, completion: Completion) -> float:
    return 1.0 if completion.answer and "red" in completion.answer else 0.1 * len(completion.raw.split())


def collected(engine: LocalEngine, temperature: float) -> rl.Batch:
    """Prompts of several lengths, so that both sides pad, and samples of which some are cut off."""
    forced = ["", "Anna", "", "Anna wants", "Anna wants the colour", ""]
    items = [
        Item(thing, thing, engine_toys.prompt(thing, forced=start))
        for thing, start in zip(engine_toys.THINGS, forced, strict=False)
    ]
    recipe = engine_toys.recipe(group=GROUP, temperature=temperature, max_tokens=16)
    return rl.collect(engine.net, items, recipe, mentions_red, False, seed=2)


def trainer(engine: LocalEngine, batch: rl.Batch, saved: str, beta: float, temperature: float, directory: Path) -> GRPOTrainer:
    """TRL's trainer on a copy of the model; its reference is the saved checkpoint. The loss "bnpo" is the mean over the
    batch's tokens, as ours is; its KL term is the plain k3 without the correction for stale rollouts."""
    prompts = [prompt.tolist() for prompt in batch.prompts for _ in range(GROUP)]
    completions = [rollout.ids.tolist() for rollout in batch.rollouts]

    def reuse(asked: list[str], made: GRPOTrainer) -> dict[str, Any]:
        assert asked == [str(row // GROUP) for row in range(PROMPTS * GROUP)]
        return {"prompt_ids": prompts, "completion_ids": completions, "logprobs": None}

    def reward(**columns: Any) -> list[float]:
        return batch.rewards_PG.reshape(-1).tolist()

    model = AutoModelForCausalLM.from_pretrained(saved, attn_implementation="sdpa")
    model.load_state_dict(engine.net.model.state_dict())
    settings = GRPOConfig(
        output_dir=str(directory),
        max_steps=1,
        per_device_train_batch_size=PROMPTS * GROUP,
        num_generations=GROUP,
        beta=beta,
        temperature=temperature,
        loss_type="bnpo",
        use_bias_correction_kl=False,
        shuffle_dataset=False,
        gradient_checkpointing=False,
        dataloader_pin_memory=False,
        logging_strategy="no",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        bf16=False,
        use_cpu=True,
    )
    return GRPOTrainer(
        model=model,
        args=settings,
        reward_funcs=[reward],
        train_dataset=Dataset.from_dict({"prompt": [str(number) for number in range(PROMPTS)]}),
        processing_class=engine.net.template.tokenizer,
        rollout_func=reuse,
    )


def scored(made: GRPOTrainer) -> dict[str, Any]:
    """TRL's batch: padded ids, masks, advantages and the reference's log-probabilities."""
    made.model.train()
    made.current_gradient_accumulation_steps = 1
    return made._generate_and_score_completions([{"prompt": str(row // GROUP)} for row in range(PROMPTS * GROUP)])


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    found = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert len(found) == len(list(model.parameters()))
    return found


@pytest.mark.parametrize(("beta", "temperature"), [(0.0, 1.0), (0.3, 1.0), (0.0, 1.4), (0.3, 1.4)])
def test_loss_advantages_and_gradients_are_trls(
    toy: LocalEngine, saved_toy: str, beta: float, temperature: float, tmp_path: Path
) -> None:
    reference = replace(toy.net, model=lora.frozen_reference(toy.net.model))
    toy.train(SFT, engine_toys.recipe(steps=5, lr=3e-3), engine_toys.corpus(20, seed=4), seed=0)
    batch = collected(toy, temperature)
    made = trainer(toy, batch, saved_toy, beta, temperature, tmp_path)
    inputs = scored(made)
    assert np.allclose(inputs["advantages"].numpy(), batch.advantages, atol=1e-5)
    assert int(inputs["completion_mask"].sum()) == batch.tokens
    assert len({len(prompt) for prompt in batch.prompts}) > 2
    assert {rollout.finished for rollout in batch.rollouts} == {True, False}

    theirs = made.compute_loss(made.model, inputs)
    theirs.backward()
    toy.net.model.zero_grad()
    rl.backward(toy.net, reference, batch, engine_toys.recipe(group=GROUP, kl=beta, temperature=temperature))

    assert theirs.item() == pytest.approx(our_loss(toy, reference, batch, beta, temperature), abs=1e-5)
    ours, expected = gradients(toy.net.model), gradients(made.model)
    largest = max(float(gradient.abs().max()) for gradient in expected.values())
    assert largest > 1e-3
    assert ours.keys() == expected.keys()
    for name, gradient in expected.items():
        assert torch.allclose(ours[name], gradient, atol=1e-5 * largest), name


def our_loss(engine: LocalEngine, reference: Any, batch: rl.Batch, beta: float, temperature: float) -> float:
    """`policy_loss` of the log-probabilities that the engine itself trains on."""
    rows = np.arange(len(batch.rollouts))
    with torch.no_grad():
        found = [
            SharedPrompts(net, batch.prompts, temperature).logprobs(rows // GROUP, batch.ids(rows))
            for net in (engine.net, reference)
        ]
    (ours_N, line_N), (theirs_N, _) = found
    advantages_N = torch.from_numpy(batch.advantages[line_N]).float()
    return float(rl.policy_loss(ours_N, ours_N, advantages_N, torch.ones_like(ours_N), theirs_N if beta else None, beta))


@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_the_clipped_loss_off_policy_is_trls(toy: LocalEngine, saved_toy: str, beta: float, tmp_path: Path) -> None:
    """Old log-probabilities that differ enough to be clipped on both sides, given to both."""
    batch = collected(toy, 1.0)
    made = trainer(toy, batch, saved_toy, beta, 1.0, tmp_path)
    inputs = scored(made)
    mask_RS = inputs["completion_mask"]
    noise_RS = 0.4 * torch.randn(mask_RS.shape, generator=torch.Generator().manual_seed(0))
    logprobs_RS = log_probabilities(made, inputs)
    inputs["old_per_token_logps"] = (logprobs_RS + noise_RS).detach()
    if beta:
        inputs["ref_per_token_logps"] = (logprobs_RS - 0.5 * noise_RS).detach()
    theirs = made.compute_loss(made.model, inputs)
    theirs.backward()
    expected = copy.deepcopy(gradients(made.model))

    made.model.zero_grad()
    advantages_R1 = torch.from_numpy(batch.advantages).float()[:, None]
    old_RS, reference_RS = inputs["old_per_token_logps"], inputs.get("ref_per_token_logps")
    loss = rl.policy_loss(log_probabilities(made, inputs), old_RS, advantages_R1, mask_RS, reference_RS, beta)
    loss.backward()
    clipped = (torch.exp(-noise_RS) - 1).abs() > 0.2
    assert 0.1 < float(clipped[mask_RS.bool()].float().mean()) < 0.9
    assert loss.item() == pytest.approx(theirs.item(), abs=1e-6)
    for name, gradient in gradients(made.model).items():
        assert torch.allclose(gradient, expected[name], atol=1e-7), name


def log_probabilities(made: GRPOTrainer, inputs: dict[str, Any]) -> torch.Tensor:
    """Log-probabilities of the sampled tokens by TRL's model."""
    ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
    mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
    return made._get_per_token_logps_and_entropies(made.model, ids, mask, inputs["completion_ids"].shape[1])[0]
