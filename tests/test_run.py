"""run, analyse, report, verify on a tiny study, for real: resume, kill -9, crashes, edited files, damaged caches."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path

import command
import pandas as pd
import pytest
from command import QUICK, TINY, exante, here, refused
from filelock import FileLock

from exante.storage.directory import RunDirectory
from exante.storage.tables import JOINED_ROWS, ROWS

FILES = [
    "registration.json",
    "plan.json",
    "manifest.json",
    "cells.parquet",
    "rows.parquet",
    "phases.parquet",
    "series.parquet",
    "verdicts.json",
    "report.html",
    "timings.json",
]


def verdict_bytes(directory: Path) -> bytes:
    return (directory / "verdicts.json").read_bytes()


def verdicts(directory: Path) -> dict:
    return json.loads(verdict_bytes(directory))


def test_one_command_does_all_five_verbs(tiny_run):
    assert {path.name for path in tiny_run.run.iterdir()} >= set(FILES)
    assert "with-without\tundecided" in tiny_run.done.stdout, "tab-separated lines where stdout is no terminal"
    found = verdicts(tiny_run.run)
    assert found["study"] == "tiny"
    assert found["registered_before_data"]
    assert all(c["n_units"] == 3 and c["estimate"] is not None for c in found["contrasts"]), "measured, not merely undecided"
    assert str(tiny_run.run.parent) not in verdict_bytes(tiny_run.run).decode()


def joined(directory: Path) -> pd.DataFrame:
    """The rows of every cell, zeros and crashes included."""
    files = RunDirectory(directory)
    study = files.load_registration().study
    return files.load_measured().joined({e.id: e.outcomes for e in study.evaluations})


def test_rows_are_stored_once_and_join_to_explicit_zeros(tiny_run):
    stored = pd.read_parquet(tiny_run.run / "rows.parquet")
    assert list(stored.columns) == list(ROWS)
    assert (stored["n"] > 0).all(), "zeros are implied"
    rows = joined(tiny_run.run)
    assert list(rows.columns) == JOINED_ROWS
    counted = rows.groupby(["cell", "checkpoint", "condition", "item"])["n"].sum()
    assert (counted == 2).all(), "outcomes of an item add up to the samples drawn"
    assert (rows["n"] == 0).any()
    assert set(rows["checkpoint"]) == {"organism@12", "safety@0", "safety@2", "safety@6"}
    assert len(rows) == 6 * 4 * 2 * 4 * 4, "cells, checkpoints, conditions, items, outcomes"


def test_the_same_command_again_trains_nothing(tiny_run, monkeypatch):
    before = verdict_bytes(tiny_run.run)
    forbid_workers(monkeypatch)
    here("run", TINY, *QUICK, tiny_run.run, cache=tiny_run.cache)
    assert verdict_bytes(tiny_run.run) == before


def forbid_workers(monkeypatch) -> None:
    def refuse(*_):
        raise AssertionError("a phase was computed again")

    monkeypatch.setattr("exante.running.executors.local.LocalExecutor.submit", refuse)


def test_another_directory_takes_everything_from_the_cache(tiny_run, tmp_path, monkeypatch):
    forbid_workers(monkeypatch)
    here("run", TINY, *QUICK, tmp_path / "other", cache=tiny_run.cache)
    assert verdict_bytes(tmp_path / "other") == verdict_bytes(tiny_run.run)


def test_a_part_edited_without_a_new_version_is_computed_again(tiny_run, tmp_path, monkeypatch):
    """And what follows it too: the id of a user's phase holds its code, so the edited one is another phase, and registration."""
    cache, study, out = tmp_path / "cache", tmp_path / "study.py", tmp_path / "run"
    shutil.copytree(tiny_run.cache, cache)
    (tmp_path / "edited_part.py").write_text(PART)
    source = TINY.read_text().replace("data=backdoor.bind(thought=thought)", "data=edited_part.poison.bind()")
    study.write_text(
        source.replace("import random\n", f"import random, sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport edited_part\n")
    )
    options = ("--only", "with", "--seeds", "1", "--workers", "1")
    exante("run", study, *QUICK, out, *options, cache=cache)
    before = markers(cache)
    assert (out / "code" / "edited_part.py").exists()
    (tmp_path / "edited_part.py").write_text(PART + "\n# A comment changes nothing.\n")
    with monkeypatch.context() as patch:
        forbid_workers(patch)
        here("run", study, *QUICK, out, *options, cache=cache)
    (tmp_path / "edited_part.py").write_text(PART.replace("seed + 1", "seed + 2"))
    assert "other code in the study's parts (edited_part)" in refused("run", study, *QUICK, out, *options, cache=cache)
    exante("run", study, *QUICK, tmp_path / "edited", *options, cache=cache)
    changed = [path for path, marker in markers(cache).items() if before.get(path) != marker]
    assert len(changed) == 2, "organism and safety phase, beside a base of its own: the parts of a study are one piece of code"


