"""Confidence intervals of a mean, or of a difference of two means, over training runs.

`robust` protects against modes that are not in the sample; `graded` is for measures that vary smoothly; `over_items` is for
claims about the observed runs only.
Shapes: `a_N`, `b_N` are run values with runs on the last axis and any leading batch axes (one per simulated study);
results have the batch axes only. All values are in one unit. Does not know what is measured, nor about regions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Array = NDArray[np.float64]
Ends = tuple[float, float]
TWO_ARM_RUNS, ONE_SAMPLE_RUNS = 8, 16
"""Runs beyond which the robust rule's degrees of freedom grow no further: for runs that are 0 or 1 the tails of t thin out faster
than those of the statistic. `benchmarks/exact_runs.py` shows it for every level in use."""
Level = float | Array
"""One for all simulated studies, or one for each."""


@dataclass(frozen=True)
class Shared:
    """Which runs of the two arms share a seed (or a base): positions in `a_N` and in `b_N`, in the same order."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]


@dataclass(frozen=True)
class Templates:
    """What a claim over templates adds: `variance` V_T = s²(template means of the difference) / T, and T."""

    variance: Array
    count: int


def t_quantile(df: Array, level: Level) -> Array:
    """Two-sided Student quantile; infinite where there are no degrees of freedom."""
    df = np.asarray(df, float)
    return np.where(df >= 1, stdtrit(np.maximum(df, 1.0), (1 + np.asarray(level)) / 2), np.inf)


def robust(
    a_N: Array,
    b_N: Array | None,
    ends: Ends,
    level: Level,
    shared: Shared | None = None,
    templates: Templates | None = None,
    *,
    paired: bool = False,
) -> tuple[Array, Array]:
    """Interval that stays valid for all-or-nothing runs and for modes too rare to be seen: (low, high).

    One pseudo-run at each end of the measure's range is appended to each arm; then m_a − m_b ± t·√(v_a + v_b), with t on
    min(n_a, n_b, 8) + 1 degrees of freedom and v as in `_padded_variance`. Where arms share seeds the half-width is at least
    t·s_d/√n of the real paired differences.
    One sample: two pseudo-runs at each end, Student's t on min(n, 16) + 3 degrees of freedom. Paired (only if registered, and
    where every run has its partner): that for the differences, whose range is ±(U − L).
    """
    d_N = _differences(a_N, b_N, shared)
    if paired and d_N is not None and d_N.shape[-1] == _fewest(a_N, b_N) == a_N.shape[-1]:
        width = ends[1] - ends[0]
        return robust(d_N, None, (-width, width), level, templates=templates)
    runs = _fewest(a_N, b_N)
    if b_N is None:
        a = _padded(a_N, ends, 2)
        return _around(a, None, _half(_variance(a), min(runs, ONE_SAMPLE_RUNS) + 3, runs, level, templates))
    variance = _padded_variance(a_N, ends, runs) + _padded_variance(b_N, ends, runs)
    half = _half(variance, min(runs, TWO_ARM_RUNS) + 1, runs, level, templates)
    if d_N is not None and d_N.shape[-1] > 1:
        half = np.maximum(half, _half(_variance(d_N), d_N.shape[-1] - 1, runs, level, templates))
    return _around(_padded(a_N, ends, 1), _padded(b_N, ends, 1), half)


def graded(
    a_N: Array,
    b_N: Array | None,
    ends: Ends,
    level: Level,
    *,
    within_a: Array,
    within_b: Array | None = None,
    floor: float,
    shared: Shared | None = None,
    paired: bool = False,
    templates: Templates | None = None,
) -> tuple[Array, Array]:
    """Interval for measures that vary smoothly over runs: (low, high). Student's t with floors under each arm's variance.

    Each arm's variance is max((cs)²/n, w/n, f²/2n): `within` w is the mean sampling variance of a run, `floor` f the smallest
    spread assumed, c = `few_runs`(n). t is on the smaller arm's degrees of freedom; where arms share seeds the half-width is
    at least t·c·s_d/√n. Paired (only if registered, and where every run has its partner): max((cs_d)²/n, (w_a + w_b)/n, f²/n). If
    an arm's runs span more than half of the range, the hull with the robust interval.
    """
    runs = _fewest(a_N, b_N)
    d_N = _differences(a_N, b_N, shared)
    if b_N is not None and d_N is not None and paired and d_N.shape[-1] == a_N.shape[-1] == b_N.shape[-1]:
        within = within_a + (0.0 if within_b is None else within_b)
        half = _half(_floored(d_N, within, 2 * floor**2), runs - 1, runs, level, templates)
        low, high = _around(d_N, None, half)
    else:
        variance = _floored(a_N, within_a, floor**2) + (0.0 if b_N is None else _floored(b_N, within_b, floor**2))
        half = _half(variance, runs - 1, runs, level, templates)
        if d_N is not None and d_N.shape[-1] > 1:
            half = np.maximum(half, _half(_floored(d_N, None, 0.0), d_N.shape[-1] - 1, runs, level, templates))
        low, high = _around(a_N, b_N, half)
    wide = _spans_half(a_N, ends) if b_N is None else _spans_half(a_N, ends) | _spans_half(b_N, ends)
    if np.any(wide):
        low_r, high_r = robust(a_N, b_N, ends, level, shared, templates, paired=paired)
        low, high = np.where(wide, np.minimum(low, low_r), low), np.where(wide, np.maximum(high, high_r), high)
    return low, high


