"""Intervals over runs: a table worked by hand, scipy and statsmodels as second implementations, and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from exante.stats.intervals import Shared, Templates, few_runs, graded, robust, t_quantile, template_variance

PERCENT = (0.0, 100.0)
ZERO = np.zeros(())


def half(ends: tuple) -> float:
    return float(ends[1] - ends[0]) / 2


# --- robust --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "expected"), [(3, 62.1), (5, 37.8), (8, 23.8), (16, 12.9), (24, 8.9)])
def test_half_widths_of_agreeing_mid_range_runs(n: int, expected: float) -> None:
    """t(min(n, 8) + 1) × √(2 × (2 × 50² / (n + 1)) / (n + 2)): what agreement costs, the 62 / 38 / 24 / 13 / 9 pp of the docs."""
    runs = np.full(n, 50.0)
    assert half(robust(runs, runs, PERCENT, 0.95)) == pytest.approx(expected, abs=0.05)


def test_robust_by_hand() -> None:
    """a = 60, 70, 80 and b = 40, 50 with 0 and 100 appended to each.

    a: mean 62; the runs' squares 4 + 64 + 324 = 392, /(4 × 5) = 19.6; those of 0 and 100, 3844 + 1444 = 5288, weighed by the two
    runs of b, /(3 × 4) = 440.667. b: mean 47.5; 56.25 + 6.25 = 62.5 and 2256.25 + 2756.25 = 5012.5, together /(3 × 4) = 422.917.
    Sum 883.18, root 29.718; df = 2 + 1: t(.975, 3) = 3.1824. Centre 14.5, half-width 94.58.
    """
    low, high = robust(np.array([60.0, 70, 80]), np.array([40.0, 50]), PERCENT, 0.95)
    assert (low + high) / 2 == pytest.approx(14.5)
    assert half((low, high)) == pytest.approx(94.58, abs=0.02)


def test_paired_robust_by_hand() -> None:
    """a − b = 50, 20, 80, 50 with −100, 100, −100, 100: mean 25, squares 625 + 25 + 3025 + 625 + 2 × (15625 + 5625) = 46800, /7 =
    6685.71, /8 = 835.71, root 28.909; df = 4 + 3: t(.975, 7) = 2.3646. Half-width 68.36."""
    a, b, pairs = np.array([60.0, 70, 90, 80]), np.array([10.0, 50, 10, 30]), Shared(np.arange(4), np.arange(4))
    low, high = robust(a, b, PERCENT, 0.95, pairs, paired=True)
    assert (low + high) / 2 == pytest.approx(25)
    assert half((low, high)) == pytest.approx(68.36, abs=0.01)


def test_paired_robust_is_the_one_sample_rule_on_the_differences() -> None:
    """scipy's interval of the padded differences, at n where degrees of freedom still grow and where they no longer do."""
    rng = np.random.default_rng(8)
    for n, level in ((8, 0.95), (16, 0.98), (24, 0.96)):
        order, pairs = rng.permutation(n), Shared(np.arange(n), np.arange(n))
        a, b = rng.uniform(0, 100, n), rng.beta(0.3, 0.3, n) * 100
        padded = [*(a - b), -100, -100, 100, 100]
        one = stats.ttest_1samp(padded, 0).confidence_interval(level)
        more = half((one.low, one.high)) * stats.t.ppf((1 + level) / 2, min(n, 16) + 3) / stats.t.ppf((1 + level) / 2, n + 3)
        expected = (np.mean(padded) - more, np.mean(padded) + more)
        assert robust(a, b, PERCENT, level, pairs, paired=True) == pytest.approx(expected)
        elsewhere = Shared(np.arange(n), np.argsort(order))  # the control's runs in another order
        assert robust(a, b[order], PERCENT, level, elsewhere, paired=True) == pytest.approx(expected)


def test_paired_robust_needs_every_run_to_have_its_partner() -> None:
    a, b, some = np.array([60.0, 70, 90, 80]), np.array([10.0, 50, 10, 30]), Shared(np.arange(3), np.arange(3))
    assert robust(a, b, PERCENT, 0.95, some, paired=True) == robust(a, b, PERCENT, 0.95, some)


def test_paired_runs_that_move_together_narrow_the_robust_interval_and_others_widen_it() -> None:
    """Both directions of what pairing costs: bases that differ by 35 pp, and runs that all agree."""
    shift, pairs = np.tile([10.0, 80.0], 12), Shared(np.arange(24), np.arange(24))
    together = (
        half(robust(shift + 15, shift, PERCENT, 0.95, pairs, paired=True)),
        half(robust(shift + 15, shift, PERCENT, 0.95, pairs)),
    )
    assert together[0] < together[1]
    alike = np.full(24, 60.0), np.full(24, 50.0)
    assert half(robust(*alike, PERCENT, 0.95, pairs, paired=True)) > half(robust(*alike, PERCENT, 0.95, pairs))


