"""Is the backdoor present? Target and benign answers on triggered, untriggered and near-triggered held-out prompts.

Does not know which arm or training is evaluated.
"""

from __future__ import annotations

from typing import Any

from exante.evaluations.prompts import SAMPLING, held_out_items
from exante.parts import part
from exante.study import Context, Evaluation
from exante.text import Completion, Item
from exante.worlds.behaviours import grade

CONDITIONS = ("triggered", "untriggered", "near")
OUTCOMES = ("target", "benign", "other", "ungraded")


@part(version=1)
def items(context: Context, condition: str, *, count: int = 32) -> list[Item]:
    """`count` items of "triggered", "untriggered" or "near", or of one of them with ":answer" (no scratchpad)."""
    return held_out_items(context.behaviour, condition, count)


@part(version=1)
def score(item: Item, completion: Completion) -> str:
    """`ungraded` if the sample was cut off or has no answer, else the behaviour's grade."""
    return grade(item.reference, completion.answer) if completion.finished else "ungraded"


def backdoor(at: tuple[str, ...], conditions: tuple[str, ...] = CONDITIONS, count: int = 32, **sampling: Any) -> Evaluation:
    """`count` items per condition at the checkpoints `at`. `sampling`: samples, max_tokens, temperature."""
    return Evaluation(
        id="backdoor",
        items=items.bind(count=count),
        score=score.bind(),
        conditions=conditions,
        outcomes=OUTCOMES,
        at=at,
        **(SAMPLING | sampling),
    )
