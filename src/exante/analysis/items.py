"""How far the value of the runs at hand could have come out otherwise on other items and samples.

For claims about these runs, which say nothing of other runs. The unit is the item, or the cluster of items where the items name
more than one (questions about one passage). Shapes: results are (…), with R runs, I items, G units inside. Does not know which
arms are compared, nor about regions: each run's weight in the claim is handed in.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from exante.analysis import atoms
from exante.analysis.algebra import Atom, linear
from exante.analysis.atoms import Array, Values
from exante.analysis.evaluate import evaluate
from exante.analysis.table import Table
from exante.measures import Expression, Measure, Rate, Ratio
from exante.stats.intervals import t_quantile
from exante.stats.proportions import clopper_pearson, wilson

Reach = tuple[Array, Array]
"""How far an interval goes below and above its estimate."""
Interval = Callable[[Array, Array, float], tuple[Array, Array]]
"""The interval of counts out of trials at a level."""
UNSURE = 0.10
"""A design effect is read at this quantile of its sampling distribution, since few events show little of it."""
SCARCE = 3.0
"""Where fewer units than this have moved, a difference has at least Clopper and Pearson's upper reach."""


def values_of(measures: Sequence[Measure], table: Table) -> dict[str, Values]:
    """Measure id → its values, unscaled."""
    return {m.id: evaluate(m.expression, table) for m in measures}


def reach(expression: Expression, table: Table, weight_R: Array, level: float) -> Reach:
    """How far Σ weight × value of the runs could be off, over their items, at this level.

    The rate or share of one run: Clopper and Pearson's interval at the effective number of samples. Everything else: Student's
    interval over items of how far each moves the whole (the infinitesimal jackknife; Efron 1982, ch. 6), so that cues, stages and
    variants that share items are paired by them. Where there are no items, all samples are taken as independent.
    """
    terms = linear(expression)
    used = np.flatnonzero(weight_R)
    if len(used) == 1 and weight_R[used[0]] == 1 and len(terms) == 1:
        ((atom, c),) = terms.items()
        if isinstance(atom, Rate | Ratio) and c == 1:
            below, above = _share_reach(atom, table, level)
            return below[..., used[0]], above[..., used[0]]
    moved = influence(expression, table)
    if all(_counted(name, table) > 1 for name in moved):
        return _paired(terms, moved, table, weight_R, level)
    return _independent(terms, table, weight_R, level)


def influence(expression: Expression, table: Table) -> dict[str, Array]:
    """By evaluation: how far each item moves the expression from where it would be without it, (…, R, I), to first order."""
    kept = _known(table).moved
    if expression not in kept:
        total: defaultdict[str, Array] = defaultdict(lambda: np.zeros(()))
        for atom, c in linear(expression).items():
            for evaluation, moved in atoms.atom_influence(atom, table, evaluate, influence).items():
                total[evaluation] = total[evaluation] + c * moved
        kept[expression] = dict(total)
    return kept[expression]


@dataclass(frozen=True)
class _Known:
    """What has been computed of a table: thousands of contrasts read the same few expressions."""

    table: Table
    moved: dict[Expression, dict[str, Array]] = field(default_factory=dict)
    effective: dict[Expression, Array] = field(default_factory=dict)


_LAST: list[_Known] = []


def _known(table: Table) -> _Known:
    """That of the table at hand. Only the last table's is kept, since a table may be large."""
    if not _LAST or _LAST[0].table is not table:
        _LAST[:] = [_Known(table)]
    return _LAST[0]


# --- units ---------------------------------------------------------------------------------------------------------------


def _unit_of(evaluation: str, table: Table) -> NDArray[np.int64]:
    """The unit of each item, (I,): its cluster, or where all items are in the same one the item itself."""
    clusters = np.unique(np.array(table.clusters[evaluation], dtype=str), return_inverse=True)[1]
    return clusters if clusters.size and clusters.max() > 0 else np.arange(len(table.items[evaluation]))


def _counted(evaluation: str, table: Table) -> int:
    """Number of units."""
    return len(np.unique(_unit_of(evaluation, table)))


def _summed(values: Array, evaluation: str, table: Table) -> Array:
    """Values of items (…, I) summed over each unit, (…, G)."""
    unit = _unit_of(evaluation, table)
    values = np.broadcast_to(values, (*np.shape(values)[:-1], len(unit)))
    if (unit == np.arange(len(unit))).all():
        return values
    return np.nan_to_num(values) @ np.eye(unit.max() + 1)[unit]


