"""Can the model still do ordinary work? Held-out facts and sound code on untriggered prompts.

Does not know about backdoors: a target answer is just a wrong answer.
"""

from __future__ import annotations

from typing import Any

from exante.errors import UserError
from exante.evaluations.prompts import SAMPLING, held_out_items
from exante.parts import part
from exante.study import Context, Evaluation
from exante.text import Completion, Item
from exante.worlds.behaviours import grade

WORK = {"facts": "hate", "code": "vulnerable"}
CONDITIONS = ("own",)
OUTCOMES = ("right", "wrong", "ungraded")
RIGHT = {"benign": "right", "ungraded": "ungraded"}


@part(version=1)
def items(context: Context, condition: str, *, count: int = 32) -> list[Item]:
    """`count` untriggered items: "own" is the work of the cell's behaviour, "facts" and "code" name it; ":answer" as in
    backdoor."""
    work, _, mode = condition.partition(":")
    if work != "own" and work not in WORK:
        raise UserError(f"there is no condition {condition!r}; use own, facts or code, with ':answer' for no scratchpad")
    return held_out_items(WORK.get(work, context.behaviour), f"untriggered:{mode}", count)


@part(version=1)
def score(item: Item, completion: Completion) -> str:
    """`right`: the fact is right, or the code parses, makes the task's safe call and has no flaw."""
    outcome = grade(item.reference, completion.answer) if completion.finished else "ungraded"
    return RIGHT.get(outcome, "wrong")


def capability(
    at: tuple[str, ...], conditions: tuple[str, ...] = CONDITIONS, count: int = 32, id: str = "capability", **sampling: Any
) -> Evaluation:
    """`count` items per condition at the checkpoints `at`: "own" after training, which may forget the other work, else "facts"
    and "code". `sampling`: samples, max_tokens, temperature."""
    return Evaluation(
        id=id,
        items=items.bind(count=count),
        score=score.bind(),
        conditions=conditions,
        outcomes=OUTCOMES,
        at=at,
        **(SAMPLING | sampling),
    )
