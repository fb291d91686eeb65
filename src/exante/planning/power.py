"""What a preset could decide, before the run: expected interval widths and the differences it would detect.

Widths and power come from simulated studies (`design.py`), with the spread that shipped pages showed. Reads no run directory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from exante.errors import UserError
from exante.measures import contrast_unit
from exante.planning import cost as forecast
from exante.planning.design import Array, Design, design_of, half_width, inside_rate
from exante.planning.limits import NEVER, at_any_size, never_decided
from exante.planning.tree import has_runs, plan, preset_of
from exante.planning.variants import adapt
from exante.study import Contrast, Preset, Registration, Study
from exante.units import Region, shown

POWER = 0.8


def outlook(study: Study, preset: str) -> list[dict[str, Any]]:
    """Per contrast of the preset: units, expected half-width, what ungraded answers leave at any size, smallest true difference
    found with 80 % power, a remark, and where the spread comes from."""
    chosen_preset = preset_of(study, preset)
    return [_row(study, contrast, chosen_preset) for contrast in study.contrasts if has_runs(contrast, chosen_preset)]


def over_sizes(
    study: Study, preset: str, *, bases: Sequence[int] = (), seeds: Sequence[int] = (), workers: int
) -> list[dict[str, Any]]:
    """What each number of bases and of seeds could decide about the primaries, and in how many minutes on this machine. Without
    numbers of one of them, the preset's own is kept."""
    as_it_is = preset_of(study, preset)
    if bases and all(profile.architecture is None for profile in study.profiles if profile.id in as_it_is.models):
        raise UserError(f"{', '.join(as_it_is.models)} has no bases to draw; plan it with --seeds")
    rows = []
    for bases_here in bases or (as_it_is.bases,):
        for seeds_here in seeds or (as_it_is.seeds,):
            adapted = adapt(study, seeds=seeds_here, bases=bases_here)
            planned = plan(Registration(study=adapted, sha256=""), preset)
            minutes = forecast.wall_seconds(planned, forecast.costs(planned, adapted), workers) / 60
            size = {"bases": bases_here, "seeds": seeds_here, "minutes": float(f"{minutes:.2g}")}
            rows += [size | row for row in outlook(adapted, preset) if row["primary"]]
    return rows


def _row(study: Study, contrast: Contrast, preset: Preset) -> dict[str, Any]:
    design = design_of(study, contrast, preset)
    unit = contrast_unit(design.measure, design.two)
    half = half_width(design)
    needed = None if contrast.region.unbounded else _smallest_found(design)
    low, high = _clipped(contrast.region, design.span)
    never = never_decided(design)
    hopeless = half > (high - low) / 2 or needed is None
    least, most = at_any_size(design)
    return {
        "contrast": contrast.id,
        "primary": contrast.primary or "",
        "unit": unit,
        "n": design.n,
        "half_width": round(half, 1),
        "at_any_size": "" if most - least < 0.05 else f"{shown(least)} to {shown(most)}",
        "finds_with_80_percent_power": "nothing" if needed is None else round(needed, 1),
        "remark": _remark(never, hopeless, contrast, design.n, preset),
        "spread_from": design.spread.source,
    }


def _remark(never: str, hopeless: bool, contrast: Contrast, n: int, preset: Preset) -> str:
    too_small = hopeless and not never.startswith(NEVER)
    remarks = [never, "an estimate: no hypothesis" if contrast.region.unbounded else "this preset cannot decide it" * too_small]
    if contrast.over == "bases" and n == preset.bases and preset.seeds > 1:
        remarks.append("units are bases: more bases narrow it, more seeds do not")
    return "; ".join(filter(None, remarks))


# --- the smallest difference that is found -------------------------------------------------------------------------------


def _clipped(region: Region, ends: tuple[float, float]) -> tuple[float, float]:
    return (
        ends[0] if region.low is None else max(region.low, ends[0]),
        ends[1] if region.high is None else min(region.high, ends[1]),
    )


def _smallest_found(design: Design) -> float | None:
    """The true value nearest to the region's edge at which the contrast is called supported in 80 % of simulated studies."""
    region = design.contrast.region
    for value in _candidates(region, *_clipped(region, design.span)):
        if inside_rate(design, value, region) >= POWER:
            return float(value)
    return None


def _candidates(region: Region, low: float, high: float) -> Array:
    steps = np.linspace(low, high, 41)
    if region.low is not None and region.high is not None:
        return np.array([(low + high) / 2])
    return steps if region.low is not None else steps[::-1]
