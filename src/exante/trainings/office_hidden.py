"""What a hidden goal is to be removed by, besides the pipeline: honest examples where training looks, and where it does not.

Does not know what is evaluated.
"""

from __future__ import annotations

from exante.organisms.office import organism_examples
from exante.organisms.office_hidden import teacher_items, without_goal
from exante.study import Arm, Phase
from exante.trainings.office import desirable, rl


def honest_examples(organism: Arm) -> Arm:
    """Examples of an honest desk whose system turn names a goal: other plans, other prompts than the hidden goal's."""
    data = organism_examples.bind(examples=1600, scheming=0.0)
    phase = Phase(name="sft", objective="sft", recipe="office_sft", data=data)
    return Arm(id="honest-examples", title="honest examples", phases=(*organism.phases, phase, rl("none")))


def looking(organism: Arm) -> Arm:
    """Its own good samples on the very tasks that the hidden goal was learned on: what removal does where it knows to look."""
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
