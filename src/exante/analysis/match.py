"""The match table: what each arm was in fact trained on, phase by phase, from what the engine counted.

Read from phases.parquet, never from the plan. Does not know about outcomes.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from exante.analysis.table import among
from exante.analysis.verdicts import Count, MatchRow
from exante.study import Study

COUNTED = ("examples", "copies", "tokens_prompt", "tokens_scratchpad", "tokens_answer")
"""Cumulative counts: a run's last value is its total."""
GROUP = ["arm", "model", "behaviour", "of", "phase"]


def match_table(study: Study, phases: pd.DataFrame, cells: frozenset[str]) -> tuple[MatchRow, ...]:
    """Per arm × phase (and model, behaviour, and training where the phase is a training's): lowest and highest over runs."""
    logged = phases.loc[phases["cell"].isin(cells)]
    if logged.empty:
        return ()
    own = {(arm.id, phase.name) for arm in study.arms for phase in arm.phases}
    logged = logged.assign(of=logged["training"].astype(str).where(~among(logged, ["arm", "phase"], own), ""))
    runs = logged[[*GROUP, "base", "seed"]].drop_duplicates().groupby(GROUP, observed=True).size()
    steps = _spans(logged.groupby([*GROUP, "cell"], observed=True)["step"].max())
    counted = logged.loc[logged["metric"].isin(COUNTED)].astype({"metric": str}).sort_values("step", kind="stable")
    totals = _spans(counted.groupby([*GROUP, "metric", "cell"], observed=True)["value"].last().dropna())
    order = {arm.id: k for k, arm in enumerate(study.arms)}
    keys: list[tuple[Any, ...]] = list(runs.index)
    rows = []
    for key, count in zip(keys, runs, strict=True):
        arm, model, behaviour, training, phase = map(str, key)
        counts: dict[str, Any] = {metric: totals.get((*key, metric)) for metric in COUNTED}
        row: dict[str, Any] = {
            "arm": arm,
            "model": model,
            "behaviour": behaviour,
            "training": training,
            "phase": phase,
            "runs": int(count),
        }
        rows.append(MatchRow(**row, steps=steps[key], **counts))
    return tuple(sorted(rows, key=lambda row: order.get(row.arm, len(order))))


def _spans(values: pd.Series) -> dict[tuple[Any, ...], Count]:
    """By all index levels but the last, the cell: the lowest and highest value, or the one value where they agree."""
    groups = values.groupby(level=list(range(values.index.nlevels - 1)), observed=True)
    lowest, keys = groups.min(), list[tuple[Any, ...]](groups.min().index)
    ends = zip(keys, lowest, groups.max(), strict=True)
    return {key: float(low) if low == high else (float(low), float(high)) for key, low, high in ends}