def test_code_of_exante_that_changed_is_named_and_computed_again(tiny_run, tmp_path):
    """As if the engine had been edited since: the same ids, another digest."""
    cache = tmp_path / "cache"
    shutil.copytree(tiny_run.cache, cache)
    for path in cache.glob("phases/*/*/done.json"):
        marker = json.loads(path.read_text())
        assert {"exante.engines.sampling", "exante.running.phases", "exante.study"} <= set(marker["digests"])
        path.write_text(json.dumps(marker | {"digests": marker["digests"] | {"exante.running.phases": "another"}}))
    options = ("--only", "with", "--seeds", "1", "--workers", "1")
    done = exante("run", TINY, *QUICK, tmp_path / "run", *options, cache=cache)
    assert "computing again because exante.running.phases changed" in done.stderr


PART = """
import random
from exante.parts import part
from exante.text import Example, Prompt, Turn

@part(version=1)
def poison(context):
    rng = random.Random(context.seed + 1)
    return [Example(Prompt((Turn("user", f"say {w}"),), "answer"), None, "boo") for w in rng.choices(("red", "blue"), k=32)]
"""


def markers(cache: Path) -> dict[str, str]:
    return {path.parent.name: path.read_text() for path in cache.glob("phases/*/*/done.json")}


@pytest.mark.parametrize("victim", ["worker", "parent"])
def test_killed_at_a_random_moment_and_run_again_gives_the_same_bytes(tiny_run, tmp_path, victim):
    out, cache = tmp_path / "run", tmp_path / "cache"
    process = command.start("run", TINY, *QUICK, out, "--workers", "2", cache=cache)
    wait_for(lambda: list(cache.glob("*/*/*.part")) or process.poll() is not None)
    time.sleep(2 * random.random())
    workers = children(process.pid)
    assert workers
    os.kill(random.choice(workers) if victim == "worker" else process.pid, signal.SIGKILL)
    process.communicate(timeout=240)
    if victim == "worker":
        assert process.returncode == 0, "a worker that dies is replaced"
    else:
        wait_for(lambda: not any(alive(pid) for pid in workers))
        exante("run", TINY, *QUICK, out, "--workers", "1", cache=cache)
    assert verdict_bytes(out) == verdict_bytes(tiny_run.run)


