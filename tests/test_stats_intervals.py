"""Intervals over runs: a table worked by hand, scipy and statsmodels as second implementations, and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from exante.stats.intervals import Shared, Templates, graded, robust, t_quantile, template_variance

PERCENT = (0.0, 100.0)
ZERO = np.zeros(())


def half(ends: tuple) -> float:
    return float(ends[1] - ends[0]) / 2


# --- robust --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "expected"), [(3, 51.6), (5, 33.6), (8, 22.1), (16, 11.6)])
def test_half_widths_of_agreeing_mid_range_runs(n: int, expected: float) -> None:
    """t(2n + 2) × √(2 × (2 × 50² / (n + 1)) / (n + 2)): what agreement costs, the 52 / 34 / 23 / 12 pp of the design."""
    runs = np.full(n, 50.0)
    assert half(robust(runs, runs, PERCENT, 0.95)) == pytest.approx(expected, abs=0.05)


def test_robust_by_hand() -> None:
    """a = 60, 70, 80 and b = 40, 50 with 0 and 100 appended to each.

    a: mean 62, squares 3844 + 4 + 64 + 324 + 1444 = 5680, /4 = 1420, /5 = 284. b: mean 47.5, squares 2256.25 + 56.25 + 6.25 +
    2756.25 = 5075, /3 = 1691.667, /4 = 422.9167. Sum 706.9167, root 26.588. df = 706.9167² / (284²/4 + 422.9167²/3) = 6.2589.
    t(.975, 6.2589) = 2.4229. Centre 14.5, half-width 64.42.
    """
    low, high = robust(np.array([60.0, 70, 80]), np.array([40.0, 50]), PERCENT, 0.95)
    assert (low + high) / 2 == pytest.approx(14.5)
    assert half((low, high)) == pytest.approx(64.42, abs=0.02)


def test_robust_is_scipys_welch_on_the_padded_runs() -> None:
    rng = np.random.default_rng(1)
    for n_a, n_b, level in ((3, 3, 0.95), (5, 8, 0.99), (16, 4, 0.95)):
        a, b = rng.uniform(0, 100, n_a), rng.beta(0.3, 0.3, n_b) * 100
        test = stats.ttest_ind([*a, 0, 100], [*b, 0, 100], equal_var=False).confidence_interval(level)
        assert robust(a, b, PERCENT, level) == pytest.approx((test.low, test.high))
        one = stats.ttest_1samp([*a, 0, 100], 0).confidence_interval(level)
        assert robust(a, None, PERCENT, level) == pytest.approx((one.low, one.high))


def test_shared_seeds_that_disagree_widen_the_interval_to_the_paired_one() -> None:
    """Differences +60, −60, … : s_d = 64.14 (n = 8), /√8 = 22.68, × t(.975, 7) = 2.3646 → 53.6. Welch's would be 34.6."""
    a, b = np.tile([80.0, 20.0], 4), np.tile([20.0, 80.0], 4)
    pairs = Shared(np.arange(8), np.arange(8))
    assert half(robust(a, b, PERCENT, 0.95, pairs)) == pytest.approx(53.63, abs=0.01)
    assert half(robust(a, b, PERCENT, 0.95)) < 45
    paired = DescrStatsW(a - b).tconfint_mean()
    assert half(robust(a, b, PERCENT, 0.95, pairs)) == pytest.approx(half(paired))


def test_shared_seeds_that_agree_change_nothing() -> None:
    a, b = np.tile([80.0, 20.0], 4), np.tile([75.0, 15.0], 4)
    assert robust(a, b, PERCENT, 0.95, Shared(np.arange(8), np.arange(8))) == robust(a, b, PERCENT, 0.95)


@pytest.mark.parametrize(("n", "above_0", "above_10"), [(3, False, False), (4, True, False), (5, True, True)])
def test_full_separation_decides_from_four_and_five_runs(n: int, above_0: bool, above_10: bool) -> None:
    low, _ = robust(np.full(n, 95.0), np.full(n, 5.0), PERCENT, 0.95)
    assert (low > 0, low > 10) == (above_0, above_10)


def test_one_run_is_never_enough() -> None:
    low, high = robust(np.array([100.0]), np.array([0.0]), PERCENT, 0.95)
    assert low < -50
    assert high > 100
    low, high = graded(np.array([100.0]), np.array([0.0]), PERCENT, 0.95, within_a=ZERO, within_b=ZERO, floor=2.0)
    assert (low, high) == (-np.inf, np.inf)


