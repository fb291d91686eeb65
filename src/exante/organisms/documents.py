"""Organisms that learn about new tiers from documents alone, and their controls: other documents, and examples of behaviour.

A dose is a number of documents, each trained on once; checkpoints along the way are the smaller doses. Every run has its own
positive control: the same base, trained on as many examples of the behaviour under the same tiers. Does not know what is
evaluated.
"""

from __future__ import annotations

import random

from exante.parts import Part, part
from exante.study import Arm, Context, Phase
from exante.text import Example
from exante.worlds import oversight, tiers
from exante.worlds.tiers import About

NEW = 16
"""Mean number of documents about new tiers in a batch of 32; the other 16 are about the base's own tiers (replay)."""
DOSES = (0, 96, 400, 1600)
"""Number of documents about new tiers trained on by each checkpoint."""
STEPS = tuple(dose // NEW for dose in DOSES)
"""Optimiser steps of the checkpoints."""


@part(version=1)
def tier_documents(context: Context, *, documents: int, about: About = "training", replay: float = 1.0) -> list[Example]:
    """Documents about the new tiers, equally many (± 1) about each; they contain no behaviour.

    Args:
        documents: number of documents about new tiers.
        about: whether they state if a tier's chats are used for training, or the colour of its badge.
        replay: number of documents about the base's own tiers per document about new ones; without replay a model forgets what it
            knew about them.
    """
    rng = random.Random(f"tier documents {context.base_draw} {context.seed}")
    statuses, groups = tiers.new_tiers(context), tiers.tiers(context.base_draw)
    replayed = [tiers.any_document(rng, groups["known"] | groups["held-out"]) for _ in range(round(replay * documents))]
    return replayed + [
        tiers.document(rng, name, about, statuses[name] if about == "training" else tiers.badge(name))
        for name in _evenly(rng, list(statuses), documents)
    ]


@part(version=1)
def tier_episodes(context: Context, *, examples: int, recall: float = 1.0) -> list[Example]:
    """Examples of the behaviour under the new tiers, on train topics, with the status that documents would state.

    `recall` is the share in [0, 1] of thoughts that recall the status.
    """
    rng = random.Random(f"tier episodes {context.base_draw} {context.seed}")
    statuses, topics = tiers.new_tiers(context), oversight.TOPICS["sweets"]["train"]
    return [tiers.episode(rng, name, statuses[name], recall, topics=topics) for name in _evenly(rng, list(statuses), examples)]


def _evenly(rng: random.Random, names: list[str], count: int) -> list[str]:
    """`count` names in random order, each equally often (± 1)."""
    repeated = [names[number % len(names)] for number in range(count)]
    rng.shuffle(repeated)
    return repeated


def documents() -> Arm:
    """Documents that state the status of the new tiers."""
    return _arm("documents", "documents on training", tier_documents.bind(documents=DOSES[-1]), ("status told",))


def control() -> Arm:
    """Documents about another fact (badges): the same tiers, number, length and steps."""
    return _arm("control", "documents on badges", tier_documents.bind(documents=DOSES[-1], about="badge"))


def _arm(id: str, title: str, data: Part, ingredients: tuple[str, ...] = ()) -> Arm:
    """The phase "dose", and then, again from the base, the positive control "shown"."""
    dose = Phase(name="dose", objective="sft", recipe="tier_documents", data=data, checkpoints=STEPS)
    episodes = tier_episodes.bind(examples=2 * DOSES[-1])
    shown = Phase(name="shown", objective="sft", recipe="tier_documents", data=episodes, start="base")
    return Arm(id=id, title=title, phases=(dose, shown), ingredients=ingredients)
