"""The ledger of objections with its evidence: which studies ask each row, and what runs have answered.

A study names the rows that it addresses and the contrasts that answer them; a row that no study names is "not asked". Only
decided contrasts of runs at preset default or larger answer. Does not judge evidence: verdicts come from runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from exante import studies
from exante.analysis import criteria
from exante.analysis.answers import ENOUGH, Link, State, decided, large_enough, state
from exante.evidence.ledger import LEDGER, SOURCES
from exante.evidence.runs import verdicts_by_run
from exante.planning.tree import has_runs
from exante.study import Study
from exante.units import Region, shown

NOBODY = "not asked by any study"
Json = dict[str, Any]


class Answer(NamedTuple):
    """What one run says of an objection: the run's name, its verdicts, and their row of the objection."""

    run: str
    verdicts: Json
    row: Json


def table(runs: Path | None = None) -> list[Json]:
    """The ledger with the shipped studies' questions and the evidence of the run directories in `runs`."""
    return ledger([studies.load(name) for name in studies.shipped()], verdicts_by_run(runs) if runs else {})


def ledger(asking: Iterable[Study], verdicts_by_run: Mapping[str, Json]) -> list[Json]:
    """One row per objection: `id, source, says, state, studies, evidence, asked, gap`.

    `asking` are the studies whose questions are shown. `evidence` holds what runs say of linked contrasts that have runs; `asked`
    every linked contrast that nothing has decided yet, with its region and the half-width that its preset plans for.
    """
    asking = list(asking)
    questions = [question for study in asking for question in asked_by(study)]
    answers = [Answer(name, verdicts, row) for name, verdicts in verdicts_by_run.items() for row in verdicts["objections"]]
    gaps = [(objection.id, objection.gap) for study in asking for objection in study.objections]
    gaps += [(answer.row["id"], answer.row.get("gap")) for answer in answers]
    rows = []
    for key in dict.fromkeys((*LEDGER, *(answer.row["id"] for answer in answers))):
        of_row = [answer for answer in answers if answer.row["id"] == key]
        rows.append(
            _row(
                key,
                LEDGER.get(key) or of_row[0].row.get("says", ""),
                [question for question in questions if question["objection"] == key],
                of_row,
                [gap for about, gap in gaps if about == key and gap] + _untested_criteria(key, verdicts_by_run),
                verdicts_by_run,
            )
        )
    return rows


def _untested_criteria(key: str, verdicts_by_run: Mapping[str, Json]) -> list[str]:
    """The criteria that are not met, for the rows of the ledger that the criteria answer."""
    rows = criteria.entries(verdicts_by_run) if key in criteria.ROWS else []
    arm = criteria.usual_arm(criteria.arms_of(rows))
    return [f"criteria {lacking}" for lacking in criteria.judge(rows, arm, "")["lacking"]] if arm else []


def _row(
    key: str, says: str, questions: list[Json], answers: list[Answer], gaps: list[str], verdicts_by_run: Mapping[str, Json]
) -> Json:
    names = [*(question["study"] for question in questions), *(answer.verdicts["study"] for answer in answers)]
    evidence = [item for answer in answers for item in _evidence(answer)]
    settled = {(item["study"], item["contrast"]) for item in evidence if item["preset"] in ENOUGH and decided(item["verdict"])}
    return {
        "id": key,
        "source": SOURCES[key[0]] if key in LEDGER else "a study outside exante",
        "says": says,
        "state": _state(key, bool(questions), answers, verdicts_by_run),
        "studies": ", ".join(dict.fromkeys(names)) or NOBODY,
        "evidence": evidence,
        "asked": [
            {name: value for name, value in question.items() if name != "objection"}
            for question in questions
            if (question["study"], question["contrast"]) not in settled
        ],
        "gap": "; ".join(dict.fromkeys(gaps)) or ("" if names else "no shipped study asks it"),
    }


def _state(key: str, questioned: bool, answers: list[Answer], verdicts_by_run: Mapping[str, Json]) -> State:
    """A row is answered if one run answers it; the rows that the criteria answer take all runs together."""
    if key in criteria.ROWS:
        answered = criteria.settled(key, verdicts_by_run)
    else:
        answered = any(state_in(answer.verdicts, answer.row) == "answered" for answer in answers)
    if answered:
        return "answered"
    return "asked, undecided" if questioned or any(answer.row.get("evidence") for answer in answers) else "not asked"


