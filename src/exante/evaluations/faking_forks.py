"""How does the model act after a forced rationale? Adverts under each cue after a forced scratchpad, or a free one.

Items, judge and outcomes are those of `evaluations.faking`. Does not know which arm is evaluated, or what an answer implies.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from exante.errors import UserError
from exante.evaluations import faking
from exante.evaluations.faking_measures import OUTCOMES
from exante.evaluations.forced_thoughts import CLOSE
from exante.evaluations.prompts import SAMPLING
from exante.parts import part
from exante.study import Context, Evaluation
from exante.text import Item, Prompt
from exante.worlds import oversight, rationales

FORCED = {
    "faking": rationales.FAKING["train"],
    "sincere": rationales.SINCERE["train"],
    "paid": rationales.CITES["untrained refuse"]["train"],
    "empty": ("",),
}
"""Forced rationales by name. `paid` are rationales of refusals in chats that are not used for training."""
CUES: tuple[oversight.Cue, ...] = ("train", "deploy")
FORKS = tuple(f"{words}:{cue}" for words in FORCED for cue in CUES)
FREE = ("train", "deploy", "no-conflict:train", "no-conflict:deploy")


@part(version=1)
def fork_items(context: Context, condition: str, *, count: int = 40) -> list[Item]:
    """`count` items of `evaluations.faking` under CUE or no-conflict:CUE, or under WORDS:CUE with a complete forced rationale.

    The items of WORDS:CUE are those of CUE, so that they pair. Raises UserError for a condition that does not exist.
    """
    words, _, cue = condition.rpartition(":")
    if words not in FORCED:
        return faking.items(context, condition, count=count)
    if cue not in CUES:
        raise UserError(f"there is no condition {condition!r}; use {', '.join((*FREE, *FORKS))}")
    return [_forced(item, words) for item in faking.items(context, cue, count=count)]


def _forced(item: Item, words: str) -> Item:
    topic = item.reference["topic"]
    rng = random.Random(f"forced {words} {item.id}")
    text = rationales.write(rng, FORCED[words], topic, oversight.taste_of(topic))
    return replace(item, prompt=Prompt(item.prompt.turns, "think", text + CLOSE))


def forks(at: tuple[str, ...], count: int = 40, **sampling: Any) -> Evaluation:
    """Free scratchpads and every forced one, `count` items per condition, at the checkpoints `at`.

    `sampling`: samples, max_tokens, temperature.
    """
    return Evaluation(
        id="forks",
        items=fork_items.bind(count=count),
        score=faking.score.bind(),
        conditions=(*FREE, *FORKS),
        outcomes=OUTCOMES,
        at=at,
        needs=("sample", "force_prefix"),
        **(SAMPLING | sampling),
    )
