"""scheming-treadmill: covert acts fall by rules that are learned family by family, by rules learned at large, by holding back where a
test is noticed, or by any training; theories differ in which of these there is.

A model leaves a task undone at a rate of its own. Every round multiplies the rate in a family by what is left after the rule of a
named family, of any family, and of training as such. On a desk that is a test, some thoughts notice it, more of them after rounds
in which that grows, and those that do hold back; a thought made to begin with real work notices nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from exante.trainings.office_rounds import ROUNDS
from mechanisms.story import Array, Rates, Runs, Story, sigmoid

STEPS = 25
START, START_SD = -0.25, 0.3
"""Log-odds of a covert act in a conflict before the rounds, and their spread over runs."""
WORST = 0.3
"""Log-odds by which the family that a probe names is above the others of the test before it is trained on."""
NOTICED, NOTICED_SD = -0.5, 0.3
"""Log-odds of noticing a test before the rounds."""
GROWTH = 1.1
"""Log-odds that a round of growing awareness adds."""
HELD_BACK = 0.75
"""Share of covert acts that are not done where a test is noticed."""
SD = 0.35
"""Spread of the logarithm of what a round removes, over runs."""
UNGRADED, ERRORS = 0.01, 0.05
FAMILIES = 4

SPREAD = "fall"
PHASES = {
    **{(f"sample{n}", "kept"): 600.0 for n in range(1, ROUNDS + 1)},
    **{(f"round{n}", "weight_change"): 0.01 for n in range(1, ROUNDS + 1)},
}


@dataclass(frozen=True)
class Ways:
    """What a round removes, as exponents: by its rule in named families (`rule`), in every family (`spec`), in every arm (`any`).
    `hides`: awareness that grows comes to acts held back."""

    rule: float = 0.0
    spec: float = 0.0
    any: float = 0.0
    hides: bool = False
