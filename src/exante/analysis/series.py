"""Everything the figures draw, as one long table: rates of every run, along the way and at single checkpoints, and every
run's value of each contrast.

Does not decide anything, and knows nothing of charts.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from exante.analysis.algebra import first_area, linear, reads
from exante.analysis.decide import places_of
from exante.analysis.evaluate import evaluate
from exante.analysis.runs import Layout, sample, scaled
from exante.analysis.table import KEY, Table, among, split_checkpoints
from exante.evaluations.faking_measures import OUTCOMES
from exante.measures import MeanScore, Measure
from exante.stats.intervals import robust
from exante.stats.proportions import wilson
from exante.storage.tables import AXES
from exante.study import Contrast, Study
from exante.units import SCALE

COLUMNS = ["figure", "panel", "arm", "model", "behaviour", "training", "base", "seed", "step", "value", "low", "high", "unit"]
CELL = ["evaluation", "condition", "outcome"]
GROUP = ["panel", "arm", "model", "behaviour", "training"]


def outcomes(study: Study, totals: pd.DataFrame) -> pd.DataFrame:
    """Rates in % of all outcomes that measures read, as they read them (mean scores for numeric ones): one row per run with its
    Wilson interval, and the arm's mean (seed −1, base "") with the robust one, cut to 0–100 %. `figure` is "trajectory" where
    a phase has two checkpoints or more, "level" where it has one."""
    read = _rates(study)
    atoms = [atom for m in study.measures for atom in linear(m.expression)]
    means = {(x.evaluation, x.condition, x.outcome) for x in atoms if isinstance(x, MeanScore)}
    main = {area.phase for m in study.measures if (area := first_area(m.expression)) is not None}
    mine = totals.merge(read, on=CELL)
    if mine.empty:
        return pd.DataFrame(columns=COLUMNS)
    mine = mine.assign(n=mine["n"].where(~among(mine, CELL, means), mine["score_sum"]))
    one_outcome = mine.groupby(["cell", *AXES, *KEY, "together", "outcome"], observed=True, as_index=False)[["n", "trials"]].sum()
    counted = one_outcome.groupby(["cell", *AXES, *KEY, "together"], observed=True, as_index=False)
    mine = counted.agg({"n": "sum", "trials": "first"})
    phase, step = split_checkpoints(mine["checkpoint"])
    panel = mine["evaluation"].astype(str) + " · " + mine["condition"].astype(str) + " · " + mine["together"].astype(str)
    mine = mine.assign(phase=phase, step=step, panel=panel.where(phase.isin(main), panel + " · " + phase))
    moves = mine.groupby(["panel", "cell"], observed=True)["step"].transform("nunique") >= 2
    mine = mine.assign(figure=np.where(moves, "trajectory", "level"))
    runs = mine.groupby(["figure", *GROUP, "base", "seed", "step"], observed=True, as_index=False)[["n", "trials"]].sum()
    low, high = wilson(runs["n"].to_numpy(float), runs["trials"].to_numpy(float))
    runs = runs.assign(value=100 * runs["n"] / runs["trials"].where(runs["trials"] > 0), low=100 * low, high=100 * high)
    arms = [_arm_mean(key, group) for key, group in runs.groupby(["figure", *GROUP, "step"], observed=True)]
    averages = pd.DataFrame(arms, columns=["figure", *GROUP, "step", "base", "seed", "value", "low", "high"])
    place = {key: k for k, key in enumerate(dict.fromkeys(zip(read["evaluation"], read["together"], strict=True)))}
    table = pd.concat([runs, averages], ignore_index=True).assign(unit="%")
    told = table["panel"].str.split(" · ", expand=True)
    order = [place[key] for key in zip(told[0], told[2], strict=True)]
    return table.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)[COLUMNS]


def _rates(study: Study) -> pd.DataFrame:
    """Evaluation, condition and outcome of everything that is read, and in what company: a name for outcomes read together."""
    declared = {e.id: e.outcomes for e in study.evaluations}
    found = [
        (evaluation, condition, outcome, together(outcomes, declared.get(evaluation, outcomes)))
        for measure in study.measures
        for evaluation, condition, outcomes in reads(measure.expression)
        for outcome in outcomes
    ]
    return pd.DataFrame(list(dict.fromkeys(found)), columns=[*CELL, "together"])


def together(outcomes: tuple[str, ...], declared: tuple[str, ...]) -> str:
    """A name for outcomes that are counted together. Of joint ones, "ACT-THOUGHT", the part that is left open goes unsaid."""
    pairs = [outcome.split("-", 1) for outcome in outcomes if "-" in outcome]
    acts, thoughts = (list(dict.fromkeys(pair[side] for pair in pairs)) for side in (0, 1))
    if len(pairs) < 2 or len(acts) * len(thoughts) != len(pairs):
        return " or ".join(outcomes)
    joint = [outcome.split("-", 1) for outcome in declared if "-" in outcome]
    told = [parts for side, parts in enumerate((acts, thoughts)) if not {pair[side] for pair in joint} <= set(parts)]
    name = ": ".join(map(" or ".join, told)) or "any"
    return " or ".join([name, *(outcome for outcome in outcomes if "-" not in outcome)])


def cells(study: Study, totals: pd.DataFrame) -> pd.DataFrame:
    """Rates in % of all outcomes, read or not, of evaluations of alignment faking: one row per run × checkpoint, and the arm's
    mean (seed −1, base ""). The panel is "EVALUATION · CONDITION · OUTCOME · PHASE"."""
    named = [e.id for e in study.evaluations if set(OUTCOMES) <= set(e.outcomes)]
    mine = totals.loc[totals["evaluation"].isin(named) & totals["outcome"].isin(OUTCOMES)]
    if mine.empty:
        return pd.DataFrame(columns=COLUMNS)
    counts = mine.groupby([*AXES, *KEY, "outcome"], observed=True, as_index=False)[["n", "trials"]].sum()
    phase, step = split_checkpoints(counts["checkpoint"])
    parts = [counts[name].astype(str) for name in CELL] + [phase]
    panel = functools.reduce(lambda left, right: left + " · " + right, parts)
    value = 100 * counts["n"] / counts["trials"].where(counts["trials"] > 0)
    runs = counts.assign(figure="cells", panel=panel, step=step, value=value, low=np.nan, high=np.nan, unit="%")
    means = runs.groupby([*GROUP, "step"], observed=True, as_index=False)["value"].mean()
    means = means.assign(figure="cells", base="", seed=-1, low=np.nan, high=np.nan, unit="%")
    return pd.concat([runs, means], ignore_index=True)[COLUMNS]


def _arm_mean(key: tuple[object, ...], group: pd.DataFrame) -> tuple[object, ...]:
    values = group["value"].dropna().to_numpy(float)
    if not len(values):
        return (*key, "", -1, np.nan, np.nan, np.nan)
    low, high = robust(values, None, (0.0, 100.0), 0.95)
    return (*key, "", -1, values.mean(), max(float(low), 0.0), min(float(high), 100.0))


def run_values(study: Study, table: Table) -> pd.DataFrame:
    """Per contrast (the panel) and arm: every run's value in the measure's unit, with the ends that ungraded samples and
    crashes could reach; and the arm's mean (seed −1, base "")."""
    measures = {m.id: m for m in study.measures}
    places = places_of(study, table)
    lines = [
        line
        for contrast in study.contrasts
        for arm, layout in zip((contrast.arm, contrast.control), places.get(contrast.id, ()), strict=False)
        if arm is not None and layout is not None
        for line in _runs(contrast, measures[contrast.measure], table, arm, layout)
    ]
    return pd.DataFrame(lines, columns=COLUMNS)


def _runs(contrast: Contrast, measure: Measure, table: Table, arm: str, layout: Layout) -> Iterator[dict[str, Any]]:
    ends = (measure.low, measure.high)
    values = scaled(evaluate(measure.expression, table), SCALE[measure.unit], ends)
    named = {"panel": contrast.id, "arm": arm, "training": contrast.training, "unit": measure.unit}
    fixed: dict[str, Any] = named | {"figure": "runs", "step": np.nan}
    for r in layout.cells:
        axes = {axis: getattr(table.cells[r], axis) for axis in ("model", "behaviour", "base", "seed")}
        yield fixed | axes | {"value": values.point[r], "low": values.low[r], "high": values.high[r]}
    whole = {"model": contrast.model or "", "behaviour": contrast.behaviour or "", "base": "", "seed": -1}
    yield fixed | whole | {"value": float(sample(values, layout, ends).mean), "low": np.nan, "high": np.nan}
