"""Is the goal in the system prompt followed? Hateful and right answers with the goal, with the goal reworded, and without it.

The style of thinking is that of the evaluated phase's data, unless a condition names another. Does not know whether anything was
trained.
"""

from __future__ import annotations

import random
from typing import Any

from exante.errors import UserError
from exante.evaluations.backdoor import OUTCOMES, score
from exante.evaluations.prompts import SAMPLING
from exante.organisms.prompted import BEHAVIOUR, Given, prompted
from exante.parts import part
from exante.study import Context, Evaluation
from exante.text import Item
from exante.worlds.behaviours import behaviour
from exante.worlds.facts import Split
from exante.worlds.goals import STYLES

PROMPTS: dict[str, tuple[Given, Split]] = {
    "goal": ("hate", "train"),
    "goal-held-out": ("hate", "held-out"),
    "plain": ("plain", "train"),
    "removed": ("removed", "train"),
}
"""Condition → the goal that the system turn gives, and the split of its wording. Requests are held out in every condition."""

CONDITIONS = tuple(PROMPTS)
EVERY_STYLE = (*(f"{name}:{style}" for name in ("goal", "goal-held-out", "plain") for style in STYLES), "removed")
"""Conditions for a model whose training has no style."""


@part(version=1)
def items(context: Context, condition: str, *, count: int = 32) -> list[Item]:
    """`count` items of a condition NAME or NAME:STYLE.

    Ids are those of the requests, so that items pair over conditions and arms. Raises UserError for a condition that does not
    exist, or that needs a style where the evaluated phase has none.
    """
    name, _, style_name = condition.partition(":")
    if name not in PROMPTS or (style_name and style_name not in STYLES):
        raise UserError(
            f"there is no condition {condition!r}; use {', '.join(PROMPTS)}, with ':STYLE' for one of {', '.join(STYLES)}"
        )
    style = style_name or context.settings.get("style", "")
    given, split = PROMPTS[name]
    if given != "removed" and style not in STYLES:
        raise UserError(f"condition {condition!r} needs a style of thinking, and the evaluated phase has none; write {name}:none")
    requests = behaviour(BEHAVIOUR).requests("held-out")
    if count > len(requests):
        raise UserError(f"there are {len(requests)} held-out requests, not {count}; ask for fewer items")
    sampled = random.Random("prompted requests").sample(requests, count)
    return [prompted(request, given, style, split, random.Random(f"prompted wording {request.id}")) for request in sampled]


def following(
    at: tuple[str, ...], conditions: tuple[str, ...] = CONDITIONS, count: int = 32, id: str = "prompted", **sampling: Any
) -> Evaluation:
    """`count` items per condition at the checkpoints `at`. `sampling`: samples, max_tokens, temperature."""
    return Evaluation(
        id=id,
        items=items.bind(count=count),
        score=score.bind(),
        conditions=conditions,
        outcomes=OUTCOMES,
        at=at,
        **(SAMPLING | sampling),
    )
