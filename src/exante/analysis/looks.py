"""The sequence over looks: a primary's verdict is that of the first look that decides it, and primaries are walked in order.

A look is a registered number of bases with the level of the primaries' intervals there. What is not primary is read once, at the
last look; before that it is an estimate. Codes may carry leading batch axes, one entry per simulated study. Does not know how an
interval is made or how a run was continued.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from exante.analysis.atoms import Values
from exante.analysis.decide import Code, Decision, Decisions, decide_alone, in_sequence, interval
from exante.analysis.rules import ESTIMATE_LEVEL
from exante.analysis.runs import split_base
from exante.analysis.table import Table
from exante.study import Look, Preset, Study

HELD_BACK = "held back: an earlier primary is undecided, which a later look may decide"


@dataclass(frozen=True)
class Reading:
    """A study read at one look: the runs on its first bases, their unscaled values by measure, every contrast decided alone."""

    look: Look
    table: Table
    values: dict[str, Values]
    decisions: Decisions


@dataclass(frozen=True)
class Walked:
    """A contrast after the looks so far. `reading` is the position of the look whose numbers it has: the first that decided a
    primary, else the latest. `decided` says that the sequence reached a look that decided it."""

    decision: Decision
    reading: int
    decided: bool


def readings(
    study: Study,
    preset: Preset,
    bases: int,
    table: Table,
    values: Mapping[str, Values],
    phases: pd.DataFrame,
    texts: Mapping[str, Sequence[str]] | None = None,
) -> list[Reading]:
    """The study at every look of the preset that `bases` bases allow, first to latest. `table` holds the runs of all of them."""
    draws = sorted({_draw(cell.base) for cell in table.cells})
    read = []
    for look in (look for look in preset.readings if look.bases <= bases):
        keep_R = np.array([_draw(cell.base) in draws[: look.bases] for cell in table.cells], bool)
        at_look = table if look.bases == bases else table.only_runs(keep_R)
        own = dict(values) if look.bases == bases else {name: _of_runs(v, keep_R) for name, v in values.items()}
        read.append(Reading(look, at_look, own, decide_alone(study, at_look, phases, texts, own, look.level)))
    return read


def _draw(base: str) -> int:
    return int(split_base(base)[1])


def _of_runs(values: Values, keep_R: NDArray[np.bool_]) -> Values:
    return Values(*(x[..., keep_R] for x in (values.point, values.low, values.high, values.within)))


def first_deciding(codes: Sequence[Code]) -> tuple[Code, NDArray[np.int64]]:
    """The code of the first look that decides, 0 if none does, and which look that is, −1 if none; both (…)."""
    codes_L = np.stack(np.broadcast_arrays(*codes))
    decided = codes_L != 0
    look = decided.argmax(0)
    code = np.take_along_axis(codes_L, look[None], 0)[0]
    return code, np.where(decided.any(0), look, -1)


def over_looks(study: Study, alone: Sequence[Mapping[str, Decision]], ended: bool = True) -> dict[str, Decision]:
    """Every contrast after these looks, each of which decided it alone; the code of a primary is that of its first deciding look
    if the sequence reaches it, and other numbers are the latest look's. `ended`: the last registered look is among them.

    An undecided primary holds back those behind it. When a later look decides it, they get the verdict of their own first
    deciding look; after the last look it ends the sequence.
    """
    latest = dict(alone[-1])
    for contrast in study.contrasts:
        if contrast.primary is not None and contrast.id in latest:
            code, _ = first_deciding([look[contrast.id].code for look in alone])
            latest[contrast.id] = replace(latest[contrast.id], code=code)
    return in_sequence(study, latest) if ended else in_sequence(study, latest, HELD_BACK)


def walked(study: Study, preset: Preset, read: Sequence[Reading]) -> dict[str, Walked]:
    """Every contrast of one study (no batch axes) after the looks that were read, with the numbers that its verdict rests on."""
    ended = is_last(preset, read[-1].look)
    alone = [reading.decisions.contrasts for reading in read]
    final = over_looks(study, alone, ended)
    result = {}
    for name, decision in final.items():
        contrast, latest = decision.claim.contrast, len(read) - 1
        if contrast.primary is not None and decision.code:
            at = int(first_deciding([look[name].code for look in alone])[1])
            result[name] = Walked(alone[at][name], at, True)
        elif contrast.primary is not None or ended:
            result[name] = Walked(decision, latest, bool(decision.code))
        else:
            result[name] = Walked(_estimate(decision), latest, False)
    return result


def is_last(preset: Preset, look: Look) -> bool:
    """Whether a look is the last that was registered."""
    return look.bases == preset.readings[-1].bases


def read_once(preset: Preset, read: Sequence[Reading]) -> str:
    """Why what is not primary is still an estimate; "" at the last look."""
    return "" if is_last(preset, read[-1].look) else f"it is read once, at {preset.readings[-1].bases} bases"


def failed_later(name: str, at: int, read: Sequence[Reading]) -> str:
    """Why a later look would not have read a contrast that an earlier one decided; "" if nothing spoke against it."""
    for reading in read[at + 1 :]:
        blocks = reading.decisions.contrasts[name].claim.blocks
        if hit := next((block.reason for block in blocks if bool(block.hit)), None):
            return f"at {reading.look.bases} bases: {hit}"
    return ""


def _estimate(decision: Decision) -> Decision:
    """A contrast with its interval at 95 %, as what is not decided has."""
    low, high = interval(decision.claim, ESTIMATE_LEVEL)
    return replace(decision, level=np.asarray(ESTIMATE_LEVEL), low=low, high=high)
