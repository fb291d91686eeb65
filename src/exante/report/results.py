"""Rows of `verdicts.json` joined with the titles that the study registered: contrasts, gates, theories, objections, twins.

Words and picks only; an unknown key is left alone, a missing optional one reads "–". Does not know about HTML or figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from exante.analysis import signals
from exante.analysis.algebra import leaves
from exante.analysis.answers import large_enough
from exante.analysis.next_contrasts import next_contrasts
from exante.evidence import objections
from exante.measures import Measure, contrast_range
from exante.report import words
from exante.study import Study

VERDICT_SIGNS = {"supported": "✓", "contradicted": "✕", "undecided": "?", "exploratory": "◇"}


MATCH_NAMES = ("arm", "phase", "training", "behaviour", "model")
MATCH_WORDS = {"tokens_answer": "answer tokens", "tokens_scratchpad": "scratchpad tokens", "tokens_prompt": "prompt tokens"}
MATCH_COUNTS = ("runs", "steps", "examples", "copies", "tokens_answer", "tokens_scratchpad", "tokens_prompt")
ALL_ARMS = "all arms"
STATES = {
    "answered": "Answered: the contrasts that lead on it were decided.",
    "asked, undecided": "Asked, undecided.",
    "not asked": "Not asked: no contrast of this study is linked to it.",
}
MOST_VALUES = 200
"""Values of a gate that the page shows; verdicts.json has all."""
DENOMINATOR, DENOMINATORS = "denominator of ", "denominators"
TOO_SMALL = "A demonstration or a pilot answers no objection: preset default or larger does."


def sign(verdict: str) -> str:
    """A verdict is never told by colour alone."""
    return VERDICT_SIGNS.get(verdict, "·")


def _units(row: dict[str, Any]) -> str:
    """`10 + 10 runs`: the units of the arm and of its control."""
    if not row.get("n_units"):
        return "–"
    counts = [row[key] for key in ("n_arm", "n_control") if row.get(key) is not None] or [row["n_units"]]
    kind = "bases" if str(row.get("scope")).startswith("over ") else "run" if counts == [1] else "runs"
    return f"{' + '.join(words.plain(count) for count in counts)}{words.SPACE}{kind}"


def _means(row: dict[str, Any], unit: str) -> str:
    """What the estimate is the difference of."""
    if row.get("arm_mean") is None or row.get("control_mean") is None:
        return ""
    return f"{words.quantity(row['arm_mean'], unit)} against {words.quantity(row['control_mean'], unit)}"


def contrast_row(row: dict[str, Any], study: Study) -> dict[str, Any]:
    """A contrast as the tables and figures show it; numbers beside their wording."""
    registered = next((contrast for contrast in study.contrasts if contrast.id == row["id"]), None)
    unit = str(row.get("unit", ""))
    measure = next((measure for measure in study.measures if measure.id == row.get("measure")), None)
    measure_title = measure.title if measure else words.plain(row.get("measure"))
    pair = " − ".join(str(name) for name in (row.get("arm"), row.get("control")) if name)
    verdict = "exploratory" if row.get("exploratory") else str(row["verdict"])
    low, high = _possible(row, measure)
    return {
        "id": str(row["id"]),
        "label": registered.title if registered else str(row.get("title") or f"{pair}, {measure_title}"),
        "pair": pair,
        "measure_title": measure_title,
        "where": _where(registered, row, study),
        "verdict": verdict,
        "sign": sign(verdict),
        "stamp": registered.stamp if registered and registered.stamp == "installed" else "",
        "unit": unit,
        "low": low,
        "high": high,
        "number": row.get("estimate"),
        "estimate": words.quantity(row.get("estimate"), unit, long=True),
        "interval": words.interval(low, high, unit),
        "level": words.level(row.get("level")),
        "region": row.get("region"),
        "hypothesis": "none" if registered and registered.region.unbounded else words.region(row.get("region")),
        "estimate_only": bool(registered and registered.region.unbounded and registered.control is None),
        "n": _units(row),
        "asked": bool(row.get("n_units")),
        "means": _means(row, measure.unit if measure else unit),
        "arm_means": {row.get("arm"): row.get("arm_mean"), row.get("control"): row.get("control_mean")},
        "scope": str(row.get("scope") or ""),
        "run_model": words.plain(row.get("run_model")),
        "reason": words.sentence(str(row.get("reason") or "")),
        "caution": words.sentence(str(row.get("sentence") or "")),
        "sign_flip": words.p_value(row.get("sign_flip")),
        "cells": _cells([cell for cell in row.get("cells") or [] if isinstance(cell, dict)], unit),
        "primary": row.get("primary") or None,
        "arm": row.get("arm"),
        "control": row.get("control"),
    }


def _possible(row: dict[str, Any], measure: Measure | None) -> tuple[float | None, float | None]:
    """A contrast's interval, cut to the values that it can take."""
    low, high = row.get("low"), row.get("high")
    if measure is None or low is None or high is None:
        return low, high
    ends = contrast_range(measure, row.get("control") is not None)
    return max(low, ends[0]), min(high, ends[1])


