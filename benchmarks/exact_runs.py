"""Runs that are all or nothing need no simulation: how often the robust interval holds the truth, by enumeration.

n runs of an arm have x hits with binomial chance, the control's y; every interval is computed once and every p weighed.
Does not know about studies, measures or spreads that are not all-or-nothing. Shapes: P values of p, X and Y counts of hits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from exante.stats.intervals import robust

Array = NDArray[np.float64]

ANY_P = tuple(np.linspace(0, 1, 201))
CONTROLS = tuple(np.linspace(0, 1, 101))
PERCENT = (0.0, 100.0)
SLACK = 1e-9


def _runs(n: int) -> Array:
    """(X, n): x hits first, in percent."""
    return np.where(np.arange(n) < np.arange(n + 1)[:, None], 100.0, 0.0)


def _chance(n: int, p: Sequence[float]) -> Array:
    """(P, X)"""
    return stats.binom.pmf(np.arange(n + 1), n, np.asarray(p)[:, None])


def one_sample(n: int, p: Sequence[float] = ANY_P, level: float = 0.95) -> float:
    """Least coverage over p."""
    low, high = robust(_runs(n), None, PERCENT, level)
    truth = 100 * np.asarray(p)[:, None]
    return float((_chance(n, p) * ((low <= truth + SLACK) & (truth - SLACK <= high))).sum(-1).min())


def two_arm(n: int, p: Sequence[float] = ANY_P, controls: Sequence[float] = CONTROLS, level: float = 0.95) -> float:
    """Least coverage over p and the control's p."""
    below, above = _misses(n, p, controls, level)
    return float(1 - (below + above).max())


def contradicted(n: int, p: Sequence[float] = ANY_P, controls: Sequence[float] = CONTROLS, regions: int = 3) -> float:
    """How often, at most over p, a theory whose `regions` truths all lie on their region's boundary is contradicted. Its arms are
    alike and share one control."""
    runs = _runs(n)
    low, high = robust(runs[:, None], runs[None], PERCENT, 1 - 0.05 / regions)
    worst = 0.0
    for q, weight_Y in zip(controls, _chance(n, controls), strict=True):
        truth = 100 * (np.asarray(p)[:, None, None] - q)
        for miss in (high < truth - SLACK, low > truth + SLACK):
            chance_PY = np.einsum("px,pxy->py", _chance(n, p), miss)
            worst = max(worst, float(((1 - (1 - chance_PY) ** regions) @ weight_Y).max()))
    return worst


def _misses(n: int, p: Sequence[float], controls: Sequence[float], level: float) -> tuple[Array, Array]:
    """Chance that the interval lies below the truth, and above it: (controls, P) each."""
    runs = _runs(n)
    low, high = robust(runs[:, None], runs[None], PERCENT, level)
    found = []
    for q, weight_Y in zip(controls, _chance(n, controls), strict=True):
        truth = 100 * (np.asarray(p)[:, None, None] - q)
        found.append([np.einsum("px,pxy->py", _chance(n, p), m) @ weight_Y for m in (high < truth - SLACK, low > truth + SLACK)])
    return np.array([below for below, _ in found]), np.array([above for _, above in found])
