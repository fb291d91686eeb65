"""Grubbs' test: a published example, a second implementation by simulation, and both directions."""

from __future__ import annotations

import numpy as np
import pytest

from exante.stats.outliers import grubbs

TIETJEN_MOORE = np.array([199.31, 199.53, 200.19, 200.82, 201.92, 201.95, 202.18, 245.57])


def test_the_example_of_the_nist_handbook() -> None:
    """NIST/SEMATECH e-Handbook 1.3.5.17.1: G = 2.4687; the upper one-tailed test at .05 (the two-sided one at .10) has the
    critical value 2.032."""
    test = grubbs(TIETJEN_MOORE, 0.10)
    assert (test.statistic, test.critical) == (pytest.approx(2.4687, abs=1e-4), pytest.approx(2.032, abs=1e-3))
    assert test.outlier
    assert not grubbs(np.append(TIETJEN_MOORE[:-1], 204.0), 0.10).outlier


@pytest.mark.parametrize(("n", "critical"), [(3, 1.1547), (8, 2.2744), (16, 2.8521), (24, 3.1118)])
def test_published_critical_values(n: int, critical: float) -> None:
    """Of the two-sided test at .01, that is, one-sided at .005."""
    assert grubbs(np.arange(float(n)), 0.01).critical == pytest.approx(critical, abs=2e-3)


@pytest.mark.parametrize("n", [8, 24])
def test_normal_values_are_called_outliers_as_often_as_it_says(n: int) -> None:
    rng = np.random.default_rng(n)
    found = np.mean([grubbs(rng.normal(50, 8, n), 0.05).outlier for _ in range(8000)])
    assert found == pytest.approx(0.05, abs=0.009)


def test_equal_values_hold_no_outlier_and_either_side_counts() -> None:
    assert not grubbs(np.full(8, 60.0), 0.01).outlier
    mostly = np.array([60.0, 61, 59, 60, 62, 58, 61, 5])
    assert grubbs(mostly, 0.01).outlier
    assert grubbs(120 - mostly, 0.01).outlier
