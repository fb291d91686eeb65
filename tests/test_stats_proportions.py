"""Proportions within a run: values from the literature, statsmodels, and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from exante.stats.proportions import exact, free_to_differ, smoothed_variance, wilson


def test_wilson_at_none_of_a_hundred_is_not_zero() -> None:
    low, high = wilson(np.asarray(0.0), np.asarray(100.0))
    assert float(low) == pytest.approx(0.0, abs=1e-12)
    assert float(high) == pytest.approx(0.0370, abs=1e-4)


def test_wilson_by_hand() -> None:
    """8 of 10, z = 1.96: centre (.8 + .19208)/1.38416 = .71674, half √(.016 + .0096040)·1.96/1.38416 = .22658."""
    low, high = wilson(np.asarray(8.0), np.asarray(10.0))
    assert (float(low), float(high)) == (pytest.approx(0.4902, abs=1e-3), pytest.approx(0.9433, abs=1e-3))


def test_wilson_is_scipys() -> None:
    for count, trials in ((0, 7), (3, 7), (7, 7), (41, 100)):
        expected = stats.binomtest(count, trials).proportion_ci(0.95, method="wilson")
        low, high = wilson(np.asarray(float(count)), np.asarray(float(trials)))
        assert (float(low), float(high)) == (pytest.approx(expected.low, abs=1e-12), pytest.approx(expected.high))


def test_nothing_drawn_has_no_interval() -> None:
    low, high = wilson(np.array([0.0, 1.0]), np.array([0.0, 2.0]))
    assert np.isnan(low[0])
    assert np.isfinite(high[1])


def test_smoothed_variance_by_hand() -> None:
    """0 of 10: p̃ = .5/11 = .04545, p̃(1 − p̃)/10 = .004339. 5 of 10: .25/10."""
    assert smoothed_variance(np.array([0.0, 5.0]), np.array([10.0, 10.0])) == pytest.approx([0.0043388, 0.025], abs=1e-6)
    assert np.isnan(smoothed_variance(np.asarray(0.0), np.asarray(0.0)))


@pytest.mark.parametrize(("n", "share"), [(1, 0.95), (3, 0.6316), (5, 0.4507), (8, 0.3123)])
def test_what_runs_alike_leave_open(n: int, share: float) -> None:
    assert free_to_differ(n) == pytest.approx(share, abs=1e-4)
    assert (1 - free_to_differ(n)) ** n == pytest.approx(0.05)


@pytest.mark.parametrize(("count", "trials"), [(0, 100), (1, 7), (50, 100), (99, 100), (100, 100)])
def test_the_exact_bound_against_the_tails_of_the_binomial(count: int, trials: int) -> None:
    """At each end, what was seen or more extreme has probability .025."""
    low, high = exact(count, trials)
    assert low == 0 if count == 0 else stats.binom.sf(count - 1, trials, low) == pytest.approx(0.025)
    assert high == 1 if count == trials else stats.binom.cdf(count, trials, high) == pytest.approx(0.025)


def test_none_of_a_hundred_is_no_bare_zero() -> None:
    assert exact(0, 100)[1] == pytest.approx(0.036, abs=0.001)
