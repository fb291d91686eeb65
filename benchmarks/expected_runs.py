"""What simulated studies take from shipped pages, as the planner does: how far runs spread, and how many answers are ungraded.

Does not know mechanisms: how far a story's own runs spread is handed in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

from exante.analysis.algebra import linear
from exante.measures import Measure, Rate
from exante.planning.shown import ArmSpread, ShownContrast, ShownPage, pages
from exante.study import Study
from exante.units import SCALE

Asked = tuple[str, str, str]
"""Evaluation, condition, arm."""
LEAST, MOST = 0.25, 8.0
"""Factors on a story's noise between which its spread is matched."""
HALVINGS = 7


@dataclass(frozen=True)
class Expected:
    """`scale`: by what a story's noise is multiplied; `ungraded`: shares in [0, 1], where a page showed them."""

    scale: float = 1.0
    ungraded: Mapping[Asked, float] = field(default_factory=dict)


AS_TOLD = Expected()
"""A story's own noise and ungraded answers."""


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


def shown_spreads(study: Study, contrasts: set[str]) -> dict[tuple[str, str], float]:
    """(contrast, arm) → spread of its units on the study's page, everything ungraded counted against it."""
    page = page_of(study)
    held: list[ShownContrast] = [one for one in page.contrasts if one.contrast in contrasts] if page is not None else []
    sides = [
        (one.contrast, arm, spread) for one in held for arm, spread in ((one.arm_id, one.arm), (one.control_id, one.control))
    ]
    return {(name, arm): spread.sd_low for name, arm, spread in sides if arm and spread is not None and spread.sd_low > 0}


def matched(spread_at: Callable[[float], dict[tuple[str, str], float]], shown: Mapping[tuple[str, str], float]) -> float:
    """The factor on a story's noise at which the median of its spreads over those shown is 1, to 2 %."""

    def ratio(scale: float) -> float:
        spreads = spread_at(scale)
        ratios = [spreads[key] / shown[key] for key in shown if key in spreads]
        return median(ratios) if ratios else 1.0

    if not shown:
        return 1.0
    low, high = LEAST, MOST
    for _ in range(HALVINGS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if ratio(middle) < 1 else (low, middle)
    return (low * high) ** 0.5
