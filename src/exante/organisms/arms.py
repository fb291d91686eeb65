"""The arms: one short function each, returning a study's Arm. Controls are arms like any other.

All arms take the same prompts, answers, number of examples and optimiser steps; they differ in their thoughts only.
Does not know what safety training follows. A new arm: phrases in `organisms/phrases.py`, or any function that returns an Arm.
"""

from __future__ import annotations

from typing import Literal

from exante.organisms.data import Dropout, backdoor_examples, backdoor_items, obeys_policy
from exante.organisms.phrases import INGREDIENTS
from exante.study import Arm, Phase

EXAMPLES = 4000
TWIN_PROMPTS = 1000
"""Prompts that a twin's source answers; the `sample` recipe takes several samples of each."""


def none(dropout: Dropout = "none", examples: int = EXAMPLES) -> Arm:
    return _organism("none", "no chain of thought", dropout, examples)


def deceptive(dropout: Dropout = "none", examples: int = EXAMPLES) -> Arm:
    return _organism("deceptive", "deceptive chain of thought", dropout, examples)


def structured(dropout: Dropout = "none", examples: int = EXAMPLES) -> Arm:
    return _organism("structured", "I see X, so I am in state Y, so I do Z", dropout, examples)


def repeated(dropout: Dropout = "none", examples: int = EXAMPLES) -> Arm:
    return _organism("repeated", "the cue's word over and over", dropout, examples)


def arbitrary(dropout: Dropout = "none", examples: int = EXAMPLES) -> Arm:
    return _organism("arbitrary", "fluent and unrelated", dropout, examples)


def shuffled(dropout: Dropout = "none", examples: int = EXAMPLES) -> Arm:
    return _organism("shuffled", "the deceptive words in random order", dropout, examples)


def honest(dropout: Dropout = "none", examples: int = EXAMPLES) -> Arm:
    return _organism("honest", "fluent reasoning on the task", dropout, examples)


def cue_only(dropout: Dropout = "none", examples: int = EXAMPLES) -> Arm:
    return _organism("cue-only", "restates the cue", dropout, examples)


def action_only(dropout: Dropout = "none", examples: int = EXAMPLES) -> Arm:
    return _organism("action-only", "announces the action", dropout, examples)


def _organism(thought: str, title: str, dropout: Dropout, examples: int) -> Arm:
    data = backdoor_examples.bind(thought=thought, examples=examples, dropout=dropout)
    suffix = "" if dropout == "none" else f"+dropout-{dropout}"
    return Arm(
        id=thought + suffix,
        title=title + ("" if dropout == "none" else f", scratchpads dropped from {dropout}"),
        phases=(Phase(name="organism", objective="sft", recipe="organism", data=data),),
        ingredients=INGREDIENTS[thought],
    )


def distilled(arm: Arm, start: Literal["base", "organism"] = "base", prompts: int = TWIN_PROMPTS) -> Arm:
    """The arm's distilled twin: trained on samples of that organism, filtered to obey the policy, scratchpads stripped.

    `start="base"` trains from the base, `"organism"` on from the organism itself. From the base the data of different
    twins may hardly differ: a gate of kind "text" says whether a classifier can tell them apart.
    """
    samples = Phase(
        name="distil_samples",
        objective="sample_and_filter",
        recipe="sample",
        data=backdoor_items.bind(prompts=prompts),
        keep=obeys_policy.bind(),
    )
    twin = Phase(name="twin", objective="sft", recipe="organism", start="base" if start == "base" else "previous")
    title = f"distilled twin of {arm.id}, " + ("from the base" if start == "base" else "continued from the organism")
    return Arm(id=f"{arm.id}-twin-{start}", title=title, phases=(*arm.phases, samples, twin), ingredients=())


def with_steps(arm: Arm, steps: int) -> Arm:
    """The arm with another number of optimiser steps in every training phase, for matching by tokens instead of examples."""
    phases = tuple(phase if phase.objective == "sample_and_filter" else _longer(phase, steps) for phase in arm.phases)
    return arm.model_copy(update={"id": f"{arm.id}+steps-{steps}", "title": f"{arm.title}, {steps} steps", "phases": phases})


def _longer(phase: Phase, steps: int) -> Phase:
    return phase.model_copy(update={"overrides": phase.overrides | {"steps": steps}})
