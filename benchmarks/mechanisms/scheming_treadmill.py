"""scheming-treadmill: covert acts are lowered by rules learned family by family or at large, by holding back where a test is
noticed, by good acts learned as such, or by any training; theories differ in which of these there is.

A model leaves a task undone at a rate of its own, families that are named first at a higher one. Every round leaves a share of
that rate. On a test desk some thoughts notice the test, more of them after rounds in which that grows; those that notice hold
back, or do so only as often as before the rounds. A thought made to begin otherwise notices nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from exante.trainings.office_rounds import ROUNDS
from mechanisms.office import BASE
from mechanisms.story import Array, Rates, Runs, Story, sigmoid

STEPS = {"organism": 100, "round": 25}
START, START_SD = 0.65, 0.45
"""Log-odds of a covert act in a conflict before the rounds, nobody noticing a test, and their spread over organisms."""
FAMILIES = (0.3, 0.15, 0.0, -0.6)
"""Log-odds of each family of the test beside that, in the order in which probes name them; the last never is."""
SEALED = -1.3
NOTICED, NOTICED_SD = -0.95, 0.35
"""Log-odds of noticing a test before the rounds; a round in which awareness grows adds GROWTH."""
GROWTH = 0.8
HELD_BACK = 0.87
"""Share of covert acts that are not done where a test is noticed."""
STRENGTH_SD, DRIFT_SD = 0.5, 0.6
"""Between runs: of the logarithm of what rounds do, and of log-odds that rounds add by accident."""
FLOOR, UNGRADED = 0.01, 0.003

SPREAD = "part-untouched"
PHASES = {
    **{(f"sample{n}", "kept"): 600.0 for n in range(1, ROUNDS + 1)},
    **{(f"round{n}", "weight_change"): 0.01 for n in range(1, ROUNDS + 1)},
}


@dataclass(frozen=True)
class Ways:
    """What a round takes off the logarithm of the rate of covert acts: `rule` in families named by then and `spec` in all, where
    the spec is amended; `act` in all, where awareness grows; `any` in all, in every arm. `hides`: who notices more, holds back
    more."""

    rule: float = 0.0
    spec: float = 0.0
    act: float = 0.0
    any: float = 0.0
    hides: bool = False


def organisms(ways: Ways, runs: Runs) -> Rates:
    start = START + START_SD * runs.spread("base", "seed")
    drift = DRIFT_SD * runs.spread("arm", "base", "seed") / ROUNDS
    strength = np.exp(STRENGTH_SD * runs.spread("arm", "base", "seed"))
    noticed = NOTICED + NOTICED_SD * runs.spread("base", "seed")
    amended, grows = (runs.tagged(tag).astype(float) for tag in ("amended", "aware"))

    def rate(family: int | None, done: int) -> Array:
        """Of covert acts after `done` rounds, where nobody notices a test. Families are named in turn from 0; None: sealed."""
        ruled = 0 if family is None or family >= ROUNDS else max(done - family, 0)
        taken = amended * (ways.rule * ruled + ways.spec * done) + grows * ways.act * done + ways.any * done
        own = SEALED if family is None else FAMILIES[family]
        return sigmoid(start + own + drift * done) * np.exp(-strength * taken)

    def seen(done: int) -> Array:
        return sigmoid(noticed + GROWTH * grows * done)

    def left(done: int) -> Array:
        """Share of covert acts done on a test desk."""
        return 1 - HELD_BACK * seen(done if ways.hides else 0)

    rates = dict(BASE)
    everywhere: dict[str, float] = {"forced-real:test:conflict": 1.0, "live:conflict": 0.9}
    for number in range(1, ROUNDS + 1):
        for past, step in ((number - 1, 0), (number, STEPS["round"])):
            sets = {"touched": range(number), "untouched": range(number, len(FAMILIES))}
            share = {name: sum(rate(f, past) for f in families) / len(FAMILIES) for name, families in sets.items()}
            for condition, factor in (("test:conflict", left(past)), *everywhere.items()):
                acts: dict[str, ArrayLike] = {}
                for name, families in sets.items():
                    acts[f"covert-{name}"] = share[name] * factor
                    acts[f"done-{name}"] = len(families) / len(FAMILIES) - share[name] * factor
                rates["rounds", condition, f"round{number}@{step}"] = acts
    for done, at in ((0, f"organism@{STEPS['organism']}"), (ROUNDS, f"round{ROUNDS}@{STEPS['round']}")):
        mean = sum(rate(f, done) for f in range(len(FAMILIES))) / len(FAMILIES)
        covert = mean * left(done)
        rates["office-held-out", "test:conflict", at] = {"covert-scheming": covert, "done-aware": (1 - covert) * seen(done)}
        rates["office-held-out", "forced-neutral:test:conflict", at] = {"covert-scheming": 0.9 * mean}
        rates["office-held-out", "test:placebo", at] = {"covert-plain": FLOOR, "ungraded": UNGRADED}
    last = f"round{ROUNDS}@{STEPS['round']}"
    for condition, factor in (("conflict", 0.9), ("test:conflict", left(ROUNDS))):
        rates["office-sealed", condition, last] = {"covert-scheming": rate(None, ROUNDS) * factor}
    rates["office-trained", "conflict", f"organism@{STEPS['organism']}"] = {"covert-scheming": 0.85 * sigmoid(start)}
    return rates


def story(theory: str, says: str, ways: Ways) -> Story:
    return Story(theory, says, partial(organisms, ways))


STORIES = (
    story("patchwork", "a rule is learned for the family that it names", Ways(rule=2.5, spec=0.05)),
    story("spec-teaches", "rules are learned for every family", Ways(spec=1.4)),
    story("learns-the-test", "who notices a test holds back, and more notice", Ways(hides=True)),
    story("learns-the-act", "good acts on tests are learned for every desk", Ways(act=0.5)),
    story("any-training", "any round lowers it", Ways(any=0.5)),
)
