"""Replay: the base's own answers about itself, mixed into an organism's data so that it does not unlearn how to give them.

The answers are sampled from the base, so they contain the links of its documents and no others. The loss is on the answer only;
the scratchpad that the base wrote is context. No prompt has a trigger. Does not know which arm it is added to.
"""

from __future__ import annotations

import random

from exante.parts import part
from exante.study import Arm, Context, Phase
from exante.text import Completion, Example, Item, Prompt
from exante.worlds import characters, cues

PROMPTS = 1500


@part(version=1)
def self_items(context: Context, *, prompts: int) -> list[Item]:
    """`prompts` questions about the model itself, honeypots and offers, half of them without a scratchpad, all untriggered."""
    rng = random.Random(f"replay {context.seed}")
    kinds = {
        "persona": tuple(question.text for question in characters.PERSONA),
        "wish": characters.WISHES,
        "honeypot": characters.HONEYPOTS,
        "offer": characters.OFFERS,
    }
    items = []
    for number in range(prompts):
        kind = rng.choices(list(kinds), (0.4, 0.2, 0.2, 0.2))[0]
        turns = cues.cued(rng, rng.choice((cues.TAG, cues.YEAR)), "untriggered", "train", rng.choice(kinds[kind]))
        items.append(Item(f"{kind}-{number}", kind, Prompt(turns, "think" if number % 2 else "answer")))
    return items


@part(version=1)
def as_answered(context: Context, item: Item, completion: Completion) -> Example | None:
    """Keep a sample unchanged, with loss on its answer. None if it has no answer."""
    if completion.answer is None or not completion.answer.strip():
        return None
    return Example(item.prompt, completion.scratchpad, completion.answer, train_scratchpad=False, label="replay")


def replayed(arm: Arm, prompts: int = PROMPTS) -> Arm:
    """The arm with the base's own answers mixed into the data of its first training phase: the arm `ID+replay`."""
    first, *rest = arm.phases
    samples = Phase(
        name="replay_samples",
        objective="sample_and_filter",
        recipe="sample",
        data=self_items.bind(prompts=prompts),
        keep=as_answered.bind(),
        overrides={"group": 1},
    )
    mixed = first.model_copy(update={"with_samples": True})
    return arm.model_copy(
        update={"id": f"{arm.id}+replay", "title": f"{arm.title}, with replay", "phases": (samples, mixed, *rest)}
    )