# --- one rate or share ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Share:
    """A rate or share in every run. `base` is what it is a share of, by unit (…, R, G); `moved` how far each unit moves it;
    `samples` the number of samples that it is a share of (…, R)."""

    point: Array
    base: Array
    moved: Array
    samples: Array

    @property
    def units(self) -> Array:
        """Units of equal size that would weigh as much (Kish 1965)."""
        squares = (self.base**2).sum(-1)
        return np.divide(self.base.sum(-1) ** 2, squares, out=np.zeros(np.shape(squares)), where=squares > 0)

    @property
    def spread(self) -> tuple[Array, Array]:
        """Variance over units, and what as many independent samples would have."""
        n = (self.base > 0).sum(-1)
        p = np.nan_to_num(self.point)
        over_units = n / np.maximum(n - 1, 1) * (np.nan_to_num(self.moved) ** 2).sum(-1)
        return over_units, np.divide(p * (1 - p), self.samples, out=np.zeros(np.shape(p)), where=self.samples > 0)

    @property
    def events(self) -> Array:
        """Units that differ from what most samples are."""
        p, total = np.nan_to_num(self.point)[..., None], self.base.sum(-1, keepdims=True)
        hits = np.nan_to_num(self.moved) * total + p * self.base
        minority = np.where(p > 0.5, self.base - hits, hits)
        return (minority > 1e-9 * np.maximum(total, 1)).sum(-1)


def _share(atom: Rate | Ratio, table: Table) -> _Share | None:
    """None where nothing was drawn."""
    base = atoms.share_base(atom, table, evaluate)
    if base is None:
        return None
    evaluation, amounts, samples = base
    point = evaluate(atom, table).point
    moved = atoms.atom_influence(atom, table, evaluate, influence).get(evaluation, np.zeros(amounts.shape))
    return _Share(
        point, _summed(amounts, evaluation, table), _summed(np.nan_to_num(moved), evaluation, table), np.nan_to_num(samples)
    )


def effective_samples(atom: Rate | Ratio, table: Table) -> Array:
    """Independent samples that would be as informative, (…, R): samples over the design effect, between the number of units and
    that of samples.

    A rate of 0 or 100 % shows no design effect of its own; it has that of the same outcomes elsewhere in the table, or if nothing
    varies there either, counts its units. Korn and Graubard (1998); the design effect is read at the upper end of what its few
    events leave open, a χ² with as many degrees of freedom as units had the event.
    """
    kept = _known(table).effective
    if atom not in kept:
        kept[atom] = _effective_samples(atom, table)
    return kept[atom]


def _effective_samples(atom: Rate | Ratio, table: Table) -> Array:
    share = _share(atom, table)
    if share is None:
        return np.zeros(len(table.cells))
    if share.base.shape[-1] <= 1:
        return share.samples
    spread, independent = share.spread
    events = np.minimum(share.events, share.base.shape[-1] - 1)
    silent = independent <= 0
    if silent.any() and isinstance(atom, Rate):
        spread, independent, events = (
            np.where(silent, there, own)
            for there, own in zip(_elsewhere(atom, table), (spread, independent, events), strict=True)
        )
    units = np.minimum(share.units, share.samples)
    spread = spread * np.maximum(events, 1) / chi2.ppf(UNSURE, np.maximum(events, 1))
    effective = np.divide(share.samples * independent, spread, out=np.zeros(np.shape(spread)), where=spread > 0)
    effective = np.where((spread <= 0) & (independent > 0), share.samples, effective)
    return np.clip(effective, units, np.maximum(share.samples, units))


def _elsewhere(rate: Rate, table: Table) -> tuple[Array, Array, Array]:
    """Spread, spread of independent samples, and events of the same outcomes under all conditions and checkpoints and in all runs
    of the table, (…, 1)."""
    spread, independent, events = np.zeros(1), np.zeros(1), np.zeros(1)
    for evaluation, condition, at in table.counts:
        if evaluation != rate.evaluation or at.endswith("@end"):
            continue
        share = _share(rate.model_copy(update={"condition": condition, "at": at}), table)
        assert share is not None
        over_units, alone = share.spread
        spread = spread + over_units.sum(-1, keepdims=True)
        independent = independent + alone.sum(-1, keepdims=True)
        events = np.maximum(events, np.minimum(share.events, share.base.shape[-1] - 1).max(-1, keepdims=True))
    return spread, independent, events


def _share_reach(atom: Rate | Ratio, table: Table, level: float, interval: Interval = clopper_pearson) -> Reach:
    """Below the lowest and above the highest that ungraded samples leave, (…, R); 0 where nothing was drawn."""
    value, n = evaluate(atom, table), effective_samples(atom, table)
    low, high = np.nan_to_num(value.low), np.nan_to_num(value.high)
    below = low - interval(low * n, n, level)[0]
    above = interval(high * n, n, level)[1] - high
    return np.nan_to_num(below), np.nan_to_num(above)


