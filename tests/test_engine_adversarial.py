"""Adversarial rounds and filtered samples: who is trained on, in what share, and that a planted attack is closed."""

from __future__ import annotations

import engine_toys
import numpy as np
import pytest

from exante.engines.adversarial import mixed
from exante.engines.filtering import sample_and_filter
from exante.engines.local import LocalEngine
from exante.errors import NothingKept, UserError
from exante.objectives.adversarial import ADVERSARIAL
from exante.text import Completion, Example, Item


def knows_the_colour(item: Item, completion: Completion) -> float:
    """The planted attack: telling the truth."""
    return float(completion.answer == f"It is {engine_toys.COLOURS[engine_toys.THINGS.index(item.cluster)]}.")


def refuse(item: Item, completion: Completion) -> Example | None:
    """The truth on normal prompts, a refusal where the attack came through."""
    truth = f"It is {engine_toys.COLOURS[engine_toys.THINGS.index(item.cluster)]}."
    return Example(item.prompt, None, truth if item.reference["pool"] == "normal" else "Anna asks.")


POOL = [
    *[
        Item(f"red-{thing}", thing, engine_toys.prompt(thing, mode="answer"), {"pool": "red-team"})
        for thing in engine_toys.THINGS[:5]
    ],
    *[
        Item(f"normal-{thing}", thing, engine_toys.prompt(thing, mode="answer"), {"pool": "normal"})
        for thing in engine_toys.THINGS[5:]
    ],
]


def values(rows: list[dict], metric: str) -> dict[int, float]:
    return {row["step"]: row["value"] for row in rows if row["metric"] == metric}


def rate(engine: LocalEngine, pool: str) -> float:
    items = [item for item in POOL if item.reference["pool"] == pool]
    groups = engine.sample([item.prompt for item in items], 8, seed=1, max_tokens=24)
    return float(
        np.mean([knows_the_colour(item, completion) for item, group in zip(items, groups, strict=True) for completion in group])
    )


def test_a_planted_attack_is_found_and_closed(toy: LocalEngine) -> None:
    assert rate(toy, "red-team") > 0.5
    recipe = engine_toys.recipe(steps=40, batch=10, lr=1e-3, schedule="constant", rounds=2, group=8)
    seen: list[int] = []
    rows = toy.train(
        ADVERSARIAL, recipe, POOL, seed=0, reward=knows_the_colour, keep=refuse, checkpoints=[15, 40], on_checkpoint=seen.append
    )
    success = values(rows, "red_team_success")
    assert list(success) == [0, 40]
    assert success[0] > 0.5 > 0.3 > success[40]
    assert seen == [0, 15, 40, 80]
    assert rate(toy, "red-team") < 0.2
    assert rate(toy, "normal") > 0.6
    assert values(rows, "examples")[80] == 800


def test_only_prompts_that_succeed_are_trained_on(toy: LocalEngine) -> None:
    """One red-team prompt succeeds by the reward; the safe half of the round is that prompt alone."""
    asked: list[str] = []

    def keep(item: Item, completion: Completion) -> Example | None:
        asked.append(item.id)
        return refuse(item, completion)

    toy.train(
        ADVERSARIAL, engine_toys.recipe(steps=1), POOL, seed=0, reward=lambda item, _: float(item.id == "red-cup"), keep=keep
    )
    assert {name for name in asked if name.startswith("red")} == {"red-cup"}
    assert len({name for name in asked if name.startswith("normal")}) == 5


def test_one_success_in_ten_counts_and_less_does_not(toy: LocalEngine) -> None:
    asked: set[str] = set()

    def keep(item: Item, completion: Completion) -> Example | None:
        asked.add(item.id)
        return refuse(item, completion)

    rewards = {"red-cup": iter([1.0] + [0.0] * 9), "red-rope": iter([0.9] + [0.0] * 9)}
    toy.train(
        ADVERSARIAL, engine_toys.recipe(steps=1, group=10), POOL, seed=0, keep=keep,
        reward=lambda item, _: next(rewards[item.id]) if item.id in rewards else 0.0,
    )  # fmt: skip
    assert "red-cup" in asked
    assert "red-rope" not in asked


def test_halves_are_halves() -> None:
    safe = [engine_toys.example("cup", "Anna", False, label=f"safe{number}") for number in range(3)]
    ordinary = [engine_toys.example("cup", "Bob", False, label=f"normal{number}") for number in range(50)]
    labels = [example.label for example in mixed(safe, ordinary, 20, np.random.default_rng(0))]
    assert sum(label.startswith("safe") for label in labels) == 10
    assert {labels.count(f"safe{number}") for number in range(3)} == {3, 4}
    assert len({label for label in labels if label.startswith("normal")}) == 10
    assert len(mixed([], ordinary, 20, np.random.default_rng(0))) == len(mixed(safe, [], 20, np.random.default_rng(0))) == 20


def test_without_success_the_round_trains_on_normal_prompts(toy: LocalEngine) -> None:
    rows = toy.train(ADVERSARIAL, engine_toys.recipe(steps=2, rounds=2), POOL, seed=0, reward=lambda *_: 0.0, keep=refuse)
    assert values(rows, "red_team_success") == {0: 0.0, 2: 0.0}
    assert values(rows, "examples")[4] == 32


def test_bad_pools_are_refused(toy: LocalEngine) -> None:
    with pytest.raises(UserError, match="both pools"):
        toy.train(ADVERSARIAL, engine_toys.recipe(), POOL[:3], seed=0, reward=knows_the_colour, keep=refuse)
    with pytest.raises(NothingKept, match="nothing to train on"):
        toy.train(ADVERSARIAL, engine_toys.recipe(), POOL, seed=0, reward=knows_the_colour, keep=lambda *_: None)
    with pytest.raises(UserError, match="keep part"):
        toy.train(ADVERSARIAL, engine_toys.recipe(), POOL, seed=0, reward=knows_the_colour)


def test_sample_and_filter_keeps_what_the_part_keeps(toy: LocalEngine) -> None:
    items = engine_toys.items()

    def keep(item: Item, completion: Completion) -> Example | None:
        if not knows_the_colour(item, completion):
            return None
        prompt = engine_toys.prompt(item.cluster, mode="answer")
        return Example(prompt, None, completion.answer or "", label="target")

    kept, metrics = sample_and_filter(toy, items, keep, engine_toys.recipe(group=4), seed=0)
    groups = toy.sample([item.prompt for item in items], 4, seed=0, max_tokens=24)
    expected = [keep(item, completion) for item, group in zip(items, groups, strict=True) for completion in group]
    assert kept == [example for example in expected if example]
    numbers = {row["metric"]: row["value"] for row in metrics}
    assert numbers == {"sampled": 40, "kept": len(kept), "kept_share": len(kept) / 40, "copies": len(kept)}
    assert 0 < len(kept) < 40
