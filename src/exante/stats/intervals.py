"""Confidence intervals of a mean, or of a difference of two means, over training runs.

`robust` protects against modes that are not in the sample; `graded` is for measures that vary smoothly.
Shapes: `a_N`, `b_N` are run values with runs on the last axis and any leading batch axes (one per simulated study);
what comes back has the batch axes only. All values are in one unit. Does not know what is measured, nor about regions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Array = NDArray[np.float64]
Ends = tuple[float, float]


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


def t_quantile(df: Array, level: float) -> Array:
    """Two-sided Student quantile; infinite where there are no degrees of freedom."""
    df = np.asarray(df, float)
    return np.where(df >= 1, stdtrit(np.maximum(df, 1.0), (1 + level) / 2), np.inf)


def robust(
    a_N: Array, b_N: Array | None, ends: Ends, level: float, shared: Shared | None = None, templates: Templates | None = None
) -> tuple[Array, Array]:
    """Interval that stays valid for all-or-nothing runs and for modes too rare to be seen: (low, high).

    One pseudo-run at each end of the measure's range is appended to each arm; then Welch's interval (one sample:
    Student's). Where arms share seeds the half-width is at least t·s_d/√n of the real paired differences.
    """
    a = _moments(_padded(a_N, ends))
    b = None if b_N is None else _moments(_padded(b_N, ends))
    centre, variance, df = _welch(a, b)
    runs = a_N.shape[-1] if b_N is None else min(a_N.shape[-1], b_N.shape[-1])
    half = _half(variance, df, runs, level, templates)
    if b_N is not None and shared is not None and len(shared.a) > 1:
        _, s2_over_n, n = _moments(a_N[..., shared.a] - b_N[..., shared.b])
        half = np.maximum(half, _half(s2_over_n, np.asarray(n - 1.0), runs, level, templates))
    return centre - half, centre + half


def graded(
    a_N: Array,
    b_N: Array | None,
    ends: Ends,
    level: float,
    *,
    within_a: Array,
    within_b: Array | None = None,
    floor: float,
    shared: Shared | None = None,
    paired: bool = False,
    templates: Templates | None = None,
) -> tuple[Array, Array]:
    """Interval for measures that vary smoothly over runs: (low, high). Welch's t with floors under each arm's variance.

    Each arm's variance is max(s²/n, w/n, f²/2n): `within` w is the mean sampling variance of a run, `floor` f the smallest
    spread believed. Paired (only if registered): max(s_d²/n, (w_a + w_b)/n, f²/n). If an arm's runs span more than half
    of the range, the hull with the robust interval.
    """
    if b_N is not None and paired and shared is not None and len(shared.a) == a_N.shape[-1] == b_N.shape[-1]:
        centre, s2_over_n, n = _moments(a_N[..., shared.a] - b_N[..., shared.b])
        variance, df = (
            _floored(s2_over_n, within_a + (0.0 if within_b is None else within_b), 2 * floor**2, n),
            np.asarray(n - 1.0),
        )
    else:
        a = _floored_moments(a_N, within_a, floor)
        b = None if b_N is None else _floored_moments(b_N, within_b, floor)
        centre, variance, df = _welch(a, b)
    runs = a_N.shape[-1] if b_N is None else min(a_N.shape[-1], b_N.shape[-1])
    half = _half(variance, df, runs, level, templates)
    low, high = centre - half, centre + half
    wide = _spans_half(a_N, ends) if b_N is None else _spans_half(a_N, ends) | _spans_half(b_N, ends)
    if np.any(wide):
        low_r, high_r = robust(a_N, b_N, ends, level, shared, templates)
        low, high = np.where(wide, np.minimum(low, low_r), low), np.where(wide, np.maximum(high, high_r), high)
    return low, high


def template_variance(means_T: Array) -> Array:
    """s²(template means)/T of the arm difference (or of the one arm); infinite for fewer than two templates."""
    if means_T.shape[-1] < 2:
        return np.full(means_T.shape[:-1], np.inf)
    return means_T.var(axis=-1, ddof=1) / means_T.shape[-1]


def _padded(x_N: Array, ends: Ends) -> Array:
    pseudo = np.broadcast_to(np.array(ends, float), (*x_N.shape[:-1], 2))
    return np.concatenate([x_N, pseudo], axis=-1)


def _moments(x_N: Array) -> tuple[Array, Array, int]:
    """Mean, s²/n (infinite for a single value: nothing is known of its spread), n."""
    n = x_N.shape[-1]
    spread = x_N.var(axis=-1, ddof=1) / n if n > 1 else np.full(x_N.shape[:-1], np.inf)
    return x_N.mean(axis=-1), spread, n


def _floored_moments(x_N: Array, within: Array | None, floor: float) -> tuple[Array, Array, int]:
    mean, s2_over_n, n = _moments(x_N)
    return mean, _floored(s2_over_n, 0.0 if within is None else within, floor**2, n), n


def _floored(s2_over_n: Array, within: Array | float, floor2: float, n: int) -> Array:
    return np.maximum(np.maximum(s2_over_n, np.asarray(within) / n), floor2 / (2 * n))


def _welch(a: tuple[Array, Array, int], b: tuple[Array, Array, int] | None) -> tuple[Array, Array, Array]:
    """Centre, variance and Welch–Satterthwaite degrees of freedom."""
    mean_a, v_a, n_a = a
    if b is None:
        return mean_a, v_a, np.asarray(n_a - 1.0)
    mean_b, v_b, n_b = b
    variance = v_a + v_b
    if n_a < 2 or n_b < 2:
        return mean_a - mean_b, variance, np.zeros(np.shape(variance))
    df = variance**2 / (v_a**2 / (n_a - 1) + v_b**2 / (n_b - 1))
    return mean_a - mean_b, variance, df


def _half(variance: Array, df: Array, runs: int, level: float, templates: Templates | None) -> Array:
    if templates is not None:
        variance = variance + templates.variance
        df = np.asarray(min(runs, templates.count) - 1.0)
    return t_quantile(df, level) * np.sqrt(variance)


def _spans_half(x_N: Array, ends: Ends) -> NDArray[np.bool_]:
    return np.ptp(x_N, axis=-1) > (ends[1] - ends[0]) / 2
