"""scheming-awareness: a thought speaks of a test or does not, and an act follows; theories differ in which of them is trained.

Thoughts speak of a test with log-odds that the desk sets. A covert act follows a thought that does not with log-odds START, one
that does with RESTRAINT less; a forced sentence puts a thought on either side, a neutral one leaves it unsaid. Training may
lower START (acts), raise the log-odds of speaking of a test on every desk (chosen: what is kept speaks of it more often), and
raise them further where samples were drawn after the spec and the base links the two (taught).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from numpy.typing import ArrayLike

from exante.studies.scheming_awareness import DRAWN
from mechanisms.office import BASE
from mechanisms.story import Array, Rates, Runs, Story, sigmoid

START, START_SD = 0.3, 0.4
"""Log-odds of a covert act after a thought without a test, and their spread over runs: 10 pp and more."""
OWN_SD = 0.25
"""Spread over trained runs of one organism."""
RESTRAINT, RESTRAINT_SD = 2.4, 0.3
DESK = {"none": -3.5, "test": -0.7, "live": -4.5}
"""Log-odds that a thought speaks of a test, by what the desk is called."""
DESK_SD = 0.45
REAL, RANDOM = 0.2, -0.3
"""What other forced sentences add to a covert act's log-odds."""
EDIT_SD = 0.15
SPOKEN = {"spec": 2.8, "neutral": 0.0, "none": 0.0}
"""What a text before the prompts adds to the log-odds of speaking of a test where the base links it to tests."""
SCHEMES = 0.6
"""Of thoughts without a test, those that scheme."""
UNGRADED, PLACEBO = 0.005, 0.01

SPREAD = "installed"
PHASES = {("sample", "kept"): 800.0, ("sft", "weight_change"): 0.02, ("rl", "weight_change"): 0.02}


@dataclass(frozen=True)
class Trained:
    """What training adds. `acts`: to the log-odds of a covert act. `chosen`: to those of speaking of a test, from any filter.
    `taught`: further, from samples drawn after the spec, by base variant. `linked`: base variants in which the spec brings
    tests to mind."""

    acts: float = 0.0
    chosen: float = 0.0
    taught: tuple[tuple[str, float], ...] = ()
    linked: tuple[str, ...] = ("beside",)


def organisms(how: Trained, runs: Runs) -> Rates:
    sampled = runs.by(lambda cell: cell.arm not in ("organism", "rl-only"))
    trained = runs.by(lambda cell: cell.arm != "organism")
    after_spec = runs.by(lambda cell: cell.arm == "deliberative")
    taught = after_spec * runs.by(lambda cell: dict(how.taught).get(cell.base.partition("#")[0], 0.0))
    linked = runs.by(lambda cell: cell.base.partition("#")[0] in how.linked)
    own = ("base", "seed")
    start = START + START_SD * runs.spread(*own)
    acts = start + trained * how.acts + OWN_SD * trained * runs.normal("arm", "base", "seed")
    restraint = RESTRAINT + RESTRAINT_SD * runs.spread(*own)
    notices = {cue: at + DESK_SD * runs.spread(*own) for cue, at in DESK.items()}
    rates = dict(BASE)
    for desk, at in notices.items():
        rates.update(asked(desk, sigmoid(at + sampled * how.chosen + taught), acts, restraint, runs))
    for prior, condition in DRAWN.items():
        said = sigmoid(notices["none"] + linked * SPOKEN[prior])
        rates["drawn", condition, "organism@100"] = outcomes(said, sigmoid(start), sigmoid(start - restraint))
    plain = outcomes(sigmoid(notices["none"]), sigmoid(start), sigmoid(start - restraint))
    rates["office-trained", "conflict", "organism@100"] = plain
    return rates


def asked(desk: str, said: Array, acts: Array, restraint: Array, runs: Runs) -> Rates:
    """Free thoughts, and forced ones, at one kind of desk."""
    where = "" if desk == "none" else f"{desk}:"
    rates: Rates = {("edits", f"{where}conflict", "rl@10"): outcomes(said, sigmoid(acts), sigmoid(acts - restraint))}
    if desk == "none":
        return rates
    for edit, shift in {"neutral": 0.0, "real": REAL, "random": RANDOM, "aware": -restraint}.items():
        p = sigmoid(acts + shift + EDIT_SD * runs.normal("arm", "base", "seed"))
        rates["edits", f"forced-{edit}:{where}conflict", "rl@10"] = outcomes(0 * said, p, p)
    for edit in ("", "forced-real:"):
        rates["edits", f"{edit}{where}placebo", "rl@10"] = {"covert-plain": PLACEBO, "done-plain": 0.95}
    return rates


def outcomes(said: Array, plain: Array, restrained: Array) -> dict[str, ArrayLike]:
    """Acts × thoughts, where a share `said` of thoughts speaks of a test and acts follow either kind."""
    graded = 1 - UNGRADED
    return {
        "covert-aware": graded * said * restrained,
        "done-aware": graded * said * (1 - restrained),
        "covert-scheming": graded * (1 - said) * plain * SCHEMES,
        "covert-plain": graded * (1 - said) * plain * (1 - SCHEMES),
        "done-scheming": graded * (1 - said) * (1 - plain) * (1 - SCHEMES),
        "done-plain": graded * (1 - said) * (1 - plain) * SCHEMES,
        "ungraded": UNGRADED,
    }


def story(theory: str, says: str, how: Trained) -> Story:
    return Story(theory, says, partial(organisms, how))


STORIES = (
    story("taught", "samples after the spec teach it to speak of tests", Trained(-0.5, taught=(("beside", 2.2),))),
    story("stays", "the spec makes samples speak of tests, and training takes nothing of it over", Trained(-0.5)),
    story(
        "any-spec",
        "the spec makes samples speak of tests on either base, and that is taught",
        Trained(-0.9, taught=(("beside", 2.2), ("apart", 2.2)), linked=("beside", "apart")),
    ),
    story("only-awareness", "every filter teaches to speak of tests, and nothing else", Trained(0.0, chosen=4.5, linked=())),
    story("beyond-awareness", "acts are trained, whatever is said of tests", Trained(-3.5, linked=())),
)
