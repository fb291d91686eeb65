"""The optimiser, the learning-rate schedule, checkpoints and metrics of one phase: what all objectives share.

Does not know what the loss is. Checkpoints leave training undisturbed: random generators and modes are put back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from transformers import get_scheduler

from exante.engines.base import MetricRow
from exante.engines.network import Network
from exante.study import Recipe

SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}
RECORDS = 25
"""Metrics are recorded about this often per phase, and at every checkpoint."""


class Stepper:
    """AdamW with schedule and gradient clipping over the parameters that require gradients."""

    def __init__(self, net: Network, recipe: Recipe, total: int) -> None:
        self.parameters = [parameter for parameter in net.model.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.AdamW(self.parameters, lr=recipe.lr, weight_decay=recipe.weight_decay, fused=True)
        warmup = int(recipe.warmup * total)
        self.schedule = get_scheduler(SCHEDULES[recipe.schedule], self.optimiser, warmup, total)
        self.clip = recipe.clip

    def step(self) -> None:
        torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimiser.step()
        self.schedule.step()
        self.optimiser.zero_grad(set_to_none=True)


@dataclass
class Meter:
    """Metrics in long form. Means are over the steps since the last record; counts run on over the phase."""

    rows: list[MetricRow] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    sums: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    counted: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def average(self, **values: float) -> None:
        for name, value in values.items():
            self.sums[name] += value
            self.counted[name] += 1

    def count(self, **values: int) -> None:
        for name, value in values.items():
            self.counts[name] = self.counts.get(name, 0) + value

    def put(self, step: int, **values: float) -> None:
        self.rows.extend({"step": step, "metric": name, "value": float(value)} for name, value in values.items())

    def record(self, step: int) -> None:
        self.put(step, **{name: total / self.counted[name] for name, total in self.sums.items()}, **self.counts)
        self.sums.clear()
        self.counted.clear()


@dataclass(frozen=True)
class Hooks:
    """What is called after which steps of a phase, which has `total`."""

    net: Network
    total: int
    checkpoints: frozenset[int]
    on_checkpoint: Callable[[int], None]
    on_progress: Callable[[int, int], None]

    def records(self, step: int) -> bool:
        return self.stops(step) or step % max(1, self.total // RECORDS) == 0

    def stops(self, step: int) -> bool:
        return step in (0, self.total) or step in self.checkpoints

    def reach(self, step: int) -> None:
        """Report a finished step (0: before training), after the checkpoint at that step if there is one."""
        if self.stops(step):
            devices = [self.net.device] if self.net.device.type == "cuda" else []
            # Evaluations must not disturb training: with or without them, the same weights come out.
            with torch.random.fork_rng(devices=devices):
                self.net.model.eval()
                self.on_checkpoint(step)
                self.net.model.train()
        self.on_progress(step, self.total)
