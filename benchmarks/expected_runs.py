"""What simulated studies take from shipped pages, as the planner does: how far runs spread, and how many answers are ungraded.

Does not know mechanisms: how far a story's own runs spread is handed in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

import numpy as np
from numpy.typing import NDArray

from exante.analysis.algebra import linear
from exante.analysis.atoms import Values
from exante.analysis.runs import layouts
from exante.analysis.table import Table
from exante.measures import Measure, Rate
from exante.planning.shown import ArmSpread, ShownPage, pages
from exante.study import Study
from exante.units import SCALE

Asked = tuple[str, str, str]
"""Evaluation, condition, arm."""
Side = tuple[str, str]
"""Contrast, arm."""


@dataclass(frozen=True)
class Expected:
    """What a page showed. `spreads`: of the units of a contrast's arm, in the measure's unit; `ungraded`: shares in [0, 1]."""

    spreads: Mapping[Side, float] = field(default_factory=dict)
    ungraded: Mapping[Asked, float] = field(default_factory=dict)


AS_TOLD = Expected()
"""A story's own spread and ungraded answers."""


def page_of(study: Study) -> ShownPage | None:
    return next((page for page in pages() if page.study == study.id), None)


def ungraded_shares(study: Study) -> dict[Asked, float]:
    """The ungraded share of every evaluation × condition × arm that a measure on the study's page reads by rates.

    Ungraded answers move a rate by their share, and a sum of rates by the weighted sum of shares, which count as equal.
    """
    page, measures = page_of(study), {m.id: m for m in study.measures}
    shares: defaultdict[Asked, list[float]] = defaultdict(list)
    for one in page.contrasts if page is not None else ():
        for arm, spread in ((one.arm_id, one.arm), (one.control_id, one.control)):
            if arm is not None and spread is not None and one.measure in measures:
                for evaluation, condition in _read(measures[one.measure]):
                    shares[evaluation, condition, arm].append(_share(measures[one.measure], spread))
    return {asked: median(values) for asked, values in shares.items()}


def _read(measure: Measure) -> set[tuple[str, str]]:
    """Evaluations and conditions of a measure that is a weighted sum of rates; none of any other."""
    terms = linear(measure.expression)
    rates = [term for term in terms if isinstance(term, Rate)]
    return {(rate.evaluation, rate.condition) for rate in rates} if len(rates) == len(terms) else set()


def _share(measure: Measure, arm: ArmSpread) -> float:
    weight = sum(map(abs, linear(measure.expression).values()))
    return min((arm.down + arm.up) / (SCALE[measure.unit] * weight), 1.0)


def shown_spreads(study: Study) -> dict[Side, float]:
    """Spread of the units of every contrast and arm on the study's page, everything ungraded counted against them."""
    page = page_of(study)
    sides = [
        ((one.contrast, arm), spread)
        for one in (page.contrasts if page is not None else ())
        for arm, spread in ((one.arm_id, one.arm), (one.control_id, one.control))
        if arm is not None and spread is not None
    ]
    return {side: spread.sd_low for side, spread in sides if spread.sd_low > 0}


def as_shown(study: Study) -> Expected:
    """What the study's page showed; nothing where it has none."""
    return Expected(shown_spreads(study), ungraded_shares(study))


def respread(study: Study, table: Table, values: Mapping[str, Values], factors: Mapping[Side, float]) -> dict[str, Values]:
    """The values of runs, each arm's deviations from its mean over all simulated studies multiplied by its contrast's factor.

    The first contrast that reads a measure in a run decides. What ungraded answers leave on both sides is kept.
    """
    spread = dict(values)
    measures = {m.id: m for m in study.measures}
    done: dict[str, set[int]] = defaultdict(set)
    for contrast in study.contrasts:
        for arm, layout in zip((contrast.arm, contrast.control), layouts(table.cells, contrast), strict=True):
            factor = factors.get((contrast.id, arm or ""), 1.0)
            cells = [] if layout is None else [r for r in layout.cells if r not in done[contrast.measure]]
            done[contrast.measure].update(cells)
            if cells and factor != 1.0:
                spread[contrast.measure] = _scaled(spread[contrast.measure], np.array(cells), factor, measures[contrast.measure])
    return spread


def _scaled(values: Values, cells: NDArray[np.int64], factor: float, measure: Measure) -> Values:
    ends = measure.low / SCALE[measure.unit], measure.high / SCALE[measure.unit]
    point, low, high = (np.array(end, float) for end in (values.point, values.low, values.high))
    mean = np.nanmean(point[..., cells])
    moved = (factor - 1) * (point[..., cells] - mean)
    for end in (point, low, high):
        end[..., cells] = np.clip(end[..., cells] + np.where(np.isnan(moved), 0.0, moved), *ends)
    return Values(point, low, high, values.within)
