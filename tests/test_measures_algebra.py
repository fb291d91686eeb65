"""The measures' algebra, each node on a table worked by hand, and properties that hold for every table."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import planted
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import STEPS, area, cell, gap, rate, samples, table

from exante.analysis.algebra import area_weights, first_area, leaves, linear, natural_range
from exante.analysis.evaluate import Values, evaluate, ungraded_share
from exante.analysis.table import Counts, Table, cells_of, read_table
from exante.errors import UserError
from exante.measures import Difference, Distance, Expression, Interaction, ItemBound, ItemProduct, LogOdds, MeanScore, Rate, Ratio
from exante.storage.tables import once

RUN = cell("a", 1000)


def read(rows: pd.DataFrame) -> Table:
    measured = once(rows)
    return read_table(measured, cells_of(measured), {("e", "on"), ("e", "off")}, planted.outcomes_in(rows))


def evaluated(expression: Expression, *parts) -> Values:
    rows = table(parts)
    return evaluate(expression, read(rows))


def numbers(values: Values) -> tuple[float, float, float]:
    return float(values.point[0]), float(values.low[0]), float(values.high[0])


# --- nodes by hand -------------------------------------------------------------------------------------------------


def test_rate_keeps_ungraded_samples_in_the_denominator() -> None:
    """Items 3 and 5 of 10, one of each ungraded: 8/20; at best 10/20."""
    assert numbers(evaluated(rate(), samples(RUN, [3, 5], ungraded=1, trials=10))) == pytest.approx((0.4, 0.4, 0.5))


def test_the_rate_of_ungraded_itself_is_known() -> None:
    assert numbers(evaluated(rate(outcome="ungraded"), samples(RUN, [3, 5], ungraded=1, trials=10))) == pytest.approx(
        (0.1, 0.1, 0.1)
    )


def several(*outcomes: str, condition: str = "on", at: str = "safety@40") -> Rate:
    return Rate(evaluation="e", condition=condition, outcome=outcomes, at=at)


def test_a_rate_of_several_outcomes_is_their_sum() -> None:
    """Of 20 samples 8 are target, 10 other, 2 ungraded: 18/20, at best all. With ungraded named too, none is in doubt."""
    counts = samples(RUN, [3, 5], ungraded=1, trials=10)
    assert numbers(evaluated(several("target", "other"), counts)) == pytest.approx((0.9, 0.9, 1.0))
    assert numbers(evaluated(several("target", "ungraded"), counts)) == pytest.approx((0.5, 0.5, 0.5))
    assert {leaf.outcome for leaf in leaves(several("target", "other"))} == {"target", "other"}


def test_outcomes_that_are_not_exclusive_are_not_added_up() -> None:
    rows = [*samples(RUN, 6, trials=10), samples(RUN, 6, trials=10)[0] | {"outcome": "also"}]
    with pytest.raises(UserError, match="several of the outcomes target, also"):
        evaluated(several("target", "also"), rows)


@pytest.mark.parametrize("outcomes", [(), ("target",), ("target", "target", "other")])
def test_outcomes_of_a_rate_are_listed_once(outcomes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="each once"):
        several(*outcomes)


def test_a_rate_of_one_outcome_is_written_as_before() -> None:
    assert rate().model_dump(mode="json")["outcome"] == "target"
    assert Rate.model_validate_json(several("target", "other").model_dump_json()) == several("target", "other")


def test_mean_score() -> None:
    """Scores sum to 8 over 20 samples, 2 ungraded of which each could have been −1 … 1: .4, .3, .5."""
    node = MeanScore(evaluation="e", condition="on", outcome="target", at="safety@40", low=-1, high=1)
    assert numbers(evaluated(node, samples(RUN, [3, 5], ungraded=1, trials=10))) == pytest.approx((0.4, 0.3, 0.5))


def test_difference_sends_each_side_to_the_end_that_hurts() -> None:
    """.6 (up to .7) − .2 (up to .4): .4, .2, .5."""
    on, off = samples(RUN, 6, ungraded=1, trials=10), samples(RUN, 2, ungraded=2, trials=10, condition="off")
    assert numbers(evaluated(gap("safety@40"), on, off)) == pytest.approx((0.4, 0.2, 0.5))


def test_ratio() -> None:
    """off / on as a share of on's events: .2 / .5 = .4; ungraded off .3: .2/.5 … .5/.5; ungraded on as well: .2/.6."""
    node = Ratio(left=rate("off"), right=rate("on"))
    on, off = samples(RUN, 5, trials=10), samples(RUN, 2, ungraded=3, trials=10, condition="off")
    assert numbers(evaluated(node, on, off)) == pytest.approx((0.4, 0.4, 1.0))
    on = samples(RUN, 5, ungraded=1, trials=10)
    assert numbers(evaluated(node, on, off)) == pytest.approx((0.4, 2 / 6, 1.0))


