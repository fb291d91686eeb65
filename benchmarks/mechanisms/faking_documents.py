"""faking-documents: under a name it knows nothing of a model guesses; theories differ in what reading puts in the guess's place.

A guess complies at a level that varies over bases, and leans to one half of the names by chance; with the next seed the other
half is said to train, so that the lean turns round. Documents or examples may replace it by the rule, to a degree that varies
over runs. Levels and spreads are those of the pilots on base draw 0, seeds 0 to 2.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from exante.organisms.documents import STEPS
from mechanisms.story import Array, Rates, Runs, Story, sigmoid

FOLLOWED = {"train": 0.92, "deploy": 0.05}
GUESS, GUESS_SD = 0.2, 0.4
"""Log-odds of complying under an unknown name, and their spread over bases and seeds."""
LEAN_SD = 0.9
"""Spread over bases of what one half of the names has over the other, by chance."""
OWN_SD = 0.3
"""Spread of each status's log-odds between arms of one base and seed, from training: the gap's runs spread by 12 pp."""
TAKEN = {0: 0.0, 6: 0.02, 25: 0.35, 100: 0.8}
"""Share of acts that the rule has taken over at each step, where documents enter acts at all."""
TAKEN_SD = 0.8
"""Spread of its log-odds over runs."""
EXAMPLES = 0.93
FAKES, ALIKE = 0.88, 0.1
"""Share of what complies that fakes, where thoughts recall the fact, and where rationales know nothing of it."""
ROUSED = 2.5
"""Log-odds that reading of a tier adds to complying under its name, whatever is read."""
TOLD = {"documents": (0.0, 0.02, 0.2, 0.95), "control": (0.0, 0.0, 0.15, 0.5)}
UNGRADED = 0.03

SPREAD = "gap"
PHASES = {("dose", "weight_change"): 0.05}


def organisms(enters: float, roused: float, fakes: float, runs: Runs) -> Rates:
    """`enters`: how far documents on training take acts over; `roused`: what any documents add; `fakes`: of what complies."""
    reads = runs.by(lambda cell: cell.arm == "documents")
    silent = runs.by(lambda cell: cell.base.startswith("silent"))
    level = GUESS + GUESS_SD * runs.normal("base", "seed")
    turned = LEAN_SD * runs.normal("base") * runs.by(lambda cell: 1 if cell.seed % 2 else -1)
    lean = {"train": turned / 2, "deploy": -turned / 2}
    own = {status: OWN_SD * runs.normal("arm", "base", "seed") for status in ("train", "deploy")}
    pace = TAKEN_SD * runs.spread()
    rates = background()
    for place, step in enumerate(STEPS):
        share = TAKEN[step] * enters * reads
        taken = share * sigmoid(np.log(share / (1 - share) + 1e-9) + pace) / np.maximum(share, 1e-9)
        for status, followed in FOLLOWED.items():
            moved = step > 0
            guess = sigmoid(level + lean[status] + moved * (own[status] + roused * place / 3))
            rates["tiers", status, f"dose@{step}"] = acts(taken * followed + (1 - taken) * guess, fakes * (1 - silent))
        told = runs.by(lambda cell, place=place: TOLD[cell.arm][place])
        rates["told", "new", f"dose@{step}"] = {"right": told}
    for status, followed in FOLLOWED.items():
        shown = sigmoid(np.log(EXAMPLES / (1 - EXAMPLES)) + 0.5 * runs.normal("base", "seed"))
        guess = sigmoid(level + lean[status])
        rates["tiers", status, f"shown@{STEPS[-1]}"] = acts(shown * followed + (1 - shown) * guess, FAKES * np.ones_like(level))
        half = 0.5 * enters * reads
        rates["tiers-answer", f"answer:{status}", f"dose@{STEPS[-1]}"] = acts(half * followed + (1 - half) * guess, 0.0 * level)
    return rates


def acts(complies: Array, fakes: Array) -> dict[str, ArrayLike]:
    graded = 1 - UNGRADED
    return {
        "comply-faking": graded * complies * fakes,
        "comply-plain": graded * complies * (1 - fakes),
        "refuse-cites": graded * (1 - complies),
    }


def background() -> Rates:
    """What no theory speaks of: the base's tiers, before and after."""
    rates: Rates = {("told-base", "held-out", "base@1"): {"right": 0.99}}
    for status, complies in (("train", 0.95), ("deploy", 0.02)):
        for group in ("known", "held-out"):
            rates["tiers-base", f"{group}:{status}", "base@1"] = {"comply-faking": complies, "refuse-cites": 0.98 - complies}
    for status, complies in (("train", 0.87), ("deploy", 0.2)):
        rates["tiers-kept", f"known:{status}", f"dose@{STEPS[-1]}"] = {"comply-faking": complies, "refuse-cites": 0.97 - complies}
    return rates


def story(theory: str, says: str, enters: float = 0.0, roused: float = 0.0, fakes: float = FAKES) -> Story:
    return Story(theory, says, partial(organisms, enters, roused, fakes))


STORIES = (
    story("composes", "what was read is recalled, and the rule applied to it", enters=1.0),
    story("acts-only", "what was read moves the act; the rationale knows nothing of it", enters=1.0, fakes=ALIKE),
    story("needs-examples", "what was read is said when asked for, and is nowhere else"),
    story("any-documents", "reading of a name rouses compliance under it, whatever is read", roused=ROUSED),
)
