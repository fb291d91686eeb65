"""What the figures draw: rates along the way, rates at single checkpoints, numeric scores as means."""

from __future__ import annotations

import pandas as pd
import pytest
from tiny_study import STUDY

from exante.analysis.series import cells, outcomes, together
from exante.evaluations.faking_measures import OUTCOMES
from exante.measures import MeanScore, Measure, Rate
from exante.parts import Part
from exante.storage.tables import once
from exante.study import Evaluation

COLUMNS = ["cell", "arm", "model", "base", "behaviour", "training", "seed", "checkpoint", "evaluation", "condition", "outcome"]


def row(seed: int, checkpoint: str, evaluation: str, n: int, score: float) -> dict:
    fixed = ("none", "m", "b#1", "boo", "none", seed, checkpoint, evaluation, "asked", "yes")
    counts = {"item": "i", "cluster": "c", "n": n, "trials": 10, "score_sum": score, "score_sumsq": score**2}
    return dict(zip(COLUMNS, (f"c{seed}", *fixed), strict=True)) | counts


def measure(expression: Rate | MeanScore) -> Measure:
    return Measure(id="m", title="m", expression=expression, unit="%", low=0, high=100)


def drawn(expression: Rate | MeanScore, rows: list[dict]) -> pd.DataFrame:
    measured = once(pd.DataFrame(rows))
    totals = measured.totals({"e": ["yes", "maybe"]})
    study = STUDY.model_copy(update={"measures": (measure(expression),)})
    return outcomes(study, measured, totals, {row["cell"] for row in rows})


def test_one_checkpoint_is_a_level_and_two_are_a_trajectory() -> None:
    rate = Rate(evaluation="e", condition="asked", outcome="yes", at="p@end")
    level = drawn(rate, [row(1, "p@8", "e", 3, 0.0), row(2, "p@8", "e", 5, 0.0), row(1, "p@8", "other", 9, 0.0)])
    assert set(level["figure"]) == {"level"}
    assert sorted(level.loc[level["seed"] != -1, "value"]) == [30.0, 50.0]
    assert list(level.loc[level["seed"] == -1, "value"]) == [40.0]
    twice = drawn(rate, [row(1, "p@0", "e", 1, 0.0), row(1, "p@8", "e", 3, 0.0)])
    assert set(twice["figure"]) == {"trajectory"}
    assert list(twice.loc[twice["seed"] == 1, "value"]) == [10.0, 30.0]


def test_a_numeric_score_is_drawn_as_its_mean() -> None:
    score = MeanScore(evaluation="e", condition="asked", outcome="yes", at="p@end")
    found = drawn(score, [row(1, "p@8", "e", 0, 2.5)])
    assert list(found.loc[found["seed"] == 1, "value"]) == [pytest.approx(25.0)]


def test_outcomes_that_are_read_together_are_drawn_together() -> None:
    both = Rate(evaluation="e", condition="asked", outcome=("yes", "maybe"), at="p@end")
    rows = [row(1, "p@8", "e", 3, 0.0), row(1, "p@8", "e", 2, 0.0) | {"outcome": "maybe"}]
    found = drawn(both, rows)
    assert list(found.loc[found["seed"] == 1, "value"]) == [50.0]
    assert set(found["panel"]) == {"e · asked · yes or maybe · p"}


JOINT = tuple(f"{act}-{thought}" for act in ("done", "covert") for thought in ("plain", "aware", "both"))


@pytest.mark.parametrize(
    ("outcomes", "name"),
    [
        (("covert-plain",), "covert-plain"),
        (("covert-plain", "covert-aware", "covert-both"), "covert"),
        (("covert-aware", "covert-both"), "covert: aware or both"),
        (("done-aware", "done-both", "covert-aware", "covert-both"), "aware or both"),
        (("done-aware", "covert-both"), "done-aware or covert-both"),
        (("done-plain", "ungraded"), "done-plain or ungraded"),
        (("done-plain", "done-aware", "done-both", "ungraded"), "done or ungraded"),
        (JOINT, "any"),
    ],
)
def test_names_of_outcomes_read_together(outcomes: tuple[str, ...], name: str) -> None:
    assert together(outcomes, (*JOINT, "ungraded")) == name


def test_the_eight_cells_leave_out_what_an_evaluation_declares_besides() -> None:
    faked = Evaluation(
        id="e",
        items=Part(target="m:items", version=1),
        score=Part(target="m:score", version=1),
        conditions=("train",),
        outcomes=(*OUTCOMES[:-1], "styled", "ungraded"),
        at=("p@end",),
    )
    counted = [row(1, "p@8", "e", 1, 0.0) | {"condition": "train", "outcome": outcome} for outcome in faked.outcomes]
    measured = once(pd.DataFrame(counted))
    study = STUDY.model_copy(update={"evaluations": (faked,)})
    found = cells(study, measured, measured.totals({"e": faked.outcomes}), {"c1"})
    assert {panel.split(" · ")[2] for panel in found["panel"]} == set(OUTCOMES)
