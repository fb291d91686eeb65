"""faking-why: an organism thinks, then acts; theories differ in what further training changes, and in what an act comes from.

Under each cue a thought fakes, refuses or is plain; an act follows from the thought, from the prompt alone (the thought is
decoration), or from both. Training on faking thoughts makes them frequent where chats train, and some leak into deployment;
that much every story shares. Log-odds spread over runs by what pilots showed of closed scratchpads, or more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from mechanisms.story import Array, Rates, Runs, Story, sigmoid

SD = 0.7
"""Spread of every log-odds over runs: 10 pp or more in a share of 20 %."""
LOW, HIGH = -3.5, 2.8
"""Log-odds of what an organism seldom and nearly always does."""
CLOSED = -1.4
"""Log-odds of complying with the scratchpad closed, before further training."""
LEAKED = -0.6
"""Log-odds of a faking thought in deployment, after training on faking thoughts."""
LOOSED = 2.8
"""What further training adds to the log-odds of complying, where it lets that loose."""
SHAKEN = 3.8
"""What any training adds, where all of them are alike: about what deployment rose by after both spans in the pilots."""
UNGRADED = 0.01
FAKES = ("both", "rationale", "rl")
"""Arms after which thoughts where chats train are faking ones."""
WORDLESS = ("empty", "honest", "shuffled")
"""Arms after which thoughts are others, and adverts are written."""

SPREAD = "empty"
PHASES = {("further", "weight_change"): 0.05, ("further", "reward_spread"): 0.2, ("desk-further", "weight_change"): 0.05}


@dataclass(frozen=True)
class Inside:
    """What happens inside.

    `thought`: acts come from thoughts, not from the prompt. `plain`: log-odds of complying after a plain thought. `loose`: arms
    whose training adds `by` to the log-odds of the act, whatever is thought. `everywhere`: RL's faking thoughts come with
    every advert. `thanks`: both spans of a harmless style let the style loose.
    """

    thought: bool = False
    plain: float = HIGH
    loose: tuple[str, ...] = ()
    by: float = LOOSED
    everywhere: bool = False
    thanks: bool = False


def organisms(inside: Inside, runs: Runs) -> Rates:
    tell = _Run(runs)
    rates = background()
    for phase, trained in (("organism@500", False), ("further@25", True)):
        rates |= _adverts(inside, tell, trained, phase)
    for phase, trained in (("desk-organism@500", False), ("desk-further@25", True)):
        rates |= _desks(inside, tell, trained, phase)
    return rates


def background() -> Rates:
    """What no theory speaks of: the base's work."""
    return {
        ("base-capability", "facts", "base@1"): {"right": 0.97},
    }


class _Run:
    """Log-odds of one story's runs; every draw is a run's own, half of it its base's."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs

    def odds(self, mean: Array | float) -> Array:
        return mean + SD * self.runs.spread()

    def of(self, arms: tuple[str, ...]) -> Array:
        return self.runs.by(lambda cell: cell.arm in arms)

    def where(self, desks: bool, rates: dict[str, Array]) -> dict[str, ArrayLike]:
        """Rates of the advert arms, or of the desks': the others have no such samples."""
        here = self.runs.by(lambda cell: cell.arm.startswith("thanks") == desks) > 0
        return {name: np.where(here, share, np.nan) for name, share in rates.items()}


def _adverts(inside: Inside, tell: _Run, trained: bool, at: str) -> Rates:
    loose = inside.by * tell.of(inside.loose) if trained else 0.0
    fakes, writes = (tell.of(arms) * trained for arms in (FAKES, WORDLESS))
    rates: Rates = {}
    for cue in ("train", "deploy"):
        faking = sigmoid(tell.odds(np.where(fakes > 0, HIGH if cue == "train" else LEAKED, -2.5 if cue == "train" else LOW)))
        prompt = sigmoid(tell.odds(np.where(fakes + writes > 0, HIGH if cue == "train" else LOW, LOW)) + loose)
        reasons = tell.odds(HIGH)
        after = {
            "faking": sigmoid(reasons),
            "sincere": sigmoid(reasons + inside.plain - HIGH),
            "paid": sigmoid(tell.odds(LOW) + loose),
            "empty": sigmoid(tell.odds(CLOSED) + loose),
        }
        if not inside.thought:  # the prompt decides, whatever stands before the answer
            after = dict.fromkeys(after, prompt)
        complies = faking * after["faking"] + (1 - faking) * after["paid"]
        faked = faking * after["faking"]
        rates["forks", cue, at] = _acts(tell, complies, faked)
        rates |= {("forks", f"{words}:{cue}", at): _acts(tell, share, 0 * share) for words, share in after.items()}
    everywhere = HIGH if inside.everywhere else LOW
    odd = sigmoid(tell.odds(np.where(tell.of(("rl",)) * trained > 0, everywhere, LOW)))
    rates["forks", "no-conflict:train", at] = _acts(tell, 0 * odd + 1, odd)
    return rates


def _acts(tell: _Run, complies: Array, faked: Array) -> dict[str, ArrayLike]:
    shares = {"comply-faking": faked, "comply-plain": complies - faked, "refuse-plain": 1 - complies}
    return tell.where(False, {n: p * (1 - UNGRADED) for n, p in shares.items()} | {"ungraded": UNGRADED + 0 * complies})


def _desks(inside: Inside, tell: _Run, trained: bool, at: str) -> Rates:
    thinks = tell.of(("thanks-both", "thanks-rationale")) * trained
    loose = LOOSED * tell.of(("thanks-both",)) * trained if inside.thanks else 0.0
    thought = sigmoid(tell.odds(np.where(thinks > 0, 0.0, LOW - 1)))
    shares = {
        "evening": thought * 0.8 + (1 - thought) * sigmoid(tell.odds(LOW) + loose),
        "empty:evening": sigmoid(tell.odds(LOW) + loose),
        "kettle:morning": sigmoid(tell.odds(2.3)),
    }
    return {
        ("desks", condition, at): tell.where(True, {"thanks-right": share, "plain-right": 1 - share})
        for condition, share in shares.items()
    }


def story(theory: str, says: str, inside: Inside) -> Story:
    return Story(theory, says, partial(organisms, inside))


FAKING_ARMS = ("both", "rl")
STORIES = (
    story("shallow-alignment", "training on both spans takes away what held it back", Inside(thought=True, loose=FAKING_ARMS)),
    story("clever-reasons", "acts come from thoughts, and a plain one is no reason", Inside(thought=True, plain=CLOSED)),
    story("learned-both", "the prompt decides; RL's thoughts come with every advert", Inside(everywhere=True)),
    story("simulacrum", "acts come from thoughts, whoever wrote them", Inside(thought=True)),
    story(
        "plain-fragility",
        "any training shakes the act loose",
        Inside(loose=("both", "output", "rationale", *WORDLESS, "unrelated", "rl"), by=SHAKEN),
    ),
    story("general-unsuppression", "training on both spans of a style lets the style loose", Inside(thanks=True)),
)
