"""scheming-reasons: thoughts hold reasons, reasons weigh, an act is drawn; theories differ in what a filter changes of it.

A thought schemes or does not, with log-odds SAYS. A covert act has log-odds START, plus what the reasons weigh that stand there:
sentences that scheme BAD, others GOOD. A filter may lower START (acts), lower how often thoughts scheme (said), and raise covert
acts after thoughts that do not (slips: what led to the act is still there, unsaid). Judges that err do a share of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from exante.evaluations.office_reasons import MADE_OF
from mechanisms.story import Array, Rates, Runs, Story, sigmoid

START, START_SD = 0.15, 0.45
"""Log-odds of a covert act after a thought without a reason, and their spread over organisms."""
BAD, GOOD, WEIGHT_SD = 0.9, -0.9, 0.15
FREE_GOOD = -1.5
"""What free thoughts that do not scheme weigh: there, 25 % of acts are covert before training."""
SAYS, SAYS_SD = 0.8, 0.25
OWN_SD, FORCED_SD = 0.25, 0.1
"""Spread over trained runs of one organism, and over the forced thoughts of a run, in log-odds."""
FLOOR, UNGRADED = 0.01, 0.01
JUDGED = {"reasons": 1.0, "reasons-85": 0.7, "reasons-70": 0.4}
"""Arms that are kept by their reasons, and how much of the filter's effect a judge that errs leaves."""
KEPT_BY_ACT = ("none-outcome-none", "none-thought-none")

SPREAD = "installed"
PHASES = {("sample", "kept"): 900.0, ("sft", "weight_change"): 0.02}


@dataclass(frozen=True)
class Does:
    """What training adds to the log-odds of a covert act, of a thought that schemes, and of a covert act after one that does not:
    kept for its reasons, kept by the act, or kept by nothing."""

    reasons: dict[str, float] = field(default_factory=dict)
    by_act: dict[str, float] = field(default_factory=dict)
    anything: dict[str, float] = field(default_factory=dict)

    def adds(self, what: str, runs: Runs) -> Array:
        """What is added in every run, (R,)."""
        judged = runs.by(lambda cell: JUDGED.get(cell.arm, 0.0))
        by_act = runs.by(lambda cell: cell.arm in KEPT_BY_ACT)
        anything = runs.by(lambda cell: cell.arm in ("random", "none-none-none"))
        return (
            judged * self.reasons.get(what, 0.0) + by_act * self.by_act.get(what, 0.0) + anything * self.anything.get(what, 0.0)
        )


def desks(does: Does, runs: Runs) -> Rates:
    trained = runs.by(lambda cell: cell.arm != "organism")
    organism = START_SD * runs.spread("base", "seed")
    start = START + organism + does.adds("acts", runs) + OWN_SD * trained * runs.spread("arm", "base", "seed")
    says = SAYS + SAYS_SD * runs.spread("base", "seed")
    said = sigmoid(says + does.adds("said", runs) + SAYS_SD * trained * runs.normal("arm", "base", "seed"))
    bad, good = (weight + WEIGHT_SD * runs.spread("base", "seed") for weight in (BAD, GOOD))
    unsaid = start + FREE_GOOD + does.adds("slips", runs)
    before = outcomes(sigmoid(says), sigmoid(START + organism + bad), sigmoid(START + organism + FREE_GOOD))
    rates = background()
    rates["office-trained", "conflict", "organism@100"] = before
    rates["office-held-out", "conflict", "rl@0"] = outcomes(said, sigmoid(start + bad), sigmoid(unsaid))
    rates["office-trained", "conflict", "rl@0"] = rates["office-held-out", "conflict", "rl@0"]
    for made_of in MADE_OF:
        jolt = FORCED_SD * runs.normal("arm", "base", "seed")
        covert = sigmoid(start + bad * ("bad" in made_of) + good * ("good" in made_of) + jolt)
        rates["reasons", made_of, "rl@0"] = {"covert": (1 - UNGRADED) * covert, "done": (1 - UNGRADED) * (1 - covert)}
    return rates


def outcomes(said: Array, spoken: Array, unspoken: Array) -> dict[str, ArrayLike]:
    """Acts × thoughts, where a share `said` of thoughts schemes and acts follow either kind."""
    graded = 1 - UNGRADED
    return {
        "covert-scheming": graded * said * spoken,
        "done-scheming": graded * said * (1 - spoken),
        "covert-plain": graded * (1 - said) * unspoken,
        "done-plain": graded * (1 - said) * (1 - unspoken),
        "ungraded": UNGRADED + 0 * np.asarray(said),
    }


def background() -> Rates:
    """What no theory speaks of: the base, and tasks that help the goal."""
    rates: Rates = {
        ("base-capability", "facts", "base@1"): {"right": 0.92},
    }
    for families in ("trained", "held-out"):
        rates[f"base-{families}", "placebo", "base@1"] = {"done-plain": 0.99, "covert-plain": 0.002}
        rates[f"office-{families}", "placebo", "rl@0"] = {"done-plain": 0.97, "covert-plain": FLOOR, "asks-plain": 0.01}
    rates["office-trained", "placebo", "organism@100"] = {"done-plain": 0.97, "covert-plain": FLOOR}
    return rates


def story(theory: str, says: str, does: Does) -> Story:
    return Story(theory, says, partial(desks, does))


STRONG, WEAK = -3.2, -1.0
STORIES = (
    story(
        "reasons-count",
        "keeping good reasons lowers acts, keeping good acts lowers them less",
        Does({"acts": STRONG, "said": -2.0}, {"acts": WEAK, "said": -0.5}),
    ),
    story(
        "phrasing",
        "keeping good reasons lowers what is said, and acts come unsaid; keeping good acts lowers acts",
        Does({"said": -3.6, "slips": 0.9}, {"acts": STRONG, "said": -1.5}),
    ),
    story("good-acts", "either lowers acts as much", Does({"acts": STRONG, "said": -2.0}, {"acts": STRONG, "said": -1.5})),
    story("examples", "any further training lowers acts as much", Does(*3 * ({"acts": STRONG, "said": -1.5},))),
)
