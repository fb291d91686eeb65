"""What register warns of where a claim is read off a robust measure: regions that its intervals cannot lie in, and pairs.

The robust rule allows for modes that no run showed. Runs that all agree therefore leave 12 to 32 % of the range in two arms, and
18 to 41 % in one, with 24 to 8 runs. Does not know what pilots showed of the runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from exante.measures import Measure
from exante.study import Contrast, Study
from exante.units import Region

NARROWEST = 0.2
"""Share of a measure's range: half of the narrowest region, or the smallest bound, that robust intervals can lie in."""
INSTEAD = "or make the measure graded, if at least eight pilot bases showed no second mode"


def robust_warnings(study: Study) -> list[str]:
    """One sentence per kind of claim, naming where it stands."""
    measures = {m.id: m for m in study.measures if m.run_model == "robust"}
    claimed = [(name, c, region, measures[c.measure]) for name, c, region in _claims(study) if c.measure in measures]
    narrow = [name for name, _, region, measure in claimed if _narrow(region, measure)]
    small = [name for name, c, region, measure in claimed if c.control is None and _near_an_end(region, measure)]
    pairs = [repr(c.id) for c in study.contrasts if c.paired and c.control is not None and c.measure in measures]
    hardly = "of the range can hardly be shown on robust measures"
    kinds = (
        (narrow, f"no difference within less than ±{NARROWEST:.0%} {hardly}; widen the regions, {INSTEAD}"),
        (small, f"values in the last {NARROWEST:.0%} {hardly}; move the bounds, {INSTEAD}"),
        (pairs, "pairing robust measures widens intervals, unless 16 or more bases differ by 30 pp or more; pair graded ones"),
    )
    return [f"{', '.join(names)}: {what}" for names, what in kinds if names]


def _claims(study: Study) -> Iterator[tuple[str, Contrast, Region]]:
    """Every hypothesis and every prediction, by name."""
    contrasts = {c.id: c for c in study.contrasts}
    for contrast in study.contrasts:
        yield repr(contrast.id), contrast, contrast.region
    for theory in study.theories:
        for prediction in theory.predictions:
            contrast = contrasts[prediction.contrast]
            if prediction.region != contrast.region:
                yield f"{theory.id!r} on {contrast.id!r}", contrast, prediction.region


def _narrow(region: Region, measure: Measure) -> bool:
    """Whether both ends are closer to the middle than robust intervals reach."""
    if region.low is None or region.high is None:
        return False
    return (region.high - region.low) / 2 < NARROWEST * (measure.high - measure.low) - 1e-9


def _near_an_end(region: Region, measure: Measure) -> bool:
    """Whether the region is only the last fifth of the range, at either end."""
    reach = NARROWEST * (measure.high - measure.low) - 1e-9
    low, high = region.low, region.high
    return (low is None and high is not None and high < measure.low + reach) or (
        high is None and low is not None and low > measure.high - reach
    )
