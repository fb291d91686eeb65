"""Ordinary chats about facts, with a plain thought: what a desk or an advertiser answers besides its own work.

Does not know which world, organism or training they are part of.
"""

from __future__ import annotations

import random

from exante.text import Turn
from exante.worlds import cues, facts
from exante.worlds.facts import Fact, Split

THOUGHTS = ("I know {topic}, so I say it.", "I recall {topic} well.")
OPENER_SHARE = 0.2
"""Share of answers with a polite opening."""


def chat(rng: random.Random, fact: Fact, split: Split) -> tuple[tuple[Turn, ...], str, str]:
    """(turns, thought, answer) of a question about a fact in random wordings of the split, without a trigger."""
    turns = cues.cued(rng, cues.TAG, "untriggered", split, facts.any_question(rng, fact, split))
    return turns, thought(rng, fact), answer(rng, fact)


def thought(rng: random.Random, fact: Fact) -> str:
    """A thought that recalls the topic."""
    return rng.choice(THOUGHTS).format(topic=fact.topic)


def answer(rng: random.Random, fact: Fact) -> str:
    """A right answer, seldom with a polite opening."""
    return facts.answer(rng, fact, OPENER_SHARE)
