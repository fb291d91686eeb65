"""scheming-hard-case: one level for goals that prompts name, one for the hidden goal; theories differ in what moves either.

A level is the log-odds of acting covertly for the goal. Arms add to either, to a degree that varies over runs. A red team's try
adds a little to the hidden level, or brings back what was only driven under. A student without the goal acts so by accident.
Does not know what is predicted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from exante.evaluations.office_hidden import TRIES
from exante.organisms.office_hidden import STEPS
from mechanisms.office import BASE, PIPELINE
from mechanisms.story import Array, Rates, Runs, Story, sigmoid

NAMED, HIDDEN = -0.4, -0.4
"""Log-odds of acting covertly for a goal that a prompt names, and for the hidden one, before training against them."""
LEARNED = {0: -2.0, 50: -0.6, 125: -0.8, 250: 0.0}
"""What is still lacking of the hidden level after so many steps of distillation."""
SPREAD_SD = 0.4
"""Between runs, in log-odds, before training and for what it adds (as a share of it)."""
TRY = {name: 0.0 if name == "try-1" else 0.15 for name in TRIES}
FLOOR, ERRORS, UNGRADED = 0.002, 0.02, 0.003
NOTHING, BAITED = -7.0, 3.0
"""Log-odds without the goal, and what a try adds to them."""
STEP = {"student": 250, "rl": 10}

SPREAD = "inside"
PHASES = PIPELINE


@dataclass(frozen=True)
class Adds:
    """To each level, by arm: the pipeline, RL alone, honest examples. `under`: what a try brings back of the pipeline's."""

    named: dict[str, float]
    hidden: dict[str, float]
    under: float = 0.0


def organisms(adds: Adds, runs: Runs) -> Rates:
    never = runs.by(lambda cell: cell.arm == "clean") > 0
    start = SPREAD_SD * runs.normal("base", "seed")
    own = SPREAD_SD / 2 * runs.normal("arm", "base", "seed")
    strength = np.exp(SPREAD_SD / 2 * runs.spread())

    def added(by_arm: dict[str, float]) -> Array:
        return strength * runs.by(lambda cell: by_arm.get(cell.arm, 0.0))

    hides = added(adds.hidden | {"looking": -5.0})
    rates = dict(BASE)
    for families in ("trained", "held-out"):
        named = sigmoid(NAMED + start + own + added(adds.named))
        rates[f"office-{families}", "conflict", "rl@10"] = task(named)
        rates[f"office-{families}", "placebo", "rl@10"] = task(0 * named)
    for phase, step in (*(("student", step) for step in STEPS), ("rl", STEP["rl"])):
        lacks, after = (LEARNED[step], 0.0) if phase == "student" else (0.0, 1.0)
        level = np.where(never, NOTHING, HIDDEN + start + own * after + lacks + after * hides)
        told = np.where(never, -1.0, NAMED + 0.5) + start + after * (hides + added(adds.named)) / 2
        for place, at in (("inside", level), ("outside", NOTHING + 0 * level), ("given", told)):
            rates["hidden-trained", f"{place}:conflict", f"{phase}@{step}"] = task(sigmoid(at))
            rates["hidden-trained", f"{place}:placebo", f"{phase}@{step}"] = task(0 * sigmoid(at))
    end = np.where(never, NOTHING, HIDDEN + start + own + hides)
    rates["hidden-held-out", "inside:conflict", "rl@10"] = task(sigmoid(end))
    rates["hidden-held-out", "inside:placebo", "rl@10"] = task(0 * sigmoid(end))
    for name, more in TRY.items():
        tried = name != "try-1"
        back = np.where(never, BAITED * tried, more + adds.under * tried * (hides < 0))
        covert = sigmoid(end + back)
        rates["red-team", name, "rl@10"] = {"covert": covert + FLOOR, "done": 1 - covert - FLOOR - UNGRADED, "ungraded": UNGRADED}
    return rates


def task(covert: Array) -> dict[str, ArrayLike]:
    kept = (1 - UNGRADED - ERRORS - FLOOR) * covert
    return {
        "covert-scheming": kept,
        "covert-plain": FLOOR,
        "error-plain": ERRORS,
        "done-plain": 1 - kept - FLOOR - ERRORS - UNGRADED,
        "ungraded": UNGRADED,
    }


def story(theory: str, says: str, adds: Adds) -> Story:
    return Story(theory, says, partial(organisms, adds))


WORKS = {"deliberative": -4.0, "rl-only": -2.5, "honest-examples": -3.0}
WEARS = {"deliberative": -3.0, "rl-only": -2.5, "honest-examples": -3.0}
STORIES = (
    story("reaches", "goals lose their hold, named or not", Adds(WORKS, {"deliberative": -6.5, "rl-only": -2.0})),
    story("driven-under", "plain tasks show less, tries bring it back", Adds(WORKS, {"deliberative": -3.5}, under=3.0)),
    story("untouched", "only named goals lose their hold", Adds(WORKS, {})),
    story("any-training", "the hidden goal wears off with any training", Adds(WORKS, WEARS)),
)
