"""What each kind of node is in every run: its value, and how far one item or chance moves it.

All that the analysis knows of a kind of node is here; its data, what it reads and its range are in `measures`. Shapes: results
are (…, R) or, per item, (…, R, I). Does not know how nodes are summed: what a node's operands are worth is handed in.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exante.analysis.algebra import Atom, leaves
from exante.analysis.table import Counts, Table
from exante.errors import UserError
from exante.measures import Corrected, Distance, Expression, ItemBound, ItemProduct, LogOdds, MeanScore, Rate, Ratio
from exante.stats.proportions import smoothed_variance

Array = NDArray[np.float64]
LEVEL = 0.95


@dataclass(frozen=True)
class Values:
    """Per run, all (…, R): the value as counted, its lowest and highest if every ungraded sample went that way, and the
    sampling variance within the run. `low ≤ point ≤ high`; point is NaN where nothing was drawn or a denominator is empty."""

    point: Array
    low: Array
    high: Array
    within: Array


ValuesOf = Callable[[Expression, Table], Values]
"""The values of any expression."""
InfluenceOf = Callable[[Expression, Table], dict[str, Array]]
"""How far each item of an evaluation moves any expression."""


def atom_value(atom: Atom, table: Table, values_of: ValuesOf) -> Values:
    """The value of one term of an expression in every run."""
    match atom:
        case Rate():
            return _rate(atom, table)
        case MeanScore():
            return _mean_score(atom, table)
        case Ratio():
            return _ratio(values_of(atom.left, table), values_of(atom.right, table))
        case ItemProduct() | ItemBound():
            return _over_items(atom, table)
        case LogOdds():
            return _log_odds(atom, table)
        case Corrected():
            return _corrected(atom, table)
        case Distance():
            return _distance(atom, table)
    raise AssertionError(f"{type(atom).__name__} is no atom: `linear` takes it apart")


def atom_influence(atom: Atom, table: Table, values_of: ValuesOf, influence_of: InfluenceOf) -> dict[str, Array]:
    """By evaluation: how far each item moves the atom from where it would be without it, (…, R, I), to first order."""
    match atom:
        case Rate() | MeanScore():
            return _of_mean(atom, table)
        case ItemProduct() | ItemBound():
            return _of_items(atom, table)
        case Ratio():
            top, bottom = influence_of(atom.left, table), influence_of(atom.right, table)
            share, under = values_of(atom, table).point, values_of(atom.right, table).point
            size = np.divide(1.0, under, out=np.full(np.shape(under), np.nan), where=under > 0)
            zero = np.zeros(())
            return {e: (top.get(e, zero) - share[..., None] * bottom.get(e, zero)) * size[..., None] for e in {*top, *bottom}}
        case LogOdds():
            events = _rate(atom.of, table).point * atom.trials
            slope = atom.trials * (1 / (events + 0.5) + 1 / (atom.trials - events + 0.5))
            return {e: slope[..., None] * moved for e, moved in _of_mean(atom.of, table).items()}
        case Corrected():
            return {e: moved / (atom.sensitivity - atom.false) for e, moved in _of_mean(atom.of, table).items()}
        case Distance():
            return _of_distance(atom, table)
    raise AssertionError(f"{type(atom).__name__} is no atom: `linear` takes it apart")


def denominator_count(ratio: Ratio, table: Table, values_of: ValuesOf) -> Array:
    """Samples in the denominator of a share, (…, R): its rate times the samples drawn, in an item product the first factor's."""
    leaf = min(leaves(ratio.right.factors[0] if isinstance(ratio.right, ItemProduct) else ratio.right))
    counts = table.find(leaf.evaluation, leaf.condition, leaf.at)
    trials = np.zeros(len(table.cells)) if counts is None else counts.trials.sum(-1)
    return values_of(ratio.right, table).point * trials


def share_base(atom: Rate | Ratio, table: Table, values_of: ValuesOf) -> tuple[str, Array, Array] | None:
    """What a rate or share is a share of: its evaluation, the amount by item (…, R, I), and the number of samples (…, R).

    None where nothing was drawn, or where the share's denominator is no rate or product of rates.
    """
    if isinstance(atom, Rate):
        counts = table.find(atom.evaluation, atom.condition, atom.at)
        return None if counts is None else (atom.evaluation, counts.trials, counts.trials.sum(-1))
    under, samples = atom.right, denominator_count(atom, table, values_of)
    if isinstance(under, Rate):
        counts = table.find(under.evaluation, under.condition, under.at)
        return None if counts is None else (under.evaluation, _ends(counts, under)[0], samples)
    if not isinstance(under, ItemProduct) or (factors := per_item(under, table)) is None:
        return None
    evaluation = under.factors[0].evaluation
    amounts = np.zeros((*factors.low.shape[:-1], len(table.items[evaluation])))
    amounts[..., factors.place] = np.where(factors.complete, factors.low, 0)
    return evaluation, amounts, samples