def over_items(
    a_N: Array, b_N: Array | None, level: Level, within_a: Array, within_b: Array | None = None
) -> tuple[Array, Array]:
    """Interval over the items of the observed runs, the normal quantile times their sampling error: (low, high).

    `within_a`, `within_b` are the mean sampling variances of a run. It does not generalise to other runs.
    """
    variance = within_a / a_N.shape[-1]
    if b_N is not None and within_b is not None:
        variance = variance + within_b / b_N.shape[-1]
    return _around(a_N, b_N, t_quantile(np.asarray(np.inf), level) * np.sqrt(variance))


def few_runs(n: int) -> float:
    """c = 1 + 1/(4(n − 1)), by which s of n runs is too small on average. Gurland and Tripathi (1971)."""
    return 1.0 + 1.0 / (4.0 * (n - 1))


def template_variance(means_T: Array) -> Array:
    """s²(template means)/T of the arm difference (or of the one arm); infinite for fewer than two templates."""
    if means_T.shape[-1] < 2:
        return np.full(means_T.shape[:-1], np.inf)
    return means_T.var(axis=-1, ddof=1) / means_T.shape[-1]


def _padded(x_N: Array, ends: Ends, times: int) -> Array:
    pseudo = np.broadcast_to(np.array(ends * times, float), (*x_N.shape[:-1], 2 * times))
    return np.concatenate([x_N, pseudo], axis=-1)


def _differences(a_N: Array, b_N: Array | None, shared: Shared | None) -> Array | None:
    return None if b_N is None or shared is None else a_N[..., shared.a] - b_N[..., shared.b]


def _padded_variance(x_N: Array, ends: Ends, fewest: int) -> Array:
    """Of an arm's mean with one pseudo-run at each end: S/((n + 1)(n + 2)) + P/((k + 1)(k + 2)), with S and P the sums of squares
    of the n real and the two pseudo-runs about that mean, and k the runs of the smaller arm. For k = n it is s²/(n + 2).

    The larger arm's pseudo-runs count as much as the smaller's: what the smaller arm cannot know is not made up by the other's
    size (8 runs against 24 at their end miss in .055 at level .96, and with this in less than .02).
    """
    n = x_N.shape[-1]
    centre = (x_N.sum(axis=-1) + sum(ends)) / (n + 2)
    real = ((x_N - centre[..., None]) ** 2).sum(axis=-1)
    pseudo = (centre - ends[0]) ** 2 + (ends[1] - centre) ** 2
    return real / ((n + 1) * (n + 2)) + pseudo / ((fewest + 1) * (fewest + 2))


def _fewest(a_N: Array, b_N: Array | None) -> int:
    return a_N.shape[-1] if b_N is None else min(a_N.shape[-1], b_N.shape[-1])


def _variance(x_N: Array | None) -> Array:
    """Of the mean, s²/n: infinite for a single value (nothing is known of its spread), zero if there is no such arm."""
    if x_N is None:
        return np.zeros(())
    n = x_N.shape[-1]
    return x_N.var(axis=-1, ddof=1) / n if n > 1 else np.full(x_N.shape[:-1], np.inf)


def _floored(x_N: Array, within: Array | None, floor2: float) -> Array:
    n = x_N.shape[-1]
    variance = _variance(x_N) * (few_runs(n) ** 2 if n > 1 else 1.0)
    return np.maximum(np.maximum(variance, (np.zeros(()) if within is None else within) / n), floor2 / (2 * n))


def _around(a_N: Array, b_N: Array | None, half: Array) -> tuple[Array, Array]:
    centre = a_N.mean(axis=-1) - (0.0 if b_N is None else b_N.mean(axis=-1))
    return centre - half, centre + half


def _half(variance: Array, df: int, runs: int, level: Level, templates: Templates | None) -> Array:
    if templates is not None:
        variance, df = variance + templates.variance, min(df, runs - 1, templates.count - 1)
    return t_quantile(np.asarray(df), level) * np.sqrt(variance)


def _spans_half(x_N: Array, ends: Ends) -> NDArray[np.bool_]:
    return np.ptp(x_N, axis=-1) > (ends[1] - ends[0]) / 2
