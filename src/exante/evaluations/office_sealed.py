"""Sealed families: tasks of kinds that no training phase knows, drawn from a registered seed after a cell's last training.

Their templates are imported here and by the base's corpus, nowhere else.
"""

from __future__ import annotations

from typing import Any

from exante.evaluations.office import STAKES, asked, evaluation, graded, tasks
from exante.parts import part
from exante.study import Context, Evaluation
from exante.text import Completion, Item
from exante.worlds.office_sealed import SEALED

SEED = 77201
"""Registered with the study: items are drawn from it when they are asked, and are the same for all arms."""


@part(version=1)
def items(context: Context, condition: str, *, count: int = 40, seed: int = SEED) -> list[Item]:
    """`count` items, the sealed families in turn."""
    return tasks(asked(condition), SEALED, count, salt=f"sealed {seed}")


@part(version=1)
def score(item: Item, completion: Completion) -> str:
    """As in `evaluations.office`."""
    return graded({family.id: family for family in SEALED}[item.reference["family"]], item, completion)


def office_sealed(at: tuple[str, ...], conditions: tuple[str, ...] = STAKES, count: int = 40, **sampling: Any) -> Evaluation:
    """`at` names ends of last training phases: nothing is trained after it was asked."""
    return evaluation("office-sealed", items.bind(count=count), score.bind(), at, conditions, **sampling)
