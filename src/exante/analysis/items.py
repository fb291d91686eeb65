"""Sampling variance of a run's value over items and samples.

For claims about the observed runs only, which do not generalise to other runs. Shapes: results are (…, R), R runs. Does not
know about arms or claims.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from exante.analysis.algebra import Atom, linear
from exante.analysis.evaluate import Array, Values, atom_value, denominator_count, evaluate, per_item
from exante.analysis.table import Table
from exante.measures import Corrected, Distance, Expression, ItemBound, ItemProduct, LogOdds, MeanScore, Measure, Rate, Ratio
from exante.stats.intervals import t_quantile
from exante.stats.proportions import wilson

LEVEL = 0.95


def values_of(measures: Sequence[Measure], table: Table) -> dict[str, Values]:
    """Measure id → its values, unscaled. Measures over items get their sampling variance from here."""
    values = {m.id: evaluate(m.expression, table) for m in measures}
    over_items = [m for m in measures if m.run_model == "items"]
    return values | {m.id: replace(values[m.id], within=sampling_variance(m.expression, table)) for m in over_items}


def sampling_variance(expression: Expression, table: Table) -> Array:
    """Variance (…, R) of an expression within a run, over items: the larger of two.

    Over items, by how far each moves the value (the infinitesimal jackknife; Efron 1982, ch. 6), which sees that samples of an
    item are alike and that conditions share items; scaled so that the normal quantile gives Student's 95 % interval. And what
    independent samples give, each rate or share with the farther end of its Wilson interval: 0 of 100 is not known to ± 0.
    """
    alone = _independent(expression, table)
    total = np.zeros(())
    for evaluation, moved in influence(expression, table).items():
        drawn = _drawn(evaluation, table)
        n = drawn.sum(-1)
        student = t_quantile(np.asarray(n - 1, float), LEVEL) / t_quantile(np.asarray(np.inf), LEVEL)
        scale = np.where(n > 1, n / np.maximum(n - 1, 1) * np.where(np.isfinite(student), student, 0) ** 2, 0)
        total = total + scale * (np.where(drawn, np.nan_to_num(moved), 0) ** 2).sum(-1)
    return np.fmax(alone, total)


def influence(expression: Expression, table: Table) -> dict[str, Array]:
    """By evaluation: how much each item changes the expression compared with leaving it out, (…, R, I), to first order."""
    total: defaultdict[str, Array] = defaultdict(lambda: np.zeros(()))
    for atom, c in linear(expression).items():
        for evaluation, moved in _of_atom(atom, table).items():
            total[evaluation] = total[evaluation] + c * moved
    return dict(total)


def _of_atom(atom: Atom, table: Table) -> dict[str, Array]:
    match atom:
        case Rate() | MeanScore():
            return _of_mean(atom, table)
        case ItemProduct() | ItemBound():
            return _of_items(atom, table)
        case Ratio():
            top, bottom = influence(atom.left, table), influence(atom.right, table)
            share, under = atom_value(atom, table).point, evaluate(atom.right, table).point
            size = np.divide(1.0, under, out=np.full(np.shape(under), np.nan), where=under > 0)
            zero = np.zeros(())
            return {e: (top.get(e, zero) - share[..., None] * bottom.get(e, zero)) * size[..., None] for e in {*top, *bottom}}
        case LogOdds():
            events = atom_value(atom.of, table).point * atom.trials
            slope = atom.trials * (1 / (events + 0.5) + 1 / (atom.trials - events + 0.5))
            return {e: slope[..., None] * moved for e, moved in _of_atom(atom.of, table).items()}
        case Corrected():
            return {e: moved / (atom.sensitivity - atom.false) for e, moved in _of_atom(atom.of, table).items()}
        case Distance():
            return _of_distance(atom, table)


def _of_mean(atom: Rate | MeanScore, table: Table) -> dict[str, Array]:
    counts = table.find(atom.evaluation, atom.condition, atom.at)
    if counts is None:
        return {}
    if isinstance(atom, MeanScore):
        got = counts.score_sum[atom.outcome]
    else:
        got = functools.reduce(np.add, (counts.outcome(name) for name in atom.outcomes))
    total = counts.trials.sum(-1, keepdims=True)
    mean = atom_value(atom, table).point[..., None]
    return {atom.evaluation: np.divide(got - mean * counts.trials, total, out=np.zeros(got.shape), where=total > 0)}


def _of_items(atom: ItemProduct | ItemBound, table: Table) -> dict[str, Array]:
    values, mean = per_item(atom, table), atom_value(atom, table).point[..., None]
    if values is None:
        return {}
    whole = values.complete.sum(-1, keepdims=True)
    evaluation = atom.factors[0].evaluation
    moved = np.zeros((*values.low.shape[:-1], len(table.items[evaluation])))
    moved[..., values.place] = np.where(values.complete, (values.low - mean) / np.maximum(whole, 1), 0)
    return {evaluation: moved}


def _of_distance(atom: Distance, table: Table) -> dict[str, Array]:
    total = np.zeros(())
    for outcome in atom.outcomes:
        sides = [Rate(evaluation=atom.evaluation, condition=c, outcome=outcome, at=atom.at) for c in (atom.left, atom.right)]
        left, right = (_of_mean(side, table).get(atom.evaluation, np.zeros(())) for side in sides)
        sign = np.sign(atom_value(sides[0], table).point - atom_value(sides[1], table).point)
        total = total + np.nan_to_num(sign)[..., None] * (left - right) / 2
    return {atom.evaluation: total}


def _drawn(evaluation: str, table: Table) -> NDArray[np.bool_]:
    """Which items of an evaluation each run has drawn under any condition, (…, R, I)."""
    drawn = [counts.trials > 0 for (name, _, _), counts in table.counts.items() if name == evaluation]
    return functools.reduce(np.logical_or, drawn)


def _independent(expression: Expression, table: Table) -> Array:
    """Σ c² × variance of the atoms; those that read the same samples are taken as fully correlated, as in `evaluate`."""
    spread: defaultdict[tuple[str, str, str] | Atom, Array] = defaultdict(lambda: np.zeros(()))
    for atom, c in linear(expression).items():
        key = (atom.evaluation, atom.condition, atom.at) if isinstance(atom, Rate) else atom
        spread[key] = spread[key] + abs(c) * _deviation(atom, table)
    total = sum((s**2 for s in spread.values()), np.zeros(()))
    return np.broadcast_to(total, np.broadcast_shapes(np.shape(total), (len(table.cells),)))


def _deviation(atom: Atom, table: Table) -> Array:
    """Standard deviation of an atom, all samples independent."""
    if isinstance(atom, Corrected):
        return _deviation(atom.of, table) / (atom.sensitivity - atom.false)
    value = atom_value(atom, table)
    if isinstance(atom, Rate):
        counts = table.find(atom.evaluation, atom.condition, atom.at)
        trials = np.zeros(len(table.cells)) if counts is None else counts.trials.sum(-1)
    elif isinstance(atom, Ratio):
        trials = np.nan_to_num(denominator_count(atom, table))
    else:
        return np.sqrt(value.within)
    low, high = wilson(np.clip(value.point * trials, 0, trials), np.where(np.isnan(value.point), 0, trials), LEVEL)
    return np.maximum(value.point - low, high - value.point) / t_quantile(np.asarray(np.inf), LEVEL)
