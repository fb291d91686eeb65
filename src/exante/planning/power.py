"""What a preset could decide, before the run: expected interval widths and the differences it would detect.

Simulates studies through the intervals that `analyse` uses, with the spread that pilots showed. Reads no results.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from exante.analysis.rules import FEWEST_BASES, FLOOR_PP, level_of
from exante.measures import Measure, contrast_range, contrast_unit
from exante.planning import cost as forecast
from exante.planning.tree import has_runs, plan, preset_of
from exante.planning.variants import adapt
from exante.stats.intervals import Shared, graded, robust
from exante.study import Contrast, Preset, Registration, Study
from exante.units import SCALE, Region

STUDIES = 400
DEFAULT_SD = 0.2
"""Spread between runs assumed where no pilot is registered, as a share of the unit's scale (20 pp)."""
POWER = 0.8


def outlook(study: Study, preset: str) -> list[dict[str, Any]]:
    """Per contrast of the preset: runs, expected half-width, smallest true difference found with 80 % power, and a remark."""
    chosen_preset = preset_of(study, preset)
    rows = []
    for contrast in study.contrasts:
        if has_runs(contrast, chosen_preset):
            rows.append(_row(study, contrast, chosen_preset))
    return rows


def over_seeds(study: Study, preset: str, counts: list[int], workers: int) -> list[dict[str, Any]]:
    """What each number of seeds could decide about the primaries, and in how many minutes on this machine."""
    rows = []
    for seeds in counts:
        adapted = adapt(study, seeds=seeds)
        planned = plan(Registration(study=adapted, sha256=""), preset)
        minutes = forecast.wall_seconds(planned, forecast.costs(planned, adapted), workers) / 60
        for row in outlook(adapted, preset):
            if row["primary"]:
                rows.append({"seeds": seeds, "minutes": float(f"{minutes:.2g}")} | row)
    return rows


def units(contrast: Contrast, preset: Preset) -> int:
    """Units per arm: bases if the claim is over bases and there are at least six of them, else training runs."""
    return preset.bases if contrast.over == "bases" and preset.bases >= FEWEST_BASES else preset.bases * preset.seeds


def _row(study: Study, contrast: Contrast, preset: Preset) -> dict[str, Any]:
    measure = next(m for m in study.measures if m.id == contrast.measure)
    n = units(contrast, preset)
    two = contrast.control is not None
    level = level_of(study, contrast)
    half = half_width(study, contrast, preset)
    region = _clipped(contrast.region, contrast_range(measure, two))
    needed = None if contrast.region.unbounded else _smallest_found(measure, two, n, level, contrast.region)
    return {
        "contrast": contrast.id,
        "primary": contrast.primary or "",
        "unit": contrast_unit(measure, two),
        "n": n,
        "half_width": round(half, 1),
        "finds_with_80_percent_power": "nothing" if needed is None else round(needed, 1),
        "remark": _remark(half > (region[1] - region[0]) / 2 or needed is None, contrast, n, preset),
    }


def half_width(study: Study, contrast: Contrast, preset: Preset) -> float:
    """Expected half-width of a contrast's interval in a preset, in its unit."""
    measure = next(m for m in study.measures if m.id == contrast.measure)
    halves = _half_widths(measure, contrast.control is not None, units(contrast, preset), level_of(study, contrast), 0.0)
    return float(np.median(halves))


def _remark(hopeless: bool, contrast: Contrast, n: int, preset: Preset) -> str:
    remarks = (
        ["an estimate: no hypothesis"] if contrast.region.unbounded else ["this preset cannot decide it"] if hopeless else []
    )
    if contrast.over == "bases" and n == preset.bases and preset.seeds > 1:
        remarks.append("units are bases: more bases narrow it, more seeds do not")
    return "; ".join(remarks)


def _clipped(region: Region, ends: tuple[float, float]) -> tuple[float, float]:
    return (
        ends[0] if region.low is None else max(region.low, ends[0]),
        ends[1] if region.high is None else min(region.high, ends[1]),
    )


def _smallest_found(measure: Measure, two: bool, n: int, level: float, region: Region) -> float | None:
    """The true value nearest to the region's edge at which the contrast is called supported in 80 % of simulated studies."""
    low, high = _clipped(region, contrast_range(measure, two))
    for value in _candidates(region, low, high):
        if inside_rate(measure, two, n, level, value, region) >= POWER:
            return value
    return None


def inside_rate(measure: Measure, two: bool, n: int, level: float, value: float, region: Region) -> float:
    """Share of simulated studies whose interval lies inside a region if the truth is `value`."""
    low, high = _intervals(measure, two, n, level, value)
    above, below = (-np.inf if region.low is None else region.low), (np.inf if region.high is None else region.high)
    return float(((low > above) & (high < below)).mean())


def _candidates(region: Region, low: float, high: float) -> np.ndarray:
    steps = np.linspace(low, high, 41)
    if region.low is not None and region.high is not None:
        return np.array([(low + high) / 2])
    return steps if region.low is not None else steps[::-1]


def _half_widths(measure: Measure, two: bool, n: int, level: float, value: float) -> np.ndarray:
    low, high = _intervals(measure, two, n, level, value)
    return (high - low) / 2


def _intervals(measure: Measure, two: bool, n: int, level: float, value: float) -> tuple[np.ndarray, np.ndarray]:
    """Intervals of simulated studies whose arms lie `value` apart, symmetric about the middle of the range."""
    rng = np.random.default_rng(n)
    ends = (measure.low, measure.high)
    sd = measure.pilot_sd if measure.pilot_sd is not None else DEFAULT_SD * SCALE[measure.unit]
    middle = (ends[0] + ends[1]) / 2
    centres = (middle + value / 2, middle - value / 2) if two else (value, value)
    a, b = (np.clip(rng.normal(centre, sd, (STUDIES, n)), *ends) for centre in centres)
    control = b if two else None
    shared = Shared(np.arange(n), np.arange(n)) if two else None
    if measure.run_model == "robust":
        return robust(a, control, ends, level, shared)
    nothing = np.zeros(STUDIES)
    floor = FLOOR_PP / 100 * SCALE[measure.unit]
    return graded(a, control, ends, level, within_a=nothing, within_b=nothing if two else None, floor=floor, shared=shared)
