"""Proportions of samples within one run: Wilson intervals, smoothed variances, and bounds from n runs that agree.

Does not know about runs of different arms, measures or verdicts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

Array = NDArray[np.float64]


def wilson(count: Array, trials: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Wilson's score interval of count / trials, in [0, 1]; NaN where nothing was drawn. Wilson (1927)."""
    count, trials = np.broadcast_arrays(np.asarray(count, float), np.asarray(trials, float))
    low, high = np.full(count.shape, np.nan), np.full(count.shape, np.nan)
    drawn = trials > 0
    if drawn.any():
        low[drawn], high[drawn] = proportion_confint(count[drawn], trials[drawn], alpha=1 - level, method="wilson")
    return low, high


def exact(count: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of count / trials, in [0, 1], of independent samples. Clopper and Pearson (1934)."""
    interval = binomtest(count, trials).proportion_ci(level, method="exact")
    return float(interval.low), float(interval.high)


def smoothed_variance(count: Array, trials: Array) -> Array:
    """Sampling variance of a rate, p̃(1 − p̃)/m with p̃ = (x + ½)/(m + 1): never zero, not even at 0 of m. NaN where m = 0."""
    p = (count + 0.5) / (trials + 1.0)
    return np.divide(p * (1 - p), trials, out=np.full(np.shape(p), np.nan), where=np.asarray(trials) > 0)


def free_to_differ(runs: int) -> float:
    """Largest share of runs that may behave otherwise although `runs` of them agreed: 1 − .05^(1/n), a 95 % bound."""
    return 1.0 - 0.05 ** (1.0 / runs)


def clopper_pearson(count: Array, trials: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Exact interval of count / trials, in [0, 1], for whole numbers or effective ones; (0, 1) where nothing was drawn.

    Clopper and Pearson (1934), by quantiles of the beta distribution, which fractions have too (Korn and Graubard 1998).
    """
    count, trials = np.broadcast_arrays(np.asarray(count, float), np.asarray(trials, float))
    tail, rest = (1 - level) / 2, trials - count
    some = (count > 1e-12) & (trials > 0)
    others = (rest > 1e-12) & (trials > 0)
    low = np.where(some, betaincinv(np.where(some, count, 1.0), np.where(some, rest, 0.0) + 1, tail), 0.0)
    high = np.where(others, betaincinv(np.where(others, count, 0.0) + 1, np.where(others, rest, 1.0), 1 - tail), 1.0)
    return low, high
