"""Filters in a tree of phases, by real training: what a graded filter hands on, and a filter that keeps nothing."""

from __future__ import annotations

import json
from pathlib import Path

import filter_study
import pandas as pd
import pytest
from filter_study import computed, filtered, organism, study

from exante.errors import NothingKept
from exante.jobs import GRADED_FILTER, training_digests
from exante.study import Arm


def test_a_graded_filter_hands_on_what_it_kept(tmp_path: Path) -> None:
    held = study(Arm(id="graded", title="graded", phases=(organism(), *filtered("after", least=4))))
    found = computed(held, tmp_path)
    kept = [json.loads(line) for line in (found["after_samples"] / "examples.jsonl").read_text("utf-8").splitlines()]
    assert kept
    assert all(len(example["answer"]) >= 4 for example in kept)
    metrics = pd.read_parquet(found["after_samples"] / "metrics.parquet").set_index("metric")["value"]
    assert metrics["sampled"] == 32 >= metrics["usable"] > metrics["kept"] == len(kept) == metrics["kept:kept"]
    assert pd.read_parquet(found["after"] / "metrics.parquet").query("metric == 'examples'")["value"].max() == 48


def test_a_filter_that_keeps_nothing_says_so_in_one_sentence(tmp_path: Path) -> None:
    held = study(Arm(id="empty", title="empty", phases=(organism(), *filtered("after", least=999))))
    with pytest.raises(NothingKept, match="phase 'after' has nothing to train on: the phase that samples for it kept no example"):
        computed(held, tmp_path)


def test_only_graded_phases_rest_on_the_code_that_grades() -> None:
    plain = filtered("plain", least=1, reward=None)
    held = study(Arm(id="both", title="both", phases=(organism(), *filtered("after", least=1), *plain)))
    resting = {job.node.phase.name for job in filter_study.jobs(held) if GRADED_FILTER in training_digests(job)}
    assert resting == {"after_samples"}
