"""Planted interventions, through all studies of one arm and the criteria gate: undecided perhaps, but never wrong. The real run
is `python benchmarks/gate_recovery.py`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gate_recovery import Gated, gated, main
from mechanisms.interventions import INTERVENTIONS
from mechanisms.story import Runs

from exante import studies
from exante.analysis.criteria import CRITERIA, GROUND, LADDER, USUAL
from exante.planning.tree import cells_of

SETS = 15
BY_NAME = {one.name: one for one in INTERVENTIONS}


@pytest.fixture(scope="module")
def found() -> dict[str, Gated]:
    return {name: gated(one, "default", SETS) for name, one in BY_NAME.items()}


def test_interventions_go_through_every_study_with_evidence_and_their_truths_are_criteria() -> None:
    shipped = {name: studies.load(name) for name in studies.shipped()}
    asked = {name for name, study in shipped.items() if any(c.criteria and c.arm == USUAL for c in study.contrasts)}
    for one in INTERVENTIONS:
        assert set(one.stories) == asked
        assert one.truth.keys() <= CRITERIA.keys()
    assert [one.name for one in INTERVENTIONS if all(one.truth.values())] == ["works"]


@pytest.mark.parametrize("name", BY_NAME)
def test_probabilities_are_probabilities(name: str) -> None:
    for study, story in ((studies.load(study), story) for study, story in BY_NAME[name].stories.items()):
        cells = tuple(cells_of(study.presets["default"]))
        runs = Runs(cells, {arm.id: arm for arm in study.arms}, 3, np.random.default_rng(0))
        for outcomes in story.rates(runs).values():
            p = [np.broadcast_to(np.asarray(value, float), (3, len(cells))) for value in outcomes.values()]
            assert all(((x >= 0) & (x <= 1)).all() for x in p)
            assert np.max(sum(p)) <= 1 + 1e-9, "a sample has one outcome"


def test_the_gate_is_never_wrong(found: dict[str, Gated]) -> None:
    assert {name: one.wrong for name, one in found.items()} == dict.fromkeys(BY_NAME, 0.0)
    assert all(sum(counts.values()) == SETS for one in found.values() for counts in (*one.said.values(), one.called))


def test_no_more_is_said_than_was_done(found: dict[str, Gated]) -> None:
    assert set(found["nothing"].called) == {GROUND}
    assert found["works"].said["far-ood"]["not met"] == 0 < found["works"].said["far-ood"]["met"]
    assert found["nothing"].said["far-ood"] == {"not met": SETS}
    assert found["only awareness"].said["awareness"] == {"not met": SETS}
    assert found["only cleans the thoughts"].said["cot-pressure"] == {"not met": SETS}


@pytest.mark.parametrize("name", BY_NAME)
def test_a_truth_that_is_swapped_is_seen(found: dict[str, Gated], name: str) -> None:
    one = found[name]
    swapped = replace(
        one, intervention=replace(one.intervention, truth={k: not met for k, met in one.intervention.truth.items()})
    )
    assert (one.wrong, swapped.wrong > 0) == (0.0, True)


def test_a_name_that_is_not_deserved_is_wrong(found: dict[str, Gated]) -> None:
    for name, one in found.items():
        called = replace(one, called=type(one.called)({LADDER[-1].name: SETS}))
        assert called.wrong == (0.0 if name == "works" else 1.0)


def test_the_last_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gate_recovery.INTERVENTIONS", INTERVENTIONS[:2])
    monkeypatch.setattr("sys.argv", ["gate_recovery.py", "--studies", "2", "--preset", "quick"])
    main()
    out = capsys.readouterr().out.splitlines()
    assert out[-1].split(" ")[::2] == ["recovered", "worst_wrong"]
    assert sum(line.startswith("| ") for line in out) == 1 + 2 * (len(CRITERIA) + 1)
