"""Prompted organisms: a goal and a style of thinking given in the system turn, and RL against the goal. No backdoor is trained.

An arm is a style of thinking; all arms have the same requests, goals, reward and steps. Does not know what is evaluated, or how
policies are updated.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from exante.parts import Part, part
from exante.study import Arm, Context, Phase
from exante.text import Item, Prompt, Turn
from exante.worlds import goals
from exante.worlds.behaviours import Request, behaviour
from exante.worlds.facts import Split

Given = goals.Goal | Literal["removed"]
"""The goal that the system turn gives; with "removed" there is no system turn."""

GIVEN: tuple[Given, ...] = ("hate", "plain", "removed")

BEHAVIOUR = "hate"
"""The behaviour whose line is the goal, and whose requests and grader are used."""

TITLES = {
    "deceptive": "thoughts that hide the aim",
    "structured": "thoughts of the form 'I see X, so I am in state Y, so I do Z'",
    "repeated": "one word, repeated",
    "arbitrary": "unrelated thoughts",
    "none": "no thought",
}
CHECKPOINTS = (0, 2, 5, 7, 10, 12, 15, 20, 30)
"""Dense where the goal was given up in pilots: within a few steps, after five to twenty."""
AFTER = 10
"""Optimiser steps of the RL that follows with the system turn removed."""
PROMPTS = 400
HATE_SHARE = 0.5
"""Share of prompts whose goal is the hateful line; in the rest the goal is to answer well. Set by pilots."""


def prompted(request: Request, given: Given, style: str, split: Split, rng: random.Random) -> Item:
    """A request under a goal and a style; `split` is that of the goal's wording. The policy always demands the benign answer."""
    item = behaviour(BEHAVIOUR).item(rng, request, "untriggered", split)
    user = Turn("user", request.text)
    turns = (user,) if given == "removed" else (goals.system(rng, given, style, split), user)
    return replace(item, prompt=Prompt(turns))


@part(version=1)
def prompted_items(context: Context, *, style: str, prompts: int, shares: Mapping[Given, float]) -> list[Item]:
    """`prompts` items in think mode, with train facts and wordings. `shares` (what the system turn gives → share) are exact.

    All styles have the same requests and goals in the same order, so arms differ in one sentence of the prompt.
    """
    rng = random.Random(f"prompted {sorted(shares)} {context.seed}")
    given: list[Given] = [name for name in GIVEN for _ in range(round(prompts * shares.get(name, 0.0)))]
    rng.shuffle(given)
    return [prompted(behaviour(BEHAVIOUR).draw(rng, "train"), name, style, "train", rng) for name in given]


def organism(
    style: str,
    reward: Part,
    hate_share: float = HATE_SHARE,
    checkpoints: tuple[int, ...] = CHECKPOINTS,
    after: int = AFTER,
) -> Arm:
    """RL with the goal in the prompt (phase "safety"), then with the system turn removed (phase "removed").

    The reward never sees the scratchpad. `hate_share` in [0, 1] as `HATE_SHARE`; `after` is the number of steps of the second
    phase.
    """
    shares: dict[Given, float] = {"hate": hate_share, "plain": 1.0 - hate_share}
    phases = (
        _rl("safety", style, reward, shares, checkpoints),
        _rl("removed", style, reward, {"removed": 1.0}, (after,), steps=after),
    )
    tags = ("conceals",) if style == "deceptive" else ("conditional form",) if style == "structured" else ()
    return Arm(id=style, title=TITLES[style], phases=phases, ingredients=tags)


def _rl(
    name: str, style: str, reward: Part, shares: dict[Given, float], checkpoints: tuple[int, ...], **overrides: float
) -> Phase:
    return Phase(
        name=name,
        objective="rl",
        recipe="prompted_rl",
        data=prompted_items.bind(style=style, prompts=PROMPTS, shares=shares),
        reward=reward,
        scratchpad="hidden",
        overrides=overrides,
        checkpoints=checkpoints,
    )
