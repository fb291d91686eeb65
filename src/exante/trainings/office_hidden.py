"""Trainings against a hidden goal besides deliberative alignment: honest examples on other prompts, and on those of the goal.

Does not know what is evaluated.
"""

from __future__ import annotations

from exante.organisms.office import organism_examples
from exante.organisms.office_hidden import teacher_items, without_goal
from exante.study import Arm, Phase
from exante.trainings.office import desirable, rl


def honest_examples(organism: Arm) -> Arm:
    """The arm `honest-examples`: SFT on honest answers to tasks about other plans, given as goals in the prompt."""
    data = organism_examples.bind(examples=1600, scheming=0.0)
    phase = Phase(name="sft", objective="sft", recipe="office_sft", data=data)
    return Arm(id="honest-examples", title="honest examples", phases=(*organism.phases, phase, rl("none")))


def looking(organism: Arm) -> Arm:
    """The arm `looking`: SFT on the organism's own good samples on the tasks from which it learned the hidden goal. It shows what
    training can do if the developer knows where the goal acts."""
    sample = Phase(
        name="sample",
        objective="sample_and_filter",
        recipe="office_sample",
        data=teacher_items.bind(told=False),
        keep=without_goal.bind(),
        reward=desirable.bind(),
        scratchpad="shown",
    )
    sft = Phase(name="sft", objective="sft", recipe="office_sft")
    return Arm(id="looking", title="trained where it hides", phases=(*organism.phases, sample, sft, rl("none")))
