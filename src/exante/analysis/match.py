"""The match table: what each arm was in fact trained on, phase by phase, from what the engine counted.

Read from phases.parquet, never from the plan. Does not know about outcomes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from exante.analysis.verdicts import Count, MatchRow
from exante.study import Study

COUNTED = ("examples", "copies", "tokens_prompt", "tokens_scratchpad", "tokens_answer")
"""Cumulative counts: a run's last value is its total."""


def match_table(study: Study, phases: pd.DataFrame, cells: frozenset[str]) -> tuple[MatchRow, ...]:
    """Per arm × phase (and model, behaviour, and training where the phase is a training's): lowest and highest over runs."""
    mine = phases.loc[phases["cell"].isin(cells)]
    if mine.empty:
        return ()
    own = {(arm.id, phase.name) for arm in study.arms for phase in arm.phases}
    of_arm = [pair in own for pair in zip(mine["arm"], mine["phase"], strict=True)]
    mine = mine.assign(of=np.where(of_arm, "", mine["training"].astype(str)))
    order = {arm.id: k for k, arm in enumerate(study.arms)}
    rows = [
        _row(tuple(str(x) for x in key), group)
        for key, group in mine.groupby(["arm", "model", "behaviour", "of", "phase"], sort=True, observed=True)
    ]
    return tuple(sorted(rows, key=lambda row: order.get(row.arm, len(order))))


def _row(key: tuple[str, ...], group: pd.DataFrame) -> MatchRow:
    arm, model, behaviour, training, phase = key
    runs = group.groupby(["base", "seed"], observed=True).ngroups
    steps = _span(group.groupby("cell", observed=True)["step"].max())
    counts = {metric: _span(_totals(group, metric)) for metric in COUNTED}
    return MatchRow(arm=arm, model=model, behaviour=behaviour, training=training, phase=phase, runs=runs, steps=steps, **counts)


def _totals(group: pd.DataFrame, metric: str) -> pd.Series:
    """Each run's last value of a cumulative count."""
    counted = group.loc[group["metric"] == metric].sort_values("step", kind="stable")
    return counted.groupby("cell", observed=True)["value"].last().dropna()


def _span(values: pd.Series) -> Count:
    if values.empty:
        return None
    low, high = float(values.min()), float(values.max())
    return low if low == high else (low, high)