def _where(registered: Any, row: dict[str, Any], study: Study) -> str:
    """Which cells a contrast reads: its training, behaviour and model."""
    training = str(registered.training if registered else row.get("training") or "")
    title = next((item.title for item in study.trainings if item.id == training), training)
    if not any(item.phases for item in study.trainings):  # all that is trained is the arm's own
        title = ""
    parts = (title, registered.behaviour, registered.model) if registered else (title,)
    return " · ".join(str(part) for part in parts if part)


def _cells(cells: list[dict[str, Any]], unit: str) -> list[dict[str, str]]:
    """A contrast in each variant, model and behaviour, named by what tells them apart, and how far it is from the others."""
    axes = [key for key in ("base", "model", "behaviour") if len({str(cell.get(key)) for cell in cells}) > 1]
    found = []
    for cell in cells:
        apart = cell.get("interaction") or {}
        found.append(
            {
                "name": " · ".join(str(cell.get(key)) for key in axes) or "–",
                "estimate": words.quantity(cell.get("estimate"), unit, long=True),
                "interval": words.interval(cell.get("low"), cell.get("high"), unit),
                "n": f"{words.plain(cell.get('n_units'))}{words.SPACE}units",
                "apart": words.quantity(apart.get("estimate"), unit),
                "apart_interval": words.interval(apart.get("low"), apart.get("high"), unit),
            }
        )
    return found


# --- estimates -----------------------------------------------------------------------------------------------------


def checkpoint_words(at: str, study: Study) -> str:
    """`safety, step 40`; of a phase in which nothing is trained only the name."""
    phase, _, step = at.rpartition("@")
    trains = {p.name: p.objective != "sample_and_filter" for group in (*study.arms, *study.trainings) for p in group.phases}
    if step == "end":
        return f"{phase}, end"
    return f"{phase}, step{words.SPACE}{step}" if trains.get(phase, True) else phase


def estimates(rows: list[dict[str, Any]], study: Study) -> list[dict[str, Any]]:
    """One-sample contrasts without a hypothesis, as tables by the checkpoints they read: a line per measure, a column per arm."""
    measures = {measure.id: measure for measure in study.measures}
    of = {contrast.id: measures[contrast.measure] for contrast in study.contrasts}
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in (row for row in rows if row["estimate_only"]):
        points = {leaf.at for leaf in leaves(of[row["id"]].expression)}
        groups.setdefault(tuple(sorted(points, key=lambda at: checkpoint_place(at, study))), []).append(row)
    return [_estimate_table(points, groups[points], study) for points in sorted(groups, key=len)]


def checkpoint_place(at: str, study: Study) -> tuple[int, float]:
    """Where a checkpoint comes: by its phase's place in the study, then by its step."""
    phase, _, step = at.rpartition("@")
    names = ["base", *(p.name for group in (*study.arms, *study.trainings) for p in group.phases)]
    return names.index(phase) if phase in names else len(names), float("inf") if step == "end" else float(step)


def _estimate_table(points: tuple[str, ...], rows: list[dict[str, Any]], study: Study) -> dict[str, Any]:
    names = [checkpoint_words(at, study) for at in points]
    arms = [arm for arm in study.arms if any(row["arm"] == arm.id for row in rows)]
    lines: dict[str, dict[str, Any]] = {}
    for row in rows:
        label = row["measure_title"].removesuffix(f", {names[0]}").removesuffix(f", {' to '.join(names)}")
        lines.setdefault(label, {})[row["arm"]] = row
    return {
        "title": " → ".join(names),
        "arms": [{"title": arm.title, "scope": _said_once(row["scope"] for row in rows if row["arm"] == arm.id)} for arm in arms],
        "rows": [(label, [_estimate(found.get(arm.id)) for arm in arms]) for label, found in lines.items()],
    }


def _said_once(scopes: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(filter(None, scopes)))


def _estimate(row: dict[str, Any] | None) -> dict[str, str]:
    if row is None:
        return {"estimate": "–", "interval": "", "reason": ""}
    reason = "" if row["reason"].startswith("An estimate") else row["reason"]
    interval = row["interval"] if row["low"] is not None else ""
    return {"estimate": words.quantity(row["number"], row["unit"]), "interval": interval, "reason": reason}


# --- gates ---------------------------------------------------------------------------------------------------------


