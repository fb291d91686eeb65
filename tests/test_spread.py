"""Warnings where the runs of a graded measure are not what its pilots promised, through `analyse`, in both directions."""

from __future__ import annotations

from typing import Any

import pytest
from planted import END, NOTHING, arms, contrast, graded, registered

from exante.analysis.analyse import analyse
from exante.storage.tables import once

EVEN = [10, 11, 9, 12, 10, 8, 11, 9]
"""Of 20: 50, 55, 45, 60, 50, 40, 55, 45 %, mean 50, squares 0 + 25 + 25 + 100 + 0 + 100 + 25 + 25 = 300, s = √(300/7) = 6.55."""


def warned(counts: dict[str, list[int]], pilot_sd: float | None, **more: Any) -> tuple[str, ...]:
    measure = graded(END.model_copy(update={"pilot_sd": pilot_sd}))
    return analyse(registered(contrast(**more), measures=(measure,)), once(arms(counts), NOTHING)).contrast("c").warnings


@pytest.mark.parametrize(("pilot_sd", "said"), [(3.2, 1), (3.3, 0), (None, 0)])
def test_runs_that_spread_more_than_twice_the_pilots(pilot_sd: float | None, said: int) -> None:
    """6.55 is more than twice 3.2 and less than twice 3.3."""
    sentences = warned({"a": EVEN, "b": [10] * 8}, pilot_sd)
    assert len(sentences) == said
    assert all("the runs of a spread by 6.5 %, more than twice the 3.2 %" in sentence for sentence in sentences)


def test_a_run_apart_from_the_others_in_either_arm() -> None:
    """Seven runs near 50 % and one at 100: mean 56, s 18.3, G = 2.4 > 2.274, the critical value of eight runs at .01."""
    apart = [10, 10, 9, 10, 10, 11, 10, 20]
    for counts in ({"a": apart, "b": EVEN}, {"a": EVEN, "b": apart}):
        name = "a" if counts["a"] is apart else "b"
        (sentence,) = warned(counts, 20.0)
        assert f"a run of {name} at 100.0 % lies apart" in sentence
    assert warned({"a": EVEN, "b": EVEN}, 20.0) == ()


def test_robust_measures_and_few_runs_warn_of_nothing() -> None:
    counts = {"a": [0, 0, 0, 20, 0, 0, 0, 0], "b": [0] * 8}
    robust = registered(contrast(), measures=(END.model_copy(update={"pilot_sd": 1.0}),))
    found = analyse(robust, once(arms(counts), NOTHING)).contrast("c")
    assert found.warnings == ()
    assert "warnings" not in found.model_dump(mode="json")
    assert warned({"a": [0, 20], "b": [0, 20]}, 1.0) == ()
    assert warned(counts, 1.0)
