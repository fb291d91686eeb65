"""Theories as the page shows them, and the contrast that would separate most of the undecided ones.

Words and picks only. Does not know about HTML.
"""

from __future__ import annotations

from typing import Any

from exante.analysis.next_contrasts import next_contrasts
from exante.report import words
from exante.report.contrasts import sign
from exante.study import Study, Theory


def theory_rows(theories: list[dict[str, Any]], contrasts: list[dict[str, Any]], study: Study) -> list[dict[str, Any]]:
    registered = {theory.id: theory for theory in study.theories}
    by_id = {row["id"]: row for row in contrasts}
    return [_theory(row, registered.get(row["id"]), by_id, registered) for row in theories]


def _theory(
    row: dict[str, Any], theory: Theory | None, contrasts: dict[str, dict[str, Any]], registered: dict[str, Theory]
) -> dict[str, Any]:
    verdict = str(row.get("verdict", "undecided"))
    tied = [registered[name].title if name in registered else str(name) for name in row.get("tied_with") or []]
    regions = [_theory_region(part, contrasts) for part in row.get("regions") or [] if isinstance(part, dict)]
    return {
        "title": theory.title if theory else str(row.get("title") or row["id"]),
        "reason": words.sentence(str(row.get("reason") or "")),
        "says": theory.says if theory else "",
        "verdict": verdict,
        "sign": sign(verdict),
        "forbids": _percent(row.get("forbids")),
        "tied": tied,
        "regions": regions,
    }


def _theory_region(part: dict[str, Any], contrasts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    contrast = contrasts.get(str(part.get("contrast")))
    verdict = str(part.get("verdict", "undecided"))
    return {
        "contrast": contrast["label"] if contrast else str(part.get("contrast")),
        "region": words.region(part.get("region")),
        "excluded": words.outside(part.get("region")),
        "share": _percent(part.get("forbids")),
        "interval": words.interval(part.get("low"), part.get("high"), str((part.get("region") or {}).get("unit", ""))),
        "verdict": verdict,
        "sign": sign(verdict),
        "reason": words.sentence(str(part.get("reason") or "")),
    }


def next_arm(theories: list[dict[str, Any]], study: Study) -> dict[str, Any] | None:
    """The contrast that would separate most undecided pairs of theories, why, and what the other pairs need; None where no pair
    is undecided."""
    steps = next_contrasts(study, theories)
    if not steps:
        return None
    titles = {theory.id: theory.title for theory in study.theories}
    contrasts = {contrast.id: contrast for contrast in study.contrasts}
    comparisons = []
    for name in dict.fromkeys(step.contrast for step in steps):
        of_contrast = [step for step in steps if step.contrast == name]
        comparisons.append(
            {
                "contrast": contrasts[name].title,
                "arms": " against ".join(filter(None, (contrasts[name].arm, contrasts[name].control))),
                "asked": of_contrast[0].asked,
                "pairs": [{"titles": [titles[t] for t in step.theories], "excluding": step.excluding} for step in of_contrast],
            }
        )
    return {"first": comparisons[0], "rest": comparisons[1:]}


def _percent(value: Any) -> str:
    """A share in percent."""
    return "–" if value is None else f"{words.number(100 * value, 0)}{words.SPACE}%"
