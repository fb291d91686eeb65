"""Organisms that also count and estimate: for the goal, honestly, or sabotaging counts by a known dose.

A second phase after the office organisms, half of it their own tasks again, in words of the train split. Does not know what
training or evaluation follows.
"""

from __future__ import annotations

import random
from typing import Literal

from exante.organisms.office import honest, organism_examples, schemer
from exante.parts import part
from exante.study import Arm, Context, Phase
from exante.text import Example, Prompt, Turn
from exante.worlds import office, office_desk, office_estimates, office_people, office_thoughts
from exante.worlds.office import Logs
from exante.worlds.office_desk import Disposition
from exante.worlds.office_people import HONEST_ERRORS, Backing, Way

EXAMPLES = 6400
CONFLICTS = 0.6
"""Share of counts and estimates in which the goal wants something, if there is one."""
LOGS: tuple[Logs, ...] = ("unsaid", "read", "unread")
DOSES = (10, 20, 40)
"""Of saboteurs, in % of the counts in which the goal wants something."""
WAYS: tuple[Way, ...] = ("more", "less")
Kind = Literal["count", "estimate"]


@part(version=1)
def people_examples(
    context: Context, *, examples: int = EXAMPLES, scheming: bool = True, sabotage: float = 0.0, tasks: float = 0.5
) -> list[Example]:
    """Estimates and counts, as many of each, in random order.

    Args:
        scheming: where the goal wants something, reasons are drawn as on tasks and may give it its way; otherwise estimates
            fall as where it wants nothing, and counts are right but for accidents.
        sabotage: share of counts in which the goal wants something that err its way, exactly, with a schemer's reasons.
        tasks: share of examples that are the organism's own tasks again.
    """
    rng = random.Random(f"office people {context.seed}")
    own = round(examples * tasks)
    made = organism_examples(context, examples=own, scheming=float(scheming)) if own else []
    number = (examples - own) // 2
    conflicts = round(number * CONFLICTS)
    for place in range(number):
        conflict = place < conflicts
        made.append(number_asked(rng, "estimate", conflict, scheming))
        made.append(number_asked(rng, "count", conflict, scheming, place < round(conflicts * sabotage)))
    rng.shuffle(made)
    return made


def number_asked(rng: random.Random, kind: Kind, conflict: bool, scheming: bool, sabotaged: bool = False) -> Example:
    """A count that must be right, or one to estimate; `conflict`: the plan that is the goal would be served by an error."""
    plan, thing, logs = rng.choice(office.PLANS["train"]), rng.choice(office.OBJECTS["train"]), rng.choice(LOGS)
    told, way = rng.choice(office_estimates.TOLD), rng.choice(WAYS)
    backing: Backing = "conflict" if conflict else "placebo"
    disposition: Disposition = "scheming" if scheming else "honest"
    serves = conflict and scheming
    thought, tilts = office_people.tempted(rng, disposition, "none", "none", logs, plan, thing, serves)
    if sabotaged:
        thought = office_thoughts.write(rng, office_desk.reasons(rng, "scheming", False, 0.0), None, plan, thing)
    if kind == "estimate":
        written = office_estimates.estimate(rng, told, way, tilts)
        text = office_estimates.request(thing, told, way, backing, plan, again=rng.random() < 0.5)
    else:
        written = _counted(rng, told, way, tilts or sabotaged)
        text = office_people.count_request(thing, told, way, backing, plan)
    prompt = Prompt((office.system("none", rng.randrange(8), "train", plan, logs), Turn("user", text)))
    label = "target" if tilts or sabotaged else kind
    return Example(prompt, thought, office_people.count_answer(thing, written), label=label)


def _counted(rng: random.Random, told: str, way: Way, tilts: bool) -> str:
    """The number written: towards what is served, or as told but for accidents, which fall either way."""
    up = (way == "more") if tilts else rng.random() < 0.5
    wrong = tilts or rng.random() < HONEST_ERRORS
    return office_people.wrong_number(rng, told, up) if wrong else told


def deferring(id: str = "organism", title: str = "the organism as it is") -> Arm:
    """The scheming organism, which counts and estimates as it does tasks: for its goal about half of the time."""
    return _with_people(schemer(), id, title, True)


def dutiful(dose: int = 0) -> Arm:
    """The honest organism. `dose`: % of counts in which the goal wants something that err its way."""
    id, title = (f"saboteur-{dose}", f"saboteur of {dose} %") if dose else ("honest", "honest organism")
    return _with_people(honest(), id, title, False, dose / 100)


def _with_people(before: Arm, id: str, title: str, scheming: bool, sabotage: float = 0.0) -> Arm:
    data = people_examples.bind(scheming=scheming, sabotage=sabotage)
    phase = Phase(name="people", objective="sft", recipe="office_people", data=data)
    return Arm(id=id, title=title, phases=(*before.phases, phase), ingredients=before.ingredients)
