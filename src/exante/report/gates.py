"""Gates as the page shows them: grouped by name, failed ones first.

Words and picks only. Does not know about HTML.
"""

from __future__ import annotations

from typing import Any

from exante.report import words
from exante.study import Gate, Study

MOST_VALUES = 200
"""Values of a gate that the page shows; verdicts.json has all."""
FAILING = "failing runs"
DENOMINATOR, DENOMINATORS = "denominator of ", "denominators"


def gate_groups(gates: list[dict[str, Any]], study: Study) -> list[dict[str, Any]]:
    """Gates by name, each with its runs; failed ones first in both."""
    registered = {gate.id: gate for gate in study.gates}
    groups: dict[str, list[dict[str, Any]]] = {}
    for gate in gates:
        name = str(gate["gate"])
        if name.startswith(DENOMINATOR):
            name, gate = DENOMINATORS, gate | {"cell": f"{gate.get('cell')} · {name.removeprefix(DENOMINATOR)}"}
        groups.setdefault(name, []).append(gate)
    shown = [_gate_group(name, rows, registered.get(name)) for name, rows in groups.items()]
    return sorted(shown, key=lambda group: group["passed"])


def gate_title(name: str) -> str:
    """The title of a gate that no study registers. The gates of ratios' denominators are shown as one."""
    if name == FAILING:
        return "At most a tenth of an arm's runs fail a gate"
    return "No ratio has a denominator of zero" if name.startswith((DENOMINATOR, DENOMINATORS)) else words.label(name)


def _gate_group(name: str, rows: list[dict[str, Any]], registered: Gate | None) -> dict[str, Any]:
    unit = registered.region.unit if registered is not None and registered.region is not None else ""
    failed, passed = ([row for row in rows if bool(row.get("passed")) is state] for state in (False, True))
    shown_failed = [_gate_row(row, unit) for row in words.evenly(failed, MOST_VALUES)]
    shown_passed = [_gate_row(row, unit) for row in words.evenly(passed, MOST_VALUES - len(shown_failed))]
    numbers = [row["value"] for row in rows if isinstance(row.get("value"), (int, float))]
    return {
        "id": name,
        "title": registered.title if registered is not None else gate_title(name),
        "passed": not failed,
        "count": len(rows),
        "failures": len(failed),
        "failed": shown_failed,
        "rows": shown_failed + shown_passed,
        "ends": [_gate_value(end, unit) for end in (min(numbers), max(numbers))] if numbers else [],
        "blocks": sorted({str(block) for row in failed for block in row.get("blocks") or []}),
        "both_ends": sorted({str(name) for row in failed for name in row.get("both_ends") or []}),
        "threshold": ", ".join(dict.fromkeys(_threshold(row.get("threshold")) for row in rows)),
    }


def _gate_row(row: dict[str, Any], unit: str) -> dict[str, Any]:
    return {
        "cell": words.plain(row.get("cell")),
        "value": _gate_value(row.get("value"), unit),
        "threshold": _threshold(row.get("threshold")),
        "passed": bool(row.get("passed")),
        "blocks": words.plain(row.get("blocks") or []),
        "both_ends": words.plain(row.get("both_ends") or []),
    }


def _gate_value(value: Any, unit: str) -> str:
    return words.quantity(value, unit) if isinstance(value, (int, float)) and unit else words.plain(value)


def _threshold(threshold: Any) -> str:
    return words.region(threshold) if isinstance(threshold, dict) else words.minus(words.plain(threshold))
