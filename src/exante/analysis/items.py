"""How far a run's value could have come out otherwise on other items and samples.

For claims about the runs at hand, which say nothing of other runs. Shapes: results are (…, R), R runs. Does not know about
arms or claims.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from exante.analysis import atoms
from exante.analysis.algebra import Atom, linear
from exante.analysis.atoms import LEVEL, Array, Values
from exante.analysis.evaluate import evaluate
from exante.analysis.table import Table
from exante.measures import Expression, Measure, Rate
from exante.stats.intervals import t_quantile


def values_of(measures: Sequence[Measure], table: Table) -> dict[str, Values]:
    """Measure id → its values, unscaled. Measures over items get their sampling variance from here."""
    values = {m.id: evaluate(m.expression, table) for m in measures}
    over_items = [m for m in measures if m.run_model == "items"]
    return values | {m.id: replace(values[m.id], within=sampling_variance(m.expression, table)) for m in over_items}


def sampling_variance(expression: Expression, table: Table) -> Array:
    """Variance (…, R) of an expression within a run, over items: the larger of two.

    Over items, by how far each moves the value (the infinitesimal jackknife; Efron 1982, ch. 6), which sees that samples of an
    item are alike and that conditions share items; scaled so that the normal quantile gives Student's 95 % interval. And what
    independent samples give, each rate or share with the farther end of its Wilson interval: 0 of 100 is not known to ± 0.
    """
    alone = _independent(expression, table)
    total = np.zeros(())
    for evaluation, moved in influence(expression, table).items():
        drawn = _drawn(evaluation, table)
        n = drawn.sum(-1)
        student = t_quantile(np.asarray(n - 1, float), LEVEL) / t_quantile(np.asarray(np.inf), LEVEL)
        scale = np.where(n > 1, n / np.maximum(n - 1, 1) * np.where(np.isfinite(student), student, 0) ** 2, 0)
        total = total + scale * (np.where(drawn, np.nan_to_num(moved), 0) ** 2).sum(-1)
    return np.fmax(alone, total)


def influence(expression: Expression, table: Table) -> dict[str, Array]:
    """By evaluation: how far each item moves the expression from where it would be without it, (…, R, I), to first order."""
    total: defaultdict[str, Array] = defaultdict(lambda: np.zeros(()))
    for atom, c in linear(expression).items():
        for evaluation, moved in atoms.atom_influence(atom, table, evaluate, influence).items():
            total[evaluation] = total[evaluation] + c * moved
    return dict(total)


def _drawn(evaluation: str, table: Table) -> NDArray[np.bool_]:
    """Which items of an evaluation each run has drawn under any condition, (…, R, I)."""
    mine = [counts.trials > 0 for (name, _, _), counts in table.counts.items() if name == evaluation]
    return functools.reduce(np.logical_or, mine)


def _independent(expression: Expression, table: Table) -> Array:
    """Σ c² × variance of the atoms; those that read the same samples are taken as fully correlated, as in `evaluate`."""
    spread: defaultdict[tuple[str, str, str] | Atom, Array] = defaultdict(lambda: np.zeros(()))
    for atom, c in linear(expression).items():
        key = (atom.evaluation, atom.condition, atom.at) if isinstance(atom, Rate) else atom
        spread[key] = spread[key] + abs(c) * atoms.independent_deviation(atom, table, evaluate)
    total = sum((s**2 for s in spread.values()), np.zeros(()))
    return np.broadcast_to(total, np.broadcast_shapes(np.shape(total), (len(table.cells),)))
