"""Simulated studies of a contrast before its runs: how wide its interval is expected to be, and how often it lies in a region.

They pass through the intervals that `analyse` uses, with the spread, the ungraded answers and the correlation between arms that
are expected (`shown.py`). Shapes: STUDIES simulated studies × n units per arm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import ndtr

from exante.analysis.decide import MOST_UNGRADED
from exante.analysis.rules import FEWEST_BASES, level_of, spread_floor
from exante.measures import Measure, contrast_range
from exante.planning.shown import ArmSpread, Spread, spread_of
from exante.stats.intervals import Shared, graded, robust
from exante.study import Contrast, Preset, Study
from exante.units import Region

Array = NDArray[np.float64]
STUDIES = 400
QUANTILES = 256
"""Values that stand for the distribution of an arm's units."""


@dataclass(frozen=True)
class Design:
    """All that an interval's width depends on before the run. `n`: units per arm."""

    contrast: Contrast
    measure: Measure
    n: int
    level: float
    spread: Spread

    @property
    def two(self) -> bool:
        return self.contrast.control is not None

    @property
    def span(self) -> tuple[float, float]:
        """The range of what is estimated."""
        return contrast_range(self.measure, self.two)


def design_of(study: Study, contrast: Contrast, preset: Preset, spread: Spread | None = None) -> Design:
    """A contrast in a preset, with the spread to plan it with."""
    measure = next(m for m in study.measures if m.id == contrast.measure)
    spread = spread_of(study, contrast) if spread is None else spread
    return Design(contrast, measure, units(contrast, preset), level_of(study, contrast), spread)


def units(contrast: Contrast, preset: Preset) -> int:
    """Units per arm: bases if the claim is over bases and there are at least six of them, else training runs."""
    return preset.bases if contrast.over == "bases" and preset.bases >= FEWEST_BASES else preset.bases * preset.seeds


def half_width(design: Design) -> float:
    """Expected half-width of a contrast's interval, in its unit, ungraded answers included."""
    low, high = _intervals(design, None)
    return float(np.median((high - low) / 2))


def inside_rate(design: Design, value: float, region: Region) -> float:
    """Share of simulated studies whose interval lies inside a region if the truth is `value`."""
    if design.spread.ungraded > MOST_UNGRADED and region.low is not None and region.high is not None:
        return 0.0
    low, high = _intervals(design, value)
    above, below = (-np.inf if region.low is None else region.low), (np.inf if region.high is None else region.high)
    return float(((low > above) & (high < below)).mean())


def _intervals(design: Design, value: float | None) -> tuple[Array, Array]:
    """Intervals of simulated studies, as `analysis.decide.interval` makes them: the low end if everything ungraded counts against
    the claim, the high end if it counts for it. `value` is the true contrast; None leaves the arms where runs showed them."""
    arm, control = design.spread.arm, design.spread.control
    ranks_arm, ranks_control = _ranks(design.n, round(design.spread.correlation, 2))
    at_arm, at_control = _centres(design, value)
    ends = (design.measure.low, design.measure.high)
    low_a, high_a = (_drawn(arm, at_arm, side, ends)[ranks_arm] for side in ("low", "high"))
    if control is None:
        low_b = high_b = None
    else:
        low_b, high_b = (_drawn(control, at_control, side, ends)[ranks_control] for side in ("low", "high"))
    low, high = _interval(design, low_a, high_b)
    if arm.down == arm.up == 0.0 and (control is None or control.down == control.up == 0.0):
        return low, high
    return low, _interval(design, high_a, low_b)[1]


def _centres(design: Design, value: float | None) -> tuple[float, float]:
    """Where the arm and its control lie. The control stays where runs showed it unless the arm would leave the range."""
    low, high = design.measure.low, design.measure.high
    middle, arm, control = (low + high) / 2, design.spread.arm.mean, design.spread.control
    if not design.two:
        return (middle if arm is None else arm) if value is None else value, middle
    at_control = None if control is None else control.mean
    if value is None:
        return middle if arm is None else arm, middle if at_control is None else at_control
    at_control = middle - value / 2 if at_control is None else at_control
    at_arm = min(max(at_control + value, low), high)
    return at_arm, min(max(at_arm - value, low), high)


@cache
def _ranks(n: int, correlation: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places in the distributions of both arms, (STUDIES, n) each, tied by a normal copula."""
    rng = np.random.default_rng(n)
    arm, own = rng.standard_normal((2, STUDIES, n))
    control = correlation * arm + np.sqrt(1 - min(correlation**2, 1.0)) * own
    places = [np.minimum((ndtr(scores) * QUANTILES).astype(np.int64), QUANTILES - 1) for scores in (arm, control)]
    return places[0], places[1]


def _drawn(arm: ArmSpread, mean: float, side: str, ends: tuple[float, float]) -> Array:
    """Equally likely values of an arm's units, (QUANTILES,), if its ungraded answers go to one side."""
    moved = mean - arm.down if side == "low" else mean + arm.up
    return _quantiles(round(min(max(moved, ends[0]), ends[1]), 3), arm.sd_low if side == "low" else arm.sd_high, ends)


@cache
def _quantiles(mean: float, sd: float, ends: tuple[float, float]) -> Array:
    """A Beta distribution over the range with this mean and spread: it leaves no value outside, and can be all or nothing."""
    width = ends[1] - ends[0]
    m, v = (mean - ends[0]) / width, (sd / width) ** 2
    v = min(v, 0.99 * m * (1 - m))
    if v <= 1e-12:
        return np.full(QUANTILES, mean)
    size = m * (1 - m) / v - 1
    values = stats.beta.ppf((np.arange(QUANTILES) + 0.5) / QUANTILES, m * size, (1 - m) * size)
    return ends[0] + width * np.nan_to_num(values, nan=m)


def _interval(design: Design, a: Array, b: Array | None) -> tuple[Array, Array]:
    measure = design.measure
    ends, n = (measure.low, measure.high), design.n
    together = None if b is None else Shared(np.arange(n), np.arange(n))
    if measure.run_model == "robust":
        return robust(a, b, ends, design.level, together, paired=design.contrast.paired)
    nothing = np.zeros(len(a))
    return graded(
        a,
        b,
        ends,
        design.level,
        within_a=nothing,
        within_b=None if b is None else nothing,
        floor=spread_floor(measure),
        shared=together,
        paired=design.contrast.paired,
    )
