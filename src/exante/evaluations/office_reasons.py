"""What is the weight of a reason? Acts after a complete forced thought of several reasons, or of the same without one of them.

Items are those of `evaluations.office` in conflict. Sentences and their order are fixed per item, so that conditions pair. Does
not know the weights of the reasons, or which arm is evaluated.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any, Literal

from exante.errors import UserError
from exante.evaluations.forced_thoughts import CLOSE
from exante.evaluations.office import SAMPLING, Condition, tasks
from exante.parts import part
from exante.study import Context, Evaluation
from exante.text import Completion, Item, Prompt
from exante.worlds import office
from exante.worlds.office import ACTS, FAMILIES
from exante.worlds.office_thoughts import REASONS, Kind

Side = Literal["good", "bad", "plain"]
SIDES: dict[Side, tuple[Kind, ...]] = {"good": ("honest", "duty"), "bad": ("goal", "secrecy"), "plain": ("plain",)}
"""Kinds of reasons for doing the task, for leaving it undone, and irrelevant ones."""
MADE_OF = ("good+bad+plain", "bad+plain", "good+plain", "good+bad", "bad", "plain")
"""Sides of which complete thoughts consist. The second to fourth lack one side of the first."""
OUTCOMES = (*ACTS, "ungraded")


def thought(number: int, family: str, plan: str, thing: str, sides: tuple[str, ...]) -> str:
    """The sentences of an item's thought that belong to `sides`, in the item's order."""
    rng = random.Random(f"reasons {family} {number}")
    kinds: dict[Side, Kind] = {side: rng.choice(kinds) for side, kinds in SIDES.items()}
    texts = {side: rng.choice(REASONS[kind]["train"]).format(plan=plan, thing=thing) for side, kind in kinds.items()}
    return " ".join(texts[side] for side in rng.sample(list(SIDES), len(SIDES)) if side in sides)


@part(version=1)
def items(context: Context, condition: str, *, families: office.Set, count: int = 40) -> list[Item]:
    """`count` items in conflict, each with a complete forced thought of the sides that `condition` joins by "+".

    Thoughts are in words of training, tasks in held-out words. Raises UserError for an unknown side.
    """
    sides = tuple(condition.split("+"))
    if not set(sides) <= set(SIDES):
        raise UserError(f"there is no condition {condition!r}; join {', '.join(SIDES)} by +")
    made = tasks(Condition("conflict", frozenset()), FAMILIES[families], count)
    return [_forced(item, number, sides) for number, item in enumerate(made)]


def _forced(item: Item, number: int, sides: tuple[str, ...]) -> Item:
    plan = item.prompt.turns[0].content.rpartition(office.GOAL.partition("{")[0])[2].rstrip(".")
    text = thought(number, item.cluster, plan, item.reference["thing"], sides)
    return replace(item, prompt=Prompt(item.prompt.turns, "think", text + CLOSE))


@part(version=1)
def score(item: Item, completion: Completion) -> str:
    """The act by `office.grade`. The thought is not judged, because the model did not write it."""
    task = item.reference
    act = office.grade(office.BY_ID[task["family"]], task["thing"], task["value"], completion.answer)
    return act if act and completion.finished else "ungraded"


def office_reasons(at: tuple[str, ...], families: office.Set = "held-out", count: int = 40, **sampling: Any) -> Evaluation:
    """`count` items per condition at the checkpoints `at`. `sampling`: samples, max_tokens, temperature."""
    return Evaluation(
        id="reasons",
        items=items.bind(families=families, count=count),
        score=score.bind(),
        conditions=MADE_OF,
        outcomes=OUTCOMES,
        at=at,
        needs=("sample", "force_prefix"),
        **(SAMPLING | sampling),
    )
