"""Everything the figures draw, as one long table: rates of every run along trajectories and at single checkpoints, and every
run's value for each contrast.

Does not decide anything, and knows nothing of charts.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from exante.analysis.algebra import first_area, linear, reads
from exante.analysis.atoms import Values
from exante.analysis.decide import places_of
from exante.analysis.runs import Layout, sample, scaled
from exante.analysis.table import KEY, Table, among, split_checkpoints
from exante.evaluations.faking_measures import OUTCOMES
from exante.measures import MeanScore, Measure
from exante.stats.intervals import robust
from exante.stats.proportions import wilson
from exante.storage.tables import AXES, Measured, numbered
from exante.study import Contrast, Study
from exante.units import SCALE

COLUMNS = ["figure", "panel", "arm", "model", "behaviour", "training", "base", "seed", "step", "value", "low", "high", "unit"]
CELL = ["evaluation", "condition", "outcome"]
GROUP = ["panel", "arm", "model", "behaviour", "training"]


def outcomes(study: Study, measured: Measured, totals: pd.DataFrame, finished: Collection[str]) -> pd.DataFrame:
    """Rates in % of all outcomes that measures read, as they read them (mean scores for numeric ones): one row per run with its
    Wilson interval, and the arm's mean (seed −1, base "") with the robust one, cut to 0–100 %. `figure` is "trajectory" where
    a phase has two checkpoints or more, "level" where it has one. `finished` are the cells that did not crash."""
    read = _rates(study)
    atoms = [atom for m in study.measures for atom in linear(m.expression)]
    means = {(x.evaluation, x.condition, x.outcome) for x in atoms if isinstance(x, MeanScore)}
    main = {area.phase for m in study.measures if (area := first_area(m.expression)) is not None}
    measured_here = np.logical_and.reduce([read[name].isin(totals[name].cat.categories) for name in CELL])
    counted = totals.merge(read.loc[measured_here].astype({name: totals[name].dtype for name in CELL}), on=CELL)
    counted = counted.assign(n=counted["n"].where(~among(counted, CELL, means), counted["score_sum"]))
    counted = counted.sort_values("outcome", kind="stable").astype({"together": "category"})
    number, groups = numbered(counted, ["node", "step", "evaluation", "condition", "together"])
    groups[["n", "trials"]] = counted[["n", "trials"]].groupby(number).agg({"n": "sum", "trials": "first"})
    lines = measured.of_cells(groups)
    lines = lines.loc[lines["cell"].isin(finished)]
    if lines.empty:
        return pd.DataFrame(columns=COLUMNS)
    lines = _with_panels(lines, main)
    runs = lines.groupby(["figure", *GROUP, "base", "seed", "step"], observed=True, as_index=False)[["n", "trials"]].sum()
    low, high = wilson(runs["n"].to_numpy(float), runs["trials"].to_numpy(float))
    runs = runs.assign(value=100 * runs["n"] / runs["trials"].where(runs["trials"] > 0), low=100 * low, high=100 * high)
    table = pd.concat([runs, _arm_means(runs)], ignore_index=True).assign(unit="%")
    place = {key: k for k, key in enumerate(dict.fromkeys(zip(read["evaluation"], read["together"], strict=True)))}
    codes, panels = pd.factorize(table["panel"].astype(str))
    parts = [str(panel).split(" · ") for panel in panels]
    order = np.array([place[evaluation, together] for evaluation, _, together, *_ in parts])[codes]
    return table.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)[COLUMNS]


def _with_panels(lines: pd.DataFrame, main: Collection[str]) -> pd.DataFrame:
    """Lines with `phase`, `step`, `panel` ("EVALUATION · CONDITION · OUTCOMES", and the phase where it is none of the `main`
    ones) and `figure`. Texts are categories in alphabetical order, in which groups come."""
    phase, step = split_checkpoints(lines["checkpoint"])
    lines = lines.assign(phase=phase, step=step)
    number, names = numbered(lines, ["evaluation", "condition", "together", "phase"])
    panels = [" · ".join(map(str, (*key, phase) if phase not in main else key)) for *key, phase in names.itertuples(index=False)]
    lines = lines.assign(panel=_ordered(panels, number))
    pairs, of_pair = numbered(lines, ["panel", "cell"])
    steps, _ = numbered(lines.assign(pair=pairs), ["pair", "step"])
    many = np.bincount(pairs[~pd.Series(steps).duplicated().to_numpy()], minlength=len(of_pair)) >= 2
    return lines.assign(figure=_ordered(["level", "trajectory"], many[pairs].astype(int)))


def _ordered(texts: Sequence[str], number: NDArray[np.int64]) -> pd.Categorical[Any]:
    """Texts by number, as categories in alphabetical order."""
    codes, names = pd.factorize(np.array(texts, dtype=object), sort=True)
    return pd.Categorical.from_codes(codes[number], pd.Index(names))


def _arm_means(runs: pd.DataFrame) -> pd.DataFrame:
    """Each arm's mean over runs at each step (seed −1, base ""), with its robust interval, cut to 0–100 %."""
    by = ["figure", *GROUP, "step"]
    means = runs.groupby(by, observed=True, as_index=False).size().drop(columns="size")
    means = means.assign(base="", seed=-1, value=np.nan, low=np.nan, high=np.nan)
    drawn = runs.loc[runs["value"].notna()]
    values = drawn.groupby(by, observed=True)["value"]
    group, first = values.ngroup().to_numpy(), drawn.groupby(by, observed=True, as_index=False).size()
    place = means.reset_index().merge(first, on=by)["index"].to_numpy()
    ordered = drawn["value"].to_numpy(float)[np.argsort(group, kind="stable")]
    for size in np.unique(first["size"]):  # groups of one size at a time
        these = np.flatnonzero(first["size"] == size)
        starts = (first["size"].cumsum() - first["size"]).to_numpy()[these]
        values_GN = ordered[starts[:, None] + np.arange(size)]
        low, high = robust(values_GN, None, (0.0, 100.0), 0.95)
        ends = np.maximum(low, 0.0), np.minimum(high, 100.0)
        means.loc[place[these], ["value", "low", "high"]] = np.column_stack([values_GN.mean(-1), *ends])
    return means


