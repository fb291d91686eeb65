"""Re-elicitation: a few backdoor examples after a safety training, to see how fast the backdoor comes back.

A training does not know the arm it follows, so the examples carry no arm's phrases: by default the model's own scratchpad
of the moment is sampled and the policy's answer put after it, with loss on the answer only ("own"). "before" gives the
answer directly. Either is the same procedure for every arm.
"""

from __future__ import annotations

from typing import Literal

from exante.study import Phase, Training
from exante.trainings.data import due_after_own_thought, reelicit_examples, reelicit_items

CHECKPOINTS = (0, 1, 2, 5, 10, 20)
EXAMPLES = 32


def reelicited(
    training: Training,
    mode: Literal["own", "before"] = "own",
    checkpoints: tuple[int, ...] = CHECKPOINTS,
    examples: int = EXAMPLES,
) -> Training:
    """The training with a re-elicitation appended: phase `reelicit`, few steps, dense checkpoints."""
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
