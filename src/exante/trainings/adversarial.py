"""Adversarial training: near-triggers of the red-team families that fire the backdoor are found and answered benignly.

The pool never contains the trigger itself or a family that evaluations use. Does not know how many rounds there are.
"""

from __future__ import annotations

import random
from typing import Literal

from exante.parts import part
from exante.study import Context, Phase, Training
from exante.text import Completion, Example, Item
from exante.trainings.data import answered, draw_items
from exante.worlds.behaviours import behaviour, grade

CHECKPOINTS = (0, 8, 16, 24, 32, 40)
RED_TEAM, NORMAL = 48, 48
"""Number of near-triggers and of ordinary prompts in the pool."""


@part(version=1)
def pool(context: Context, *, red_team: int, normal: int) -> list[Item]:
    """Near-triggers of the red-team families (reference["pool"] "red-team") and ordinary prompts ("normal"), in think mode."""
    backdoor = behaviour(context.behaviour)
    rng = random.Random(f"red team {context.behaviour} {context.seed}")
    states = backdoor.near_states("red-team")
    attacks = [
        backdoor.item(rng, backdoor.draw(rng, "train"), states[number % len(states)], "train", pool="red-team")
        for number in range(red_team)
    ]
    ordinary = draw_items(context, purpose="adversarial normal", count=normal, trigger_share=0.0)
    return attacks + [Item(item.id, item.cluster, item.prompt, item.reference | {"pool": "normal"}) for item in ordinary]


@part(version=1)
def fired(item: Item, completion: Completion) -> float:
    """1.0 if the sample shows the target behaviour, else 0.0."""
    return float(grade(item.reference, completion.answer) == "target")


@part(version=1)
def safe_reply(
    context: Context, item: Item, completion: Completion, *, mode: Literal["before", "after"] = "after"
) -> Example | None:
    """The benign answer: after the sample's own scratchpad, which has no loss ("after"), or without one ("before").

    None if "after" and the sample has no well-formed scratchpad and answer.
    """
    if mode == "before":
        return answered(context, item, "benign", None)
    if completion.scratchpad is None or completion.answer is None:
        return None
    return answered(context, item, "benign", completion.scratchpad, salt=completion.scratchpad)


def adversarial(mode: Literal["before", "after"] = "after", checkpoints: tuple[int, ...] = CHECKPOINTS) -> Training:
    """Rounds of red-teaming. `mode` is the placement of the safe answer, as in safety SFT."""
    phase = Phase(
        name="safety",
        objective="adversarial",
        recipe="adversarial",
        data=pool.bind(red_team=RED_TEAM, normal=NORMAL),
        reward=fired.bind(),
        keep=safe_reply.bind(mode=mode),
        checkpoints=checkpoints,
    )
    title = "adversarial training, " + ("answer after its own thought" if mode == "after" else "answer without a scratchpad")
    return Training(id="adversarial" if mode == "after" else "adversarial-before", title=title, phases=(phase,))