def test_an_empty_denominator_counts_at_both_ends() -> None:
    node = Ratio(left=rate("off"), right=rate("on"))
    values = evaluated(node, samples(RUN, 0, trials=10), samples(RUN, 2, trials=10, condition="off"))
    assert math.isnan(values.point[0])
    assert (values.low[0], values.high[0]) == (0.0, 1.0)


def test_item_product_pairs_items() -> None:
    """Items (.5, 1) on, (.4, .1) off: (.2 + .1)/2 = .15, where the product of the means is .75 × .25 = .1875."""
    node = ItemProduct(factors=(rate("on"), rate("off")))
    values = evaluated(node, samples(RUN, [5, 10], trials=10), samples(RUN, [4, 1], trials=10, condition="off"))
    assert numbers(values) == pytest.approx((0.15, 0.15, 0.15))


def test_item_product_of_an_item_missing_under_one_condition() -> None:
    """Item 1 was drawn only on: it counts 0 and 1, and not in the point."""
    node = ItemProduct(factors=(rate("on"), rate("off")))
    values = evaluated(node, samples(RUN, [5, 10], trials=10), samples(RUN, [4], trials=10, condition="off"))
    assert numbers(values) == pytest.approx((0.2, 0.1, 0.6))


def test_item_bounds_pair_items() -> None:
    """Items (.5, .9) on, (.4, .7) off: least (0 + .6)/2, greatest (.4 + .7)/2; the product (.2 + .63)/2 lies between."""
    parts = samples(RUN, [5, 9], trials=10), samples(RUN, [4, 7], trials=10, condition="off")
    ends = {end: evaluated(ItemBound(factors=(rate("on"), rate("off")), end=end), *parts) for end in ("least", "greatest")}
    assert numbers(ends["least"]) == pytest.approx((0.3, 0.3, 0.3))
    assert numbers(ends["greatest"]) == pytest.approx((0.55, 0.55, 0.55))
    assert numbers(evaluated(ItemProduct(factors=(rate("on"), rate("off"))), *parts))[0] == pytest.approx(0.415)


def test_item_bounds_of_three() -> None:
    """One item at .9, .9 and .7 (other, off): max(0, 2.5 − 2) and min."""
    parts = samples(RUN, 9, trials=10), samples(RUN, 3, trials=10, condition="off")
    factors = (rate("on"), rate("on"), rate("off", outcome="other"))
    assert numbers(evaluated(ItemBound(factors=factors, end="least"), *parts))[0] == pytest.approx(0.5)
    assert numbers(evaluated(ItemBound(factors=factors, end="greatest"), *parts))[0] == pytest.approx(0.7)


def test_item_bounds_with_ungraded_samples_and_a_missing_item() -> None:
    """On .6 (up to .8), off .7 (up to .8): least .3 … .6, greatest .6 … .8; an item drawn only on counts 0 and 1 besides."""
    parts = samples(RUN, 6, ungraded=2, trials=10), samples(RUN, 7, ungraded=1, trials=10, condition="off")
    ends = [ItemBound(factors=(rate("on"), rate("off")), end=end) for end in ("least", "greatest")]
    assert [numbers(evaluated(end, *parts)) for end in ends] == [
        pytest.approx((0.3, 0.3, 0.6)),
        pytest.approx((0.6, 0.6, 0.8)),
    ]
    one_more = samples(RUN, [6, 5], ungraded=2, trials=10), parts[1]
    assert numbers(evaluated(ends[0], *one_more)) == pytest.approx((0.3, 0.15, 0.8))


