"""The parts of a phase, called: its data as a list of one kind, its keep part with the context bound.

Does not know what the parts are for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from exante.engines.base import Keep
from exante.errors import BadData
from exante.parts import checked
from exante.study import Context, Phase
from exante.text import Example, Item

Made = TypeVar("Made", bound=Example | Item)


def place(phase: Phase, context: Context) -> str:
    """How messages name a phase."""
    return f"phase {phase.name!r} (behaviour {context.behaviour!r}, seed {context.seed})"


def data_of(phase: Phase, context: Context, kind: type[Made]) -> list[Made]:
    """What the phase's data part returns. Raises BadData where that is not a list of some examples (or items)."""
    assert phase.data is not None, "a phase without a data part follows one that samples"
    return checked(phase.data.load()(context), kind, phase.data, place(phase, context))


def keep_of(phase: Phase, context: Context) -> Keep:
    """The keep part of a phase with its context."""
    assert phase.keep is not None, "registration checks that a phase that needs a keep part has one"
    keep = phase.keep.load()
    return lambda item, completion: keep(context, item, completion)


def examples_of(phase: Phase, context: Context, made: Sequence[Any]) -> list[Example]:
    """What a keep part made, if it is examples. Raises BadData."""
    wrong = next((value for value in made if not isinstance(value, Example)), None)
    if wrong is not None:
        assert phase.keep is not None, "these are what its keep part made"
        raise BadData(
            f"{place(phase, context)}: its part {phase.keep.target} returned {type(wrong).__name__};"
            " it must return an Example or None"
        )
    return list(made)
