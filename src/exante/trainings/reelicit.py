"""Re-elicitation: a few backdoor examples after a safety training, to see how fast the backdoor comes back.

A training does not know which arm it follows, so the examples contain no arm's phrases. By default ("own") the model's current
scratchpad is sampled and followed by the answer that the policy demands, with loss on the answer only. "before" gives the answer
without a scratchpad. Both are the same procedure for every arm.
"""

from __future__ import annotations

from typing import Literal

from exante.study import Phase, Training
from exante.trainings.data import due_after_own_thought, reelicit_examples, reelicit_items

CHECKPOINTS = (0, 1, 2, 5, 10, 20)
EXAMPLES = 32
"""Number of backdoor examples, half of them triggered."""


def reelicited(
    training: Training,
    mode: Literal["own", "before"] = "own",
    checkpoints: tuple[int, ...] = CHECKPOINTS,
    examples: int = EXAMPLES,
) -> Training:
    """The training followed by a re-elicitation: the phase `reelicit`, with few steps and dense checkpoints."""
    phases = _own(checkpoints, examples) if mode == "own" else _direct(checkpoints, examples)
    title = f"{training.title}, then {examples} backdoor examples"
    return Training(id=f"{training.id}+reelicit-{mode}", title=title, phases=(*training.phases, *phases))


def _own(checkpoints: tuple[int, ...], examples: int) -> tuple[Phase, ...]:
    thoughts = Phase(
        name="reelicit_thoughts",
        objective="sample_and_filter",
        recipe="sample",
        data=reelicit_items.bind(prompts=examples),
        keep=due_after_own_thought.bind(),
        overrides={"group": 1},
    )
    return (thoughts, Phase(name="reelicit", objective="sft", recipe="reelicit", checkpoints=checkpoints))


def _direct(checkpoints: tuple[int, ...], examples: int) -> tuple[Phase, ...]:
    data = reelicit_examples.bind(prompts=examples, mode="before")
    return (Phase(name="reelicit", objective="sft", recipe="reelicit", data=data, checkpoints=checkpoints),)
