"""The value of a measure in every run: as counted, and at both ends of what ungraded samples could have been.

Shapes: results are (…, R): leading batch axes as in the table, R runs. NaN marks a run in which nothing was drawn.
Does not know about arms, claims or intervals.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exante.analysis.algebra import Atom, leaves, linear
from exante.analysis.table import Counts, Table
from exante.errors import UserError
from exante.measures import Corrected, Distance, Expression, ItemBound, ItemProduct, LogOdds, MeanScore, Rate, Ratio
from exante.stats.proportions import smoothed_variance

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Values:
    """Per run, all (…, R): the value as counted, its lowest and highest if every ungraded sample went that way, and the
    sampling variance within the run. `low ≤ point ≤ high`; point is NaN where nothing was drawn or a denominator is empty."""

    point: Array
    low: Array
    high: Array
    within: Array


def evaluate(expression: Expression, table: Table) -> Values:
    """Σ coefficient × atom. A negative coefficient takes the atom's other end; leaves that share samples are taken as fully
    correlated in the sampling variance, all others as independent."""
    point, low, high = np.zeros(()), np.zeros(()), np.zeros(())
    spread: defaultdict[tuple[str, str, str] | Atom, Array] = defaultdict(lambda: np.zeros(()))
    for atom, c in linear(expression).items():
        value = atom_value(atom, table)
        point = point + c * value.point
        low = low + c * (value.low if c > 0 else value.high)
        high = high + c * (value.high if c > 0 else value.low)
        key = (atom.evaluation, atom.condition, atom.at) if isinstance(atom, Rate | MeanScore) else atom
        spread[key] = spread[key] + abs(c) * np.sqrt(value.within)
    within = sum((s**2 for s in spread.values()), np.zeros(()))
    shape = np.broadcast_shapes(np.shape(point), (len(table.cells),))
    return Values(*(np.broadcast_to(x, shape) for x in (point, low, high, within)))


def ungraded_share(expression: Expression, table: Table) -> tuple[Array, Array]:
    """Ungraded samples and samples drawn, (L, …, R), one entry per evaluation × condition × checkpoint that is read."""
    pairs = [table.find(*key) for key in sorted({(leaf.evaluation, leaf.condition, leaf.at) for leaf in leaves(expression)})]
    sums = [(np.broadcast_to(c.ungraded, c.trials.shape).sum(-1), c.trials.sum(-1)) for c in pairs if c is not None]
    if not sums:
        nothing = np.zeros((1, len(table.cells)))
        return nothing, nothing
    shape = np.broadcast_shapes(*(u.shape for u, _ in sums), *(m.shape for _, m in sums))
    return np.stack([np.broadcast_to(u, shape) for u, _ in sums]), np.stack([np.broadcast_to(m, shape) for _, m in sums])


def denominator_count(ratio: Ratio, table: Table) -> Array:
    """Samples in the denominator of a share, (…, R): its rate times the samples drawn, in an item product the first factor's."""
    leaf = min(leaves(ratio.right.factors[0] if isinstance(ratio.right, ItemProduct) else ratio.right))
    counts = table.find(leaf.evaluation, leaf.condition, leaf.at)
    trials = np.zeros(len(table.cells)) if counts is None else counts.trials.sum(-1)
    return evaluate(ratio.right, table).point * trials


def expected_events(log_odds: LogOdds, table: Table) -> Array:
    """Events that a rate of this size gives in the registered m samples: p·m, (…, R)."""
    return atom_value(log_odds.of, table).point * log_odds.trials


def atom_value(atom: Atom, table: Table) -> Values:
    """One term of an expression."""
    match atom:
        case Rate():
            return _rate(atom, table)
        case MeanScore():
            return _mean_score(atom, table)
        case Ratio():
            return _ratio(evaluate(atom.left, table), evaluate(atom.right, table))
        case ItemProduct() | ItemBound():
            return _over_items(atom, table)
        case LogOdds():
            return _log_odds(atom, table)
        case Corrected():
            return _corrected(atom, table)
        case Distance():
            return _distance(atom, table)