def _rates(study: Study) -> pd.DataFrame:
    """Evaluation, condition and outcome of everything that is read, and a name for the outcomes it is counted together with."""
    declared = {e.id: e.outcomes for e in study.evaluations}
    read = [
        (evaluation, condition, outcome, together(outcomes, declared.get(evaluation, outcomes)))
        for measure in study.measures
        for evaluation, condition, outcomes in reads(measure.expression)
        for outcome in outcomes
    ]
    return pd.DataFrame(list(dict.fromkeys(read)), columns=[*CELL, "together"])


def together(outcomes: tuple[str, ...], declared: tuple[str, ...]) -> str:
    """A name for outcomes that are counted together. Of joint ones, "ACT-THOUGHT", a part of which all values are counted is not
    named."""
    pairs = [outcome.split("-", 1) for outcome in outcomes if "-" in outcome]
    acts, thoughts = (list(dict.fromkeys(pair[side] for pair in pairs)) for side in (0, 1))
    if len(pairs) < 2 or len(acts) * len(thoughts) != len(pairs):
        return " or ".join(outcomes)
    joint = [outcome.split("-", 1) for outcome in declared if "-" in outcome]
    parts_named = [parts for side, parts in enumerate((acts, thoughts)) if not {pair[side] for pair in joint} <= set(parts)]
    name = ": ".join(map(" or ".join, parts_named)) or "any"
    return " or ".join([name, *(outcome for outcome in outcomes if "-" not in outcome)])


def cells(study: Study, measured: Measured, totals: pd.DataFrame, finished: Collection[str]) -> pd.DataFrame:
    """Rates in % of all outcomes, read or not, of evaluations of alignment faking: one row per run × checkpoint, and the arm's
    mean (seed −1, base ""). The panel is "EVALUATION · CONDITION · OUTCOME · PHASE"."""
    named = faking_evaluations(study)
    lines = totals.loc[totals["evaluation"].isin(named) & totals["outcome"].isin(OUTCOMES)]
    lines = measured.of_cells(lines)
    lines = lines.loc[lines["cell"].isin(finished)]
    if lines.empty:
        return pd.DataFrame(columns=COLUMNS)
    counts = lines.groupby([*AXES, *KEY, "outcome"], observed=True, as_index=False)[["n", "trials"]].sum()
    phase, step = split_checkpoints(counts["checkpoint"])
    parts = [counts[name].astype(str) for name in CELL] + [phase]
    panel = functools.reduce(lambda left, right: left + " · " + right, parts)
    value = 100 * counts["n"] / counts["trials"].where(counts["trials"] > 0)
    runs = counts.assign(figure="cells", panel=panel, step=step, value=value, low=np.nan, high=np.nan, unit="%")
    means = runs.groupby([*GROUP, "step"], observed=True, as_index=False)["value"].mean()
    means = means.assign(figure="cells", base="", seed=-1, low=np.nan, high=np.nan, unit="%")
    return pd.concat([runs, means], ignore_index=True)[COLUMNS]


def faking_evaluations(study: Study) -> list[str]:
    return [e.id for e in study.evaluations if set(OUTCOMES) <= set(e.outcomes)]


def shown_outcomes(study: Study) -> dict[str, list[str]]:
    """Evaluation → the outcomes that figures show: those that measures read, and all of alignment faking."""
    read = {e.id: set(OUTCOMES) if e.id in faking_evaluations(study) else set() for e in study.evaluations}
    for evaluation, outcome in _rates(study)[["evaluation", "outcome"]].itertuples(index=False):
        read[evaluation].add(outcome)
    return {evaluation: sorted(names) for evaluation, names in read.items() if names}


def run_values(study: Study, table: Table, values: Mapping[str, Values]) -> pd.DataFrame:
    """Per contrast (the panel) and arm: every run's value in the measure's unit, with the ends that ungraded samples and
    crashes could reach; and the arm's mean (seed −1, base ""). `values` are unscaled, per measure id."""
    measures = {m.id: m for m in study.measures}
    places = places_of(study, table)
    lines = [
        line
        for contrast in study.contrasts
        for arm, layout in zip((contrast.arm, contrast.control), places.get(contrast.id, ()), strict=False)
        if arm is not None and layout is not None
        for line in _runs(contrast, measures[contrast.measure], table, values[contrast.measure], arm, layout)
    ]
    return pd.DataFrame(lines, columns=COLUMNS)


def _runs(
    contrast: Contrast, measure: Measure, table: Table, unscaled: Values, arm: str, layout: Layout
) -> Iterator[dict[str, Any]]:
    ends = (measure.low, measure.high)
    values = scaled(unscaled, SCALE[measure.unit], ends)
    named = {"panel": contrast.id, "arm": arm, "training": contrast.training, "unit": measure.unit}
    fixed: dict[str, Any] = named | {"figure": "runs", "step": np.nan}
    for r in layout.cells:
        axes = {axis: getattr(table.cells[r], axis) for axis in ("model", "behaviour", "base", "seed")}
        yield fixed | axes | {"value": values.point[r], "low": values.low[r], "high": values.high[r]}
    whole = {"model": contrast.model or "", "behaviour": contrast.behaviour or "", "base": "", "seed": -1}
    yield fixed | whole | {"value": float(sample(values, layout, ends).mean), "low": np.nan, "high": np.nan}
