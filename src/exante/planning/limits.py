"""What ungraded answers leave open at any number of runs, in sentences. Simulates nothing."""

from __future__ import annotations

import math

from exante.analysis.decide import MOST_UNGRADED
from exante.measures import contrast_unit
from exante.planning.design import Design
from exante.units import Region, shown

NEVER = "cannot be decided at any size"


def at_any_size(design: Design) -> tuple[float, float]:
    """The interval that ungraded answers alone leave at n = ∞: around what runs showed of the contrast, else around 0."""
    arm, control = design.spread.arm, design.spread.control
    down = arm.down + (0.0 if control is None else control.up)
    up = arm.up + (0.0 if control is None else control.down)
    estimate = _shown_estimate(design) or 0.0
    return estimate - down, estimate + up


def _shown_estimate(design: Design) -> float | None:
    arm, control = design.spread.arm.mean, design.spread.control
    if not design.spread.shown or arm is None or (control is not None and control.mean is None):
        return None
    return arm - (0.0 if control is None or control.mean is None else control.mean)


def never_decided(design: Design) -> str:
    """Why no number of runs is expected to decide a contrast, and what would; nothing if some number may."""
    region, share = design.contrast.region, design.spread.ungraded
    if region.unbounded:
        return ""
    low, high = at_any_size(design)
    estimate = _shown_estimate(design)
    too_many = share > MOST_UNGRADED and region.low is not None and region.high is not None
    if estimate is None:
        return _never_supported(region, high - low, share, too_many)
    ends = [end for end in (region.low, region.high) if end is not None]
    crossed = [end for end in ends if low <= end < high]
    if crossed:
        return _crossed(design, estimate, (low, high), crossed)
    inside = all((low > end) if end == region.low else (high < end) for end in ends)
    if too_many and inside:
        return f"{NEVER}: {_ungraded_rule(share)}; it takes fewer"
    return ""


def _crossed(design: Design, estimate: float, ends: tuple[float, float], crossed: list[float]) -> str:
    """The sentence for boundaries that lie between what ungraded answers leave."""
    unit, share = contrast_unit(design.measure, design.two), design.spread.ungraded
    (low, high), where = ends, " and ".join(shown(end) for end in crossed)
    part = min((end - estimate) / (high - estimate) if end > estimate else (estimate - end) / (estimate - low) for end in crossed)
    most = math.floor(1000 * part * share) / 10
    fewer = f"fewer than {most:g} % ungraded, or " if most > 0 else ""
    return (
        f"{NEVER}: around the {shown(estimate)} {unit} that runs showed, ungraded answers"
        f" ({100 * share:.1f} %) alone leave {shown(low)} to {shown(high)}, across {where}; it takes {fewer}a region"
        " whose boundary lies outside that"
    )


def _never_supported(region: Region, width: float, share: float, too_many: bool) -> str:
    """Where nothing was shown of the contrast itself, its regions may still be out of reach."""
    if region.low is not None and region.high is not None and width >= region.high - region.low:
        return f"cannot be supported at any size: ungraded answers alone leave {width:.1f}, as much as the region is wide"
    return f"cannot be supported at any size if as many are ungraded: {_ungraded_rule(share)}" if too_many else ""


def _ungraded_rule(share: float) -> str:
    return f"{100 * share:.1f} % of answers are ungraded, and above {100 * MOST_UNGRADED:g} % no difference is ever claimed"