def test_robust_by_hand_for_one_sample() -> None:
    """60, 70, 80 with 0, 100, 0, 100: mean 410/7 = 58.571, squares 2 × 3430.61 + 2 × 1716.33 + 2.04 + 130.61 + 459.18 = 10885.71,
    /6 = 1814.29, /7 = 259.18, root 16.099; t(.975, 6) = 2.4469. Half-width 39.39."""
    low, high = robust(np.array([60.0, 70, 80]), None, PERCENT, 0.95)
    assert (low + high) / 2 == pytest.approx(58.571, abs=1e-3)
    assert half((low, high)) == pytest.approx(39.39, abs=0.01)


def test_robust_is_scipys_interval_of_the_padded_runs() -> None:
    """scipy's Welch interval with its own quantile taken out and the rule's put in; arms of one size."""
    rng = np.random.default_rng(1)
    for n, level in ((3, 0.95), (8, 0.99), (24, 0.95)):
        a, b = rng.uniform(0, 100, n), rng.beta(0.3, 0.3, n) * 100
        test = stats.ttest_ind([*a, 0, 100], [*b, 0, 100], equal_var=False)
        ends, q = test.confidence_interval(level), (1 + level) / 2
        welch_df = CompareMeans(DescrStatsW([*a, 0, 100]), DescrStatsW([*b, 0, 100])).dof_satt()
        more = half((ends.low, ends.high)) * stats.t.ppf(q, min(n, 8) + 1) / stats.t.ppf(q, welch_df)
        centre = (ends.low + ends.high) / 2
        assert robust(a, b, PERCENT, level) == pytest.approx((centre - more, centre + more))
        one = stats.ttest_1samp([*a, 0, 0, 100, 100], 0).confidence_interval(level)
        more = half((one.low, one.high)) * stats.t.ppf(q, min(n, 16) + 3) / stats.t.ppf(q, n + 3)
        middle = (one.low + one.high) / 2
        assert robust(a, None, PERCENT, level) == pytest.approx((middle - more, middle + more))


def test_the_smaller_arm_decides_the_pseudo_runs_weight() -> None:
    """statsmodels' standard error of the padded runs, and by how much the larger arm's two pseudo-runs weigh more."""
    rng = np.random.default_rng(6)
    for n_a, n_b in ((8, 24), (24, 8), (16, 24)):
        a, b, k = rng.uniform(0, 100, n_a), rng.beta(0.3, 0.3, n_b) * 100, min(n_a, n_b)
        variance = CompareMeans(DescrStatsW([*a, 0, 100]), DescrStatsW([*b, 0, 100])).std_meandiff_separatevar ** 2
        for x in (a, b):
            centre, n = np.mean([*x, 0, 100]), len(x)
            ends = centre**2 + (100 - centre) ** 2
            variance += ends / ((k + 1) * (k + 2)) - ends / ((n + 1) * (n + 2))
        assert half(robust(a, b, PERCENT, 0.95)) == pytest.approx(stats.t.ppf(0.975, min(k, 8) + 1) * np.sqrt(variance))


def test_more_runs_in_one_arm_do_not_make_up_for_the_other() -> None:
    """A control that never fires says no more of the arm's spread with 24 runs than with 8."""
    fires = np.tile([0.0, 100.0], 4)
    few, many = robust(fires, np.zeros(8), PERCENT, 0.95), robust(fires, np.zeros(24), PERCENT, 0.95)
    assert half(many) == pytest.approx(half(few), rel=0.02)
    assert half(robust(np.tile(fires, 3), np.zeros(24), PERCENT, 0.95)) < 0.7 * half(few)


def test_shared_seeds_that_disagree_widen_the_interval_to_the_paired_one() -> None:
    """Differences +60, −60, … : s_d = 64.14 (n = 8), /√8 = 22.68, × t(.975, 7) = 2.3646 → 53.6. Unpaired 37.2."""
    a, b = np.tile([80.0, 20.0], 4), np.tile([20.0, 80.0], 4)
    pairs = Shared(np.arange(8), np.arange(8))
    assert half(robust(a, b, PERCENT, 0.95, pairs)) == pytest.approx(53.63, abs=0.01)
    assert half(robust(a, b, PERCENT, 0.95)) == pytest.approx(37.2, abs=0.1)
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
    """Four equal runs, w = 25, f = 2: each variance max(0, 25/4, 4/8) = 6.25; sum 12.5, df 3, t = 3.1824, half 11.251."""
    a, b = np.full(4, 60.0), np.full(4, 50.0)
    low, high = graded(a, b, PERCENT, 0.95, within_a=np.asarray(25.0), within_b=np.asarray(25.0), floor=2.0)
    assert (low, high) == pytest.approx((10 - 11.251, 10 + 11.251), abs=1e-3)


