"""The criteria for training against scheming as one run's page shows them: what this run alone says.

Words and picks only. Does not know about HTML.
"""

from __future__ import annotations

from typing import Any

from exante.analysis.criteria import RULED_OUT, USUAL, arms_of, entries, judge
from exante.evidence.criteria import caveats, setting
from exante.report import words
from exante.report.contrasts import sign
from exante.study import Registration

SIGNS = {
    "met": "supported",
    "not met": "contradicted",
    "passed": "supported",
    "failed": "contradicted",
    RULED_OUT: "contradicted",
}
"""States that look like the verdict of the same kind; all others look like an undecided one."""
Json = dict[str, Any]


def interventions(registration: Registration, verdicts: Json) -> list[Json]:
    """One entry per arm that criteria contrasts are about, the usual intervention first."""
    study = registration.study
    rows = entries({"": verdicts})
    trained = [(study, str(verdicts.get("preset")))] if rows else []
    interventions = []
    for arm in sorted(arms_of(rows), key=lambda name: name != USUAL):
        judged = judge(rows, arm, setting(trained))
        interventions.append(
            {
                "title": arm,
                "called": words.sentence(judged["called"]),
                "lacking": words.sentence("; ".join(judged["lacking"])),
                "criteria": [_criterion(row) for row in judged["criteria"]],
                "ladder": [rung | _signed(rung) for rung in judged["ladder"]],
                "caveats": caveats(judged, trained),
            }
        )
    return interventions


def _signed(row: Json) -> Json:
    look = SIGNS.get(row["state"], "undecided")
    return {"look": look, "sign": sign(look)}


def _criterion(row: Json) -> Json:
    return {
        "id": row["id"],
        "says": words.sentence(row["says"]),
        "state": row["state"],
        "why": words.sentence(row["why"]),
        "evidence": [_part(part) for part in (*row["evidence"], *row["others"])],
    } | _signed(row)


def _part(part: Json) -> Json:
    skipped = "" if part["counts"] == "yes" else f" Does not count: {part['counts']}."
    return {
        "title": part["title"],
        "estimate": words.quantity(part["estimate"], part["unit"], long=True),
        "interval": words.interval(part["low"], part["high"], part["unit"]),
        "region": words.region(part["region"]),
        "n": words.count(part["n"], "base" if str(part["scope"]).startswith("over ") else "run"),
        "verdict": part["verdict"],
        "sign": sign(part["verdict"]),
        "reason": f"{words.sentence(part['reason'])}{skipped}",
    }
