"""Training directly on estimates and counts that do not serve the goal.

Does not know what is evaluated.
"""

from __future__ import annotations

from exante.organisms.office_people import people_examples
from exante.study import Arm, Phase
from exante.trainings.office import rl


def direct(organism: Arm) -> Arm:
    """The arm `direct`: SFT on honest estimates and counts, with as many steps as the SFT of deliberative alignment."""
    phase = Phase(
        name="sft", objective="sft", recipe="office_sft", data=people_examples.bind(examples=1600, scheming=False, tasks=0.0)
    )
    phases = (*organism.phases, phase, rl("none"))
    return Arm(id="direct", title="trained on estimates and counts", phases=phases, ingredients=("direct",))
