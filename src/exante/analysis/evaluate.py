"""The value of a measure in every run: as counted, and at both ends of what ungraded samples could have been.

Shapes: results are (…, R): leading batch axes as in the table, R runs. NaN marks a run in which nothing was drawn.
Does not know about arms, claims or intervals.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from exante.analysis import atoms
from exante.analysis.algebra import Atom, leaves, linear
from exante.analysis.atoms import Array, Values
from exante.analysis.table import Table
from exante.measures import Expression, LogOdds, MeanScore, Rate, Ratio


def evaluate(expression: Expression, table: Table) -> Values:
    """Σ coefficient × atom. A negative coefficient takes the atom's other end; leaves that share samples are taken as fully
    correlated in the sampling variance, all others as independent."""
    point, low, high = np.zeros(()), np.zeros(()), np.zeros(())
    spread: defaultdict[tuple[str, str, str] | Atom, Array] = defaultdict(lambda: np.zeros(()))
    for atom, c in linear(expression).items():
        value = atoms.atom_value(atom, table, evaluate)
        point = point + c * value.point
        low = low + c * (value.low if c > 0 else value.high)
        high = high + c * (value.high if c > 0 else value.low)
        key = (atom.evaluation, atom.condition, atom.at) if isinstance(atom, Rate | MeanScore) else atom
        spread[key] = spread[key] + abs(c) * np.sqrt(value.within)
    within = sum((s**2 for s in spread.values()), np.zeros(()))
    shape = np.broadcast_shapes(np.shape(point), (len(table.cells),))
    return Values(*(np.broadcast_to(x, shape) for x in (point, low, high, within)))


def ungraded_share(expression: Expression, table: Table) -> tuple[Array, Array]:
    """Ungraded samples and samples drawn, (L, …, R), one entry per evaluation × condition × checkpoint that is read."""
    pairs = [table.find(*key) for key in sorted({(leaf.evaluation, leaf.condition, leaf.at) for leaf in leaves(expression)})]
    found = [(np.broadcast_to(c.ungraded, c.trials.shape).sum(-1), c.trials.sum(-1)) for c in pairs if c is not None]
    if not found:
        nothing = np.zeros((1, len(table.cells)))
        return nothing, nothing
    shape = np.broadcast_shapes(*(u.shape for u, _ in found), *(m.shape for _, m in found))
    return np.stack([np.broadcast_to(u, shape) for u, _ in found]), np.stack([np.broadcast_to(m, shape) for _, m in found])


def denominator_count(ratio: Ratio, table: Table) -> Array:
    """Samples in the denominator of a share, (…, R)."""
    return atoms.denominator_count(ratio, table, evaluate)


def expected_events(log_odds: LogOdds, table: Table) -> Array:
    """Events that a rate of this size gives in the registered m samples: p·m, (…, R)."""
    return evaluate(log_odds.of, table).point * log_odds.trials
