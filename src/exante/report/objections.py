"""The ledger of objections as one run's page shows it.

Words and picks only. Does not know about HTML.
"""

from __future__ import annotations

from typing import Any

from exante.analysis.answers import large_enough
from exante.evidence import objections
from exante.report import words
from exante.report.contrasts import sign
from exante.study import Study

STATES = {
    "answered": "Answered: every clause is decided.",
    "answered in part": "Answered in part.",
    "asked, undecided": "Asked, undecided.",
    "not asked": "Not asked: no contrast of this study is linked to it.",
}
TOO_SMALL = "A demonstration or a pilot answers no objection: that takes preset default or larger."


def objection_rows(run: str, verdicts: dict[str, Any], study: Study) -> dict[str, list[dict[str, Any]]]:
    """`asked`: the rows that this study asks, with this run's evidence. `rest`: the rows that it does not ask."""
    asked_here = {str(row["id"]) for row in verdicts["objections"]} | {objection.id for objection in study.objections}
    says = {objection.id: objection.says for objection in study.objections}
    titles = {contrast.id: contrast.title for contrast in study.contrasts}
    rows = objections.ledger([study], {run: verdicts})
    asked = [_objection(row, says, titles, verdicts) for row in rows if row["id"] in asked_here]
    return {"asked": asked, "rest": [row for row in rows if row["id"] not in asked_here]}


def _objection(row: dict[str, Any], says: dict[str, str], titles: dict[str, str], verdicts: dict[str, Any]) -> dict[str, Any]:
    answers = large_enough(str(verdicts.get("preset")), bool(verdicts.get("pilot")))
    return {
        "id": str(row["id"]),
        "says": says.get(row["id"]) or str(row["says"]),
        "ledger": words.sentence(str(row["says"])),
        "source": str(row["source"]),
        "state": STATES[row["state"]] + ("" if answers or not row["evidence"] else f" {TOO_SMALL}"),
        "gap": words.sentence(words.plain(row["gap"])),
        "clauses": [_clause(clause) for clause in row["clauses"]],
        "evidence": [_evidence(part, titles) for part in row["evidence"]],
        "asked": [_question(part, titles) for part in row["asked"]],
    }


def _clause(clause: dict[str, Any]) -> dict[str, str]:
    """A clause with the contrasts that answer it, and why it is open."""
    contrasts = ", ".join(dict.fromkeys(str(part["contrast"]) for part in clause["evidence"]))
    state = f"decided by {contrasts}" if clause["state"] == "decided" else "open"
    return {"id": str(clause["id"]), "says": str(clause["says"]), "state": state, "why": words.sentence(str(clause["why"]))}


def _evidence(part: dict[str, Any], titles: dict[str, str]) -> dict[str, str]:
    unit, verdict = str(part.get("unit", "")), str(part.get("verdict", "undecided"))
    return {
        "contrast": titles.get(str(part.get("contrast")), f"{part.get('study', '')} {part.get('contrast', '')}"),
        "estimate": words.quantity(part.get("estimate"), unit, long=True),
        "interval": words.interval(part.get("low"), part.get("high"), unit),
        "region": words.region(part.get("region")),
        "stamp": words.plain(part.get("stamp")),
        "verdict": verdict,
        "sign": sign(verdict),
    }


def _question(part: dict[str, Any], titles: dict[str, str]) -> dict[str, str]:
    """An undecided question: its region, and the half-width that is planned for its interval."""
    unit, half = part["unit"], part["planned_half_width"]
    planned = "in no preset that could answer it" if half is None else f"preset {part['preset']} plans for"
    width = "" if half is None else f" ±{words.quantity(half, unit).lstrip('+')}"
    return {
        "contrast": titles.get(str(part["contrast"]), str(part["contrast"])),
        "region": words.region(part["region"]),
        "planned": planned + width,
    }
