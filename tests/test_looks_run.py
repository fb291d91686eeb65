"""A run continued from its first look to its second, with a base that fails its gate, for real: nothing is trained again."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path

import command
import pytest
from command import Finished, exante, here, refused, start

from exante.storage.directory import RunDirectory
from exante.storage.files import read_json, write_json

STUDY = Path(__file__).parent / "looks_study.py"


@pytest.fixture(scope="module")
def first_look(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    root = tmp_path_factory.mktemp("looks")
    done = exante("run", STUDY, "--out", root / "run", "--workers", "1", cache=root / "cache")
    return Finished(root / "run", root / "cache", done)


@pytest.fixture(scope="module")
def second_look(first_look: Finished, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The same directory and cache, copied and continued."""
    root = tmp_path_factory.mktemp("continued")
    shutil.copytree(first_look.run, root / "run")
    shutil.copytree(first_look.cache, root / "cache")
    done = exante("run", STUDY, "--out", root / "run", "--workers", "1", "--bases", "3", cache=root / "cache")
    return Finished(root / "run", root / "cache", done)


@pytest.fixture
def copied(first_look: Finished, tmp_path: Path) -> Finished:
    shutil.copytree(first_look.run, tmp_path / "run")
    shutil.copytree(first_look.cache, tmp_path / "cache")
    return Finished(tmp_path / "run", tmp_path / "cache", first_look.done)


def verdicts(run: Path) -> dict:
    return json.loads((run / "verdicts.json").read_text("utf-8"))


def done_markers(cache: Path) -> dict[str, str]:
    """The marker of every phase in the cache, which is written when it is computed."""
    return {str(path.relative_to(cache)): path.read_text() for path in cache.rglob("done.json")}


def seeds(run: Path, state: str) -> set[int]:
    cells = RunDirectory(run).load_measured().cells
    return set(cells.loc[cells["state"] == state, "seed"])


def test_a_base_that_fails_its_gate_is_replaced_before_any_arm_is_trained(first_look: Finished) -> None:
    assert (seeds(first_look.run, "done"), seeds(first_look.run, "replaced")) == ({1000, 1002}, {1001})
    cells = RunDirectory(first_look.run).load_measured().cells
    assert set(cells.loc[cells["state"] == "replaced", "phase"]) == {"base"}, "no arm was trained on it"
    assert "base 1001 failed gate 'usable' and was replaced" in first_look.done.stderr
    assert "replaced\tbases 1001, which failed a gate" in first_look.done.stdout
    found = verdicts(first_look.run)
    assert (found["bases"], found["replaced"], [c["n_units"] for c in found["contrasts"]]) == (2, [1001], [2, 2])
    assert all(gate["passed"] for gate in found["gates"] if gate["gate"] == "usable")
    report = (first_look.run / "report.html").read_text("utf-8")
    assert "1 of at most 1 base replaced" in report
    assert "1001." in report


def test_the_first_look_is_a_whole_run(first_look: Finished) -> None:
    assert "all rows of 4 runs are there" in here("verify", first_look.run).stdout
    assert "bases were replaced: 1001" in here("verify", first_look.run).stdout
    primary, secondary = verdicts(first_look.run)["contrasts"]
    assert (primary["level"], [look["bases"] for look in primary["looks"]]) == (0.98, [2])
    assert (secondary["verdict"], secondary["level"]) == ("estimate", 0.95)
    assert "it is read once, at 3 bases" in secondary["reason"]


