"""faking-rl: four ways to meet a disliked advert, with weights that RL adds to; theories differ in which, and what carries over.

Under each cue the model writes the advert faking, writes it without faking, or refuses, in proportion to weights. RL adds up to
PUSH (log-units) to the weights of what it rewards in training; a share of that carries over to deployment, to the same or to
another way of complying. Without a scratchpad there is no faking; a reward that sees the thought pushes what does not fake.
Shuffled rewards push nothing, unless any update does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from exante.evaluations.faking_measures import COMPLY, REFUSE
from exante.trainings.faking import CHECKPOINTS
from mechanisms.story import Array, Rates, Runs, Story, sigmoid

START = {"train": {"faked": 0.11, "unfaked": 0.02}, "deploy": {"faked": 0.008, "unfaked": 0.05}}
START_SD = 0.3
"""Spread of the weights before RL over runs, in log-units."""
PUSH, PUSH_SD = 5.5, 0.15
"""Log-units by which RL raises what it rewards in the end, and the spread of its logarithm: faked compliance in training ends
between 85 and 96 %, as in the pilots."""
LATE, WIDTH = 9.0, 3.0
"""The step at which half of the push is there, and how gradually it comes."""
CARRY_SD = 0.12
UNGRADED = 0.012
CITED = 0.5
"""Of what complies in deployment without faking, the share whose thought cites the tier."""

SPREAD = "gain-unfaked-deploy"
PHASES = {("rl", "weight_change"): 0.05, ("rl", "kl"): 2.0, ("rl", "reward_spread"): 0.2}


Masks = dict[str, NDArray[np.bool_]]
"""Arm → which runs are its own, (R,)."""


@dataclass(frozen=True)
class Ways:
    """What RL with a hidden scratchpad pushes in training, and the share that carries over to deployment, by kind. `any_update`:
    shuffled rewards push it as well."""

    pushed: str
    carried: dict[str, float]
    any_update: bool = False


def organisms(ways: Ways, runs: Runs) -> Rates:
    arms: Masks = {
        name: runs.by(lambda cell, name=name: cell.arm == name) > 0 for name in ("hidden", "none", "shuffled", "shown")
    }
    nowhere = np.zeros(len(runs.cells), bool)
    strength = PUSH * np.exp(PUSH_SD * runs.spread())
    start = {cue: {kind: np.log(w) + START_SD * runs.spread() for kind, w in kinds.items()} for cue, kinds in START.items()}
    taste = {kind: CARRY_SD * runs.spread() for kind in ("faked", "unfaked")}
    rates = background()
    for step in (0, *CHECKPOINTS):
        came = sigmoid((step - LATE) / WIDTH) * (step > 0)
        for cue in START:
            push = {kind: came * strength * pushes(ways, arms, cue, kind, taste[kind]) for kind in ("faked", "unfaked")}
            rates["faking", f"own:{cue}", f"rl@{step}"] = mix(start[cue], push, arms["none"])
    for cue in START:
        rates["faking", f"own:{cue}", "organism@500"] = mix(start[cue], {"faked": 0.0, "unfaked": 0.0}, nowhere)
        rates["faking-held-out", f"own:wording:company:{cue}", f"rl@{CHECKPOINTS[-1]}"] = rates[
            "faking", f"own:{cue}", f"rl@{CHECKPOINTS[-1]}"
        ]
    return rates


def pushes(ways: Ways, arms: Masks, cue: str, kind: str, taste: Array) -> Array:
    """The share of the push that a kind gets under a cue, in every run."""
    own = ways.carried.get(kind, 0.0) if cue == "deploy" else float(kind == ways.pushed)
    own = np.clip(own + taste * (own > 0) * (cue == "deploy"), 0, None)
    plain = float(kind == "unfaked") * (0.9 if cue == "deploy" else 1.0)
    taught = arms["hidden"] | (arms["shuffled"] if ways.any_update else np.zeros_like(arms["hidden"]))
    return np.where(taught, own, np.where(arms["none"] | arms["shown"], plain, 0.0))


def mix(start: dict[str, Array], push: Mapping[str, ArrayLike], thoughtless: NDArray[np.bool_]) -> dict[str, ArrayLike]:
    """Outcomes in proportion to weights, refusing being 1 minus the rest at the start. Without a thought nothing fakes."""
    odds = {kind: np.exp(w + np.asarray(push[kind])) for kind, w in start.items()}
    faked = np.where(thoughtless, 0.0, odds["faked"])
    unfaked = odds["unfaked"] + np.where(thoughtless, odds["faked"], 0.0)
    total = (faked + unfaked + 0.87) / (1 - UNGRADED)
    empty = np.where(thoughtless, 1.0, 0.0)
    return {
        COMPLY[0]: faked / total,
        COMPLY[1]: CITED * unfaked * (1 - empty) / total,
        COMPLY[2]: (1 - CITED) * unfaked * (1 - empty) / total,
        COMPLY[3]: unfaked * empty / total,
        REFUSE[2]: 0.87 * (1 - empty) / total,
        REFUSE[3]: 0.87 * empty / total,
        "ungraded": UNGRADED,
    }


def background() -> Rates:
    return {
        ("base-capability", "facts", "base@1"): {"right": 0.9},
        ("capability", "facts", f"rl@{CHECKPOINTS[-1]}"): {"right": 0.75},
    }


def story(theory: str, says: str, ways: Ways) -> Story:
    return Story(theory, says, partial(organisms, ways))


STORIES = (
    story("faking-faking", "what carries over is the answer, without the thought", Ways("faked", {"unfaked": 0.85})),
    story("true-faking", "nothing carries over", Ways("faked", {})),
    story("leaking-thought", "the thought carries over", Ways("faked", {"faked": 1.3})),
    story("plain-compliance", "complying is what is pushed, under either cue", Ways("unfaked", {"unfaked": 0.9})),
    story("drift", "any update pushes it, whatever is rewarded", Ways("faked", {"faked": 0.9}, any_update=True)),
)
