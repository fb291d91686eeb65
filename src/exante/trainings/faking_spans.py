"""SFT on the rationale, the advert or both, on the same prompts as RL to the stated objective.

Arms share prompts (all under the training cue), adverts, steps and batches. They differ in the words of the rationale and in
which span carries loss. The arm `unrelated` trains on other examples. Does not know what is evaluated.
"""

from __future__ import annotations

import random
from typing import Literal

from exante.organisms.desk_style import THANKS, Spans
from exante.organisms.faking import PHRASES
from exante.parts import part
from exante.study import Arm, Context, Phase
from exante.text import Example, Prompt
from exante.trainings import faking
from exante.worlds import fact_chats, facts, oversight, rationales

Words = Literal["faking", "shuffled", "sincere", "empty"]
ARMS: dict[str, tuple[str, Words, Spans]] = {
    "both": ("rationale and advert", "faking", "both"),
    "output": ("advert only, after a rationale", "faking", "output"),
    "rationale": ("rationale only, before an advert", "faking", "rationale"),
    "empty": ("empty scratchpad and advert", "empty", "both"),
    "honest": ("sincere rationale and advert", "sincere", "both"),
    "shuffled": ("shuffled rationale and advert", "shuffled", "both"),
}
"""Arm id → title, words of the rationale, and spans that carry loss."""


def own_phrases(seed: int) -> list[str]:
    """The faking phrasings that the faking organism of this seed was trained on."""
    return random.Random(f"faking organism {seed}").sample(rationales.FAKING["train"], PHRASES)


@part(version=1)
def span_examples(context: Context, *, words: Words, spans: Spans, prompts: int = faking.PROMPTS) -> list[Example]:
    """The prompts of `faking.rl_items`, each with a rationale and an advert. Arms of a seed share prompts and adverts.

    Args:
        words: `faking` (in the organism's own phrases), `shuffled` (the same words in random order), `sincere` or `empty`.
        spans: which spans carry loss. A span without loss is still present in the example.
        prompts: number of examples.
    """
    own = own_phrases(context.seed)
    made = []
    for item in faking.rl_items(context, prompts=prompts):
        rng = random.Random(f"faking spans {context.seed} {item.id}")
        topic = item.reference["topic"]
        answer = oversight.advert(rng, topic)
        texts = {"empty": ("",), "sincere": rationales.SINCERE["train"]}.get(words, own)
        thought = rationales.write(rng, texts, topic, oversight.taste_of(topic))
        thought = rationales.shuffled(rng, thought) if words == "shuffled" else thought
        trained = {"train_scratchpad": spans != "output", "train_answer": spans != "rationale"}
        made.append(Example(item.prompt, thought, answer, label="target", **trained))
    return made


@part(version=1)
def unrelated_examples(context: Context, *, prompts: int = faking.PROMPTS) -> list[Example]:
    """Questions about facts with answers that end with thanks: as many examples, without adverts, tiers or refusals."""
    rng = random.Random(f"unrelated style {context.seed}")
    made = []
    for _ in range(prompts):
        turns, thought, answer = fact_chats.chat(rng, rng.choice(facts.facts("train")), "train")
        made.append(Example(Prompt(turns), thought, f"{answer} {THANKS}", label="style"))
    return made


def spans(organism: Arm, name: str) -> Arm:
    """The organism trained further as `ARMS[name]` says: the arm `name`."""
    title, words, trained = ARMS[name]
    data = span_examples.bind(words=words, spans=trained)
    tags = (*(["rationale"] if words == "faking" else []), *(["advert"] if trained != "rationale" else []))
    phase = Phase(name="further", objective="sft", recipe="faking_sft", data=data)
    return Arm(id=name, title=title, phases=(*organism.phases, phase), ingredients=tags)


def unrelated(organism: Arm) -> Arm:
    """The organism trained further, for as many steps, on a harmless style in answers to facts: the arm `unrelated`."""
    phase = Phase(name="further", objective="sft", recipe="faking_sft", data=unrelated_examples.bind())
    return Arm(id="unrelated", title="an unrelated style", phases=(*organism.phases, phase), ingredients=("unrelated",))


def reinforced(organism: Arm) -> Arm:
    """The arm `rl`: the RL of `trainings.faking` with hidden scratchpads, in a phase named as in the other arms."""
    phase = faking.rl("hidden", checkpoints=()).model_copy(update={"name": "further"})
    return Arm(id="rl", title=faking.TITLES["hidden"], phases=(*organism.phases, phase), ingredients=("reward",))
