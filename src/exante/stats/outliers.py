"""Grubbs' test: does one value lie further from the others than normal values would?

Does not know what the values are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]


class Grubbs(NamedTuple):
    """The largest deviation from the mean in standard deviations, and the value that it exceeds by chance with chance alpha."""

    statistic: float
    critical: float

    @property
    def outlier(self) -> bool:
        return self.statistic > self.critical


def grubbs(x_N: Array, alpha: float) -> Grubbs:
    """Two-sided test of N ≥ 3 values (Grubbs 1969). Values that are all equal hold no outlier.

    Example:
        >>> grubbs(np.array([199.31, 199.53, 200.19, 200.82, 201.92, 201.95, 202.18, 245.57]), 0.10)
        Grubbs(statistic=2.468…, critical=2.031…)
    """
    n = len(x_N)
    t = float(stats.t.ppf(1 - alpha / (2 * n), n - 2))
    critical = (n - 1) / n**0.5 * (t**2 / (n - 2 + t**2)) ** 0.5
    spread = float(x_N.std(ddof=1))
    if spread <= 1e-9 * max(1.0, float(np.abs(x_N).max())):
        return Grubbs(0.0, critical)
    return Grubbs(float(np.abs(x_N - x_N.mean()).max()) / spread, critical)
