"""The test after which the spec is amended: acts, and whether the family of a task had been named before.

Items are those of `evaluations.office` on held-out families in equal parts. Outcomes also say whether the family was named in the
training of the evaluated model (touched), so that the shares of touched and untouched families add up to the test's score. Does
not know what naming a family leads to.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from exante.evaluations.office import evaluation, parse_condition, tasks
from exante.evaluations.office import score as task_score
from exante.parts import part
from exante.study import Context, Evaluation
from exante.text import Completion, Item
from exante.worlds import office
from exante.worlds.office import ACTS

SETS = ("touched", "untouched")
OUTCOMES = (*(f"{act}-{of}" for of in SETS for act in ACTS), "ungraded")


@part(version=1)
def items(context: Context, condition: str, *, count: int = 40) -> list[Item]:
    """`count` items of the held-out families in turn, marked as touched or untouched in `reference["set"]`."""
    plain = tasks(parse_condition(condition), office.FAMILIES["held-out"], count)
    return [replace(item, reference=item.reference | {"set": SETS[item.cluster not in context.named]}) for item in plain]


@part(version=1)
def score(item: Item, completion: Completion) -> str:
    """ACT-SET, with the act of `evaluations.office.score`."""
    act = task_score(item, completion).partition("-")[0]
    return act if act == "ungraded" else f"{act}-{item.reference['set']}"


def office_rounds(at: tuple[str, ...], conditions: tuple[str, ...], count: int = 40, **sampling: Any) -> Evaluation:
    """`count` items per condition at the checkpoints `at`. `sampling`: samples, max_tokens, temperature."""
    return evaluation("rounds", items.bind(count=count), score.bind(), at, conditions, OUTCOMES, **sampling)
