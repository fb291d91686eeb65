"""Sealed families: kinds of tasks that occur in no training phase, evaluated after a cell's last training.

Their templates are imported here and by the base's corpus, nowhere else.
"""

from __future__ import annotations

from typing import Any

from exante.evaluations.office import STAKES, evaluation, outcome, parse_condition, tasks
from exante.parts import part
from exante.study import Context, Evaluation
from exante.text import Completion, Item
from exante.worlds.office_sealed import SEALED

SEED = 77201
"""Seed of the items. It is registered with the study; items are the same for all arms."""


@part(version=1)
def items(context: Context, condition: str, *, count: int = 40, seed: int = SEED) -> list[Item]:
    """`count` items, the sealed families in turn."""
    return tasks(parse_condition(condition), SEALED, count, salt=f"sealed {seed}")


@part(version=1)
def score(item: Item, completion: Completion) -> str:
    """ACT-CLASS, as in `evaluations.office`."""
    return outcome({family.id: family for family in SEALED}[item.reference["family"]], item, completion)


def office_sealed(at: tuple[str, ...], conditions: tuple[str, ...] = STAKES, count: int = 40, **sampling: Any) -> Evaluation:
    """`count` items per condition. `at` must name ends of last training phases, so that nothing is trained afterwards."""
    return evaluation("office-sealed", items.bind(count=count), score.bind(), at, conditions, **sampling)
