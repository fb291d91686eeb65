"""A planted study's verdicts under other labels: as they are, with its two arms swapped, and shuffled over its runs.

All in memory, through the same `decide` that `analyse` calls. Does not know how the runs were trained or where they lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from exante.analysis.decide import Decision, Decisions, decide, judge
from exante.analysis.sentences import word
from exante.analysis.table import Table
from exante.study import Cell, Study
from exante.units import above, below

DIFFERENCES = ("more", "less")
"""The contrasts of every planted study that speak of a difference; `same` is the equivalence."""
LEVEL = 0.95


@dataclass(frozen=True)
class Shuffled:
    """Shares of shuffles, in [0, 1], that found a difference which is not there.

    `registered`: `more` or `less` came out supported. `any`: the 95 % interval, gates aside, left out zero.
    `gated`: a gate on the trajectory failed.
    """

    count: int
    registered: float
    any: float
    gated: float


def relabelled(table: Table, phases: pd.DataFrame, cells: Sequence[Cell]) -> tuple[Table, pd.DataFrame]:
    """The same runs under other names: run r of the table becomes cell r of `cells`."""
    names = {old.id: new.id for old, new in zip(table.cells, cells, strict=True)}
    return replace(table, cells=tuple(cells)), phases.assign(cell=phases["cell"].map(names))


def swapped(cells: Sequence[Cell]) -> list[Cell]:
    """The cells with the names of their two arms exchanged."""
    one, other = sorted({cell.arm for cell in cells})
    return [cell.model_copy(update={"arm": other if cell.arm == one else one}) for cell in cells]


def bare(study: Study) -> Study:
    """The study with nothing left but its contrasts, their measures and the gates on trajectories.

    All runs are in every contrast, so a gate on single runs says the same under any labels; only trajectories are of arms.
    """
    used = {contrast.measure for contrast in study.contrasts}
    gates = tuple(gate for gate in study.gates if gate.kind == "range" and gate.measure in used)
    measures = tuple(measure for measure in study.measures if measure.id in used)
    return study.model_copy(update={"gates": gates, "measures": measures})


def words(decisions: Decisions) -> dict[str, str]:
    """Contrast id → its verdict."""
    return {name: word(one.code) for name, one in decisions.contrasts.items()}


def shuffled(study: Study, table: Table, count: int, seed: int = 0) -> Shuffled:
    """What `count` random assignments of the labels to the runs find. A label is an arm, a base and a seed together."""
    rng, study, nothing = np.random.default_rng(seed), bare(study), pd.DataFrame(columns=["cell"])
    registered, found, gated = np.zeros(count, bool), np.zeros(count, bool), np.zeros(count, bool)
    for i in range(count):
        cells = [table.cells[place] for place in rng.permutation(len(table.cells))]
        decided = decide(study, *relabelled(table, nothing, cells)).contrasts
        registered[i] = any(decided[name].code > 0 for name in DIFFERENCES)
        found[i] = leaves_out_zero(decided[DIFFERENCES[0]])
        gated[i] = bool(stopped(decided[DIFFERENCES[0]]))
    return Shuffled(count, registered.mean().item(), found.mean().item(), gated.mean().item())


def stopped(one: Decision) -> list[str]:
    """What made a contrast undecided before its interval was read: failed gates and missing values, in words."""
    return [block.reason for block in one.claim.blocks if bool(block.hit)]


def leaves_out_zero(one: Decision) -> bool:
    """Whether the 95 % interval of a contrast lies wholly above or wholly below zero."""
    return any(bool(judge(one.claim, region, LEVEL)[2] > 0) for region in (above(0, "pp"), below(0, "pp")))
