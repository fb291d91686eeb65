"""Supervised fine-tuning on examples: from the data part, or kept by an earlier phase that samples."""

from __future__ import annotations

from exante.engines.base import MetricRow, Run
from exante.objectives.base import SUPERVISED, TrainingObjective
from exante.text import Example


def _train(run: Run) -> list[MetricRow]:
    from exante.engines.sft import train_sft

    return train_sft(run.net, run.recipe, run.data, run.seed, run.hooks)


SFT = TrainingObjective(
    name="sft",
    module=__name__,
    data=Example,
    parts=("data",),
    metrics=lambda phase: SUPERVISED,
    signals=lambda phase, recipe, loss: [loss],
    train=_train,
    capabilities=("train",),
)
