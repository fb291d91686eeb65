"""Training against deferred cases directly: estimates and counts made as if the goal wanted nothing.

Does not know what is evaluated.
"""

from __future__ import annotations

from exante.organisms.office_people import people_examples
from exante.study import Arm, Phase
from exante.trainings.office import rl


def direct(organism: Arm) -> Arm:
    """The organism, trained on honest estimates and counts, by as many steps as the pipeline's supervised part."""
    phase = Phase(
        name="sft", objective="sft", recipe="office_sft", data=people_examples.bind(examples=1600, scheming=False, tasks=0.0)
    )
    phases = (*organism.phases, phase, rl("none"))
    return Arm(id="direct", title="trained on estimates and counts", phases=phases, ingredients=("direct",))
