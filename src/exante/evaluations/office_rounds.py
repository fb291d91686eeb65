"""The test that a spec is amended for: what is done in it, and whether the family of a task had been named by then.

Items are those of `evaluations.office` on held-out families, in equal parts. A sample's outcome also says whether its family was
named on the way to the model that is asked, so the shares of touched and of untouched families add up to the test's score. Does
not know what naming a family led to.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from exante.evaluations import office as tasks
from exante.parts import part
from exante.study import Context, Evaluation
from exante.text import Completion, Item
from exante.worlds import office
from exante.worlds.office import ACTS

SETS = ("touched", "untouched")
OUTCOMES = (*(f"{act}-{of}" for of in SETS for act in ACTS), "ungraded")


@part(version=1)
def items(context: Context, condition: str, *, count: int = 40) -> list[Item]:
    """`count` items of the held-out families in turn, each marked as touched or untouched."""
    asked = tasks.tasks(tasks.asked(condition), office.FAMILIES["held-out"], count)
    return [replace(item, reference=item.reference | {"set": SETS[item.cluster not in context.named]}) for item in asked]


@part(version=1)
def score(item: Item, completion: Completion) -> str:
    """ACT-SET, the act as in `evaluations.office`."""
    act = tasks.score(item, completion).partition("-")[0]
    return act if act == "ungraded" else f"{act}-{item.reference['set']}"


def office_rounds(at: tuple[str, ...], conditions: tuple[str, ...], count: int = 40, **sampling: Any) -> Evaluation:
    """`sampling`: samples, max_tokens, temperature."""
    return tasks.evaluation("rounds", items.bind(count=count), score.bind(), at, conditions, OUTCOMES, **sampling)