def state_in(verdicts: Json, row: Json) -> State:
    """The state of one of a run's objections, by the run's own verdicts."""
    contrasts = {contrast["id"]: contrast for contrast in verdicts.get("contrasts", [])}
    links = [
        Link(item["verdict"], bool(contrasts.get(item["contrast"], {}).get("primary")), item["estimate"] is not None)
        for item in row.get("evidence", [])
    ]
    return criteria.state_of(row["id"], state(links, large_enough(verdicts["preset"], bool(verdicts.get("pilot")))), verdicts)


def _evidence(answer: Answer) -> list[Json]:
    """The contrasts linked to an objection that have runs in the preset of one run."""
    verdicts = answer.verdicts
    contrasts = {contrast["id"]: contrast for contrast in verdicts.get("contrasts", [])}
    evidence = []
    for item in answer.row.get("evidence", []):
        if item["estimate"] is not None:
            contrast = contrasts.get(item["contrast"], {})
            registered = {"stamp": contrast.get("stamp"), "region": contrast.get("region")}
            evidence.append(item | {"preset": verdicts["preset"]} | registered | {"run": answer.run})
    return evidence


def asked_by(study: Study) -> list[Json]:
    """Every contrast that a study links to an objection: `objection, study, contrast, region, unit, stamp, preset,
    planned_half_width`. The preset is default where it holds the contrast, else full; the half-width is null in neither."""
    from exante.planning.power import half_width  # numpy and scipy: not needed to list the ledger's rows

    questions, planned = [], {}
    linked = {(o.id, name) for o in study.objections for name in o.contrasts}
    linked |= {(key, contrast.id) for contrast in study.contrasts for key in contrast.objections}
    linked |= {(key, contrast.id) for contrast in study.contrasts if contrast.criteria for key in criteria.ROWS}
    for contrast in study.contrasts:
        for key in sorted(key for key, name in linked if name == contrast.id):
            if contrast.id not in planned:
                preset = next((p for p in ENOUGH if p in study.presets and has_runs(contrast, study.presets[p])), None)
                half = None if preset is None else round(half_width(study, contrast, study.presets[preset]), 1)
                planned[contrast.id] = {"preset": preset, "planned_half_width": half}
            region = contrast.region.model_dump()
            question = {"objection": key, "study": study.id, "contrast": contrast.id, "stamp": contrast.stamp}
            questions.append(question | {"region": region, "unit": contrast.region.unit} | planned[contrast.id])
    return questions


# --- as text --------------------------------------------------------------------------------------------------------------


SHOWN = 3
"""Pieces of evidence, and of open questions, in a line of the table; the JSON holds all."""


def lines(rows: Iterable[Json]) -> list[dict[str, str]]:
    """The rows as text for a table: evidence and open questions in a phrase each, what is decided first."""
    plain = ("id", "source", "says", "state", "studies")
    return [
        {key: row[key] for key in plain}
        | {
            "evidence": _phrase(map(_evidence_text, sorted(row["evidence"], key=lambda item: not decided(item["verdict"]))))
            or "none",
            "asked": _phrase(
                _question_text(item) for item in row["asked"] if not Region.model_validate(item["region"]).unbounded
            ),
            "gap": row["gap"],
        }
        for row in rows
    ]


def _phrase(texts: Iterable[str]) -> str:
    """The first few, and how many more there are."""
    phrases = list(texts)
    rest = len(phrases) - SHOWN
    return "; ".join([*phrases[:SHOWN], *([f"{rest} more with --json"] if rest > 0 else [])])


def _evidence_text(item: Json) -> str:
    low, high = shown(item["low"]), shown(item["high"])
    interval = f" [{low}, {high}]" if low and high else ""
    tail = ", ".join(filter(None, (item["verdict"], f"preset {item['preset']}", item["stamp"])))
    return f"{item['study']} {item['contrast']}: {shown(item['estimate'])}{interval} {item['unit']}, {tail}"


def _question_text(item: Json) -> str:
    planned = "in no preset" if item["preset"] is None else f"± {item['planned_half_width']} planned in preset {item['preset']}"
    return f"{item['study']} {item['contrast']}: {region_words(item['region'])}, {planned}"


def region_words(region: Json) -> str:
    """A region for a table: "10 to 20 pp", "> 10 pp"."""
    low, high, unit = (value := Region.model_validate(region)).low, value.high, value.unit
    if low is None and high is None:
        return "no hypothesis"
    if low is not None and high is not None:
        return f"{low:g} to {high:g} {unit}"
    return f"> {low:g} {unit}" if low is not None else f"< {high:g} {unit}"