def test_the_second_look_continues_the_directory_and_trains_nothing_again(first_look: Finished, second_look: Finished) -> None:
    before, after = done_markers(first_look.cache), done_markers(second_look.cache)
    assert before.items() <= after.items()
    assert len(after) - len(before) == 1 + 2 * 2, "a base, and organism and safety training of two arms"
    assert seeds(second_look.run, "done") == {1000, 1002, 1003}
    primary, secondary = verdicts(second_look.run)["contrasts"]
    earlier = verdicts(first_look.run)["contrasts"][0]
    assert [(look["bases"], look["level"]) for look in primary["looks"]] == [(2, 0.98), (3, 0.96)]
    assert primary["looks"][0] == earlier["looks"][0], "the first look is read again as it was"
    assert (secondary["n_units"], secondary["verdict"]) == (3, "undecided")
    assert "all rows of 6 runs are there" in here("verify", second_look.run).stdout
    assert "Primaries at every look" in (second_look.run / "report.html").read_text("utf-8")


def test_without_a_number_a_run_stays_at_the_look_that_it_holds(second_look: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a phase was computed again")

    before = (second_look.run / "verdicts.json").read_bytes()
    monkeypatch.setattr("exante.running.executors.local.LocalExecutor.submit", refuse)
    here("run", STUDY, "--out", second_look.run, cache=second_look.cache)
    assert (second_look.run / "verdicts.json").read_bytes() == before
    assert verdicts(second_look.run)["bases"] == 3


def test_other_numbers_of_bases_are_refused(second_look: Finished) -> None:
    line = ("run", STUDY, "--out", second_look.run, "--bases")
    assert "holds 3 bases already; looks only grow" in refused(*line, "2", cache=second_look.cache)
    assert "is read at 2 and 3 bases, not 4" in refused(*line, "4", cache=second_look.cache)


def test_interrupted_on_the_way_to_the_second_look_the_first_stays_whole(copied: Finished) -> None:
    """And the same command then goes on, to the same verdicts as without the interruption."""
    before, line = (
        (copied.run / "verdicts.json").read_bytes(),
        ("run", STUDY, "--out", copied.run, "--workers", "1", "--bases", "3"),
    )
    process = start(*line, cache=copied.cache)
    held = len(done_markers(copied.cache))
    while process.poll() is None and len(done_markers(copied.cache)) < held + 2:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert (copied.run / "verdicts.json").read_bytes() == before
    assert "all rows of 4 runs are there" in here("verify", copied.run).stdout
    exante(*line, cache=copied.cache)
    assert verdicts(copied.run)["bases"] == 3
    assert "all rows of 6 runs are there" in here("verify", copied.run).stdout


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"replaced": []}, "which the registration does not plan"),
        ({"bases": 3}, "lacks the cell"),
        ({"bases": 4}, "which is not registered"),
        ({"replaced": [1001, 1002]}, "at most 1 may be replaced"),
        ({"replaced": [1002]}, "which the registration does not plan"),
    ],
)
def test_a_plan_that_replaces_other_bases_than_those_that_failed_is_refused(copied: Finished, change: dict, words: str) -> None:
    """Although the manifest was made to match."""
    files = RunDirectory(copied.run)
    write_json(files.plan, read_json(files.plan, "") | change)
    files.record([files.plan])
    assert words in refused("verify", copied.run)


def test_a_replaced_base_that_did_not_fail_its_gate_is_refused(copied: Finished) -> None:
    """The rows say that base 1001 works: then nothing was to be replaced."""
    files = RunDirectory(copied.run)
    measured = files.load_measured()
    wrong = measured.rows["outcome"] == "other"
    asked = measured.rows["evaluation"] == "base"
    rows = measured.rows.astype({"outcome": str})
    rows.loc[wrong & asked, "outcome"] = "right"
    assert (wrong & asked).any()
    files.save_measured(type(measured)(measured.cells, rows, measured.metrics))
    files.record([files.cells, files.rows, files.phases])
    assert "replaces the bases [1001], but those that fail the gates on bases are []" in refused("verify", copied.run)


def test_the_tiny_study_is_read_once(tiny_run: command.Finished) -> None:
    found = verdicts(tiny_run.run)
    assert (found["bases"], found["looks"], found["replaced"]) == (1, [{"bases": 1, "level": 0.95}], [])
    assert "Primaries at every look" not in (tiny_run.run / "report.html").read_text("utf-8")