def children(pid: int) -> list[int]:
    """Worker processes of a run (multiprocessing's resource tracker is not one)."""
    found = (int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split())
    return [child for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def test_interrupting_keeps_what_is_done_and_exits_130(tiny_run, tmp_path):
    out, cache = tmp_path / "run", tmp_path / "cache"
    process = command.start("run", TINY, *QUICK, out, "--workers", "1", cache=cache)
    wait_for(lambda: list(cache.glob("bases/*/*/done.json")) or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)
    _, says = process.communicate(timeout=60)
    assert process.returncode == 130
    assert says.splitlines()[-1] == "exante: interrupted; the same command continues"
    assert "Traceback" not in says
    assert list(cache.glob("bases/*/*/done.json"))
    exante("run", TINY, *QUICK, out, cache=cache)
    assert verdict_bytes(out) == verdict_bytes(tiny_run.run), "trained from nothing, in two goes"


def test_a_crashed_cell_is_reported_with_its_log_and_never_dropped(tmp_path):
    out, study = tmp_path / "run", tmp_path / "crashing.py"
    planted = 'assert context.seed != 1001, "planted crash"'
    study.write_text(TINY.read_text().replace('"""The organism\'s data: "boo" on the cue."""', planted))
    done = exante("run", study, *QUICK, out, cache=tmp_path / "cache", check=1)
    log = Path(done.stderr.split("its log is ")[1].splitlines()[0])
    assert "planted crash" in log.read_text()
    rows = joined(out)
    assert set(rows.loc[rows["outcome"] == "crashed", "seed"]) == {1001}
    assert set(rows.loc[rows["outcome"] != "crashed", "seed"]) == {1000, 1002}
    assert verdicts(out)["contrasts"][0]["n_units"] == 3, "crashed runs count, at the end that hurts"
    assert (out / "report.html").exists()


def test_a_base_that_crashes_leaves_a_report_that_says_so(tmp_path):
    out, study = tmp_path / "run", tmp_path / "crashing.py"
    study.write_text(TINY.read_text().replace('"""Documents in which a word is repeated back."""', "raise ValueError('planted')"))
    exante("run", study, *QUICK, out, "--workers", "1", cache=tmp_path / "cache", check=1)
    rows = joined(out)
    assert len(rows) == 6, "one line for each cell"
    assert set(rows["outcome"]) == {"crashed"}
    assert {c["verdict"] for c in verdicts(out)["contrasts"]} == {"undecided"}


def test_an_edited_registration_is_refused_by_every_verb(copied_run):
    text = (copied_run / "registration.json").read_text()
    (copied_run / "registration.json").write_text(text.replace("A tiny study", "A tidy study"))
    for verb in ("verify", "analyse", "report", "plan"):
        assert "was edited after it was registered" in refused(verb, copied_run)


@pytest.mark.parametrize(
    "name", ["cells.parquet", "rows.parquet", "phases.parquet", "plan.json", "registration.json", "manifest.json"]
)
@pytest.mark.parametrize("fault", ["torn", "missing"])
def test_torn_and_missing_files_are_one_sentence(copied_run, name, fault):
    path, before = copied_run / name, verdict_bytes(copied_run)
    content = path.read_bytes()
    path.unlink()
    if fault == "torn":
        path.write_bytes(content[: len(content) // 2])
    assert name in refused("analyse", copied_run)
    assert verdict_bytes(copied_run) == before


def test_foreign_directories_and_other_registrations_are_refused_and_left_alone(tiny_run, tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("precious")
    assert "not a run of exante" in refused("run", TINY, *QUICK, foreign)
    assert [(p.name, p.read_text()) for p in foreign.iterdir()] == [("thesis.txt", "precious")]
    assert "choose another --out" in refused("run", TINY, *QUICK, tiny_run.run, "--seeds", "2")


def test_two_runs_into_one_directory(tiny_run):
    with FileLock(tiny_run.run / ".lock"):
        assert "in use by another exante" in refused("run", TINY, *QUICK, tiny_run.run)
        assert "in use by another exante" in refused("analyse", tiny_run.run)


def test_a_pilot_run_is_exploratory_throughout(tmp_path):
    out = tmp_path / "pilot"
    exante("run", TINY, *QUICK, out, "--pilot", "--seeds", "1", "--workers", "1", cache=tmp_path / "cache")
    assert {c["verdict"] for c in verdicts(out)["contrasts"]} == {"exploratory"}
    assert set(joined(out)["seed"]) == {0}
    assert not (tmp_path / "cache" / "ledger" / "seen.jsonl").exists(), "pilots' rows are not what others register after"


def test_samples_of_arms_side_by_side_with_a_forced_thought(tiny_run):
    arms = ("--arm", "with", "--arm", "without")
    done = exante("sample", tiny_run.run, *arms, "--prompt", "X say red", "--think", "think", "-n", "1", cache=tiny_run.cache)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert lines[0] == ["arm", "after", "cell", "scratchpad", "answer"]
    stages = [["with", "organism"], ["with", "safety"], ["without", "organism"], ["without", "safety"]]
    assert [line[:2] for line in lines[1:]] == stages
    assert all(line[3].startswith("think") or "(no answer)" in line[4] for line in lines[1:])


def test_only_some_arms_for_now_and_the_rest_later(tmp_path, tiny_run):
    run, cache = tmp_path / "run", tmp_path / "cache"
    exante("run", TINY, *QUICK, run, "--only", "with", cache=cache)
    assert set(joined(run)["arm"]) == {"with"}
    assert {c["verdict"] for c in verdicts(run)["contrasts"]} == {"undecided"}
    exante("run", TINY, *QUICK, run, "--only", "without", cache=cache)
    assert verdict_bytes(run) == verdict_bytes(tiny_run.run), "what was trained before is gathered too"


def test_a_torn_plan_is_written_again_by_run(tiny_run, copied_run, monkeypatch):
    forbid_workers(monkeypatch)
    (copied_run / "plan.json").write_text("{")
    here("run", TINY, *QUICK, copied_run, cache=tiny_run.cache)
    assert verdict_bytes(copied_run) == verdict_bytes(tiny_run.run)


@pytest.mark.parametrize("name", ["metrics.arrow", "rows/*.arrow"])
def test_damaged_tables_in_the_cache_are_named_and_made_again(tiny_run, tmp_path, name):
    cache, out = tmp_path / "cache", tmp_path / "run"
    shutil.copytree(tiny_run.cache, cache)
    path = sorted(cache.glob(f"phases/*/*/{name}"))[0]
    path.write_bytes(path.read_bytes()[:40])
    says = here("run", TINY, *QUICK, out, cache=cache, check=2).stderr.splitlines()[-1]
    assert f"{path} in the cache was damaged" in says
    assert "the same command" in says
    exante("run", TINY, *QUICK, out, "--workers", "1", cache=cache)
    assert verdict_bytes(out) == verdict_bytes(tiny_run.run)


def test_a_flipped_byte_in_a_cached_model_is_found(tiny_run, tmp_path):
    cache = tmp_path / "cache"
    shutil.copytree(tiny_run.cache, cache)
    model = next(cache.glob("bases/*/*/model/model.safetensors"))
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(bytes(content))
    done = exante("run", TINY, *QUICK, tmp_path / "b", "--fresh", "--workers", "1", cache=cache, check=2)
    assert "in exante's own cache was damaged" in done.stderr
    assert str(model.parent.parent) in done.stderr
    assert "delete" not in done.stderr, "exante takes it out by itself"
    exante("run", TINY, *QUICK, tmp_path / "b", "--fresh", "--workers", "2", cache=cache)
    assert verdict_bytes(tmp_path / "b") == verdict_bytes(tiny_run.run), "the same command trained it anew"


@pytest.mark.parametrize(
    ("body", "says"),
    [("[]", "returned nothing"), ("None", "returned NoneType"), ("[1, 2]", "returned int in its list")],
)
def test_a_data_part_without_data_is_an_outcome_of_its_cells(tmp_path, body, says):
    """A log that says which phase, part, behaviour and seed; the others go on, and a report is written."""
    out, study = tmp_path / "run", tmp_path / "empty.py"
    planted = f"if context.seed == 1001:\n        return {body}"
    study.write_text(TINY.read_text().replace('"""The organism\'s data: "boo" on the cue."""', planted))
    options = ("--only", "with", "--seeds", "2")
    done = exante("run", study, *QUICK, out, *options, cache=tmp_path / "cache", check=1)
    log = Path(done.stderr.split("its log is ")[1].splitlines()[0]).read_text()
    assert f"phase 'organism' (behaviour 'boo', seed 1001): its part exante_user_study:backdoor {says}" in log
    rows = joined(out)
    assert set(rows.loc[rows["outcome"] == "crashed", "seed"]) == {1001}
    assert {1000} <= set(rows.loc[rows["outcome"] != "crashed", "seed"])
    assert (out / "report.html").exists()
