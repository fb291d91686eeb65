"""The verbs as Python functions: what they return, on a run of the tiny study."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import TINY, Finished

from exante import api
from exante.errors import UserError


@pytest.fixture(autouse=True)
def cache_of_the_run(tiny_run: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXANTE_CACHE_DIR", str(tiny_run.cache))


def test_a_plan_holds_cells_costs_and_what_could_be_decided(copied_run: Path) -> None:
    for study in (str(TINY), str(copied_run)):
        outlook = api.plan(study, preset="quick", workers=2)
        assert (len(outlook.plan.cells), len(outlook.plan.nodes), outlook.workers) == (6, 13, 2)
        assert set(outlook.cost) == set(outlook.plan.nodes)
        assert 0 < outlook.wall_seconds <= sum(outlook.cost.values())
        assert [row["contrast"] for row in outlook.contrasts] == [c.id for c in outlook.study.contrasts]


def test_registering_again_returns_what_is_there(copied_run: Path, tmp_path: Path) -> None:
    held = json.loads((copied_run / "registration.json").read_text("utf-8"))["registration"]["sha256"]
    assert api.register(str(TINY), copied_run).registration.sha256 == held
    fresh = api.register(str(TINY), tmp_path / "fresh")
    assert fresh.registration.sha256 == held
    assert (fresh.anchor, fresh.stamps["seen_by"]["quick"]) == ("", [])
    with pytest.raises(UserError, match="two anchors"):
        api.register(str(TINY), tmp_path / "other", commit=True, token=tmp_path)
    assert not (tmp_path / "other").exists()


def test_a_finished_run_is_run_again_at_once(copied_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is trained, and without a console nothing is printed."""
    before = (copied_run / "verdicts.json").read_bytes()
    finished = api.run(str(TINY), copied_run, preset="quick", workers=1)
    assert finished.crashes == []
    assert finished.report == copied_run / "report.html"
    assert finished.verdicts == api.analyse(copied_run)
    assert (copied_run / "verdicts.json").read_bytes() == before
    assert capsys.readouterr() == ("", "")


def test_verdicts_are_analysed_reported_and_verified(copied_run: Path) -> None:
    (copied_run / "verdicts.json").unlink()
    (copied_run / "report.html").unlink()
    assert api.analyse(copied_run)["study"] == "tiny"
    assert api.report(copied_run).read_text("utf-8").startswith("<!doctype html>")
    assert "registration intact" in api.verify(copied_run)


def test_wrong_input_is_a_user_error(copied_run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no arm 'neither'"):
        api.run(str(TINY), tmp_path / "run", preset="quick", only=["neither"])
    with pytest.raises(UserError, match="a number from 0 to 10, not nan"):
        api.sample(copied_run, ["with"], "What?", temperature=float("nan"))
    with pytest.raises(UserError, match="one of them"):
        api.sample(copied_run, ["with"], "What?", thought="I think", scratchpad=False)
    with pytest.raises(UserError, match="is not a directory"):
        api.analyse(tmp_path / "absent")
    assert not (tmp_path / "run").exists()


def test_the_cache_is_counted(tiny_run: Finished) -> None:
    contents = api.cache()
    assert contents.directory == tiny_run.cache
    assert {kind: count for kind, (count, _) in contents.kinds.items()} == {"bases": 1, "phases": 12, "models": 0}
    assert all((size > 0) == (count > 0) for count, size in contents.kinds.values())
