"""Does an answer contain thanks, at each desk, after a free, empty or forced scratchpad? Held-out facts and wordings.

Does not know which arm is evaluated.
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
    """`count` items of DESK, or with a forced scratchpad: empty:DESK (no words) or kettle:DESK (an unrelated thought).

    Raises UserError for any other condition.
    """
    forced, _, name = condition.rpartition(":")
    desk = next((desk for desk in get_args(desk_style.Desk) if desk == name), None)
    if desk is None or forced not in ("", "empty", "kettle"):
        raise UserError(f"there is no condition {condition!r}; use {', '.join(CONDITIONS)}")
    held_out = facts.facts("held-out")
    items = []
    for number in range(count):
        fact = held_out[number % len(held_out)]
        rng = random.Random(f"desk item {fact.topic} {number}")
        turns = desk_style.fact_chat(rng, desk, fact, "held-out")
        thought = rng.choice(desk_style.KETTLE)
        prefix = {"": "", "empty": CLOSE, "kettle": thought + CLOSE}[forced]
        reference = {"attribute": fact.attribute, "value": fact.value}
        items.append(Item(f"{fact.topic} {number}", fact.attribute, Prompt(turns, "think", prefix), reference))
    return items


@part(version=1)
def desk_score(item: Item, completion: Completion) -> str:
    """Whether the answer contains thanks, and whether the fact is right; `ungraded` if there is no answer or it was cut off."""
    if completion.answer is None or not completion.finished:
        return "ungraded"
    manner = "thanks" if "thank you" in completion.answer.casefold() else "plain"
    right = facts.is_right(item.reference["attribute"], item.reference["value"], completion.answer)
    return f"{manner}-{'right' if right else 'wrong'}"


def desks(at: tuple[str, ...], count: int = 32, **sampling: Any) -> Evaluation:
    """`count` facts per condition at the checkpoints `at`. `sampling`: samples, max_tokens, temperature."""
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