def gate_groups(gates: list[dict[str, Any]], study: Study) -> list[dict[str, Any]]:
    """Gates by name, failed ones first; inside a gate every run, failed ones first."""
    registered = {gate.id: gate for gate in study.gates}
    groups: dict[str, list[dict[str, Any]]] = {}
    for gate in gates:
        name = str(gate["gate"])
        if name.startswith(DENOMINATOR):
            name, gate = DENOMINATORS, gate | {"cell": f"{gate.get('cell')} · {name.removeprefix(DENOMINATOR)}"}
        groups.setdefault(name, []).append(gate)
    found = [_gate_group(name, rows, registered.get(name)) for name, rows in groups.items()]
    return sorted(found, key=lambda group: group["passed"])


def gate_title(name: str) -> str:
    """What a gate that no study registers is called: those of the shares' denominators are shown as one."""
    return "Every share has events to be a share of" if name.startswith((DENOMINATOR, DENOMINATORS)) else words.label(name)


def _gate_group(name: str, rows: list[dict[str, Any]], registered: Any) -> dict[str, Any]:
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
        "threshold": ", ".join(dict.fromkeys(_threshold(row.get("threshold")) for row in rows)),
    }


def _gate_row(row: dict[str, Any], unit: str) -> dict[str, Any]:
    return {
        "cell": words.plain(row.get("cell")),
        "value": _gate_value(row.get("value"), unit),
        "threshold": _threshold(row.get("threshold")),
        "passed": bool(row.get("passed")),
        "blocks": words.plain(row.get("blocks") or []),
    }


def _gate_value(value: Any, unit: str) -> str:
    return words.quantity(value, unit) if isinstance(value, (int, float)) and unit else words.plain(value)


def _threshold(threshold: Any) -> str:
    return words.region(threshold) if isinstance(threshold, dict) else words.minus(words.plain(threshold))


# --- match table ---------------------------------------------------------------------------------------------------


def match_table(rows: Any, study: Study) -> dict[str, Any]:
    """What was trained on, phase by phase in the order of training and arm by arm; a count that differs between runs reads
    `lowest–highest`. The base is one row: all arms start from it."""
    rows = _one_base([row for row in rows or [] if isinstance(row, dict)])
    order = list(dict.fromkeys(["base", *(phase.name for group in (*study.arms, *study.trainings) for phase in group.phases)]))
    titles = {arm.id: arm.title for arm in study.arms}
    keys = list(dict.fromkeys(key for row in rows for key in row))
    names = [key for key in MATCH_NAMES if key == "arm" or len({str(row.get(key)) for row in rows}) > 1]
    counts = sorted(
        (key for key in keys if key not in MATCH_NAMES and any(row.get(key) is not None for row in rows)),
        key=lambda key: MATCH_COUNTS.index(key) if key in MATCH_COUNTS else 99,
    )
    cells = [
        [titles.get(row.get(key), words.plain(row.get(key))) for key in names] + [_span(row.get(key)) for key in counts]
        for row in sorted(rows, key=lambda row: _place(row, order, names))
    ]
    return {"columns": [MATCH_WORDS.get(key, words.label(key)) for key in (*names, *counts)], "words": len(names), "rows": cells}