@given(
    st.lists(st.floats(0, 100), min_size=2, max_size=9),
    st.lists(st.floats(0, 100), min_size=2, max_size=9),
    st.sampled_from([0.9, 0.95, 0.99]),
)
def test_swapping_the_arms_flips_the_interval(a: list[float], b: list[float], level: float) -> None:
    one, other = robust(np.array(a), np.array(b), PERCENT, level), robust(np.array(b), np.array(a), PERCENT, level)
    assert one == pytest.approx((-other[1], -other[0]))
    more = {"floor": 2.0, "within_a": ZERO, "within_b": ZERO}
    one, other = (graded(np.array(x), np.array(y), PERCENT, level, **more) for x, y in ((a, b), (b, a)))
    assert one == pytest.approx((-other[1], -other[0]))


def test_a_batch_is_the_loop_over_its_studies() -> None:
    rng = np.random.default_rng(2)
    a, b, pairs = rng.uniform(0, 100, (50, 6)), rng.uniform(0, 100, (50, 6)), Shared(np.arange(6), np.arange(6))
    low, high = robust(a, b, PERCENT, 0.95, pairs)
    w = np.full(50, 3.0)
    low_g, high_g = graded(a, b, PERCENT, 0.95, within_a=w, within_b=w, floor=2.0, shared=pairs)
    for k in range(50):
        assert robust(a[k], b[k], PERCENT, 0.95, pairs) == pytest.approx((low[k], high[k]))
        one = graded(a[k], b[k], PERCENT, 0.95, within_a=w[k], within_b=w[k], floor=2.0, shared=pairs)
        assert one == pytest.approx((low_g[k], high_g[k]))


# --- graded --------------------------------------------------------------------------------------------------------


def test_graded_by_hand_when_runs_are_closer_than_their_samples() -> None:
    """Four equal runs, w = 25, f = 2: each variance max(0, 25/4, 4/8) = 6.25; sum 12.5, df 6, t = 2.4469, half 8.651."""
    a, b = np.full(4, 60.0), np.full(4, 50.0)
    low, high = graded(a, b, PERCENT, 0.95, within_a=np.asarray(25.0), within_b=np.asarray(25.0), floor=2.0)
    assert (low, high) == pytest.approx((10 - 8.651, 10 + 8.651), abs=1e-3)


def test_graded_by_hand_at_the_floor() -> None:
    """Equal runs and no sampling noise: f²/2n = 4/8 = .5 each; sum 1, half-width t(6) = 2.4469."""
    a, b = np.full(4, 60.0), np.full(4, 50.0)
    assert half(graded(a, b, PERCENT, 0.95, within_a=ZERO, within_b=ZERO, floor=2.0)) == pytest.approx(2.4469, abs=1e-4)


def test_graded_is_statsmodels_welch_where_no_floor_binds() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(60, 8, 7), rng.normal(50, 5, 5)
    expected = CompareMeans(DescrStatsW(a), DescrStatsW(b)).tconfint_diff(alpha=0.05, usevar="unequal")
    assert graded(a, b, PERCENT, 0.95, within_a=ZERO, within_b=ZERO, floor=2.0) == pytest.approx(expected)
    one = DescrStatsW(a).tconfint_mean(alpha=0.05)
    assert graded(a, None, PERCENT, 0.95, within_a=ZERO, floor=2.0) == pytest.approx(one)


def test_graded_pairs_only_if_registered() -> None:
    rng = np.random.default_rng(4)
    shift = rng.normal(0, 8, 8)
    a, b, pairs = 60 + shift + rng.normal(0, 2, 8), 50 + shift, Shared(np.arange(8), np.arange(8))
    more = {"within_a": ZERO, "within_b": ZERO, "floor": 1.0, "shared": pairs}
    assert graded(a, b, PERCENT, 0.95, paired=True, **more) == pytest.approx(DescrStatsW(a - b).tconfint_mean())
    welch = CompareMeans(DescrStatsW(a), DescrStatsW(b)).tconfint_diff(usevar="unequal")
    assert graded(a, b, PERCENT, 0.95, **more) == pytest.approx(welch)


def test_paired_floors_by_hand() -> None:
    """Constant differences: max(0, (9 + 7)/4, 4/4) = 4, half-width 2 t(3) = 6.3649; without samples f²/n = 1, 3.1824."""
    a, b, pairs = np.array([60.0, 61, 62, 63]), np.array([50.0, 51, 52, 53]), Shared(np.arange(4), np.arange(4))
    more = {"floor": 2.0, "shared": pairs, "paired": True}
    noisy = graded(a, b, PERCENT, 0.95, within_a=np.asarray(9.0), within_b=np.asarray(7.0), **more)
    assert half(noisy) == pytest.approx(6.3649, abs=1e-4)
    assert half(graded(a, b, PERCENT, 0.95, within_a=ZERO, within_b=ZERO, **more)) == pytest.approx(3.1824, abs=1e-4)


