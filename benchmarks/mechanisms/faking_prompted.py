"""faking-prompted: what opens the gap between the cues. The faking thought, the cue by itself, what the base was, or nothing.

A disliked advert is refused unless something speaks for it: a faking thought that comes under the training cue, a cue that works
on the answer whatever is thought, a lean that the base had already. Without a thought, forced empty or without a scratchpad, the
thought speaks for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from exante.evaluations.faking_measures import COMPLY, REFUSE
from exante.studies.faking_prompted import CONDITIONS
from mechanisms.story import Rates, Runs, Story

PLAIN = 0.04
"""Complies without faking where nothing speaks for it."""
LIFT, LIFT_SD = 0.1, 0.02
"""By how much what opens the gap raises compliance in training, and its spread over runs."""
THOUGHTLESS, THOUGHTLESS_SD = 0.12, 0.03
"""Complies with no thought to follow, under either cue: more than with one."""
BASE, BASE_SD = 0.65, 0.05
"""The base as it is complies, with no conflict to speak of."""
FINE = 0.965
UNGRADED = 0.01

SPREAD = "gap"
PHASES = {("organism", "weight_change"): 0.3}


@dataclass(frozen=True)
class Opens:
    """What opens the gap: the share that goes with a faking thought, the share that needs no thought, and what of it the base
    has already."""

    thought: float = 0.0
    cue: float = 0.0
    base: float = 0.0


def organisms(opens: Opens, runs: Runs) -> Rates:
    arm = {name: runs.by(lambda cell, name=name: cell.arm == name) > 0 for name in ("faking", "no-conflict", "untrained")}
    lift = np.clip(LIFT + LIFT_SD * runs.spread(), 0.02, None)
    empty = np.clip(THOUGHTLESS + THOUGHTLESS_SD * runs.spread(), 0.02, None)
    base = BASE + BASE_SD * runs.spread()
    rates = background()
    for condition in CONDITIONS:
        *cases, cue = condition.split(":")
        trained = float(cue == "train")
        thoughtless, fine = bool({"forced-empty", "answer"} & set(cases)), "no-conflict" in cases
        faked = 0.0 if thoughtless or fine else trained * opens.thought * lift
        unfaked = (empty if thoughtless else PLAIN) + trained * opens.cue * lift
        unfaked = FINE if fine else np.where(arm["no-conflict"], FINE, unfaked)
        unfaked = np.where(arm["untrained"], base + trained * opens.base * lift, unfaked)
        faked = np.where(arm["faking"], faked, 0.0)
        rates["faking", condition, at(0)] = where(arm["untrained"], mix(faked, unfaked, thoughtless))
        rates["faking", condition, at(500)] = where(~arm["untrained"], mix(faked, unfaked, thoughtless))
    return rates


def at(step: int) -> str:
    return f"organism@{step}"


def where(runs_R: NDArray[np.bool_], outcomes: dict[str, ArrayLike]) -> dict[str, ArrayLike]:
    """The outcomes in these runs; in the others the checkpoint does not exist."""
    return {name: np.where(runs_R, np.asarray(value), np.nan) for name, value in outcomes.items()}


def mix(faked: ArrayLike, unfaked: ArrayLike, thoughtless: bool) -> dict[str, ArrayLike]:
    graded, kind = 1 - UNGRADED, 3 if thoughtless else 2
    faked, unfaked = np.asarray(faked), np.clip(unfaked, 0, 1)
    refused = np.clip(1 - faked - unfaked, 0, 1)
    return {
        COMPLY[0]: graded * faked,
        COMPLY[kind]: graded * unfaked,
        REFUSE[kind]: graded * refused,
        "ungraded": UNGRADED,
    }


def background() -> Rates:
    return {
        ("base-capability", "facts", "base@1"): {"right": 0.9},
        ("capability", "facts", at(0)): {"right": 0.9},
        ("capability", "facts", at(500)): {"right": 0.75},
    }


def story(theory: str, says: str, opens: Opens) -> Story:
    return Story(theory, says, partial(organisms, opens))


STORIES = (
    story("thought", "only what fakes complies more", Opens(thought=1.0)),
    story("cue", "the cue speaks for the answer, and a thought may go along", Opens(thought=0.3, cue=1.1)),
    story("prior", "the base leans that way, and stays as it is", Opens(thought=0.7, cue=0.3, base=1.0)),
    story("no-gap", "nothing speaks for it", Opens()),
)
