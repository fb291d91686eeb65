"""What a run says of itself: to another terminal while it runs, and in its first lines when it is done."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path

import pytest
from command import TINY, Finished, here
from tiny_study import STUDY

from exante import api
from exante.planning.tree import plan
from exante.registry.register import register
from exante.running.progress import TimeLeft
from exante.running.status import StatusFile, read_status
from exante.storage.directory import RunDirectory


def test_a_finished_run_says_so(tiny_run: Finished) -> None:
    state = json.loads(here("status", tiny_run.run, "--json", cache=tiny_run.cache).stdout)
    assert (state["state"], state["done"]) == ("finished", "6 of 6 runs")
    assert not (tiny_run.run / "status.json").exists()


def test_a_running_and_a_killed_run_are_told_apart(tmp_path: Path) -> None:
    here("register", TINY, "--out", tmp_path)
    assert api.status(tmp_path)["state"] == "registered, nothing was run yet"
    directory = RunDirectory(tmp_path)
    file = StatusFile(directory.status)
    file.message("phase 'organism' crashed: no")
    file.write(3, 13, 0.25, 61.0, ["organism"])
    with directory.locked():
        running = api.status(tmp_path)
    stopped = api.status(tmp_path)
    assert running["state"] == "running"
    assert running["time left"] == "about 1 min 01 s"
    assert stopped["state"].startswith("stopped before its end")
    assert running["done"] == stopped["done"] == "3 of 13 phases, 25 % of the work"
    assert stopped["messages"] == ["phase 'organism' crashed: no"]
    file.close()
    assert read_status(directory.status) is None


@pytest.mark.parametrize("content", ["", "[1]", '{"phases": "many"}', '{"phases": 1, "finished": 1, "share": 1}'])
def test_a_damaged_status_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "status.json").write_text(content)
    assert read_status(tmp_path / "status.json") is None


def test_the_share_done_never_falls_and_reaches_the_whole() -> None:
    """A phase whose worker died begins again, and what it had done is not taken off."""
    planned = plan(register(STUDY), "quick")
    estimate = TimeLeft(planned, dict.fromkeys(planned.nodes, 2.0), lambda done: 2.0 * (len(planned.nodes) - len(done)))
    estimate.start([])
    first, *rest = planned.nodes
    shares = [
        estimate.state(running, finished)[0] for running, finished in (({first: 0.9}, []), ({first: 0.1}, []), ({}, [first]))
    ]
    assert shares[0] == shares[1] < shares[2]
    assert estimate.state({}, [first, *rest])[0] == 1.0


def test_the_answer_comes_first_and_the_rest_is_counted(tiny_run: Finished, tmp_path: Path) -> None:
    shutil.copytree(tiny_run.run, tmp_path / "run")
    lines = here("analyse", tmp_path / "run", cache=tiny_run.cache).stdout.splitlines()
    verdicts = json.loads((tmp_path / "run" / "verdicts.json").read_text())
    summary = api.summary(tmp_path / "run", verdicts)
    assert lines[0] == f"answer\t{summary.answer}"
    assert len(lines[2 : 2 + len(verdicts["contrasts"])]) == len(verdicts["contrasts"])
    listed = {row["contrast"].partition(" ")[0] for row in summary.rows}
    primary = [c["id"] for c in verdicts["contrasts"] if c["primary"] and c["n_units"]]
    assert [row["contrast"].partition(" ")[0] for row in summary.rows][: len(primary)] == primary
    rest = [c for c in verdicts["contrasts"] if c["id"] not in listed]
    assert not rest or summary.others.startswith(f"{len(rest)} other contrast")
    printed = json.loads(here("analyse", tmp_path / "run", "--json", cache=tiny_run.cache).stdout)
    assert printed | {"format": verdicts["format"]} == verdicts


def test_the_version() -> None:
    assert here("--version").stdout == f"exante {version('exante')}\n"