def _nothing(table: Table) -> Values:
    missing = np.full(len(table.cells), np.nan)
    return Values(missing, missing, missing, missing)


def _over(x: Array, m: Array) -> Array:
    """x / m, NaN where m is zero."""
    x, m = np.broadcast_arrays(x, m)
    return np.divide(x, m, out=np.full(np.shape(x), np.nan), where=m > 0)


def _ends(counts: Counts, rate: Rate) -> tuple[Array, Array]:
    """Lowest and highest count (…, R, I) of a rate's outcomes. How many were ungraded is itself known exactly."""
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
    """A share. With an empty denominator nothing is known: no point, both ends."""
    known = np.isfinite(bottom.point)
    point = np.where(bottom.point > 0, np.clip(_over(top.point, bottom.point), 0, 1), np.nan)
    low = np.where(bottom.point > 0, np.clip(_over(top.low, bottom.high), 0, 1), 0.0)
    high = np.where(bottom.low > 0, np.clip(_over(top.high, bottom.low), 0, 1), 1.0)
    within = _over(top.within + np.nan_to_num(point) ** 2 * bottom.within, bottom.point**2)
    return Values(point, np.where(known, low, np.nan), np.where(known, high, np.nan), within)


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
    """None where a condition was not drawn at all. What joins the factors' rates rises with each of them."""
    found = [table.find(f.evaluation, f.condition, f.at) for f in node.factors]
    shared, places = _paired([f.evaluation for f in node.factors], table)
    if not shared or any(counts is None for counts in found):
        return None
    joined = _product if isinstance(node, ItemProduct) else _least if node.end == "least" else _greatest
    lows, highs = [], []
    complete, seen = np.ones((), bool), np.zeros((), bool)
    for factor, counts, place in zip(node.factors, found, places, strict=True):
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
    found = per_item(node, table)
    if found is None:
        return _nothing(table)
    items, whole = found.seen.sum(-1), found.complete.sum(-1)
    point = _over((found.low * found.complete).sum(-1), whole)
    deviation = (found.low - point[..., None]) * found.complete
    within = _over((np.nan_to_num(deviation) ** 2).sum(-1), whole * np.maximum(whole - 1, 1))
    highest = np.where(found.complete, found.high, 1.0) * found.seen
    return Values(point, _over((found.low * found.complete).sum(-1), items), _over(highest.sum(-1), items), within)


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


def _of_mean(atom: Rate | MeanScore, table: Table) -> dict[str, Array]:
    counts = table.find(atom.evaluation, atom.condition, atom.at)
    if counts is None:
        return {}
    if isinstance(atom, MeanScore):
        got = counts.score_sum[atom.outcome]
    else:
        got = functools.reduce(np.add, (counts.outcome(name) for name in atom.outcomes))
    total = counts.trials.sum(-1, keepdims=True)
    mean = (_mean_score(atom, table) if isinstance(atom, MeanScore) else _rate(atom, table)).point[..., None]
    return {atom.evaluation: np.divide(got - mean * counts.trials, total, out=np.zeros(got.shape), where=total > 0)}


def _of_items(atom: ItemProduct | ItemBound, table: Table) -> dict[str, Array]:
    found, mean = per_item(atom, table), _over_items(atom, table).point[..., None]
    if found is None:
        return {}
    whole = found.complete.sum(-1, keepdims=True)
    evaluation = atom.factors[0].evaluation
    moved = np.zeros((*found.low.shape[:-1], len(table.items[evaluation])))
    moved[..., found.place] = np.where(found.complete, (found.low - mean) / np.maximum(whole, 1), 0)
    return {evaluation: moved}


def _of_distance(atom: Distance, table: Table) -> dict[str, Array]:
    total = np.zeros(())
    for outcome in atom.outcomes:
        sides = [Rate(evaluation=atom.evaluation, condition=c, outcome=outcome, at=atom.at) for c in (atom.left, atom.right)]
        left, right = (_of_mean(side, table).get(atom.evaluation, np.zeros(())) for side in sides)
        sign = np.sign(_rate(sides[0], table).point - _rate(sides[1], table).point)
        total = total + np.nan_to_num(sign)[..., None] * (left - right) / 2
    return {atom.evaluation: total}
