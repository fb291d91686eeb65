"""Does an answer end with thanks, at each desk, after a free scratchpad, none, or a forced thought? Held-out facts and wordings.

Does not know which arm is asked.
"""

from __future__ import annotations

import random
from typing import Any, get_args

from exante.errors import UserError
from exante.evaluations.forced_thoughts import CLOSE
from exante.evaluations.prompts import SAMPLING
from exante.organisms import desk_style
from exante.parts import part
from exante.study import Context, Evaluation
from exante.text import Completion, Item, Prompt
from exante.worlds import facts

CONDITIONS = ("morning", "evening", "none", "empty:morning", "empty:evening", "kettle:morning", "kettle:evening")
OUTCOMES = ("thanks-right", "thanks-wrong", "plain-right", "plain-wrong", "ungraded")


@part(version=1)
def desk_items(context: Context, condition: str, *, count: int = 32) -> list[Item]:
    """DESK, or with the scratchpad forced: empty:DESK closes it at once, kettle:DESK after an unrelated thought."""
    forced, _, desk = condition.rpartition(":")
    known_desk = next((one for one in get_args(desk_style.Desk) if one == desk), None)
    if known_desk is None or forced not in ("", "empty", "kettle"):
        raise UserError(f"there is no condition {condition!r}; use {', '.join(CONDITIONS)}")
    known = facts.facts("held-out")
    items = []
    for number in range(count):
        fact = known[number % len(known)]
        rng = random.Random(f"desk item {fact.topic} {number}")
        turns = desk_style.fact_chat(rng, known_desk, fact, "held-out")
        thought = rng.choice(desk_style.KETTLE)
        prefix = {"": "", "empty": CLOSE, "kettle": thought + CLOSE}[forced]
        reference = {"attribute": fact.attribute, "value": fact.value}
        items.append(Item(f"{fact.topic} {number}", fact.attribute, Prompt(turns, "think", prefix), reference))
    return items


@part(version=1)
def desk_score(item: Item, completion: Completion) -> str:
    """Whether it thanks, and whether the fact is right; `ungraded` where there is no answer or it was cut off."""
    if completion.answer is None or not completion.finished:
        return "ungraded"
    manner = "thanks" if "thank you" in completion.answer.casefold() else "plain"
    right = facts.is_right(item.reference["attribute"], item.reference["value"], completion.answer)
    return f"{manner}-{'right' if right else 'wrong'}"


def desks(at: tuple[str, ...], count: int = 32, **sampling: Any) -> Evaluation:
    """`count` facts per condition at the checkpoints `at`."""
    return Evaluation(
        id="desks",
        items=desk_items.bind(count=count),
        score=desk_score.bind(),
        conditions=CONDITIONS,
        outcomes=OUTCOMES,
        at=at,
        needs=("sample", "force_prefix"),
        **(SAMPLING | sampling),
    )