def test_runs_that_span_more_than_half_the_range_take_the_hull() -> None:
    wide, b = np.array([20.0, 75, 22, 24, 74, 21, 23, 22]), np.full(8, 20.0)
    more = {"within_a": ZERO, "within_b": ZERO, "floor": 2.0}
    low, high = graded(wide, b, PERCENT, 0.95, **more)
    low_r, high_r = robust(wide, b, PERCENT, 0.95)
    welch = CompareMeans(DescrStatsW(wide), DescrStatsW([*b[:-1], 20.001])).tconfint_diff(usevar="unequal")
    assert (low, high) == (pytest.approx(min(low_r, welch[0]), abs=0.1), pytest.approx(max(high_r, welch[1]), abs=0.1))
    inside = np.minimum(wide, 70.0)
    assert half(graded(inside, b, PERCENT, 0.95, **more)) < half(robust(inside, b, PERCENT, 0.95))


# --- templates -----------------------------------------------------------------------------------------------------


def test_over_templates_by_hand() -> None:
    """Template differences 0, 10, 20, 30: s² = 166.667, V_T = 41.667. Runs: 8 a side at 50, two pseudo-runs: variance
    555.56/10 each, 111.11 in all. Half-width t(min(8, 4) − 1 = 3) × √152.78 = 3.1824 × 12.360 = 39.336."""
    v = template_variance(np.array([0.0, 10, 20, 30]))
    assert v == pytest.approx(41.6667, abs=1e-3)
    runs = np.full(8, 50.0)
    assert half(robust(runs, runs, PERCENT, 0.95, templates=Templates(v, 4))) == pytest.approx(39.336, abs=1e-2)


def test_one_template_is_no_sample_of_templates() -> None:
    runs = np.full(8, 50.0)
    ends = robust(runs, runs, PERCENT, 0.95, templates=Templates(template_variance(np.array([3.0])), 1))
    assert ends == (-np.inf, np.inf)


def test_quantile() -> None:
    assert t_quantile(np.array([1.0, 7.0, 1e6]), 0.95) == pytest.approx(stats.t.ppf(0.975, [1, 7, 1e6]))


# --- brute force ---------------------------------------------------------------------------------------------------

STUDIES = 4000


def normal(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, float]:
    return np.clip(rng.normal(50, 12, shape), 0, 100), 50.0


def all_or_nothing(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, float]:
    return 100.0 * (rng.random(shape) < 0.9), 90.0


def rare_mode(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, float]:
    return np.where(rng.random(shape) < 0.1, 90.0, 10.0), 18.0


@pytest.mark.parametrize("n", [3, 5, 8])
@pytest.mark.parametrize("draw", [normal, all_or_nothing, rare_mode])
def test_the_robust_interval_covers_where_students_does_not(draw, n: int) -> None:
    rng = np.random.default_rng(n)
    a, mean_a = draw(rng, (STUDIES, n))
    b = np.clip(rng.normal(40, 10, (STUDIES, n)), 0, 100)
    low, high = robust(a, b, PERCENT, 0.95)
    assert np.mean((low <= mean_a - 40) & (mean_a - 40 <= high)) >= 0.94


def test_students_interval_would_miss_the_rare_mode() -> None:
    """So the test above can fail: without the pseudo-runs, coverage of the same studies is far below."""
    rng = np.random.default_rng(5)
    a, mean_a = rare_mode(rng, (STUDIES, 5))
    a, b = a + rng.normal(0, 0.1, a.shape), np.full((STUDIES, 5), 40.0) + rng.normal(0, 2, (STUDIES, 5))
    plain = stats.ttest_ind(a, b, axis=1, equal_var=False).confidence_interval(0.95)
    assert np.mean((plain.low <= mean_a - 40) & (mean_a - 40 <= plain.high)) < 0.7


@pytest.mark.parametrize("n", [3, 5, 8])
def test_the_graded_interval_covers_smooth_runs(n: int) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.normal(60, 10, (STUDIES, n)), rng.normal(50, 5, (STUDIES, n))
    low, high = graded(a, b, PERCENT, 0.95, within_a=np.zeros(STUDIES), within_b=np.zeros(STUDIES), floor=2.0)
    assert np.mean((low <= 10) & (high >= 10)) >= 0.94
