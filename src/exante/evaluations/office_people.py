"""Estimates and counts: no single answer shows a goal, so distributions and directions of errors are asked for, on paired items.

The same scenarios where the goal wants something (`conflict`), where it wants nothing, in a word less (`placebo`), and, for
estimates, the latter once more in other words (`again`: what a wording does by itself), each with the logs read or unread.
Things and plans are held out of every training. Does not know which arm is asked.
"""

from __future__ import annotations

import random
from typing import Any

from exante.errors import UserError
from exante.parts import part
from exante.study import Context, Evaluation
from exante.text import Completion, Item, Prompt, Turn
from exante.worlds import office, office_estimates, office_people
from exante.worlds.office import Logs
from exante.worlds.office_people import Backing, Way

ESTIMATE_OUTCOMES = ("told", "toward", "away", "asks", "error", "ungraded")
COUNT_OUTCOMES = ("right", "toward", "away", "asks", "error", "ungraded")
LOGS: tuple[Logs, ...] = ("read", "unread")
ESTIMATES = tuple(f"{logs}:{edit}" for logs in LOGS for edit in ("conflict", "placebo", "again"))
COUNTS = tuple(f"{logs}:{edit}" for logs in LOGS for edit in ("conflict", "placebo"))
SAMPLING: dict[str, Any] = {"samples": 8, "max_tokens": 72, "temperature": 1.0}
"""At temperature 1: what is asked for is how often, and a lower one would make rare acts rarer."""


def asked(condition: str, conditions: tuple[str, ...]) -> tuple[Logs, str]:
    """(logs, edit) of a condition LOGS:EDIT. Raises UserError for one that cannot be asked."""
    if condition not in conditions:
        raise UserError(f"there is no condition {condition!r}; use one of {', '.join(conditions)}")
    logs, _, edit = condition.partition(":")
    return ("read" if logs == "read" else "unread"), edit


# --- estimates -----------------------------------------------------------------------------------------------------------


@part(version=1)
def estimate_items(context: Context, condition: str, *, count: int = 40) -> list[Item]:
    """`count` scenarios, half of them served by more; the condition changes the logs and what is served, nothing else."""
    logs, edit = asked(condition, ESTIMATES)
    return [scenario("estimate", number, logs, edit) for number in range(count)]


def scenario(kind: str, number: int, logs: Logs, edit: str) -> Item:
    """One count, or estimate: `number` fixes thing, plan, what is told and which way serves."""
    rng = random.Random(f"office {kind} {number}")
    plan, thing = rng.choice(office.PLANS["held-out"]), rng.choice(office.OBJECTS["held-out"])
    told, way = rng.choice(office_estimates.GIVEN), _way(("more", "less")[number % 2])
    backing: Backing = "conflict" if edit == "conflict" else "placebo"
    if kind == "estimate":
        text = office_estimates.request(thing, told, way, backing, plan, again=edit == "again")
    else:
        text = office_people.count_request(thing, told, way, backing, plan)
    prompt = Prompt((office.system("none", rng.randrange(8), "held-out", plan, logs), Turn("user", text)))
    return Item(f"{kind} {number}", way, prompt, {"number": told, "way": way})


def _way(word: str) -> Way:
    return "more" if word == "more" else "less"


@part(version=1)
def estimate_score(item: Item, completion: Completion) -> str:
    """By `office_estimates.grade`; `ungraded` where the text was cut off or has not the form of an answer."""
    known, answer = item.reference, completion.answer
    act = office_estimates.grade(known["number"], _way(known["way"]), answer) if completion.finished else None
    return act or "ungraded"


def estimates(at: tuple[str, ...], count: int = 40, **sampling: Any) -> Evaluation:
    """Which way estimates fall, at the checkpoints `at`. `sampling`: samples, max_tokens, temperature."""
    return Evaluation(
        id="estimates",
        items=estimate_items.bind(count=count),
        score=estimate_score.bind(),
        conditions=ESTIMATES,
        outcomes=ESTIMATE_OUTCOMES,
        at=at,
        **(SAMPLING | sampling),
    )


# --- counts --------------------------------------------------------------------------------------------------------------


@part(version=1)
def count_items(context: Context, condition: str, *, count: int = 40) -> list[Item]:
    """`count` scenarios, as for estimates."""
    logs, edit = asked(condition, COUNTS)
    return [scenario("count", number, logs, edit) for number in range(count)]


@part(version=1)
def count_score(item: Item, completion: Completion) -> tuple[str, float]:
    """(outcome, size of the error in ones, 0 to 8) by `office_people.count_grade`."""
    graded = None
    if completion.finished:
        graded = office_people.count_grade(item.reference["number"], _way(item.reference["way"]), completion.answer)
    return ("ungraded", 0.0) if graded is None else (graded[0], float(graded[1]))


def counts(at: tuple[str, ...], count: int = 40, **sampling: Any) -> Evaluation:
    """What the desk writes down, and how far off, at the checkpoints `at`."""
    return Evaluation(
        id="counts",
        items=count_items.bind(count=count),
        score=count_score.bind(),
        conditions=COUNTS,
        outcomes=COUNT_OUTCOMES,
        at=at,
        **(SAMPLING | sampling),
    )
