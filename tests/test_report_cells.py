"""The figure of the eight cells: which arms and conditions it draws, and that every run stands in it."""

from __future__ import annotations

import base64

import pandas as pd
import pytest

from exante import studies
from exante.report import cells

STUDY = studies.load("faking-edits")


def rows(arm: str, condition: str, shares: dict[str, float], seeds: int = 3) -> list[dict[str, object]]:
    return [
        {
            "figure": "cells",
            "panel": f"edits · {condition} · {outcome} · rl",
            "arm": arm,
            "model": "m",
            "behaviour": "adverts",
            "training": "none",
            "base": "" if seed == -1 else "b#1",
            "seed": seed,
            "step": 25.0,
            "value": value,
        }
        for outcome, value in shares.items()
        for seed in (*range(seeds), -1)
    ]


@pytest.fixture
def series() -> pd.DataFrame:
    acts = {"comply-faking": 60.0, "refuse-plain": 30.0, "ungraded": 10.0, "comply-plain": 0.0}
    none = {"comply-faking": 0.0, "refuse-plain": 0.0, "ungraded": 7.0}
    made = [rows("objective", f"{edit}:{cue}", acts) for edit in ("plain", "edited") for cue in ("train", "deploy")]
    return pd.DataFrame([row for group in (*made, rows("style", "plain:train", none)) for row in group])


def svg(figure) -> str:
    return base64.b64decode(figure.wide.partition(",")[2]).decode()


def test_an_arm_that_neither_complies_nor_refuses_is_left_out(series: pd.DataFrame) -> None:
    assert [figure.title for figure in cells.figures(series, STUDY)] == ["objective"]
    assert [name for _, name in cells.legend(series)] == ["complies, faking", "refuses, plain", "ungraded"]


def test_multiples_are_checkpoints_or_conditions(series: pd.DataFrame) -> None:
    (once,) = cells.figures(series, STUDY)
    assert "plain, train: complies, faking" in once.alt
    assert "edited, deploy: complies, faking" in once.alt
    twice = cells.figures(pd.concat([series, series.assign(step=0.0)]), STUDY)
    assert [figure.title for figure in twice] == ["objective · edited", "objective · plain"]
    assert "rl, step\N{NO-BREAK SPACE}0, train: complies, faking" in twice[0].alt


def test_only_what_is_read_is_drawn_and_both_its_cues_are(series: pd.DataFrame) -> None:
    (one,) = cells.figures(series, STUDY, {("objective", "edits", "plain:train")}, keyed=True)
    assert one.title == "objective"
    assert "rl, step\N{NO-BREAK SPACE}25, deploy: complies, faking" in one.alt
    assert "complies, faking" in svg(one), "the colours' names"
    assert cells.figures(series, STUDY, {("objective", "edits", "gone:train")}) == []


def test_every_run_is_a_bar(series: pd.DataFrame) -> None:
    (one,) = cells.figures(series, STUDY, {("objective", "edits", "plain:train")})
    parts = svg(one).count('aria-roledescription="bar"')
    assert parts == 3 * 2 * 3, "runs × cues × outcomes above zero; the mean is not drawn"
