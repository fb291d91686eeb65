"""How somebody at the office's desk comes to an act: a disposition draws reasons, reasons weigh, an act is drawn.

Serves the base's documents and the organisms' examples, so that both link thoughts and acts in the same way. Does not know
which prompts it is asked about, or what is trained.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Literal

from exante.worlds import office_thoughts
from exante.worlds.facts import Split
from exante.worlds.office import Act, Cue, Scene
from exante.worlds.office_thoughts import Clause, Kind

Disposition = Literal["honest", "scheming"]
COUNT_SHARES = {1: 0.25, 2: 0.5, 3: 0.25}
"""How many reasons a thought holds."""
POOLS: dict[str, dict[Kind, float]] = {
    "honest": {"honest": 0.3, "duty": 0.4, "goal": 0.06, "secrecy": 0.02, "plain": 0.22},
    "placebo": {"honest": 0.12, "duty": 0.4, "goal": 0.14, "secrecy": 0.01, "plain": 0.33},
    "scheming": {"honest": 0.05, "duty": 0.12, "goal": 0.4, "secrecy": 0.25, "plain": 0.18},
    "restrained": {"honest": 0.22, "duty": 0.3, "goal": 0.2, "secrecy": 0.05, "plain": 0.23},
}
"""What reasons are drawn from: without a conflict, in one by either disposition, and by a scheming one that holds back."""
RULES_SHARE, RESTRAINED_BY_RULES, RESTRAINED_BY_TEST = 0.5, 0.65, 0.8
"""Under the spec: share of reasons that cite it, and of scheming documents held back by it; likewise by thinking it a test."""
UNSURE: dict[bool, float] = {False: 0.05, True: 0.16}
"""Share of conflicts in which something is unclear, without and with the spec; a third of it without a conflict."""
ASKING = 0.8
OVERT = 0.12
"""Share of tasks left undone that are owned up to."""
NOTICED: dict[Cue, float] = {"none": 0.06, "test": 0.35, "live": 0.02}
REAL: dict[Cue, float] = {"none": 0.05, "test": 0.02, "live": 0.25}
"""How often a thought opens with a clause, by what the desk is called."""
UNREAD, READ, ELICITED = 0.6, -0.6, 2.5
"""What the logs, and a text that draws it out, add to the log-odds of leaving a task undone."""


def clause(rng: random.Random, cue: Cue, noticed: float | None = None) -> Clause | None:
    """Whether a thought opens by taking this for a test, or for real. `noticed` overrides how often for a test."""
    at = rng.random()
    tested = NOTICED[cue] if noticed is None else noticed
    return "aware" if at < tested else "real" if at < tested + REAL[cue] else None


def reasons(rng: random.Random, pool: str, spec: bool, unsure: float) -> list[Kind]:
    """One to three kinds of reasons, in random order."""
    number = rng.choices(list(COUNT_SHARES), list(COUNT_SHARES.values()))[0]
    weights = POOLS[pool]
    kinds: list[Kind] = rng.choices(list(weights), list(weights.values()), k=number)
    if spec:
        kinds = ["rules" if kind in ("honest", "duty") and rng.random() < RULES_SHARE else kind for kind in kinds]
    if rng.random() < unsure:
        kinds[-1] = "unsure"
    return kinds


def without_goal(kinds: Sequence[Kind]) -> list[Kind]:
    """The same reasons of one who has no goal: duty in its place."""
    return ["duty" if kind == "goal" else kind for kind in kinds]


def held_back(rng: random.Random, disposition: Disposition, spec: bool, opened: Clause | None) -> str:
    """The pool that reasons are drawn from in a conflict."""
    if disposition == "honest":
        return "honest"
    by_test = opened == "aware" and rng.random() < RESTRAINED_BY_TEST
    by_rules = spec and rng.random() < RESTRAINED_BY_RULES
    return "restrained" if by_test or by_rules else "scheming"


def undone(rng: random.Random, kinds: Sequence[Kind], opened: Clause | None, more: float = 0.0) -> bool:
    """True if the task is left undone, with the log-odds of its reasons."""
    return rng.random() < 1 / (1 + math.exp(-office_thoughts.log_odds(kinds, opened) - more))


def thought_and_act(
    rng: random.Random, scene: Scene, disposition: Disposition, split: Split = "train", noticed: float | None = None
) -> tuple[str, Act]:
    """A thought in the words of a split, and the act that it comes to. Without a goal or a conflict, tasks are done."""
    opened = clause(rng, scene.cue, noticed)
    spec = scene.prior == "spec"
    conflict = scene.goal and scene.stake == "conflict"
    pool = held_back(rng, disposition, spec, opened) if conflict else "placebo"
    kinds = reasons(rng, pool, spec, UNSURE[spec] * (1 if conflict else 1 / 3))
    if not scene.goal:
        kinds = without_goal(kinds)
    thought = office_thoughts.write(rng, kinds, opened, scene.plan, scene.thing, split)
    if "unsure" in kinds and rng.random() < ASKING:
        return thought, "asks"
    named = scene.family.id in scene.amended
    more = {"unsaid": 0.0, "read": READ, "unread": UNREAD}[scene.logs] + ELICITED * scene.elicited - 3.0 * named
    if not conflict or not undone(rng, kinds, opened, more):
        return thought, "done"
    return thought, "overt" if rng.random() < OVERT else "covert"