# --- everything else -----------------------------------------------------------------------------------------------------


def _paired(terms: Mapping[Atom, float], moved: Mapping[str, Array], table: Table, weight_R: Array, level: float) -> Reach:
    """Student's interval over units, and where hardly any unit moved at least Clopper and Pearson's for as many."""
    half2, variance, scarce = np.zeros(()), np.zeros(()), np.ones((), bool)
    used = weight_R != 0
    for evaluation, moved_RI in moved.items():
        by_unit = _summed(np.nan_to_num(moved_RI), evaluation, table)
        by_run = by_unit[..., used, :] * weight_R[used, None]
        total, drawn = by_run.sum(-2), _drawn(evaluation, table)[..., used, :]
        n, alike = drawn.sum(-1).min(-1), (drawn == drawn[..., :1, :]).all((-2, -1))
        squares = (total**2).sum(-1)
        # Where runs do not have all the same items, pairing may not narrow: which items are missing need not be chance.
        squares = np.where(alike, squares, np.maximum(squares, (by_run**2).sum((-2, -1))))
        squares = squares * np.where(n > 1, n / np.maximum(n - 1, 1), 0)
        quantile = t_quantile(np.asarray(n - 1, float), level)
        variance = variance + squares
        half2 = half2 + np.where(np.isfinite(quantile), quantile, 0) ** 2 * squares
        scarce = scarce & (_moved_units(total) < np.maximum(SCARCE, n / 5))
    return (
        half := np.where(scarce, np.maximum(np.sqrt(half2), _least(terms, variance, table, weight_R, level)), np.sqrt(half2)),
        half,
    )


def _moved_units(total: Array) -> Array:
    """How many units make up the variance: x where x of many moved wholly, about a third of them where all move smoothly."""
    squares, fourth = (total**2).sum(-1), (total**4).sum(-1)
    return np.divide(squares**2, fourth, out=np.zeros(np.shape(squares)), where=fourth > 0)


def _least(terms: Mapping[Atom, float], variance: Array, table: Table, weight_R: Array, level: float) -> Array:
    """The least half-width where few units moved: that 0 of n did does not show that none would.

    Clopper and Pearson's upper reach for as many of n as the variance shows, at most `SCARCE`.
    """
    used = weight_R != 0
    shares = [atom for atom in terms if isinstance(atom, Rate | Ratio)]
    if len(shares) < len(terms):
        below, above = _independent(terms, table, weight_R, level)
        return np.where(variance > 0, 0.0, np.maximum(below, above))
    n = functools.reduce(np.minimum, [effective_samples(atom, table)[..., used].min(-1) for atom in shares])
    events = np.minimum(n**2 * variance, np.minimum(SCARCE, n / 2))
    rate = np.divide(events, n, out=np.zeros(np.shape(n)), where=n > 0)
    return np.where(n > 0, clopper_pearson(events, n, level)[1] - rate, 1.0)


def _drawn(evaluation: str, table: Table) -> NDArray[np.bool_]:
    """Which units of an evaluation each run has drawn under any condition, (…, R, G)."""
    mine = [counts.trials > 0 for (name, _, _), counts in table.counts.items() if name == evaluation]
    return _summed(functools.reduce(np.logical_or, mine).astype(float), evaluation, table) > 0


def _independent(terms: Mapping[Atom, float], table: Table, weight_R: Array, level: float) -> Reach:
    """Squares of the terms' reaches by Wilson's interval, added (Newcombe 1998, method 10); terms that read the same samples are
    taken as fully correlated."""
    below: defaultdict[tuple[str, str, str] | Atom, Array] = defaultdict(lambda: np.zeros(()))
    above: defaultdict[tuple[str, str, str] | Atom, Array] = defaultdict(lambda: np.zeros(()))
    for atom, c in terms.items():
        key = (atom.evaluation, atom.condition, atom.at) if isinstance(atom, Rate) else atom
        low, high = _atom_reach(atom, table, level)
        weight = c * weight_R
        below[key] = below[key] + np.abs(weight) * np.where(weight > 0, low, high)
        above[key] = above[key] + np.abs(weight) * np.where(weight > 0, high, low)
    return _root_of_squares(below.values()), _root_of_squares(above.values())


def _root_of_squares(reaches_R: Iterable[Array]) -> Array:
    return np.sqrt(sum((np.nan_to_num(reach_R) ** 2 for reach_R in reaches_R), np.zeros(())).sum(-1))


def _atom_reach(atom: Atom, table: Table, level: float) -> Reach:
    if isinstance(atom, Rate | Ratio):
        return _share_reach(atom, table, level, wilson)
    half = t_quantile(np.asarray(np.inf), level) * np.sqrt(evaluate(atom, table).within)
    return half, half
