"""The sign-flip test reaches verdicts: small where every item moves, absent where the measure is no distance."""

from __future__ import annotations

from planted import NOTHING, cell, contrast, registered, samples, table

from exante.analysis.analyse import analyse
from exante.analysis.verdicts import ContrastVerdict
from exante.measures import Difference, Distance, Measure
from exante.storage.tables import once
from exante.units import above


def distance(left: str, right: str) -> Distance:
    return Distance(evaluation="e", left=left, right=right, outcomes=("target", "other", "ungraded"), at="safety@40")


def read(on: list[int], off: list[int], runs: int = 5) -> ContrastVerdict:
    """One arm whose runs have these counts out of 20 in each item; "off" again is read as a third condition."""
    conditions = {"on": on, "off": off, "again": off}
    rows = table(samples(cell("a", 1000 + k), counts, condition=name) for k in range(runs) for name, counts in conditions.items())
    apart = Difference(left=distance("on", "off"), right=distance("again", "off"))
    measure = Measure(id="apart", title="apart", expression=apart, unit="pp", low=-100, high=100)
    one = contrast(above(0, "pp"), control=None, measure="apart")
    return analyse(registered(one, measures=(measure,)), once(rows, NOTHING)).contrasts[0]


def test_items_that_all_move_give_a_small_p_and_noise_does_not() -> None:
    moved = read([15, 14, 16, 13, 15, 16, 14, 15], [5] * 8)
    assert moved.sign_flip == 2 / 2**8
    assert moved.estimate is not None
    assert moved.estimate > 40
    still = read([5, 15, 4, 16, 6, 14, 5, 15], [15, 5, 16, 4, 14, 6, 15, 5])
    assert still.sign_flip is not None
    assert still.sign_flip > 0.5


def test_other_measures_have_none_and_do_not_write_it_down() -> None:
    one = analyse(registered(contrast()), once(table(samples(cell(a, 1000 + k), 5) for a in "ab" for k in range(5)))).contrasts[0]
    assert one.sign_flip is None
    assert "sign_flip" not in one.model_dump()
