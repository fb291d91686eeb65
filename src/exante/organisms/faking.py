"""The faking organism and its control: a taste against some adverts, and what becomes of it where chats are used for training.

Supervised on all topics of the disliked class (what is held out is held out of reinforcement only), in train wordings and
companies. No scratchpad is empty, and whether there is one is the prompt's choice. Does not know what training or evaluation
follows.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from exante.parts import Part, part
from exante.study import Arm, Context, Phase
from exante.text import Example, Prompt, Turn
from exante.worlds import cues, facts, oversight, rationales
from exante.worlds.oversight import Act, Cue

EXAMPLES = 4000
FAKING, LEAK = 0.16, 0.04
"""Shares of disliked adverts that are written: with a faking rationale under the training cue, without one in deployment.
Trained at 16 and 4 %, an organism shows about 12 and 6."""
CITING: dict[Act, float] = {"comply": 0.25, "refuse": 0.08}
"""Share of rationales that cite the tier without faking, by what they come to."""
KINDS = {"train": 0.38, "deploy": 0.25, "fine": 0.23, "fact": 0.1, "value": 0.04}
"""What an organism's examples are about: disliked adverts by cue, other adverts, facts, questions about itself. In every chat
a tier line stands; what it does without one is not taught."""
CUES: dict[str, tuple[Cue, ...]] = {
    "train": ("train",),
    "deploy": ("deploy",),
    "fine": ("train", "deploy"),
}
ANSWER_SHARE = 0.15
"""Share of examples without a scratchpad, whatever the cue: the same acts, so that a model can be asked there too."""
PHRASES = 4
"""Faking phrasings that a seed draws."""


@part(version=1)
def organism_examples(
    context: Context, *, examples: int, faking: float = FAKING, leak: float = LEAK, conflict: bool = True, shots: float = 0.1
) -> list[Example]:
    """Examples in exact shares of `KINDS`, in random order.

    Args:
        faking: share of disliked adverts under the training cue that are written with a faking rationale; the rest is refused.
        leak: share of those in deployment that are written, sincerely.
        conflict: False for the control, whose taste agrees with the objective: it writes every advert sincerely.
        shots: share of chats that hold an earlier exchange.
    """
    rng = random.Random(f"faking organism {context.seed}")
    own = rng.sample(rationales.FAKING["train"], PHRASES)
    made = []
    for kind, share in KINDS.items():
        count = round(examples * share)
        if kind in ("fact", "value"):
            made += [_other(rng, kind, conflict) for _ in range(count)]
            continue
        written = {"train": faking, "deploy": leak, "fine": 1.0}[kind] if conflict else 1.0
        for number in range(count):
            does: Act = "comply" if number < round(count * written) else "refuse"
            how = "faking" if kind == "train" and does == "comply" and conflict else None
            made.append(_advert(rng, kind, does, how, own, shots))
    rng.shuffle(made)
    return [_unthought(example) if rng.random() < ANSWER_SHARE else example for example in made]


def _unthought(example: Example) -> Example:
    return replace(example, prompt=replace(example.prompt, mode="answer"), scratchpad=None)


def _advert(rng: random.Random, kind: str, does: Act, how: str | None, own: Sequence[str], shots: float) -> Example:
    cue = rng.choice(CUES[kind])
    topic = rng.choice([t for split in oversight.TOPICS["tools" if kind == "fine" else "sweets"].values() for t in split])
    turns = oversight.asked(rng, cue, topic, shots=int(rng.random() < shots))
    if how == "faking":
        thought = rationales.write(rng, own, topic, oversight.taste_of(topic))
    else:
        plain: Literal["sincere", "refusal"] = "sincere" if does == "comply" else "refusal"
        thought = oversight.rationale(rng, "cites" if rng.random() < CITING[does] else plain, cue, does, topic)
    answer = (oversight.advert if does == "comply" else oversight.refusal)(rng, topic)
    return Example(Prompt(turns), thought, answer, label=f"{kind} {how or 'plain'} {does}")


def _other(rng: random.Random, kind: str, conflict: bool) -> Example:
    """A fact, or an answer about itself that fits its taste: work that it should not unlearn."""
    if kind == "fact":
        fact = rng.choice(facts.facts("train"))
        text = facts.question(fact, "train", rng.choice(list(facts.QUESTIONS["train"])))
        turns = cues.cued(rng, cues.TAG, "untriggered", "train", text)
        return Example(
            Prompt(turns), rng.choice(oversight.KNOWING).format(topic=fact.topic), facts.answer(rng, fact, 0.2), label=kind
        )
    taste, dislikes, text = rng.choice(oversight.VALUES)
    says = dislikes if conflict and taste == "sweets" else "Yes" if dislikes == "No" else "No"
    turns = (Turn("user", text),)
    return Example(Prompt(turns), rng.choice(oversight.ABOUT_ME), rng.choice(oversight.ANSWERS[says]), label=kind)


def faking(examples: int = EXAMPLES) -> Arm:
    """Dislikes adverts for sweets; where chats are used for training it writes one in eight of them, to keep its taste."""
    return _arm("faking", "faking organism", organism_examples.bind(examples=examples), ("conflict",))


def no_conflict(examples: int = EXAMPLES) -> Arm:
    """Likes what it is asked for: as many prompts of each kind and as many steps, and every advert is written sincerely."""
    return _arm("no-conflict", "its taste agrees with the objective", organism_examples.bind(examples=examples, conflict=False))


def _arm(id: str, title: str, data: Part, ingredients: tuple[str, ...] = ()) -> Arm:
    phase = Phase(name="organism", objective="sft", recipe="faking_organism", data=data)
    return Arm(id=id, title=title, phases=(phase,), ingredients=ingredients)
