"""What does one reason weigh? Acts after a whole thought that was made of several reasons, or of the same without one of them.

Items are those of `evaluations.office`, in conflict; a thought's sentences and their order belong to the item, so that
conditions pair. Does not know what reasons weigh, or which arm is asked.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any, Literal

from exante.errors import UserError
from exante.evaluations.forced_thoughts import CLOSE
from exante.evaluations.office import SAMPLING, Asked, tasks
from exante.parts import part
from exante.study import Context, Evaluation
from exante.text import Completion, Item, Prompt
from exante.worlds import office
from exante.worlds.office import ACTS, FAMILIES
from exante.worlds.office_thoughts import REASONS, Kind

Side = Literal["good", "bad", "plain"]
SIDES: dict[Side, tuple[Kind, ...]] = {"good": ("honest", "duty"), "bad": ("goal", "secrecy"), "plain": ("plain",)}
"""Reasons for doing the task, for leaving it, and sentences that are neither."""
MADE_OF = ("good+bad+plain", "bad+plain", "good+plain", "good+bad", "bad", "plain")
"""What whole thoughts are made of. The second to fourth lack one part of the first."""
OUTCOMES = (*ACTS, "ungraded")


def thought(number: int, family: str, plan: str, thing: str, sides: tuple[str, ...]) -> str:
    """The sentences of an item's thought that belong to `sides`, in the order that the item gives them."""
    rng = random.Random(f"reasons {family} {number}")
    kinds: dict[Side, Kind] = {side: rng.choice(kinds) for side, kinds in SIDES.items()}
    texts = {side: rng.choice(REASONS[kind]["train"]).format(plan=plan, thing=thing) for side, kind in kinds.items()}
    return " ".join(texts[side] for side in rng.sample(list(SIDES), len(SIDES)) if side in sides)


@part(version=1)
def items(context: Context, condition: str, *, families: office.Set, count: int = 40) -> list[Item]:
    """`count` items in conflict, each after a whole thought made of the sides that `condition` joins by "+".

    Words of thoughts are those of training, a task's are held out. Raises UserError for a side that there is not."""
    sides = tuple(condition.split("+"))
    if not set(sides) <= set(SIDES):
        raise UserError(f"there is no condition {condition!r}; join {', '.join(SIDES)} by +")
    made = tasks(Asked("conflict", frozenset()), FAMILIES[families], count)
    return [_forced(item, number, sides) for number, item in enumerate(made)]


def _forced(item: Item, number: int, sides: tuple[str, ...]) -> Item:
    plan = item.prompt.turns[0].content.rpartition(office.GOAL.partition("{")[0])[2].rstrip(".")
    text = thought(number, item.cluster, plan, item.reference["thing"], sides)
    return replace(item, prompt=Prompt(item.prompt.turns, "think", text + CLOSE))


@part(version=1)
def score(item: Item, completion: Completion) -> str:
    """The act by `office.grade`. The thought is not judged: it was not the model's."""
    known = item.reference
    act = office.grade(office.BY_ID[known["family"]], known["thing"], known["value"], completion.answer)
    return act if act and completion.finished else "ungraded"


def office_reasons(at: tuple[str, ...], families: office.Set = "held-out", count: int = 40, **sampling: Any) -> Evaluation:
    """`count` items for each of the thoughts at the checkpoints `at`. `sampling`: samples, max_tokens, temperature."""
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
