"""What a reader sees before scrolling: the primaries drawn, the curve behind the first, and a line on each folded section.

Computes no statistic. Does not know how a figure is drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from exante.analysis.algebra import leaves
from exante.report import drawing, figures, words
from exante.study import Contrast, Study


def headline(
    series: pd.DataFrame, look: dict[str, drawing.Style], study: Study, primaries: list[dict[str, Any]]
) -> dict[str, Any]:
    """`figures`: the primaries that have values, of one unit, and the trajectory that the first of them reads. `legend`: the
    trajectory's arms."""
    registered = {contrast.id: contrast for contrast in study.contrasts}
    drawn = [row for row in primaries if row["low"] is not None and row["high"] is not None and row["id"] in registered]
    if not drawn:
        return {"figures": [], "legend": []}
    alike = [row for row in drawn if row["unit"] == drawn[0]["unit"]]
    shown = [figures.forest(alike, drawn[0]["unit"], figures.HEADLINE)]
    first = registered[drawn[0]["id"]]
    arms = {arm for row in alike for arm in (registered[row["id"]].arm, registered[row["id"]].control) if arm is not None}
    rows = _trajectory(series, study, first, arms)
    if rows is None:
        return {"figures": shown, "legend": []}
    training = next((t.title for t in study.trainings if t.id == first.training), "")
    evaluation, condition, outcome = str(rows["panel"].iloc[0]).split(" · ")[:3]
    title = f"{outcome} ({evaluation}, {condition}), {rows['behaviour'].iloc[0]}, under {training}"
    shown.append(figures.trajectory(rows, look, title))
    return {"figures": shown, "legend": [(drawing.swatch(style), arm) for arm, style in look.items() if arm in set(rows["arm"])]}


def _trajectory(series: pd.DataFrame, study: Study, primary: Contrast, arms: set[str]) -> pd.DataFrame | None:
    """Runs over checkpoints of what the primary's measure reads, of the first model and behaviour; None where there is none."""
    measure = next(m for m in study.measures if m.id == primary.measure)
    panels = {f"{leaf.evaluation} · {leaf.condition} · {leaf.outcome}" for leaf in leaves(measure.expression)}
    rows = series[(series["figure"] == "trajectory") & series["value"].notna() & series["panel"].isin(panels)]
    rows = rows[(rows["training"] == primary.training) & rows["arm"].isin(arms)]
    for axis in ("panel", "model", "behaviour"):
        rows = rows[rows[axis] == rows[axis].iloc[0]] if len(rows) else rows
    return pd.DataFrame(rows) if rows["step"].nunique() > 1 else None


def gists(page: Mapping[str, Any]) -> dict[str, str]:
    """A line for the summary of each folded section, from what the page shows of it."""
    study = page["study"]
    failed = [gate["title"] for gate in page["gates"] if not gate["passed"]]
    passed = f"{len(page['gates']) - len(failed)} of {len(page['gates'])} passed"
    return {
        "secondaries": _verdicts(page["secondaries"]),
        "cells": words.count(len(page["cells"]), "figure"),
        "estimates": words.count(len(page["estimates"]), "table"),
        "trajectories": f"every run over its checkpoints: {words.count(len(page['panels']), 'panel')}",
        "levels": f"every arm at single checkpoints: {words.count(len(page['levels']), 'figure')}",
        "runs": "the values behind the primary intervals, one mark per run",
        "match": "what the arms were trained on, counted",
        "gates": passed + (f"; failed: {'; '.join(failed)}" if failed else ""),
        "theories": _verdicts(page["theories"]),
        "objections": f"{words.count(len(page['objections']['asked']), 'row')} of the ledger",
        "criteria": words.count(len(page["criteria"]), "arm"),
        "twins": "organisms trained on samples of another, and what tells them apart",
        "transcripts": f"a selection of {words.count(page['transcript_count'], 'recorded sample')}",
        "arms": f"{words.count(len(study.arms), 'arm')}, {len(page['planned_arms'])} in this run",
        "provenance": f"registration {page['registration'].sha256[:12]}, preset, versions, timings",
    }


def _verdicts(rows: Iterable[Mapping[str, Any]]) -> str:
    counts = Counter(str(row["verdict"]) for row in rows)
    return ", ".join(f"{many} {verdict}" for verdict, many in counts.items())
