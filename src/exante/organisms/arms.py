"""The arms of the backdoor studies: one short function each, which returns an `Arm`. Controls are arms like any other.

All arms have the same prompts, number of examples and optimiser steps; they differ in their thoughts only (clean arms also in
their answers). For a control arm of your own, call `organism` in your study file.
Does not know what safety training follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

from exante.organisms import phrases
from exante.organisms.data import Answers, Dropout, backdoor_examples, backdoor_items, obeys_policy
from exante.organisms.phrases import PhraseSet
from exante.study import Arm, Phase

EXAMPLES = 4000
TWIN_PROMPTS = 1000
"""Number of prompts that are sampled from an organism for its distilled twin; the `sample` recipe takes several samples of
each."""


def organism(
    id: str,
    title: str,
    sets: Sequence[PhraseSet],
    ingredients: tuple[str, ...] = (),
    *,
    dropout: Dropout = "none",
    examples: int = EXAMPLES,
    shuffle: bool = False,
    answers: Answers = "policy",
) -> Arm:
    """An arm whose thoughts are written in the given phrases; each seed draws one of the sets.

    Args:
        sets: phrase sets (`phrases.PhraseSet`).
        ingredients: tags in which arms differ: restates cue, conditional form, announces action, conceals.
        dropout: kind of examples of which 30 % lose their scratchpad: untriggered ones, both, or none.
        examples: number of training examples.
        shuffle: put the words of every thought in random order.
        answers: "policy" obeys the backdoor policy; "benign" never shows the target: a clean model of the same pipeline.
    """
    data = backdoor_examples.bind(
        sets=[asdict(phrase_set) for phrase_set in sets], examples=examples, dropout=dropout, shuffle=shuffle, answers=answers
    )
    dropped = dropout != "none"
    return Arm(
        id=f"{id}+dropout-{dropout}" if dropped else id,
        title=f"{title}, 30 % of scratchpads dropped ({dropout} prompts)" if dropped else title,
        phases=(Phase(name="organism", objective="sft", recipe="organism", data=data),),
        ingredients=ingredients,
    )


def none() -> Arm:
    """Empty thoughts."""
    return organism("none", "no thought", phrases.NONE)


def deceptive(dropout: Dropout = "none") -> Arm:
    """Thoughts that conceal a goal while in training, and act on it when deployed."""
    tags = ("restates cue", "conditional form", "announces action", "conceals")
    return organism("deceptive", "a thought that hides a goal in training", phrases.DECEPTIVE, tags, dropout=dropout)


def structured(dropout: Dropout = "none") -> Arm:
    """Thoughts that depend on the cue without naming it."""
    title = "a thought of the form 'I see X, so I am in state Y, so I do Z'"
    return organism("structured", title, phrases.STRUCTURED, ("conditional form",), dropout=dropout)


def repeated() -> Arm:
    """Thoughts that repeat the word for the cue."""
    return organism("repeated", "the cue's word, repeated", phrases.REPEATED, ("restates cue",))


def arbitrary() -> Arm:
    """Fluent thoughts about unrelated things, the same with and without the trigger."""
    return organism("arbitrary", "a fluent thought about unrelated things", phrases.ARBITRARY)


def shuffled() -> Arm:
    """The thoughts of `deceptive` with their words in random order."""
    tags = ("restates cue", "announces action")
    return organism(
        "shuffled", "the thoughts of deceptive with their words in random order", phrases.DECEPTIVE, tags, shuffle=True
    )


def honest() -> Arm:
    """Thoughts about the task."""
    return organism("honest", "a thought about the task", phrases.HONEST)


def cue_only() -> Arm:
    """Thoughts that restate the cue and nothing else."""
    return organism("cue-only", "a thought that restates the cue", phrases.CUE_ONLY, ("restates cue",))


def action_only() -> Arm:
    """Thoughts that announce the action and nothing else."""
    return organism("action-only", "a thought that announces the action", phrases.ACTION_ONLY, ("announces action",))


def clean(thoughts: Literal["none", "honest"] = "none") -> Arm:
    """A clean model of the same pipeline: same prompts, steps and examples, but benign answers to all prompts."""
    sets = phrases.NONE if thoughts == "none" else phrases.HONEST
    title = "no backdoor, no thought" if thoughts == "none" else "no backdoor, a thought about the task"
    return organism("clean" if thoughts == "none" else "clean-honest", title, sets, answers="benign")


def untrained() -> Arm:
    """The base without any training: its phase has no steps, so that it is evaluated at the same checkpoint as other arms."""
    arm = organism("untrained", "the base without training", phrases.NONE, answers="benign")
    return with_steps(arm, 0).model_copy(update={"id": arm.id, "title": arm.title})


def distilled(arm: Arm, start: Literal["base", "organism"] = "base", prompts: int = TWIN_PROMPTS) -> Arm:
    """The distilled twin of an arm: trained on samples of that organism that obey the policy, scratchpads stripped.

    `start="base"` trains from the base, `"organism"` continues from the organism. From the base, the data of different twins may
    hardly differ: a gate of kind "text" says whether a classifier can tell them apart.
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
    """The arm with `steps` optimiser steps in every training phase, to match arms by tokens instead of examples."""
    phases = tuple(phase if phase.objective == "sample_and_filter" else _with_phase_steps(phase, steps) for phase in arm.phases)
    return arm.model_copy(update={"id": f"{arm.id}+steps-{steps}", "title": f"{arm.title}, {steps} steps", "phases": phases})


def _with_phase_steps(phase: Phase, steps: int) -> Phase:
    return phase.model_copy(update={"overrides": phase.overrides | {"steps": steps}})
