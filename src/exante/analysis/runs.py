"""From values per run to the units of a claim: which runs an arm of a contrast has, averaged over models and behaviours.

Shapes: n units (runs, or base means), K combinations of variant × model × behaviour that a unit averages over.
Models, behaviours and base variants are chosen, not drawn: within a unit they are averaged, never counted as n.
Does not know about intervals or regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exante.analysis.atoms import Values
from exante.analysis.rules import FEWEST_BASES
from exante.stats.intervals import Shared
from exante.study import Cell, Contrast

Array = NDArray[np.float64]
Combo = tuple[str, str, str]
"""Base variant, model, behaviour."""
Unit = tuple[str, int]
"""Base draw and seed; a base mean has seed −1."""


@dataclass(frozen=True)
class Layout:
    """Where an arm's runs are: `index_nK` are positions among the table's cells, −1 for a run that is missing."""

    units: tuple[Unit, ...]
    combos: tuple[Combo, ...]
    index_nK: NDArray[np.int64]

    @property
    def cells(self) -> NDArray[np.int64]:
        return np.unique(self.index_nK[self.index_nK >= 0])


@dataclass(frozen=True)
class Sample:
    """One arm's units on one measure, in the measure's unit. `low`, `high` are the ends that ungraded samples and crashed
    runs could reach; `point` is NaN where a run gave no value. Arrays (…, n); `within` is (…)."""

    units: tuple[Unit, ...]
    point: Array
    low: Array
    high: Array
    within: Array

    @property
    def mean(self) -> Array:
        return mean_of_finite(self.point)


def split_base(base: str) -> tuple[str, str]:
    """Variant and draw of `"VARIANT#DRAW"`."""
    variant, _, draw = base.partition("#")
    return variant, draw


def layouts(cells: Sequence[Cell], contrast: Contrast) -> tuple[Layout, Layout | None]:
    """The runs of a contrast's arm and control. Both average over the same combinations; a missing run is −1."""
    selected = [(r, cell) for r, cell in enumerate(cells) if _selected(cell, contrast)]
    combos = tuple(sorted({_combo(cell) for _, cell in selected}))
    arm = _layout([x for x in selected if x[1].arm == contrast.arm], combos)
    return arm, None if contrast.control is None else _layout([x for x in selected if x[1].arm == contrast.control], combos)


def _selected(cell: Cell, contrast: Contrast) -> bool:
    return (
        cell.arm in (contrast.arm, contrast.control)
        and cell.training == contrast.training
        and contrast.behaviour in (None, cell.behaviour)
        and contrast.model in (None, cell.model)
        and contrast.base in (None, split_base(cell.base)[0])
    )


def _combo(cell: Cell) -> Combo:
    return split_base(cell.base)[0], cell.model, cell.behaviour


def _layout(runs: list[tuple[int, Cell]], combos: tuple[Combo, ...]) -> Layout:
    units = tuple(sorted({(split_base(cell.base)[1], cell.seed) for _, cell in runs}))
    index = np.full((len(units), len(combos)), -1, np.int64)
    for r, cell in runs:
        index[units.index((split_base(cell.base)[1], cell.seed)), combos.index(_combo(cell))] = r
    return Layout(units, combos, index)


def scaled(values: Values, scale: float, ends: tuple[float, float]) -> Values:
    """Values in the measure's unit. A run without a value takes both ends of the registered range."""
    low = np.where(np.isnan(values.low), ends[0], np.clip(values.low * scale, *ends))
    high = np.where(np.isnan(values.high), ends[1], np.clip(values.high * scale, *ends))
    return Values(values.point * scale, low, high, values.within * scale**2)


def sample(
    values: Values, layout: Layout, ends: tuple[float, float], weights_K: Array | None = None, bases: bool = False
) -> Sample:
    """Units of one arm: Σ weight × run over the combinations (default: their mean), then base means if `bases`."""
    k = len(layout.combos)
    w = np.full(k, 1 / k) if weights_K is None else weights_K
    hole = layout.index_nK < 0
    low_nK = np.where(hole, ends[0], values.low[..., layout.index_nK])
    high_nK = np.where(hole, ends[1], values.high[..., layout.index_nK])
    point_nK = np.where(hole, np.nan, values.point[..., layout.index_nK])
    used = w != 0
    low = (np.where(w > 0, low_nK, high_nK) * w).sum(-1)
    high = (np.where(w > 0, high_nK, low_nK) * w).sum(-1)
    point = (point_nK[..., used] * w[used]).sum(-1)
    within = (np.where(hole, np.nan, values.within[..., layout.index_nK])[..., used] * w[used] ** 2).sum(-1)
    units = layout.units
    if bases:
        units, average = _base_means(units)
        low, high, point, within = low @ average, high @ average, _product(point, average), _product(within, average**2)
    return Sample(units, point, low, high, np.nan_to_num(mean_of_finite(within)))


def ends_of(weights_K: Array, ends: tuple[float, float]) -> tuple[float, float]:
    """The range of Σ weight × run."""
    low = np.where(weights_K > 0, ends[0], ends[1]) @ weights_K
    return float(low), float(np.where(weights_K > 0, ends[1], ends[0]) @ weights_K)


def _base_means(units: tuple[Unit, ...]) -> tuple[tuple[Unit, ...], Array]:
    draws = sorted({draw for draw, _ in units})
    average = np.array([[float(draw == d) for d in draws] for draw, _ in units])
    return tuple((d, -1) for d in draws), average / average.sum(0)


def _product(values_n: Array, average: Array) -> Array:
    """values @ average in which NaN spoils only the columns that use it."""
    spoilt = np.isnan(values_n).astype(float) @ (average > 0) > 0
    return np.where(spoilt, np.nan, np.nan_to_num(values_n) @ average)


def enough_bases(arm: Layout, control: Layout | None) -> bool:
    """Base means are units only if there are enough of them in every arm."""
    return all(len({draw for draw, _ in layout.units}) >= FEWEST_BASES for layout in (arm, control) if layout is not None)


def shared_units(arm: Sample, control: Sample | None) -> Shared | None:
    """Positions of the units that both arms have: the same base draw and seed."""
    if control is None:
        return None
    both = [unit for unit in arm.units if unit in set(control.units)]
    a, b = ([units.index(unit) for unit in both] for units in (arm.units, control.units))
    return Shared(np.array(a, np.int64), np.array(b, np.int64)) if both else None


def mean_of_finite(x_n: Array) -> Array:
    """Mean over the last axis of what is not NaN; NaN if nothing is."""
    finite = np.isfinite(x_n)
    count = finite.sum(-1)
    total = np.where(finite, x_n, 0.0).sum(-1)
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)
