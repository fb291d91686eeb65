"""What an objective is: all that planning, registration, reports and the worker must know of one way to make a phase.

Needs no torch: an objective imports its engine when it is called. To add one, write a file with one record and name it in
`objectives/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from exante.engines.base import Engine, MetricRow, Run
from exante.study import Capability, Context, Phase, Recipe
from exante.text import Example, Item

COUNTED = ("tokens_prompt", "tokens_scratchpad", "tokens_answer", "examples", "copies", "weight_change")
"""Metrics that every objective logs which trains."""
SUPERVISED = (*COUNTED, "loss", "loss_answer", "loss_scratchpad")
"""Metrics of every objective that trains on examples."""


class Signal(NamedTuple):
    """Something that chooses or pushes text, and whether it sees the scratchpad ("shown", "hidden"), or there is "none"."""

    signal: str
    scratchpad: str


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What both kinds of objective declare.

    `name`: how phases call it; it is in phase ids.
    `module`: the file with the record. What it imports, also inside functions, is the code that its phases rest on.
    `data`: what a phase's data part returns a list of.
    `parts`: the fields of a phase that must name a part. Data may also come from an earlier phase that samples.
    `metrics`: what a phase logs into phases.parquet; a name that ends in a colon is followed by a label.
    `signals`: what chooses or pushes in a phase that takes steps. The third argument says what the loss sees.
    `drawn`: how many samples a phase draws from the model; the second argument counts the items that its parts return.
    """

    name: str
    module: str
    data: type[Example] | type[Item]
    parts: tuple[str, ...]
    metrics: Callable[[Phase], tuple[str, ...]]
    signals: Callable[[Phase, Recipe, Signal], list[Signal]]
    drawn: Callable[[Recipe, Callable[[], int]], int] = lambda recipe, items: 0
    capabilities: tuple[Capability, ...] = ("train", "sample")
    trains: ClassVar[bool]


@dataclass(frozen=True, kw_only=True)
class TrainingObjective(Objective):
    """Changes weights.

    `train`: runs the phase on `Run.net` in place and returns what it logged.
    `steps`: optimiser steps that a phase takes.
    `fault`: what it cannot do with a recipe that has steps, and how to correct that; "" if nothing.
    """

    train: Callable[[Run], list[MetricRow]]
    steps: Callable[[Recipe], int] = lambda recipe: recipe.steps
    fault: Callable[[Recipe], str] = lambda recipe: ""
    trains: ClassVar[bool] = True


class Kept(NamedTuple):
    """What a phase that samples leaves: examples, the context with the clusters named so far, and metrics."""

    examples: list[Example]
    context: Context
    metrics: list[MetricRow]


@dataclass(frozen=True, kw_only=True)
class SamplingObjective(Objective):
    """Makes examples for the next phase from the model's own samples; changes no weights and takes no steps."""

    sample: Callable[[Engine, Phase, Recipe, Context], Kept]
    trains: ClassVar[bool] = False
