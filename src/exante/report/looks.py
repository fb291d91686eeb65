"""Looks and replaced bases as the page shows them.

Words and picks only. Does not know about HTML.
"""

from __future__ import annotations

from typing import Any

from exante.report import words


def look_rows(verdicts: dict[str, Any], labels: dict[str, str]) -> list[dict[str, Any]]:
    """Every primary at every look so far; empty where only one look is registered. `labels`: contrast id → its title."""
    return [
        {
            "label": labels.get(row["id"], row["id"]),
            "bases": words.plain(look.get("bases")),
            "level": words.level(look.get("level")),
            "estimate": words.quantity(look.get("estimate"), row["unit"]),
            "interval": words.interval(look.get("low"), look.get("high"), row["unit"]),
            "reason": words.sentence(str(look.get("reason") or "")),
            "decided": "decided here" if look.get("bases") == row.get("decided_at") else "",
            "in_part": f"In part: {row['in_part']}." if row.get("in_part") and look is row["looks"][-1] else "",
        }
        for row in verdicts["contrasts"]
        for look in row.get("looks") or ()
    ]


def look_stamps(verdicts: dict[str, Any], replacements: int) -> list[tuple[str, str]]:
    """Short stamps on looks and replaced bases, each with the sentence that explains it."""
    stamps = []
    looks = verdicts.get("looks") or []
    if len(looks) > 1:
        registered = " and ".join(f"{look['bases']} bases ({words.level(look['level'])})" for look in looks)
        sentence = f"Primaries are read at {registered}; this run has {words.count(verdicts['bases'], 'base')}."
        early = any(row.get("decided_at") not in (None, looks[-1]["bases"]) for row in verdicts["contrasts"])
        biased = " What was decided before the last look is an early stop, whose estimate is biased outward." if early else ""
        later = " What is not primary is read once, at the last look." if verdicts["bases"] != looks[-1]["bases"] else ""
        stamps.append(("Looks", sentence + biased + later))
    if replaced := verdicts.get("replaced"):
        numbers = ", ".join(map(str, replaced))
        gone = f"{len(replaced)} of at most {words.count(replacements, 'base')} replaced"
        stamps.append(
            ("Bases", f"{gone} by the next numbers, before any arm was trained, because a gate on bases failed: {numbers}.")
        )
    return stamps