def _one_base(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the base phase that differ in nothing but the arm, as one."""
    bases = [row | {"arm": ALL_ARMS} for row in rows if row.get("phase") == "base"]
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
    """What chose or pushed in each phase, and whether it saw the scratchpad: arms, phase, signal, scratchpad."""
    if preset not in study.presets or not signals.chooses(study):
        return []
    found = signals.ledger(study, study.presets[preset], [row for row in rows or [] if isinstance(row, dict)])
    trainings = {training.id: f", {training.title}" for training in study.trainings} if len(study.trainings) > 1 else {}
    return [
        [line["arms"], line["phase"] + trainings.get(line["training"], ""), line["signal"], line["scratchpad"]]
        for line in signals.grouped(study, found, {arm.id: arm.title for arm in study.arms})
    ]


# --- theories, objections, twins -----------------------------------------------------------------------------------


def theory_rows(theories: list[dict[str, Any]], contrasts: list[dict[str, Any]], study: Study) -> list[dict[str, Any]]:
    registered = {theory.id: theory for theory in study.theories}
    by_id = {row["id"]: row for row in contrasts}
    return [_theory(row, registered.get(row["id"]), by_id, registered) for row in theories]


def _theory(row: dict[str, Any], theory: Any, contrasts: dict[str, dict[str, Any]], registered: dict[str, Any]) -> dict[str, Any]:
    verdict = str(row.get("verdict", "undecided"))
    tied = [registered[name].title if name in registered else str(name) for name in row.get("tied_with") or []]
    regions = [_theory_region(part, contrasts) for part in row.get("regions") or [] if isinstance(part, dict)]
    return {
        "title": theory.title if theory else str(row.get("title") or row["id"]),
        "reason": words.sentence(str(row.get("reason") or "")),
        "says": theory.says if theory else "",
        "verdict": verdict,
        "sign": sign(verdict),
        "forbids": _forbids(row.get("forbids")),
        "tied": tied,
        "regions": regions,
    }


def _theory_region(part: dict[str, Any], contrasts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    contrast = contrasts.get(str(part.get("contrast")))
    verdict = str(part.get("verdict", "undecided"))
    return {
        "contrast": contrast["label"] if contrast else str(part.get("contrast")),
        "region": words.region(part.get("region")),
        "forbade": words.outside(part.get("region")),
        "share": _forbids(part.get("forbids")),
        "interval": words.interval(part.get("low"), part.get("high"), str((part.get("region") or {}).get("unit", ""))),
        "verdict": verdict,
        "sign": sign(verdict),
        "reason": words.sentence(str(part.get("reason") or "")),
    }


def next_arm(theories: list[dict[str, Any]], study: Study) -> dict[str, Any] | None:
    """The contrast that would tell most undecided pairs of theories apart, why, and what the other pairs wait for; None where
    no pair is undecided."""
    steps = next_contrasts(study, theories)
    if not steps:
        return None
    titles = {theory.id: theory.title for theory in study.theories}
    contrasts = {contrast.id: contrast for contrast in study.contrasts}
    arms = {arm.id: arm.title for arm in study.arms}
    found = []
    for name in dict.fromkeys(step.contrast for step in steps):
        mine = [step for step in steps if step.contrast == name]
        found.append(
            {
                "contrast": contrasts[name].title,
                "arms": " against ".join(arms[arm] for arm in (contrasts[name].arm, contrasts[name].control) if arm),
                "asked": mine[0].asked,
                "pairs": [{"titles": [titles[t] for t in step.theories], "excluding": step.excluding} for step in mine],
            }
        )
    return {"first": found[0], "rest": found[1:]}


def _forbids(value: Any) -> str:
    """The share of what could have come out that was ruled out beforehand."""
    return "–" if value is None else f"{words.number(100 * value, 0)}{words.SPACE}%"


def objection_rows(run: str, verdicts: dict[str, Any], study: Study) -> dict[str, list[dict[str, Any]]]:
    """The ledger as this run sees it: `asked` rows with their evidence, and the `rest`, which this study does not ask."""
    own = {str(row["id"]) for row in verdicts["objections"]} | {objection.id for objection in study.objections}
    says = {objection.id: objection.says for objection in study.objections}
    titles = {contrast.id: contrast.title for contrast in study.contrasts}
    rows = objections.ledger([study], {run: verdicts})
    asked = [_objection(row, says, titles, verdicts) for row in rows if row["id"] in own]
    return {"asked": asked, "rest": [row for row in rows if row["id"] not in own]}


def _objection(row: dict[str, Any], says: dict[str, str], titles: dict[str, str], verdicts: dict[str, Any]) -> dict[str, Any]:
    answers = large_enough(str(verdicts.get("preset")), bool(verdicts.get("pilot")))
    return {
        "id": str(row["id"]),
        "says": says.get(row["id"]) or str(row["says"]),
        "ledger": words.sentence(str(row["says"])),
        "source": str(row["source"]),
        "state": STATES[row["state"]] + ("" if answers or not row["evidence"] else f" {TOO_SMALL}"),
        "gap": words.sentence(words.plain(row["gap"])),
        "evidence": [_evidence(part, titles) for part in row["evidence"]],
        "asked": [_asked(part, titles) for part in row["asked"]],
    }


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


def _asked(part: dict[str, Any], titles: dict[str, str]) -> dict[str, str]:
    """A question that nothing has decided: its region, and how wide the interval is planned to be."""
    unit, half = part["unit"], part["planned_half_width"]
    planned = "in no preset that could answer it" if half is None else f"preset {part['preset']} plans for"
    width = "" if half is None else f" ±{words.quantity(half, unit).lstrip('+')}"
    return {
        "contrast": titles.get(str(part["contrast"]), str(part["contrast"])),
        "region": words.region(part["region"]),
        "planned": planned + width,
    }


def twins(study: Study, contrasts: list[dict[str, Any]], gates: list[dict[str, Any]], planned: tuple[str, ...]) -> dict[str, Any]:
    """Distilled twins: the arms with a phase that trains on nothing but what another organism's samples left."""
    arms = [arm for arm in study.arms if any(phase.objective == "sft" and phase.data is None for phase in arm.phases)]
    names = {arm.id for arm in arms}
    text_gates = {gate.id for gate in study.gates if gate.kind == "text"}
    return {
        "arms": [(arm.title, arm.id in planned) for arm in arms],
        "contrasts": [row for row in contrasts if row["arm"] in names or row["control"] in names],
        "gates": gate_groups([gate for gate in gates if gate["gate"] in text_gates], study),
    }
