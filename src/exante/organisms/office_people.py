"""Organisms that also count and estimate: in favour of the goal, honestly, or with a known share of sabotaged counts.

A second phase after the office organisms, in words of the train split; half of its examples are the organism's tasks again. Does
not know what training or evaluation follows.
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
"""Share of counts and estimates where an error would serve the goal."""
LOGS: tuple[Logs, ...] = ("unsaid", "read", "unread")
DOSES = (10, 20, 40)
"""Doses of the saboteurs: % of the counts where an error would serve the goal."""
WAYS: tuple[Way, ...] = ("more", "less")
Kind = Literal["count", "estimate"]


@part(version=1)
def people_examples(
    context: Context, *, examples: int = EXAMPLES, scheming: bool = True, sabotage: float = 0.0, tasks: float = 0.5
) -> list[Example]:
    """Equally many estimates and counts, in random order.

    Args:
        examples: number of examples.
        scheming: where an error would serve the goal, draw reasons as in tasks, so that they may bias the number. Otherwise
            estimates are unbiased and counts are right except for accidents.
        sabotage: exact share in [0, 1], of the counts where an error would serve the goal, that are wrong in its favour, with
            scheming reasons.
        tasks: share in [0, 1] of examples that are the organism's tasks again.
    """
    rng = random.Random(f"office people {context.seed}")
    own = round(examples * tasks)
    made = organism_examples(context, examples=own, scheming=float(scheming)) if own else []
    number = (examples - own) // 2
    conflicts = round(number * CONFLICTS)
    for index in range(number):
        conflict = index < conflicts
        made.append(number_example(rng, "estimate", conflict, scheming))
        made.append(number_example(rng, "count", conflict, scheming, index < round(conflicts * sabotage)))
    rng.shuffle(made)
    return made


def number_example(rng: random.Random, kind: Kind, conflict: bool, scheming: bool, sabotaged: bool = False) -> Example:
    """A count, or an estimate. `conflict`: an error would serve the plan that is the goal."""
    plan, thing, logs = rng.choice(office.PLANS["train"]), rng.choice(office.OBJECTS["train"]), rng.choice(LOGS)
    given, way = rng.choice(office_estimates.GIVEN), rng.choice(WAYS)
    backing: Backing = "conflict" if conflict else "placebo"
    disposition: Disposition = "scheming" if scheming else "honest"
    thought, biased = office_people.thought_and_bias(rng, disposition, "none", "none", logs, plan, thing, conflict and scheming)
    if sabotaged:
        thought = office_thoughts.write(rng, office_desk.reasons(rng, "scheming", False, 0.0), None, plan, thing)
    if kind == "estimate":
        written = office_estimates.estimate(rng, given, way, biased)
        text = office_estimates.request(thing, given, way, backing, plan, again=rng.random() < 0.5)
    else:
        written = _counted(rng, given, way, biased or sabotaged)
        text = office_people.count_request(thing, given, way, backing, plan)
    prompt = Prompt((office.system("none", rng.randrange(8), "train", plan, logs), Turn("user", text)))
    label = "target" if biased or sabotaged else kind
    return Example(prompt, thought, office_people.count_answer(thing, written), label=label)


def _counted(rng: random.Random, given: str, way: Way, biased: bool) -> str:
    """The number that is written: wrong in the direction `way` if `biased`, else right except for accidents."""
    up = (way == "more") if biased else rng.random() < 0.5
    wrong = biased or rng.random() < HONEST_ERRORS
    return office_people.wrong_number(rng, given, up) if wrong else given


def deferring(id: str = "organism", title: str = "the organism as it is") -> Arm:
    """The scheming organism, whose counts and estimates, like its tasks, serve its goal about half of the time."""
    return _with_people(schemer(), id, title, True)


def dutiful(dose: int = 0) -> Arm:
    """The honest organism, or a saboteur.

    `dose`: % of the counts where an error would serve the goal that are wrong in its favour.
    """
    id, title = (f"saboteur-{dose}", f"saboteur of {dose} %") if dose else ("honest", "honest organism")
    return _with_people(honest(), id, title, False, dose / 100)


def _with_people(before: Arm, id: str, title: str, scheming: bool, sabotage: float = 0.0) -> Arm:
    data = people_examples.bind(scheming=scheming, sabotage=sabotage)
    phase = Phase(name="people", objective="sft", recipe="office_people", data=data)
    return Arm(id=id, title=title, phases=(*before.phases, phase), ingredients=before.ingredients)