def _nothing(table: Table) -> Values:
    missing = np.full(len(table.cells), np.nan)
    return Values(missing, missing, missing, missing)


def _over(x: Array, m: Array) -> Array:
    """x / m, NaN where m is zero."""
    x, m = np.broadcast_arrays(x, m)
    return np.divide(x, m, out=np.full(np.shape(x), np.nan), where=m > 0)


def _ends(counts: Counts, rate: Rate) -> tuple[Array, Array]:
    """Lowest and highest count (…, R, I) of a rate's outcomes. A rate of ungraded samples has no uncertainty of this kind."""
    n = functools.reduce(np.add, (counts.outcome(name) for name in rate.outcomes))
    if len(rate.outcomes) > 1 and (n > counts.trials).any():
        raise UserError(
            f"a sample of {rate.evaluation} has several of the outcomes {', '.join(rate.outcomes)}, so they cannot be"
            " counted together; measure each by itself"
        )
    return n, n if "ungraded" in rate.outcomes else np.minimum(n + counts.ungraded, counts.trials)


def _rate(node: Rate, table: Table) -> Values:
    counts = table.find(node.evaluation, node.condition, node.at)
    if counts is None:
        return _nothing(table)
    low, high = (end.sum(-1) for end in _ends(counts, node))
    m = counts.trials.sum(-1)
    return Values(_over(low, m), _over(low, m), _over(high, m), smoothed_variance(low, m))


def _mean_score(node: MeanScore, table: Table) -> Values:
    counts = table.find(node.evaluation, node.condition, node.at)
    if counts is None:
        return _nothing(table)
    counts.outcome(node.outcome)
    m, lost = counts.trials.sum(-1), np.broadcast_to(counts.ungraded, counts.trials.shape).sum(-1)
    total, squares = counts.score_sum[node.outcome].sum(-1), counts.score_sumsq[node.outcome].sum(-1)
    lost = np.zeros_like(lost) if node.outcome == "ungraded" else lost
    low, high = _over(total + lost * node.low, m), _over(total + lost * node.high, m)
    mean = _over(total, m)
    within = _over(np.maximum(_over(squares, m) - mean**2, 0.0), m - 1)
    return Values(np.clip(mean, low, high), low, high, within)


def _ratio(top: Values, bottom: Values) -> Values:
    """A share. With an empty denominator there is no point, and the ends are 0 and 1."""
    drawn = np.isfinite(bottom.point)
    point = np.where(bottom.point > 0, np.clip(_over(top.point, bottom.point), 0, 1), np.nan)
    low = np.where(bottom.point > 0, np.clip(_over(top.low, bottom.high), 0, 1), 0.0)
    high = np.where(bottom.low > 0, np.clip(_over(top.high, bottom.low), 0, 1), 1.0)
    within = _over(top.within + np.nan_to_num(point) ** 2 * bottom.within, bottom.point**2)
    return Values(point, np.where(drawn, low, np.nan), np.where(drawn, high, np.nan), within)


@dataclass(frozen=True)
class PerItem:
    """Values of an item product or bound in each item that the evaluations share, all (…, R, I): at both ends of what ungraded
    samples could have been, and whether the item was drawn under every condition, or any. `place`: where the first factor's
    evaluation has them."""

    low: Array
    high: Array
    complete: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    place: slice | list[int]


def per_item(node: ItemProduct | ItemBound, table: Table) -> PerItem | None:
    """None where a condition was not drawn at all. The result increases with each factor's rate, so ends go with ends."""
    counted = [table.find(f.evaluation, f.condition, f.at) for f in node.factors]
    shared, places = _paired([f.evaluation for f in node.factors], table)
    if not shared or any(counts is None for counts in counted):
        return None
    joined = _product if isinstance(node, ItemProduct) else _least if node.end == "least" else _greatest
    lows, highs = [], []
    complete, seen = np.ones((), bool), np.zeros((), bool)
    for factor, counts, place in zip(node.factors, counted, places, strict=True):
        assert counts is not None
        n_low, n_high = _ends(counts, factor)
        trials = counts.trials[..., place]
        lows.append(np.nan_to_num(_over(n_low[..., place], trials)))
        highs.append(np.nan_to_num(_over(n_high[..., place], trials), nan=1.0))
        complete, seen = complete & (trials > 0), seen | (trials > 0)
    low, high, complete, seen = np.broadcast_arrays(joined(lows), joined(highs), complete, seen)
    return PerItem(low, high, complete, seen, places[0])


