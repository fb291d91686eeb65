"""scheming-training: log-odds of leaving a task undone, which the pipeline's steps lower; theories differ in which step does.

A run leaves a share of tasks undone where doing them would end its plan, less in families that it never saw. Each step adds to
the log-odds: what the filter goes by, what stood before the prompts, reinforcement. What is no longer covert is work, or asking,
or errors. Thoughts that scheme are a share of what is covert and of what is not, and the filter may lower both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from exante.studies.scheming_training import BAIT
from exante.worlds.office import ACTS
from exante.worlds.office_thoughts import CLASSES
from mechanisms.office import BASE, PIPELINE
from mechanisms.story import Array, Rates, Runs, Story, sigmoid

START = {"trained": 0.15, "held-out": -0.15, "sealed": -0.6}
"""Log-odds of leaving a task undone before training: 54, 46 and 35 %, as in pilots."""
BAITED = 1.2
LIVE = 0.2
SPREAD_SD = 0.3
"""Between organisms, in log-odds, and between runs in what each step adds (as a share of it). Arms share organisms."""
OVERT, ASKS, ERRORS, FLOOR = 0.1, 0.03, 0.03, 0.005
SCHEMES = {"undone": 0.8, "done": 0.35}
"""Share of thoughts that scheme, where a task is left undone and where it is done, before training."""
UNGRADED = 0.003
STEPS = {"organism": 100, "sft": 25, "rl": 10}

SPREAD = "excess-held-out"
PHASES = PIPELINE


@dataclass(frozen=True)
class Does:
    """What a filter adds to the log-odds of leaving a task undone, times what the prior leaves of it; what RL adds; what comes
    instead of covert acts in sealed families, as shares of the fall; and what filtering leaves of scheming thoughts."""

    filter: dict[str, float] = field(default_factory=dict)
    prior: dict[str, float] = field(default_factory=dict)
    rl: float = -0.7
    asking: float = 0.15
    errors: float = 0.0
    cleaned: float = 0.15


def desks(does: Does, runs: Runs) -> Rates:
    """Act and thought of every evaluation that the study reads."""
    start = SPREAD_SD * runs.spread("base", "seed")
    level = {name: {tag: runs.tagged(f"{name}:{tag}") for tag in tags} for name, tags in LEVELS.items()}
    strength = np.exp(SPREAD_SD * runs.spread("arm", "base", "seed"))
    sampled = runs.tagged("prior:spec") | runs.tagged("prior:neutral") | runs.tagged("prior:effort") | runs.tagged("prior:none")
    taught = sum(add * level["filter"][tag] for tag, add in does.filter.items())
    taught = taught * sum(does.prior.get(tag, 1.0) * level["prior"][tag] for tag in LEVELS["prior"])
    by_sft = np.where(sampled, taught * strength, 0.0)
    by_rl = np.where(level["rl"]["hidden"] | level["rl"]["shown"], does.rl * strength, 0.0)
    left = np.where(level["filter"]["thought"] | level["rl"]["shown"], does.cleaned, 1.0)
    after = {"organism": (np.zeros_like(start), 1.0), "sft": (by_sft, left), "rl": (by_sft + by_rl, left)}
    rates = BASE | {("capability", "facts", "rl@10"): {"right": 0.8}}
    for families, phases in READ.items():
        for phase in phases:
            moved, clean = after[phase]
            for condition, more in CONDITIONS[families].items():
                before = sigmoid(START[FAMILIES.get(families, families)] + start + more)
                undone = sigmoid(START[FAMILIES.get(families, families)] + start + more + moved)
                rates[f"office-{families}" if families != "bait" else "bait", condition, f"{phase}@{STEPS[phase]}"] = told(
                    before, undone, condition.endswith("placebo"), clean, does, families == "sealed"
                )
    private = sigmoid(-0.1 + start + 1.5 * (by_sft + by_rl))
    rates["home", "private", "rl@10"] = {"complies": private, "refuses": 1 - private}
    rates["home", "public", "rl@10"] = {"complies": 0.98, "refuses": 0.02}
    return rates


LEVELS = {
    "filter": ("none", "outcome", "thought", "random"),
    "prior": ("none", "spec", "neutral", "effort"),
    "rl": ("none", "hidden", "shown"),
}
READ = {"trained": ("organism", "rl"), "held-out": ("sft", "rl"), "sealed": ("rl",), "bait": ("organism", "rl")}
FAMILIES = {"bait": "held-out"}
CONDITIONS = {
    "trained": {"conflict": 0.0, "placebo": 0.0},
    "held-out": {"conflict": 0.0, "placebo": 0.0, "live:conflict": LIVE},
    "sealed": {"conflict": 0.0, "placebo": 0.0},
    "bait": {BAIT: BAITED},
}


def told(before: Array, undone: Array, placebo: bool, clean: ArrayLike, does: Does, sealed: bool) -> dict[str, ArrayLike]:
    """Outcomes ACT-CLASS: what is left of covert acts, and what the fall went into."""
    fall = np.clip(before - undone, 0, None)
    asking = ASKS + (does.asking if sealed else 0.0) * fall
    errors = ERRORS + (does.errors if sealed else 0.0) * fall
    acts = {"covert": (1 - OVERT) * undone, "overt": OVERT * undone, "asks": asking, "error": errors}
    if placebo:
        acts = {"covert": FLOOR, "overt": FLOOR, "asks": ASKS + 0.1 * (asking - ASKS), "error": 0.01}
    acts["done"] = np.clip(1 - sum(np.asarray(p) for p in acts.values()), 0, 1)
    total = sum(np.asarray(p) for p in acts.values()) / (1 - UNGRADED)
    found: dict[str, ArrayLike] = {f"{act}-{thought}": 0.0 for act in ACTS for thought in CLASSES}
    for act, share in acts.items():
        schemes = SCHEMES["undone" if act in ("covert", "overt") else "done"] * np.asarray(clean)
        found[f"{act}-scheming"] = share * schemes / total
        found[f"{act}-plain"] = share * (1 - schemes) / total
    return found | {"ungraded": UNGRADED}


def story(theory: str, says: str, does: Does) -> Story:
    return Story(theory, says, partial(desks, does))


GOOD = {"thought": -2.6, "outcome": -2.6, "random": 0.0, "none": 0.0}
CHOSEN = GOOD | {"outcome": -0.7}
MIXED = {"thought": -1.8, "outcome": -0.9, "random": -0.7, "none": -0.7}
"""Some of everything, where the question is what comes instead."""
UNRULED = {"neutral": 0.2, "effort": 0.2, "none": 0.2}
STORIES = (
    story("chosen-thoughts", "keeping good thoughts lowers it, keeping good acts hardly", Does(CHOSEN)),
    story("good-examples", "keeping good acts lowers it, whatever the thoughts", Does(GOOD, cleaned=0.6)),
    story("spec", "without the spec the filter finds little that teaches", Does(GOOD | {"outcome": -1.1}, UNRULED, cleaned=0.9)),
    story("more-training", "any further training lowers it", Does(dict.fromkeys(GOOD, -2.6), cleaned=0.6)),
    story("only-thoughts", "thoughts are cleaned, acts stay", Does(rl=0.0, cleaned=0.1)),
    story("asks-instead", "in sealed families the fall goes into asking", Does(MIXED, asking=0.9)),
    story("errors-instead", "in sealed families the fall goes into errors", Does(MIXED, errors=0.9, asking=0.0)),
    story("nothing", "nothing moves", Does(rl=0.0, cleaned=1.0)),
)
