"""Adversarial training: rounds of a red-team search, each followed by steps on safe replies to what succeeded."""

from __future__ import annotations

from exante.engines.base import MetricRow, Run
from exante.errors import UserError
from exante.objectives.base import SUPERVISED, Signal, TrainingObjective
from exante.study import Phase, Recipe
from exante.text import Item


def _train(run: Run) -> list[MetricRow]:
    from exante.engines.adversarial import train_adversarial

    if run.reward is None:
        raise UserError("a phase with the objective adversarial needs a reward; name one in the phase")
    if run.keep is None:
        raise UserError("an adversarial phase needs a keep part that gives the safe reply; name one in the phase")
    return train_adversarial(run.net, run.recipe, run.data, run.reward, run.keep, run.seed, run.hooks)


def _signals(phase: Phase, recipe: Recipe, loss: Signal) -> list[Signal]:
    return [Signal("red-team reward", "shown"), Signal("choice of the reply", "shown"), loss]


ADVERSARIAL = TrainingObjective(
    name="adversarial",
    module=__name__,
    data=Item,
    parts=("data", "reward", "keep"),
    metrics=lambda phase: (*SUPERVISED, "red_team_success"),
    signals=_signals,
    drawn=lambda recipe, items: items() * recipe.group * recipe.rounds,  # its whole pool in every round
    train=_train,
    steps=lambda recipe: recipe.steps * recipe.rounds,
)
