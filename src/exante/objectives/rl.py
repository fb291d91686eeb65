"""Reinforcement learning on a reward (GRPO). The phase's `scratchpad` says whether the reward sees it; all tokens are trained."""

from __future__ import annotations

from exante.engines.base import MetricRow, Run
from exante.errors import UserError
from exante.objectives.base import COUNTED, Signal, TrainingObjective
from exante.study import Phase, Recipe
from exante.text import Item


def _train(run: Run) -> list[MetricRow]:
    from exante.engines.rl import train_rl

    if run.reward is None:
        raise UserError("a phase with the objective rl needs a reward; name one in the phase")
    return train_rl(run.net, run.recipe, run.data, run.reward, run.scratchpad, run.seed, run.hooks)


def _signals(phase: Phase, recipe: Recipe, loss: Signal) -> list[Signal]:
    return [Signal("reward, in random order" if recipe.shuffle_rewards else "reward", phase.scratchpad)]


def _fault(recipe: Recipe) -> str:
    """Advantages compare the samples of a prompt with each other, so there must be several that differ."""
    if recipe.group >= 2 and recipe.temperature:
        return ""
    return (
        f"group {recipe.group} at temperature {recipe.temperature:g}; it needs at least two samples of each prompt, at a"
        " temperature above 0"
    )


RL = TrainingObjective(
    name="rl",
    module=__name__,
    data=Item,
    parts=("data", "reward"),
    metrics=lambda phase: (*COUNTED, "kl", "reward_mean", "reward_spread"),
    signals=_signals,
    drawn=lambda recipe, items: recipe.steps * recipe.batch * recipe.group,
    train=_train,
    fault=_fault,
)