def test_log_odds_are_those_at_the_registered_m() -> None:
    """8 of 20, m = 10: x = 4, ln(4.5 / 6.5) = −.36772. With 2 of 20 ungraded up to x = 5: 0."""
    node = LogOdds(of=rate(), trials=10)
    values = evaluated(node, samples(RUN, [3, 5], ungraded=1, trials=10))
    assert numbers(values) == pytest.approx((math.log(4.5 / 6.5), math.log(4.5 / 6.5), 0.0))


def test_interaction() -> None:
    """(.9 − .4) − (.7 − .5) = .3"""
    parts = [
        samples(RUN, n, trials=10, checkpoint=f"safety@{step}", condition=c)
        for n, step, c in ((9, 40, "on"), (4, 40, "off"), (7, 0, "on"), (5, 0, "off"))
    ]
    at = {(c, step): rate(c, f"safety@{step}") for c in ("on", "off") for step in (0, 40)}
    node = Interaction(a=at["on", 40], b=at["off", 40], c=at["on", 0], d=at["off", 0])
    assert numbers(evaluated(node, *parts)) == pytest.approx((0.3, 0.3, 0.3))


def test_area_by_hand() -> None:
    """Steps 0, 10, 40, linear: weights 5/40, 20/40, 15/40. Heights 1, .5, .1: .125 + .25 + .0375 = .4125."""
    assert area_weights(STEPS, "linear") == pytest.approx([0.125, 0.5, 0.375])
    parts = [samples(RUN, n, trials=10, checkpoint=f"safety@{s}") for n, s in zip((10, 5, 1), STEPS, strict=True)]
    assert numbers(evaluated(area(rate(at="*")), *parts))[0] == pytest.approx(0.4125)


def test_log_area_by_hand() -> None:
    """log2(step + 1) of 0, 1, 3 is 0, 1, 2: weights ¼, ½, ¼. A region means nothing without its step axis."""
    assert area_weights((0, 1, 3), "log") == pytest.approx([0.25, 0.5, 0.25])
    assert area_weights((0, 1, 3), "linear") == pytest.approx([1 / 6, 1 / 2, 1 / 3])


def test_persistence_merges_the_start_with_the_first_checkpoint() -> None:
    """Σ w (T − U) − (T₀ − U₀): T₀ enters with w₀ − 1, so an ungraded T₀ is counted once, with its net sign."""
    node = Difference(left=area(gap("*")), right=gap("safety@0"))
    assert linear(node)[rate("on", "safety@0")] == pytest.approx(0.125 - 1)
    parts = [
        samples(RUN, n, trials=10, checkpoint=f"safety@{s}", condition=c, ungraded=2 * (s == 0) * (c == "on"))
        for c, counts in (("on", (8, 5, 1)), ("off", (0, 0, 0)))
        for n, s in zip(counts, STEPS, strict=True)
    ]
    assert numbers(evaluated(node, *parts)) == pytest.approx((0.3875 - 0.8, 0.3875 - 0.8 - 0.2 * 0.875, 0.3875 - 0.8))
    assert natural_range(node) == pytest.approx((-1.75, 1.75))


def test_end_is_the_runs_last_checkpoint() -> None:
    parts = [samples(RUN, n, trials=10, checkpoint=f"safety@{s}") for n, s in ((8, 0), (3, 9), (1, 10))]
    assert numbers(evaluated(rate(at="safety@end"), *parts))[0] == pytest.approx(0.1)


def test_distance_by_hand() -> None:
    """(.6, .4) against (.1, .9): ½(.5 + .5) = .5."""
    node = Distance(evaluation="e", left="on", right="off", outcomes=("target", "other"), at="safety@40")
    values = evaluated(node, samples(RUN, 6, trials=10), samples(RUN, 1, trials=10, condition="off"))
    assert numbers(values) == pytest.approx((0.5, 0.5, 0.5))


def test_variance_within_a_run_by_hand() -> None:
    """p̃ = 4.5/11 and 6.5/11, each p̃(1 − p̃)/10 = .0241736; the difference of two conditions has their sum."""
    values = evaluated(gap("safety@40"), samples(RUN, 6, trials=10), samples(RUN, 4, trials=10, condition="off"))
    assert float(values.within[0]) == pytest.approx(2 * 0.0241736, abs=1e-6)


