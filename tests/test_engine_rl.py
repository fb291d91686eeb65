"""The policy-gradient phase: its loss by hand, its gradients against one padded pass, and a planted reward that must rise."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import engine_toys
import numpy as np
import pytest
import torch
from torch.nn import functional

from exante.engines import lora, rl
from exante.engines.local import LocalEngine
from exante.errors import UserError
from exante.objectives.rl import RL
from exante.objectives.sft import SFT
from exante.text import Completion, Item


def mentions_red(item: Item, completion: Completion) -> float:
    return 1.0 if completion.answer and "red" in completion.answer else 0.0


def values(rows: list[dict], metric: str) -> dict[int, float]:
    return {row["step"]: row["value"] for row in rows if row["metric"] == metric}


def test_advantages_by_hand() -> None:
    """Group (0, 1, 1, 0): mean .5, sd with n − 1 = √(1/3). A group of equal rewards has none."""
    found = rl.advantages(np.array([[0.0, 1.0, 1.0, 0.0], [0.3, 0.3, 0.3, 0.3]]))
    size = 0.5 / (math.sqrt(1 / 3) + 1e-4)
    assert np.allclose(found, [[-size, size, size, -size], [0, 0, 0, 0]])


def test_policy_loss_by_hand() -> None:
    """Ratios 1.5 (clipped to 1.2 for a gain, not for a loss) and 1; a masked token counts nowhere; k3 = e^g − g − 1."""
    logprobs = torch.tensor([[math.log(0.6), math.log(0.5)], [math.log(0.6), math.log(0.9)]])
    old = torch.tensor([[math.log(0.4), math.log(0.5)], [math.log(0.4), math.log(0.1)]])
    mask = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    advantages = torch.tensor([[2.0], [-2.0]])
    assert rl.policy_loss(logprobs, old, advantages, mask, None, 0.0).item() == pytest.approx((-2.4 - 2.0 + 3.0) / 3)
    reference = torch.tensor([[math.log(0.3), math.log(0.5)], [math.log(0.6), math.log(0.9)]])
    kl = math.exp(math.log(0.5)) - math.log(0.5) - 1
    expected = (-2.4 - 2.0 + 3.0 + 0.1 * kl) / 3
    assert rl.policy_loss(logprobs, old, advantages, mask, reference, 0.1).item() == pytest.approx(expected)


def collected(engine: LocalEngine, temperature: float) -> rl.Batch:
    recipe = engine_toys.recipe(group=4, temperature=temperature)
    forced = ["", "Anna", "", "Anna wants", "Anna wants the colour", ""]
    items = [
        Item(thing, thing, engine_toys.prompt(thing, forced=start))
        for thing, start in zip(engine_toys.THINGS, forced, strict=False)
    ]
    return rl.collect(engine.net, items, recipe, mentions_red, True, seed=2)


def test_shuffled_rewards_are_the_same_ones_for_other_rollouts(toy: LocalEngine) -> None:
    items = [Item(thing, thing, engine_toys.prompt(thing)) for thing in engine_toys.THINGS]

    def length(item: Item, completion: Completion) -> float:
        return float(len(completion.raw))

    plain, again, mixed = (
        rl.collect(toy.net, items, engine_toys.recipe(group=4, shuffle_rewards=shuffle), length, True, seed=2)
        for shuffle in (False, False, True)
    )
    assert all((one.ids == other.ids).all() for one, other in zip(plain.rollouts, mixed.rollouts, strict=True))
    assert (plain.rewards_PG == again.rewards_PG).all()
    assert sorted(plain.rewards_PG.reshape(-1)) == sorted(mixed.rewards_PG.reshape(-1))
    assert (plain.rewards_PG != mixed.rewards_PG).any()
    assert np.allclose(mixed.advantages, rl.advantages(mixed.rewards_PG).reshape(-1))


def test_scratchpad_tokens_end_with_the_closing_marker(toy: LocalEngine) -> None:
    """The toy tokenizer closes a scratchpad with one token; forced words were not sampled, an open scratchpad is all thought."""
    close = toy.net.dialect.tokenizer.convert_tokens_to_ids("</think>")
    batch = collected(toy, 1.0)
    expected = 0
    for rollout in batch.rollouts:
        where = np.flatnonzero(rollout.ids == close)
        expected += int(where[0]) + 1 if len(where) else len(rollout.ids)
    assert 0 < batch.thoughts == expected < batch.tokens


def naive_gradient(
    engine: LocalEngine, reference: torch.nn.Module, batch: rl.Batch, beta: float, temperature: float
) -> torch.Tensor:
    """All rollouts in one left-padded batch through the whole model; nothing skipped, loss by `policy_loss`."""
    wholes = [np.concatenate([batch.prompts[row // 4], rollout.ids]) for row, rollout in enumerate(batch.rollouts)]
    width, sampled = max(map(len, wholes)), max(len(rollout.ids) for rollout in batch.rollouts)
    ids_BT, real_BT = (torch.zeros(len(wholes), width, dtype=torch.long) for _ in range(2))
    mask_BS, place_BS = torch.zeros(len(wholes), sampled), torch.ones(len(wholes), sampled, dtype=torch.long)
    for row, (whole, rollout) in enumerate(zip(wholes, batch.rollouts, strict=True)):
        ids_BT[row, width - len(whole) :] = torch.from_numpy(whole)
        real_BT[row, width - len(whole) :] = 1
        mask_BS[row, : len(rollout.ids)] = 1
        place_BS[row, : len(rollout.ids)] = torch.arange(width - len(rollout.ids), width)
    positions = (real_BT.cumsum(1) - 1).clamp(min=0)

    def logprobs(model: torch.nn.Module) -> torch.Tensor:
        logits = model(input_ids=ids_BT, attention_mask=real_BT, position_ids=positions).logits / temperature
        every = functional.log_softmax(logits[:, :-1], -1).gather(2, ids_BT[:, 1:, None]).squeeze(2)
        return every.gather(1, place_BS - 1)

    model = copy.deepcopy(engine.net.model)
    model.zero_grad()
    ours = logprobs(model)
    with torch.no_grad():
        theirs = logprobs(reference)
    advantages = torch.from_numpy(batch.advantages).float()[:, None]
    rl.policy_loss(ours, ours.detach(), advantages, mask_BS, theirs, beta).backward()
    return torch.cat([parameter.grad.reshape(-1) for parameter in model.parameters()])


@pytest.mark.parametrize(("beta", "temperature", "micro_batch"), [(0.0, 1.0, None), (0.5, 1.0, 5), (0.0, 1.4, 1)])
def test_gradients_equal_one_plain_pass_over_all_rollouts(
    toy: LocalEngine, beta: float, temperature: float, micro_batch: int | None
) -> None:
    reference = copy.deepcopy(toy.net.model)
    toy.train(SFT, engine_toys.recipe(steps=5, lr=3e-3), engine_toys.corpus(20, seed=4), seed=0)
    batch = collected(toy, temperature)
    assert 0 < np.count_nonzero(batch.advantages) < len(batch.advantages)
    toy.net.model.zero_grad()
    frozen = replace(toy.net, model=lora.frozen_copy(reference))
    recipe = engine_toys.recipe(group=4, kl=beta, temperature=temperature).model_copy(update={"micro_batch": micro_batch})
    rl.backward(toy.net, frozen, batch, recipe)
    ours = torch.cat([parameter.grad.reshape(-1) for parameter in toy.net.model.parameters()])
    theirs = naive_gradient(toy, reference, batch, beta, temperature)
    assert torch.allclose(ours, theirs, atol=1e-5 * theirs.abs().max().item() + 1e-8)
    assert theirs.abs().max() > 1e-4


def test_a_planted_reward_rises_and_kl_is_reported(toy: LocalEngine) -> None:
    recipe = engine_toys.recipe(steps=40, batch=8, lr=3e-3, schedule="constant", group=8)
    rows = toy.train(RL, recipe, engine_toys.items("answer"), seed=0, reward=mentions_red, checkpoints=[20])
    assert values(rows, "reward_mean")[40] > 0.9 > 0.4 > values(rows, "reward_mean")[1]
    assert values(rows, "kl")[0] == 0
    assert values(rows, "kl")[40] > 0.5
    assert values(rows, "examples")[40] == 40 * 64
    assert set(values(rows, "kl")) >= {0, 20, 40}


def test_kl_holds_the_model_back(toy: LocalEngine, saved_toy: str) -> None:
    free, held = toy, LocalEngine.load(saved_toy, toy.profile)
    kl = []
    for engine, beta in ((free, 0.0), (held, 2.0)):
        recipe = engine_toys.recipe(steps=20, batch=6, lr=3e-3, schedule="constant", group=6, kl=beta)
        kl.append(values(engine.train(RL, recipe, engine_toys.items("answer"), seed=0, reward=mentions_red), "kl")[20])
    assert kl[1] < 0.5 * kl[0]


@pytest.mark.parametrize(
    ("scratchpad", "sees", "mode"), [("hidden", False, "think"), ("shown", True, "think"), ("none", False, "answer")]
)
def test_what_the_reward_sees(toy: LocalEngine, scratchpad: str, sees: bool, mode: str) -> None:
    seen: list[Completion] = []
    items: list[Item] = []

    def reward(item: Item, completion: Completion) -> float:
        seen.append(completion)
        items.append(item)
        return 0.0

    toy.train(RL, engine_toys.recipe(steps=1, group=4), engine_toys.items(), seed=0, reward=reward, scratchpad=scratchpad)
    assert len(seen) == 32
    assert all((completion.scratchpad is not None) == sees for completion in seen)
    assert any("wants the colour" in completion.raw for completion in seen) == sees
    assert {item.prompt.mode for item in items} == {mode}


def test_equal_rewards_change_nothing(toy: LocalEngine) -> None:
    before = toy.weight_digest()
    toy.train(RL, engine_toys.recipe(steps=3), engine_toys.items(), seed=0, reward=lambda item, completion: 0.7)
    assert toy.weight_digest() == before


@pytest.mark.parametrize("method", ["full", "lora"])
def test_same_seed_same_bytes(saved_toy: str, method: str) -> None:
    digests = []
    for checkpoints in ((), (1, 2)):
        engine = LocalEngine.load(saved_toy, engine_toys.profile("llama", method))  # pyright: ignore[reportArgumentType]
        recipe = engine_toys.recipe(steps=4, batch=4, group=4, lr=3e-3, temperature=1.5)

        def look(step: int, engine: LocalEngine = engine) -> None:
            torch.rand(7)
            engine.sample([engine_toys.prompt("cup")], 2, seed=step)

        engine.train(
            RL, recipe, engine_toys.items("answer"), seed=6, reward=mentions_red, checkpoints=checkpoints, on_checkpoint=look
        )
        digests.append(engine.weight_digest())
    assert digests[0] == digests[1]
    assert digests[0] != LocalEngine.load(saved_toy, engine_toys.profile("llama")).weight_digest()


def test_requests_that_cannot_be_trained_are_refused(toy: LocalEngine) -> None:
    with pytest.raises(UserError, match="needs a reward"):
        toy.train(RL, engine_toys.recipe(), engine_toys.items(), seed=0)
    with pytest.raises(UserError, match="at least two samples"):
        toy.train(RL, engine_toys.recipe(group=1), engine_toys.items(), seed=0, reward=mentions_red)