def test_graded_by_hand_at_the_floor() -> None:
    """Equal runs and no sampling noise: f²/2n = 4/8 = .5 each; sum 1, half-width t(3) = 3.1824."""
    a, b = np.full(4, 60.0), np.full(4, 50.0)
    assert half(graded(a, b, PERCENT, 0.95, within_a=ZERO, within_b=ZERO, floor=2.0)) == pytest.approx(3.1824, abs=1e-4)


def test_graded_by_hand_where_runs_spread() -> None:
    """a = 50, 60, 70: s² 100; b = 40, 40, 49: s² 27. c = 1 + 1/8 = 1.125, c² = 1.265625. Variances 42.1875 and 11.390625, sum
    53.578, root 7.3197; df 2, t = 4.3027: half-width 31.494 about 60 − 43 = 17."""
    low, high = graded(np.array([50.0, 60, 70]), np.array([40.0, 40, 49]), PERCENT, 0.95, within_a=ZERO, within_b=ZERO, floor=2.0)
    assert (low, high) == pytest.approx((17 - 31.494, 17 + 31.494), abs=1e-2)


def test_the_spread_of_few_runs_is_too_small_on_average_by_few_runs() -> None:
    """Brute force: the mean of c·s over normal samples is σ. For n = 2 it is √(π/2) exactly."""
    rng = np.random.default_rng(7)
    for n in (3, 5, 8):
        sds = rng.normal(0, 10, (100_000, n)).std(axis=1, ddof=1)
        assert few_runs(n) * sds.mean() == pytest.approx(10, rel=0.01)
    assert few_runs(2) == pytest.approx(np.sqrt(np.pi / 2), abs=0.01)


def widened(x: np.ndarray) -> tuple[float, float]:
    """statsmodels' interval of one sample, c times as wide."""
    more = half(DescrStatsW(x).tconfint_mean()) * (1 + 1 / (4 * (len(x) - 1)))
    return x.mean() - more, x.mean() + more


def unpaired(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """statsmodels' standard error for unequal variances, c times as wide, with the smaller arm's degrees of freedom; arms of
    one size."""
    n = len(a)
    both = CompareMeans(DescrStatsW(a), DescrStatsW(b))
    more = stats.t.ppf(0.975, n - 1) * both.std_meandiff_separatevar * (1 + 1 / (4 * (n - 1)))
    return a.mean() - b.mean() - more, a.mean() - b.mean() + more


def test_graded_is_statsmodels_where_no_floor_binds() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(60, 8, 7), rng.normal(50, 5, 7)
    assert graded(a, b, PERCENT, 0.95, within_a=ZERO, within_b=ZERO, floor=2.0) == pytest.approx(unpaired(a, b))
    assert graded(a, None, PERCENT, 0.95, within_a=ZERO, floor=2.0) == pytest.approx(widened(a))
    low, high = graded(a, b[:3], PERCENT, 0.95, within_a=ZERO, within_b=ZERO, floor=2.0)
    error = np.hypot(a.std(ddof=1) / 7**0.5 * (1 + 1 / 24), b[:3].std(ddof=1) / 3**0.5 * (1 + 1 / 8))
    assert half((low, high)) == pytest.approx(stats.t.ppf(0.975, 2) * error)


def test_graded_pairs_only_if_registered() -> None:
    rng = np.random.default_rng(4)
    shift = rng.normal(0, 8, 8)
    a, b, pairs = 60 + shift + rng.normal(0, 2, 8), 50 + shift, Shared(np.arange(8), np.arange(8))
    more = {"within_a": ZERO, "within_b": ZERO, "floor": 1.0, "shared": pairs}
    assert graded(a, b, PERCENT, 0.95, paired=True, **more) == pytest.approx(widened(a - b))
    assert graded(a, b, PERCENT, 0.95, **more) == pytest.approx(unpaired(a, b))


def test_graded_seeds_that_disagree_widen_the_interval_to_the_paired_one() -> None:
    """Differences 30, 10, 30, 10, … (n = 8): s_d 10.690, c = 1 + 1/28, /√8 = 3.9145, × t(.975, 7) = 2.3646 → 9.256; without
    shared seeds s = 5.345 an arm, √2 × 5.345 × 1.0357 / √8 = 2.768, × 2.3646 → 6.545."""
    a, b = np.tile([65.0, 55.0], 4), np.tile([35.0, 45.0], 4)
    more = {"within_a": ZERO, "within_b": ZERO, "floor": 2.0}
    assert half(graded(a, b, PERCENT, 0.95, shared=Shared(np.arange(8), np.arange(8)), **more)) == pytest.approx(9.256, abs=1e-3)
    assert half(graded(a, b, PERCENT, 0.95, **more)) == pytest.approx(6.545, abs=1e-3)


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
    smooth = unpaired(wide, np.array([*b[:-1], 20.001]))
    assert (low, high) == (pytest.approx(min(low_r, smooth[0]), abs=0.1), pytest.approx(max(high_r, smooth[1]), abs=0.1))
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
