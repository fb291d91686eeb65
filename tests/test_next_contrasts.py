"""Which contrast tells theories apart: worked by hand on three theories of two contrasts, and what a page and a plan say."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tiny_study import STUDY as TINY

from exante.analysis.next_contrasts import allowed, differences, next_contrasts, outcome
from exante.planning import theories as rivals
from exante.report.theories import next_arm
from exante.study import Prediction, Theory
from exante.units import Region, above, within

SPAN = {"with-without": (-280.0, 280.0), "same-end": (-100.0, 100.0)}


def theory(id: str, **regions: Region) -> Theory:
    predictions = tuple(Prediction(contrast=name.replace("_", "-"), region=region) for name, region in regions.items())
    return Theory(id=id, title=id.upper(), says="…", predictions=predictions)


SILENT = theory("alike", same_end=within(-10, 10, "pp"))
STUDY = TINY.model_copy(update={"theories": (*TINY.theories, SILENT)})
MATTERS, HARMS, ALIKE = STUDY.theories


def row(name: str, contrast: str, verdict: str, low: float | None, high: float | None, reason: str = "") -> dict[str, Any]:
    prediction = next(p for t in STUDY.theories if t.id == name for p in t.predictions if p.contrast == contrast)
    region = prediction.region.model_dump()
    return {"contrast": contrast, "region": region, "verdict": verdict, "reason": reason, "low": low, "high": high}


def told(first: dict[str, Any], second: dict[str, Any], third: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": t.id, "regions": [one]} for t, one in zip(STUDY.theories, (first, second, third), strict=True)]


def open_(name: str, contrast: str, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return row(name, contrast, "undecided", low, high, "not in this preset" if low is None else "the interval crosses")


CROSSING = told(
    open_("matters", "with-without", -100, 190), open_("harms", "with-without", -100, 190), open_("alike", "same-end")
)


def test_a_silent_theory_allows_the_whole_range() -> None:
    assert allowed(ALIKE, "with-without", SPAN["with-without"]) == SPAN["with-without"]
    assert allowed(MATTERS, "with-without", SPAN["with-without"]) == (10, 280)
    assert allowed(ALIKE, "same-end", SPAN["same-end"]) == (-10, 10)


def test_excluding_regions_and_their_distance() -> None:
    assert differences(STUDY, MATTERS, HARMS) == {"with-without": (True, 290.0)}, "middles at ±145"
    assert differences(STUDY, MATTERS, ALIKE) == {"with-without": (False, 145.0), "same-end": (False, 90.0)}
    touching = theory("touching", with_without=Region(high=10, unit="pp"))
    assert differences(STUDY, MATTERS, touching)["with-without"][0], "open regions that touch share no value"
    overlapping = theory("overlapping", with_without=Region(high=11, unit="pp"))
    assert not differences(STUDY, MATTERS, overlapping)["with-without"][0]
    assert differences(STUDY, MATTERS, theory("twin", with_without=above(10, "pp"))) == {}


def test_the_contrast_on_which_they_exclude_each_other_comes_first_then_what_was_not_asked() -> None:
    steps = next_contrasts(STUDY, CROSSING)
    assert [(s.theories, s.contrast) for s in steps] == [
        (("matters", "alike"), "same-end"),
        (("harms", "alike"), "same-end"),
        (("matters", "harms"), "with-without"),
    ], "two pairs wait for same-end, which has no runs; one for with-without"
    assert [s.excluding for s in steps] == [False, False, True]
    assert [s.asked for s in steps] == [False, False, True]
    assert [s.width for s in steps] == [math.inf, math.inf, 1.0], "290 wide, 290 apart"


def test_with_runs_everywhere_the_widest_interval_relative_to_the_distance_comes_first() -> None:
    def contrast_of(half: float) -> str:
        ends = told(
            open_("matters", "with-without", -29, 116),
            row("harms", "with-without", "contradicted", -29, 116),
            open_("alike", "same-end", -half, half),
        )
        (step,) = next_contrasts(STUDY, ends)
        assert step.theories == ("matters", "alike")
        return step.contrast

    assert contrast_of(44) == "with-without", "145 / 145 against 88 / 90"
    assert contrast_of(46) == "same-end", "145 / 145 against 92 / 90"


@pytest.mark.parametrize(("verdict", "found"), [("supported", 1), ("contradicted", 0)])
def test_what_is_decided_is_not_asked_again(verdict: str, found: int) -> None:
    """A pair of which one is refuted, or both are supported, is decided: theories may be true together."""
    gone = row("harms", "with-without", "contradicted", 20, 30)
    half = told(row("matters", "with-without", verdict, 20, 30), gone, open_("alike", "same-end", -50, 50))
    steps = next_contrasts(STUDY, half)
    assert [s.contrast for s in steps] == ["same-end"] * found
    both = told(row("matters", "with-without", verdict, 20, 30), gone, row("alike", "same-end", "supported", -1, 1))
    assert next_contrasts(STUDY, both) == []
    assert next_arm(both, STUDY) is None


def test_exploratory_verdicts_are_read_by_their_intervals() -> None:
    assert outcome(row("matters", "with-without", "exploratory", 20, 30)) == "supported"
    assert outcome(row("matters", "with-without", "exploratory", -20, 0)) == "contradicted"
    assert outcome(row("alike", "same-end", "exploratory", -20, -11)) == "contradicted"
    assert outcome(row("matters", "with-without", "exploratory", 20, 30, "a gate failed")) == "undecided"
    assert outcome(row("matters", "with-without", "exploratory", None, None, "not in this preset")) == "undecided"


def test_the_page_names_arms_and_pairs() -> None:
    said = next_arm(CROSSING, STUDY)
    assert said is not None
    assert said["first"]["arms"] == "with against without"
    assert not said["first"]["asked"]
    assert [pair["titles"] for pair in said["first"]["pairs"]] == [["it matters", "ALIKE"], ["it harms", "ALIKE"]]
    assert [one["contrast"] for one in said["rest"]] == ["with − without"]


def test_the_planner_says_which_arms_tell_which_pair_apart() -> None:
    first, second, third = rivals.pairs(STUDY, "quick")
    assert first == "'matters' and 'harms' exclude each other on with-without (with against without)"
    assert second.startswith("'matters' and 'alike' may be true together: with-without (with against without) test the one")
    alone = TINY.presets["quick"].model_copy(update={"arms": ("with",)})
    lacking = STUDY.model_copy(update={"presets": {"quick": alone}})
    assert rivals.pairs(lacking, "quick")[0].endswith("(with against without; not in this preset)")
    assert "'harms' and 'alike'" in third
