"""Contrasts and estimates as the tables and figures show them: rows of `verdicts.json` joined with what the study registered.

Words and picks only; an unknown key is left alone, a missing optional one reads "–". Does not know about HTML or figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from exante.analysis.algebra import leaves
from exante.objectives import objective_of
from exante.report import words
from exante.study import Contrast, Study

VERDICT_SIGNS = {"supported": "✓", "contradicted": "✕", "undecided": "?", "exploratory": "◇", "estimate": "≈"}


def sign(verdict: str) -> str:
    """The sign of a verdict, which is never shown by colour alone."""
    return VERDICT_SIGNS.get(verdict, "·")


def _units(row: dict[str, Any]) -> str:
    """`n = 10 runs per arm`; `n = 10 and 9 runs` where the arm and its control have not the same number."""
    if not row.get("n_units"):
        return "–"
    counts = [row[key] for key in ("n_arm", "n_control") if row.get(key) is not None] or [row["n_units"]]
    noun = "base" if str(row.get("scope")).startswith("over ") else "run"
    if len(counts) == 1 or counts[0] == counts[1]:
        text = words.count(counts[0], noun) + (" per arm" if len(counts) == 2 else "")
    else:
        text = f"{words.plain(counts[0])} and {words.count(counts[1], noun)}"
    return f"n = {text}".replace(" ", words.SPACE)


def _means(row: dict[str, Any], unit: str) -> str:
    """The two means that the estimate is the difference of."""
    if row.get("arm_mean") is None or row.get("control_mean") is None:
        return ""
    return f"{words.quantity(row['arm_mean'], unit)} against {words.quantity(row['control_mean'], unit)}"


def contrast_row(row: dict[str, Any], study: Study) -> dict[str, Any]:
    """A contrast for tables and figures: numbers with their wording."""
    registered = next((contrast for contrast in study.contrasts if contrast.id == row["id"]), None)
    unit = str(row.get("unit", ""))
    measure = next((measure for measure in study.measures if measure.id == row.get("measure")), None)
    measure_title = measure.title if measure else words.plain(row.get("measure"))
    pair = " − ".join(str(name) for name in (row.get("arm"), row.get("control")) if name)
    verdict = "exploratory" if row.get("exploratory") else str(row["verdict"])
    low, high = row.get("low"), row.get("high")
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
        "in_preset": bool(row.get("n_units")),
        "means": _means(row, measure.unit if measure else unit),
        "arm_means": {row.get("arm"): row.get("arm_mean"), row.get("control"): row.get("control_mean")},
        "scope": str(row.get("scope") or ""),
        "run_model": words.plain(row.get("run_model")),
        "reason": words.sentence(str(row.get("reason") or "")),
        "caution": words.sentence(str(row.get("sentence") or "")),
        "warnings": [words.sentence(str(sentence)) for sentence in row.get("warnings") or ()],
        "sign_flip": words.p_value(row.get("sign_flip")),
        "cells": _cells([cell for cell in row.get("cells") or [] if isinstance(cell, dict)], unit),
        "primary": row.get("primary") or None,
        "arm": row.get("arm"),
        "control": row.get("control"),
    }


def _where(registered: Contrast | None, row: dict[str, Any], study: Study) -> str:
    """Which cells a contrast reads: its training, behaviour and model."""
    training = str(registered.training if registered else row.get("training") or "")
    title = next((item.title for item in study.trainings if item.id == training), training)
    if not any(item.phases for item in study.trainings):  # all that is trained is the arm's own
        title = ""
    parts = (title, registered.behaviour, registered.model) if registered else (title,)
    return " · ".join(str(part) for part in parts if part)


def _cells(cells: list[dict[str, Any]], unit: str) -> list[dict[str, str]]:
    """A contrast in each variant, model and behaviour, named by what differs, with its difference from the others."""
    axes = [key for key in ("base", "model", "behaviour") if len({str(cell.get(key)) for cell in cells}) > 1]
    rows = []
    for cell in cells:
        interaction = cell.get("interaction") or {}
        rows.append(
            {
                "name": " · ".join(str(cell.get(key)) for key in axes) or "–",
                "estimate": words.quantity(cell.get("estimate"), unit, long=True),
                "interval": words.interval(cell.get("low"), cell.get("high"), unit),
                "n": f"n = {words.plain(cell.get('n_units'))}".replace(" ", words.SPACE),
                "difference": words.quantity(interaction.get("estimate"), unit),
                "difference_interval": words.interval(interaction.get("low"), interaction.get("high"), unit),
            }
        )
    return rows


# --- estimates -----------------------------------------------------------------------------------------------------


def checkpoint_words(at: str, study: Study) -> str:
    """`safety, step 40`; only the phase's name where it trains nothing."""
    phase, _, step = at.rpartition("@")
    trains = {p.name: objective_of(p).trains for group in (*study.arms, *study.trainings) for p in group.phases}
    if step == "end":
        return f"{phase}, end"
    return f"{phase}, step{words.SPACE}{step}" if trains.get(phase, True) else phase


def estimates(rows: list[dict[str, Any]], study: Study) -> list[dict[str, Any]]:
    """One-arm contrasts without a hypothesis, as tables by the checkpoints they read: a row per measure, a column per arm."""
    measures = {measure.id: measure for measure in study.measures}
    measure_of = {contrast.id: measures[contrast.measure] for contrast in study.contrasts}
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in (row for row in rows if row["estimate_only"]):
        points = {leaf.at for leaf in leaves(measure_of[row["id"]].expression)}
        groups.setdefault(tuple(sorted(points, key=lambda at: checkpoint_place(at, study))), []).append(row)
    return [_estimate_table(points, groups[points], study) for points in sorted(groups, key=len)]


def checkpoint_place(at: str, study: Study) -> tuple[int, float]:
    """Sort key of a checkpoint: its phase's place in the study, then its step."""
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
        "arms": [{"title": arm.id, "scope": _each_once(row["scope"] for row in rows if row["arm"] == arm.id)} for arm in arms],
        "rows": [(label, [_estimate(by_arm.get(arm.id)) for arm in arms]) for label, by_arm in lines.items()],
    }


def _each_once(scopes: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(filter(None, scopes)))


def _estimate(row: dict[str, Any] | None) -> dict[str, str]:
    if row is None:
        return {"estimate": "–", "interval": "", "reason": ""}
    reason = "" if row["reason"].startswith("An estimate") else row["reason"]
    interval = row["interval"] if row["low"] is not None else ""
    return {"estimate": words.quantity(row["number"], row["unit"]), "interval": interval, "reason": reason}