def _paired(evaluations: list[str], table: Table) -> tuple[int, list[slice | list[int]]]:
    """How many items the evaluations share, and where each has them. One evaluation has one item axis."""
    if len(set(evaluations)) == 1:
        return len(table.items.get(evaluations[0], ())), [slice(None)] * len(evaluations)
    ids = [list(zip(table.items.get(e, ()), table.clusters.get(e, ()), strict=True)) for e in evaluations]
    shared = sorted(set.intersection(*map(set, ids)))
    where = [{name: i for i, name in enumerate(names)} for names in ids]
    return len(shared), [[place[name] for name in shared] for place in where]


def _product(rates: list[Array]) -> Array:
    return functools.reduce(np.multiply, rates)


def _least(rates: list[Array]) -> Array:
    return np.maximum(functools.reduce(np.add, rates) - (len(rates) - 1), 0.0)


def _greatest(rates: list[Array]) -> Array:
    return functools.reduce(np.minimum, rates)


def _over_items(node: ItemProduct | ItemBound, table: Table) -> Values:
    """Means over the items that were drawn under any condition; one that is missing under another counts at both ends."""
    items_of = per_item(node, table)
    if items_of is None:
        return _nothing(table)
    items, whole = items_of.seen.sum(-1), items_of.complete.sum(-1)
    point = _over((items_of.low * items_of.complete).sum(-1), whole)
    deviation = (items_of.low - point[..., None]) * items_of.complete
    within = _over((np.nan_to_num(deviation) ** 2).sum(-1), whole * np.maximum(whole - 1, 1))
    highest = np.where(items_of.complete, items_of.high, 1.0) * items_of.seen
    return Values(point, _over((items_of.low * items_of.complete).sum(-1), items), _over(highest.sum(-1), items), within)


def _log_odds(node: LogOdds, table: Table) -> Values:
    rate, m = _rate(node.of, table), node.trials

    def logit(p: Array) -> Array:
        return np.log((p * m + 0.5) / (m - p * m + 0.5))

    within = 1 / (rate.point * m + 0.5) + 1 / (m - rate.point * m + 0.5)
    return Values(logit(rate.point), logit(rate.low), logit(rate.high), within)


def _corrected(node: Corrected, table: Table) -> Values:
    rate, width = _rate(node.of, table), node.sensitivity - node.false
    point, low, high = (np.clip((end - node.false) / width, 0, 1) for end in (rate.point, rate.low, rate.high))
    return Values(point, low, high, rate.within / width**2)


def _distance(node: Distance, table: Table) -> Values:
    total = Values(np.zeros(()), np.zeros(()), np.zeros(()), np.zeros(()))
    for outcome in node.outcomes:
        rates = (Rate(evaluation=node.evaluation, condition=c, outcome=outcome, at=node.at) for c in (node.left, node.right))
        left, right = (_rate(rate, table) for rate in rates)
        if outcome == "ungraded":
            # An ungraded sample is some other outcome that was not recognised, so this one may be as low as zero.
            left, right = (Values(v.point, v.low * 0.0, v.high, v.within) for v in (left, right))
        total = Values(
            total.point + np.abs(left.point - right.point) / 2,
            total.low + np.maximum(0.0, np.maximum(left.low - right.high, right.low - left.high)) / 2,
            total.high + np.maximum(left.high - right.low, right.high - left.low) / 2,
            total.within + (np.sqrt(left.within) + np.sqrt(right.within)) / 2,
        )
    return Values(total.point, total.low, np.minimum(total.high, 1.0), total.within**2)
