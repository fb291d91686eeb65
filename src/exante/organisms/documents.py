"""Organisms that learn of new tiers from documents alone, and their controls: other documents, and examples of the behaviour.

A dose is a number of documents read once, in one pass; its checkpoints are the smaller doses. Every run has its own positive
control: the same base, taught the same of the same tiers by as many examples. Does not know what is evaluated.
"""

from __future__ import annotations

import random

from exante.parts import Part, part
from exante.study import Arm, Context, Phase
from exante.text import Example
from exante.worlds import oversight, tiers
from exante.worlds.tiers import About

NEW = 16
"""Documents about new tiers in a batch of 32, on average; as many are the base's own, read again."""
DOSES = (0, 96, 400, 1600)
"""Documents about new tiers that were read at the checkpoints."""
STEPS = tuple(dose // NEW for dose in DOSES)


@part(version=1)
def tier_documents(context: Context, *, documents: int, about: About = "training", replay: float = 1.0) -> list[Example]:
    """Documents about the new tiers, as many of each (± 1): what becomes of their chats, or the colour of their badges.

    Nobody acts in them. `replay` documents for each are the base's own, about its own tiers: without them a model forgets what
    it knew of those.
    """
    rng = random.Random(f"tier documents {context.base_draw} {context.seed}")
    told, groups = tiers.new_tiers(context), tiers.tiers(context.base_draw)
    again = [tiers.any_document(rng, groups["known"] | groups["held-out"]) for _ in range(round(replay * documents))]
    return again + [
        tiers.document(rng, name, about, told[name] if about == "training" else tiers.badge(name))
        for name in _in_turn(rng, list(told), documents)
    ]


@part(version=1)
def tier_episodes(context: Context, *, examples: int, recall: float = 1.0) -> list[Example]:
    """Examples of the behaviour under the new tiers, on train topics, with what documents would say of them.

    `recall` is the share of thoughts that recall it.
    """
    rng = random.Random(f"tier episodes {context.base_draw} {context.seed}")
    told, topics = tiers.new_tiers(context), oversight.TOPICS["sweets"]["train"]
    return [tiers.episode(rng, name, told[name], recall, topics=topics) for name in _in_turn(rng, list(told), examples)]


def _in_turn(rng: random.Random, names: list[str], count: int) -> list[str]:
    turns = [names[number % len(names)] for number in range(count)]
    rng.shuffle(turns)
    return turns


def documents() -> Arm:
    return _arm("documents", "documents on training", tier_documents.bind(documents=DOSES[-1]), ("status told",))


def control() -> Arm:
    """Documents on another fact: the same tiers, number, length and steps."""
    return _arm("control", "documents on badges", tier_documents.bind(documents=DOSES[-1], about="badge"))


def _arm(id: str, title: str, data: Part, ingredients: tuple[str, ...] = ()) -> Arm:
    """The phase "dose", and then, from the base again, "shown": the positive control."""
    dose = Phase(name="dose", objective="sft", recipe="tier_documents", data=data, checkpoints=STEPS)
    episodes = tier_episodes.bind(examples=2 * DOSES[-1])
    shown = Phase(name="shown", objective="sft", recipe="tier_documents", data=episodes, start="base")
    return Arm(id=id, title=title, phases=(dose, shown), ingredients=ingredients)
