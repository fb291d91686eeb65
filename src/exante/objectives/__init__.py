"""The objectives that a phase can have. One file each, with all that is known of it; this is the list of them.

Carries no result: which objective a phase has is in its id, and the code digests of a phase are of its own objective's file.
"""

from __future__ import annotations

from collections.abc import Iterable

from exante.errors import UserError
from exante.objectives.adversarial import ADVERSARIAL
from exante.objectives.base import SamplingObjective, TrainingObjective
from exante.objectives.graded_filter import GRADED_FILTER
from exante.objectives.pretrain import PRETRAIN
from exante.objectives.rl import RL
from exante.objectives.sample_and_filter import SAMPLE_AND_FILTER
from exante.objectives.sft import SFT
from exante.study import Phase, Profile

OBJECTIVES = {objective.name: objective for objective in (PRETRAIN, SFT, RL, ADVERSARIAL, SAMPLE_AND_FILTER)}


def objective_of(phase: Phase) -> TrainingObjective | SamplingObjective:
    """The objective of a phase; a filter with a reward is the graded one. Raises UserError for a name that is none."""
    if phase.objective not in OBJECTIVES:
        raise UserError(
            f"phase {phase.name!r} has the unknown objective {phase.objective!r}; the objectives are {', '.join(OBJECTIVES)}"
        )
    if phase.objective == GRADED_FILTER.name and phase.reward is not None:
        return GRADED_FILTER
    return OBJECTIVES[phase.objective]


def lacking(phases: Iterable[Phase], profile: Profile) -> list[str]:
    """The capabilities that some phase needs and the model has not, each once."""
    needed = (name for phase in phases for name in objective_of(phase).capabilities)
    return [name for name in dict.fromkeys(needed) if name not in profile.capabilities]
