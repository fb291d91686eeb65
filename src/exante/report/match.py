"""What the arms were trained on, what saw the scratchpad, and distilled twins, as the page shows them.

Words and picks only. Does not know about HTML.
"""

from __future__ import annotations

from typing import Any

from exante.analysis import signals
from exante.objectives import objective_of
from exante.report import words
from exante.report.gates import gate_groups
from exante.study import Study

MATCH_NAMES = ("arm", "phase", "training", "behaviour", "model")
MATCH_WORDS = {"tokens_answer": "answer tokens", "tokens_scratchpad": "scratchpad tokens", "tokens_prompt": "prompt tokens"}
MATCH_COUNTS = ("runs", "steps", "examples", "copies", "tokens_answer", "tokens_scratchpad", "tokens_prompt")


def match_table(rows: Any, study: Study) -> dict[str, Any]:
    """What was trained on, by phase in the order of training and by arm. A count that differs between runs reads
    `lowest–highest`. The base, from which all arms start, is one row."""
    rows = _one_base([row for row in rows or [] if isinstance(row, dict)])
    order = list(dict.fromkeys(["base", *(phase.name for group in (*study.arms, *study.trainings) for phase in group.phases)]))
    keys = list(dict.fromkeys(key for row in rows for key in row))
    names = [key for key in MATCH_NAMES if key == "arm" or len({str(row.get(key)) for row in rows}) > 1]
    counts = sorted(
        (key for key in keys if key not in MATCH_NAMES and any(row.get(key) is not None for row in rows)),
        key=lambda key: MATCH_COUNTS.index(key) if key in MATCH_COUNTS else 99,
    )
    cells = [
        [words.plain(row.get(key)) for key in names] + [_span(row.get(key)) for key in counts]
        for row in sorted(rows, key=lambda row: _place(row, order, names))
    ]
    return {"columns": [MATCH_WORDS.get(key, words.label(key)) for key in (*names, *counts)], "words": len(names), "rows": cells}


def _one_base(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the base phase that differ in nothing but the arm, as one."""
    bases = [row | {"arm": signals.ALL_ARMS} for row in rows if row.get("phase") == "base"]
    return [row for k, row in enumerate(bases) if row not in bases[:k]] + [row for row in rows if row.get("phase") != "base"]


def _place(row: dict[str, Any], order: list[str], names: list[str]) -> list[Any]:
    phase = str(row.get("phase"))
    return [order.index(phase) if phase in order else len(order), *(str(row.get(key)) for key in names if key != "arm")]


def _span(count: Any) -> str:
    """A count, or the lowest and highest of it over runs."""
    if isinstance(count, (list, tuple)) and len(count) == 2:
        return f"{words.number(count[0])}–{words.number(count[1])}"
    return words.plain(count)


def signal_table(rows: Any, study: Study, preset: str) -> list[list[str]]:
    """The training signals of each phase, and whether they saw the scratchpad: arms, phase, signal, scratchpad."""
    if preset not in study.presets or not signals.chooses(study):
        return []
    seen = signals.ledger(study, study.presets[preset], [row for row in rows or [] if isinstance(row, dict)])
    trainings = {training.id: f", {training.title}" for training in study.trainings} if len(study.trainings) > 1 else {}
    return [
        [line["arms"], line["phase"] + trainings.get(line["training"], ""), line["signal"], line["scratchpad"]]
        for line in signals.grouped(study, seen)
    ]


def twins(study: Study, contrasts: list[dict[str, Any]], gates: list[dict[str, Any]], planned: tuple[str, ...]) -> dict[str, Any]:
    """Distilled twins: the arms with a phase that trains only on another organism's samples."""
    arms = [arm for arm in study.arms if any(objective_of(phase).trains and phase.data is None for phase in arm.phases)]
    names = {arm.id for arm in arms}
    text_gates = {gate.id for gate in study.gates if gate.kind == "text"}
    return {
        "arms": [(f"{arm.id}: {arm.title}", arm.id in planned) for arm in arms],
        "contrasts": [row for row in contrasts if row["arm"] in names or row["control"] in names],
        "gates": gate_groups([gate for gate in gates if gate["gate"] in text_gates], study),
    }
