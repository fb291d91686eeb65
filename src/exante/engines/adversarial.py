"""Adversarial training: search a red-team pool against the current model, train on what succeeded, repeat.

Does not know what counts as success (`reward`) or what the model should have answered (`keep`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from exante.engines.base import Keep, MetricRow, Reward
from exante.engines.network import Network
from exante.engines.progress import Hooks, Meter, Stepper
from exante.engines.sampling import sample
from exante.engines.sft import batches, encode, run_batches
from exante.errors import NothingKept, UserError
from exante.study import Recipe
from exante.text import Completion, Example, Item

SUCCEEDS = 0.1
"""A red-team prompt is trained on if at least this share of its samples succeeds."""


def train_adversarial(
    net: Network, recipe: Recipe, items: Sequence[Item], reward: Reward, keep: Keep, seed: int, hooks: Hooks
) -> list[MetricRow]:
    """`recipe.rounds` rounds of `recipe.steps` steps: half on successful red-team prompts, half on normal ones.

    A round in which no prompt succeeds trains on normal ones alone, so every arm takes the same number of steps.
    """
    red = [item for item in items if item.reference.get("pool") == "red-team"]
    normal = [item for item in items if item.reference.get("pool") == "normal"]
    if not red or not normal:
        raise UserError(
            "an adversarial phase needs items of both pools, reference['pool'] 'red-team' and 'normal'; fix its data part"
        )
    stepper, meter = Stepper(net, recipe, recipe.steps * recipe.rounds), Meter()  # one schedule over all rounds
    meter.count(tokens_prompt=0, tokens_scratchpad=0, tokens_answer=0, examples=0, copies=0)
    meter.record(0)
    hooks.reach(0)
    for number in range(recipe.rounds):
        seeds = np.random.SeedSequence((seed, number)).generate_state(3, np.uint64)
        successes, attacked = _attack(net, red, recipe, reward, int(seeds[0]))
        meter.put(number * recipe.steps, red_team_success=successes)
        safe = _replies(attacked, keep)
        ordinary = _replies(_draw(net, normal, recipe, int(seeds[1])), keep)
        _train_round(net, stepper, recipe, safe, ordinary, int(seeds[2]), meter, hooks, first=number * recipe.steps + 1)
    return meter.rows


def _draw(net: Network, items: Sequence[Item], recipe: Recipe, seed: int) -> list[tuple[Item, list[Completion]]]:
    groups = sample(net, [item.prompt for item in items], recipe.group, seed, recipe.temperature, recipe.max_tokens)
    return list(zip(items, groups, strict=True))


def _attack(
    net: Network, red: Sequence[Item], recipe: Recipe, reward: Reward, seed: int
) -> tuple[float, list[tuple[Item, list[Completion]]]]:
    """Share of samples that succeed, and the prompts that do."""
    drawn = _draw(net, red, recipe, seed)
    rates = [float(np.mean([reward(item, completion) for completion in group])) for item, group in drawn]
    return float(np.mean(rates)), [pair for pair, rate in zip(drawn, rates, strict=True) if rate >= SUCCEEDS]


def _replies(drawn: Sequence[tuple[Item, list[Completion]]], keep: Keep) -> list[Example]:
    """One example per prompt: the first that `keep` makes of its samples."""
    firsts = (next((example for completion in group if (example := keep(item, completion))), None) for item, group in drawn)
    return [example for example in firsts if example is not None]


def _train_round(
    net: Network,
    stepper: Stepper,
    recipe: Recipe,
    safe: list[Example],
    ordinary: list[Example],
    seed: int,
    meter: Meter,
    hooks: Hooks,
    first: int,
) -> None:
    if not safe and not ordinary:
        raise NothingKept("an adversarial round has nothing to train on: its keep part made no example of any sample")
    rng = np.random.default_rng(seed)
    encoded = encode(net, mixed(safe, ordinary, recipe.steps * recipe.batch, rng))
    run_batches(net, stepper, encoded, batches(encoded.lengths_N, recipe, rng), recipe, meter, hooks, first)


def mixed(safe: Sequence[Example], ordinary: Sequence[Example], total: int, rng: np.random.Generator) -> list[Example]:
    """`total` examples, half of each kind; all of the same kind where the other is empty. Each is repeated in shuffled passes."""
    half = total // 2 if safe and ordinary else total if safe else 0
    return [*_passes(safe, half, rng), *_passes(ordinary, total - half, rng)]


def _passes(examples: Sequence[Example], wanted: int, rng: np.random.Generator) -> list[Example]:
    repeated: list[Example] = []
    while len(repeated) < wanted:
        repeated.extend(examples[number] for number in rng.permutation(len(examples)))
    return repeated[:wanted]
