"""Objectives and kinds of models as records: complete, refused by name where there is none, and without torch."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import filter_study
import pytest
from tiny_study import STUDY, Training, benign, score

from exante.engines.base import Run
from exante.errors import UserError
from exante.objectives import OBJECTIVES, lacking, objective_of
from exante.objectives.graded_filter import GRADED_FILTER
from exante.objectives.sample_and_filter import SAMPLE_AND_FILTER
from exante.planning.tree import plan
from exante.registry.register import register
from exante.running.jobs import training_digests
from exante.study import Arm, Phase, Profile, Recipe


def test_nothing_before_a_run_imports_torch() -> None:
    modules = "exante.objectives, exante.profiles, exante.planning.cost, exante.registry.register, exante.running.jobs"
    code = f"import sys, {modules}; print(sorted({{'torch', 'transformers'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_an_unknown_objective_is_refused_by_registration_and_by_plans() -> None:
    safety = STUDY.trainings[0].phases[0].model_copy(update={"objective": "distil"})
    study = STUDY.model_copy(update={"trainings": (Training(id="sft", title="SFT", phases=(safety,)),)})
    sentence = "phase 'safety' has the unknown objective 'distil'; the objectives are pretrain, sft, rl, adversarial"
    with pytest.raises(UserError, match=sentence):
        register(study)
    registration = register(STUDY)
    with pytest.raises(UserError, match=sentence):
        plan(registration.model_copy(update={"study": study}), "quick")


def test_a_filter_with_a_reward_is_the_graded_one() -> None:
    graded, plain = (filter_study.filtered("x", 1, **fields)[0] for fields in ({}, {"reward": None}))
    assert objective_of(graded) is GRADED_FILTER
    assert objective_of(plain) is SAMPLE_AND_FILTER


def test_a_phase_rests_on_the_code_of_its_own_objective_and_no_other() -> None:
    """By the digests of phases: engines that are imported inside functions are among them."""
    parts: dict[str, Any] = {
        "data": benign.bind(),
        "reward": score.bind(),
        "keep": score.bind(),
    }  # of a module that imports little; none is called
    rl = Phase(name="rl", objective="rl", recipe="sample", **parts)
    study = filter_study.study(
        Arm(id="all", title="all", phases=(filter_study.organism(), *filter_study.filtered("f", 1, **parts), rl))
    )
    resting = {
        job.node.phase.name: {
            name.rpartition(".")[2]
            for name in training_digests(job)
            if name.startswith(("exante.objectives.", "exante.engines."))
        }
        for job in filter_study.jobs(study)
    }
    engines = {"sft", "rl", "adversarial", "filtering", "grading"}
    others = engines | {objective.module.rpartition(".")[2] for objective in (*OBJECTIVES.values(), GRADED_FILTER)}
    assert {phase: names & others for phase, names in resting.items()} == {
        "base": {"pretrain", "sft"},
        "organism": {"sft"},
        "f_samples": {"graded_filter", "grading"},
        "f": {"sft"},
        "rl": {"rl"},
    }
    assert all("network" in names for names in resting.values())


def test_what_a_model_lacks_is_named_once() -> None:
    sampling = Profile(id="x", family="x", architecture=None, recipes={}, capabilities=("sample",))
    assert lacking((filter_study.organism(), *filter_study.filtered("f", 1)), sampling) == ["train"]
    assert lacking((), sampling) == []


@pytest.mark.parametrize("name", [name for name, objective in OBJECTIVES.items() if "reward" in objective.parts])
def test_training_without_a_reward_says_which_part_is_missing(name: str) -> None:
    objective = OBJECTIVES[name]
    assert objective.trains
    run = Run(None, Recipe(steps=1, batch=1, lr=1.0), [], 0, None, None, None, "hidden")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=f"objective {name} needs a reward"):
        objective.train(run)  # type: ignore[union-attr]