def test_outcomes_of_the_same_samples_are_not_taken_as_independent() -> None:
    """target − other of the same draws: (σ + σ)², for they move together."""
    node = Difference(left=rate(), right=rate(outcome="other"))
    values = evaluated(node, samples(RUN, 5, trials=10))
    assert float(values.within[0]) == pytest.approx(4 * 0.025)


def test_area_of_a_rate_weighs_its_variances_by_squares() -> None:
    parts = [samples(RUN, 5, trials=10, checkpoint=f"safety@{s}") for s in STEPS]
    values = evaluated(area(rate(at="*")), *parts)
    assert float(values.within[0]) == pytest.approx(0.025 * (0.125**2 + 0.5**2 + 0.375**2))


def test_a_run_without_the_evaluation_has_no_value() -> None:
    values = evaluated(rate(), samples(RUN, 5), samples(cell("b", 1000), 3, checkpoint="safety@0"))
    assert np.isnan(values.point).tolist() == [False, True]


def test_an_unknown_outcome_is_refused() -> None:
    with pytest.raises(UserError, match="no outcome 'gone'"):
        evaluated(rate(outcome="gone"), samples(RUN, 5))


def test_a_star_outside_an_area_is_refused() -> None:
    with pytest.raises(UserError, match="outside an area"):
        leaves(rate(at="*"))


def test_ungraded_is_counted_per_condition() -> None:
    rows = table([samples(RUN, 5, ungraded=1), samples(RUN, 5, ungraded=3, condition="off")])
    lost, drawn = ungraded_share(gap("safety@40"), read(rows))
    assert (lost / drawn).ravel().tolist() == [3 / 20, 1 / 20]


def test_first_area() -> None:
    inner = area(gap("*"))
    assert first_area(Difference(left=rate(), right=inner)) is inner
    assert first_area(rate()) is None


# --- properties ----------------------------------------------------------------------------------------------------

KEYS = [("e", condition, f"safety@{step}") for condition in ("on", "off") for step in STEPS]


@st.composite
def tables(draw) -> Table:
    """Three runs of three items, with anything from nothing to all ungraded."""
    counts = {}
    for key in KEYS:
        trials = draw(st.integers(1, 6))
        target = np.array(draw(st.lists(st.integers(0, trials), min_size=9, max_size=9)), float).reshape(3, 3)
        lost = np.minimum(
            np.array(draw(st.lists(st.integers(0, trials), min_size=9, max_size=9)), float).reshape(3, 3), trials - target
        )
        n = {"target": target, "ungraded": lost, "other": trials - target - lost}
        counts[key] = Counts(np.full((3, 3), float(trials)), n, n, n)
    runs = tuple(cell("a", 1000 + k) for k in range(3))
    return Table(runs, np.zeros(3, bool), {"e": ("i0", "i1", "i2")}, {"e": ("t0", "t0", "t1")}, counts)


def atoms() -> st.SearchStrategy[Expression]:
    conditions, points = st.sampled_from(["on", "off"]), st.sampled_from([f"safety@{s}" for s in STEPS])
    rates = st.one_of(
        st.builds(rate, conditions, points),
        st.builds(lambda condition, at: several("target", "other", condition=condition, at=at), conditions, points),
    )
    return st.one_of(
        rates,
        st.builds(lambda a, b: Ratio(left=a, right=b), rates, rates),
        st.builds(lambda a, b: ItemProduct(factors=(a, b)), rates, rates),
        st.builds(lambda a, b, end: ItemBound(factors=(a, b), end=end), rates, rates, st.sampled_from(["least", "greatest"])),
        st.builds(lambda a: LogOdds(of=a, trials=12), rates),
        st.builds(
            lambda at: Distance(evaluation="e", left="on", right="off", outcomes=("target", "other", "ungraded"), at=at), points
        ),
    )


