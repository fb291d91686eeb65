"""Pretraining of a micro model's base on its corpus: supervised training, from weights drawn at random.

A checkpoint from outside is a base as it is: it takes no steps.
"""

from __future__ import annotations

from dataclasses import replace

from exante.objectives.sft import SFT
from exante.parts import Part
from exante.study import Phase

PRETRAIN = replace(SFT, name="pretrain", module=__name__)


def base_phase(recipe: str, data: Part | None = None) -> Phase:
    """The phase that makes a base: the first of every cell. Without data it stands for a checkpoint from outside."""
    return Phase(name="base", objective=PRETRAIN.name, recipe=recipe, data=data)


def is_base(phase: Phase) -> bool:
    """Whether a phase makes a base, rather than starting from one."""
    return phase.objective == PRETRAIN.name
