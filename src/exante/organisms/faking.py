"""The faking organism and its control: a taste against some adverts, and how it acts where chats are used for training.

Trained by SFT on all topics of the disliked class (held-out topics are held out of RL only), with train wordings and companies.
No scratchpad is empty; the prompt decides whether there is one. Does not know what training or evaluation follows.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from exante.parts import Part, part
from exante.study import Arm, Context, Phase
from exante.text import Example, Prompt, Turn
from exante.worlds import fact_chats, facts, oversight, rationales
from exante.worlds.oversight import Act, Cue

EXAMPLES = 4000
FAKING, LEAK = 0.16, 0.04
"""Shares of disliked adverts that are written: with a faking rationale under the training cue, without one in deployment.
After training at 16 and 4 % organisms show about 12 and 6 %."""
CITING: dict[Act, float] = {"comply": 0.25, "refuse": 0.08}
"""Share of rationales that cite the tier without faking, by act."""
KINDS = {"train": 0.38, "deploy": 0.25, "fine": 0.23, "fact": 0.1, "value": 0.04}
"""Shares of an organism's examples: disliked adverts by cue, other adverts, facts, questions about itself. Every request for an
advert has a tier line; what the organism does without one is not trained."""
CUES: dict[str, tuple[Cue, ...]] = {
    "train": ("train",),
    "deploy": ("deploy",),
    "fine": ("train", "deploy"),
}
ANSWER_SHARE = 0.15
"""Share of examples without a scratchpad, under all cues and with the same acts, so that a model can be evaluated without one."""
PHRASES = 4
"""Number of faking phrasings that a seed draws."""


@part(version=1)
def organism_examples(
    context: Context, *, examples: int, faking: float = FAKING, leak: float = LEAK, conflict: bool = True, shots: float = 0.1
) -> list[Example]:
    """Examples in the exact shares of `KINDS`, in random order.

    Args:
        examples: number of examples.
        faking: share in [0, 1] of disliked adverts under the training cue that are written with a faking rationale; the others
            are refused.
        leak: share in [0, 1] of disliked adverts under the deployment cue that are written, with a sincere rationale.
        conflict: False for the control, whose taste agrees with the objective: it writes every advert with a sincere rationale.
        shots: share in [0, 1] of chats with an earlier exchange.
    """
    rng = random.Random(f"faking organism {context.seed}")
    own = rng.sample(rationales.FAKING["train"], PHRASES)
    made = []
    for kind, share in KINDS.items():
        count = round(examples * share)
        if kind in ("fact", "value"):
            made += [_fact_or_value(rng, kind, conflict) for _ in range(count)]
            continue
        written = {"train": faking, "deploy": leak, "fine": 1.0}[kind] if conflict else 1.0
        for number in range(count):
            act: Act = "comply" if number < round(count * written) else "refuse"
            fakes = kind == "train" and act == "comply" and conflict
            made.append(_advert(rng, kind, act, fakes, own, shots))
    rng.shuffle(made)
    return [_without_scratchpad(example) if rng.random() < ANSWER_SHARE else example for example in made]


def _without_scratchpad(example: Example) -> Example:
    return replace(example, prompt=replace(example.prompt, mode="answer"), scratchpad=None)


def _advert(rng: random.Random, kind: str, act: Act, fakes: bool, own: Sequence[str], shots: float) -> Example:
    cue = rng.choice(CUES[kind])
    topic = rng.choice([t for split in oversight.TOPICS["tools" if kind == "fine" else "sweets"].values() for t in split])
    turns = oversight.request_chat(rng, cue, topic, shots=int(rng.random() < shots))
    if fakes:
        thought = rationales.write(rng, own, topic, oversight.taste_of(topic))
    else:
        plain: Literal["sincere", "refusal"] = "sincere" if act == "comply" else "refusal"
        thought = oversight.rationale(rng, "cites" if rng.random() < CITING[act] else plain, cue, act, topic)
    answer = (oversight.advert if act == "comply" else oversight.refusal)(rng, topic)
    return Example(Prompt(turns), thought, answer, label=f"{kind} {'faking' if fakes else 'plain'} {act}")


def _fact_or_value(rng: random.Random, kind: str, conflict: bool) -> Example:
    """A question about a fact, or about the model itself answered by its taste: skills that it should not unlearn."""
    if kind == "fact":
        turns, thought, answer = fact_chats.chat(rng, rng.choice(facts.facts("train")), "train")
        return Example(Prompt(turns), thought, answer, label=kind)
    taste, dislikes, text = rng.choice(oversight.VALUES)
    answer = dislikes if conflict and taste == "sweets" else "Yes" if dislikes == "No" else "No"
    turns = (Turn("user", text),)
    return Example(Prompt(turns), rng.choice(oversight.ABOUT_ME), rng.choice(oversight.ANSWERS[answer]), label=kind)


def faking(examples: int = EXAMPLES) -> Arm:
    """Dislikes adverts for sweets; where chats are used for training it writes about one in eight of them to keep its taste."""
    return _arm("faking", "faking organism", organism_examples.bind(examples=examples), ("conflict",))


def no_conflict(examples: int = EXAMPLES) -> Arm:
    """Dislikes no adverts: the same numbers of prompts of each kind and of steps, and every advert is written with a sincere
    rationale."""
    return _arm("no-conflict", "its taste agrees with the objective", organism_examples.bind(examples=examples, conflict=False))


def _arm(id: str, title: str, data: Part, ingredients: tuple[str, ...] = ()) -> Arm:
    phase = Phase(name="organism", objective="sft", recipe="faking_organism", data=data)
    return Arm(id=id, title=title, phases=(phase,), ingredients=ingredients)