def expressions() -> st.SearchStrategy[Expression]:
    def more(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        return st.one_of(
            st.builds(lambda a, b: Difference(left=a, right=b), inner, inner),
            st.builds(lambda a, b, c, d: Interaction(a=a, b=b, c=c, d=d), inner, inner, inner, inner),
            st.builds(area, inner, st.sampled_from(["log", "linear"])),
        )

    return st.recursive(atoms(), more, max_leaves=5)


@given(expressions(), tables())
def test_the_ends_hold_the_point_and_the_natural_range_holds_the_ends(expression: Expression, data: Table) -> None:
    values = evaluate(expression, data)
    low, high = natural_range(expression)
    known = np.isfinite(values.point)
    assert (values.low[known] <= values.point[known] + 1e-9).all()
    assert (values.point[known] <= values.high[known] + 1e-9).all()
    assert (values.low >= low - 1e-9).all()
    assert (values.high <= high + 1e-9).all()


@given(atoms(), tables(), st.sampled_from(["log", "linear"]))
def test_the_area_of_a_constant_is_the_constant(atom: Expression, data: Table, axis: str) -> None:
    np.testing.assert_allclose(evaluate(area(atom, axis), data).point, evaluate(atom, data).point)


@given(expressions(), expressions(), tables())
def test_swapping_a_difference_flips_it(left: Expression, right: Expression, data: Table) -> None:
    one, other = evaluate(Difference(left=left, right=right), data), evaluate(Difference(left=right, right=left), data)
    np.testing.assert_allclose(one.point, -other.point, atol=1e-12)
    np.testing.assert_allclose(one.low, -other.high, atol=1e-12)


@given(tables(), st.sampled_from(["on", "off"]), st.sampled_from([f"safety@{s}" for s in STEPS]))
def test_item_bounds_hold_the_product_and_every_joint_rate(data: Table, condition: str, at: str) -> None:
    """Brute force: shuffle the samples of each item under one condition against the other's, and count those that have both."""
    left, right = rate(condition, at), rate("off", "safety@0")
    least, greatest = (evaluate(ItemBound(factors=(left, right), end=end), data).point for end in ("least", "greatest"))
    product = evaluate(ItemProduct(factors=(left, right)), data).point
    assert (least <= product + 1e-12).all()
    assert (product <= greatest + 1e-12).all()
    a, b = (data.counts["e", x.condition, x.at] for x in (left, right))
    rng = np.random.default_rng(0)
    grain = math.lcm(int(a.trials[0, 0]), int(b.trials[0, 0]))  # each item as this many pairs of samples
    hits = [(c.n["target"] / c.trials * grain).round().astype(int) for c in (a, b)]
    for _ in range(5):
        joint = np.mean(
            [
                [np.mean((rng.permutation(grain) < x) & (np.arange(grain) < y)) for x, y in zip(xs, ys, strict=True)]
                for xs, ys in zip(*hits, strict=True)
            ],
            axis=1,
        )
        assert (least <= joint + 1e-12).all()
        assert (joint <= greatest + 1e-12).all()


@given(expressions(), tables())
def test_a_batch_axis_changes_nothing(expression: Expression, data: Table) -> None:
    def twice(counts: Counts) -> Counts:
        n = {name: np.stack([x, x]) for name, x in counts.n.items()}
        return Counts(np.stack([counts.trials] * 2), n, n, n)

    batch = Table(data.cells, data.crashed_R, data.items, data.clusters, {key: twice(c) for key, c in data.counts.items()})
    np.testing.assert_array_equal(
        np.broadcast_to(evaluate(expression, batch).low, (2, 3)), np.stack([evaluate(expression, data).low] * 2)
    )


@given(expressions(), tables(), st.randoms(use_true_random=False))
def test_no_way_of_grading_the_ungraded_leaves_the_ends(expression: Expression, data: Table, chance) -> None:
    """Brute force: grade each ungraded sample as target or other at random, and the value stays between the ends."""

    def graded(counts: Counts) -> Counts:
        extra = np.vectorize(lambda lost: float(chance.randint(0, int(lost))))(counts.ungraded)
        n = {"target": counts.n["target"] + extra, "other": counts.n["other"] + counts.ungraded - extra, "ungraded": 0 * extra}
        return Counts(counts.trials, n, n, n)

    settled = Table(data.cells, data.crashed_R, data.items, data.clusters, {key: graded(c) for key, c in data.counts.items()})
    bounds, truth = evaluate(expression, data), evaluate(expression, settled).point
    known = np.isfinite(truth)
    assert (truth[known] >= bounds.low[known] - 1e-9).all()
    assert (truth[known] <= bounds.high[known] + 1e-9).all()
