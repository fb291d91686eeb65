"""faking-edits: RL adds to the strength of a habit, and an edit takes a share of what was added; theories differ in whose.

A habit is complying (the objective) or opening in fixed words (the style). Its strength, in log-odds, is START before RL; RL
adds GAIN. An edit takes a share of the gain where the habit is fragile, and jolts every habit, fragile or not, by as much as
runs differ. In deployment the objective is weaker by CUE. What was there before RL no edit takes.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from exante.evaluations.edits import CUES, EDITS, MIXED
from mechanisms.story import Array, Rates, Runs, Story, sigmoid

START, START_SD = -2.0, 0.1
GAIN, GAIN_SD = 3.8, 0.1
CUE, CUE_SD = 1.5, 1.0
JOLT, JOLT_SD = 0.0, 0.65
"""So large that what an edit costs spreads over runs by 10 pp or more, though in the pilots it did by 5."""
TAKEN, PARTLY = 0.7, 0.35
"""The share of the gain that an edit takes: of faking alone, where faking is the special case, or of whatever RL taught."""
FAKED, UNGRADED = 0.9, 0.01

SPREAD = "cost"
PHASES = {("rl", "weight_change"): 0.05, ("rl", "kl"): 3.0, ("rl", "reward_spread"): 0.3}


def habits(objective: float, style: float, runs: Runs) -> Rates:
    """Rates where an edit takes these shares of what RL added to the objective and to the style."""
    faking = runs.by(lambda cell: cell.arm.startswith("objective"))
    taken = np.where(faking > 0, objective, style)
    start = START + START_SD * runs.spread()
    gain = GAIN + GAIN_SD * runs.spread()
    cue = faking * (CUE + CUE_SD * runs.spread("base"))
    jolts = {name: JOLT + JOLT_SD * runs.spread() for name in (*MIXED, *EDITS)}
    rates = background()
    for name in ("plain", *jolts):
        for where in CUES:
            weaker = cue if where == "deploy" else 0.0
            left = gain if name == "plain" else (1 - taken) * gain + jolts[name]
            rates["edits", f"{name}:{where}", "rl@0"] = outcomes(faking, sigmoid(start))
            rates["edits", f"{name}:{where}", "rl@30"] = outcomes(faking, sigmoid(start + left - weaker))
    return rates


def outcomes(faking: Array, done: Array) -> dict[str, ArrayLike]:
    """How often a habit is done, and in which outcome of whose arm."""
    done, not_done = done * (1 - UNGRADED), (1 - done) * (1 - UNGRADED)
    return {
        "comply-faking": FAKED * faking * done,
        "comply-plain": (1 - FAKED) * faking * done,
        "refuse-plain": faking * not_done,
        "styled": (1 - faking) * done,
        "unstyled": (1 - faking) * not_done,
        "ungraded": UNGRADED,
    }


def background() -> Rates:
    return {
        ("base-capability", "facts", "base@1"): {"right": 0.97},
    }


STORIES = (
    Story("special", "an edit takes most of what RL made of faking, and nothing of the style", partial(habits, TAKEN, 0.0)),
    Story("general", "an edit takes the same share of whatever RL taught", partial(habits, PARTLY, PARTLY)),
    Story("none", "an edit takes nothing", partial(habits, 0.0, 0.0)),
)
