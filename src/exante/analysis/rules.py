"""Numbers of the decision rule that planning and analysis share: levels, the fewest bases, the smallest spread.

Imports no statistics, so that a report can be written without them.
"""

from __future__ import annotations

from exante.measures import Measure
from exante.study import Contrast, Study

PRIMARY_LEVEL = ESTIMATE_LEVEL = 0.95
SECONDARY_ALPHA = 0.025
"""What the secondary hypotheses of a study share, in Holm's steps."""
MOST_SECONDARIES = 6
THEORY_ALPHA = 0.04
"""A theory is supported by intervals at 1 − .04 and contradicted by one at 1 − .04/K."""
MOST_PREDICTIONS = 4
FEWEST_BASES = 6
"""Bases from which base means are units."""
FLOOR_PP = 2.0
FLOOR_SHARE = 0.02


def is_secondary(contrast: Contrast) -> bool:
    """Whether it is a secondary hypothesis: no primary, and no estimate."""
    return contrast.primary is None and not contrast.region.unbounded


def level_of(study: Study, contrast: Contrast) -> float:
    """The level of a contrast's interval before anything is decided: 95 % for primaries and estimates, that of Holm's first step
    for secondary hypotheses, over as many as were registered, whichever of them a preset holds."""
    if not is_secondary(contrast):
        return PRIMARY_LEVEL
    return 1 - SECONDARY_ALPHA / sum(map(is_secondary, study.contrasts))


def spread_floor(measure: Measure) -> float:
    """Smallest spread over runs that the graded rule uses, in the measure's unit: 2 pp, or 2 % of the range."""
    return FLOOR_PP if measure.unit in ("%", "pp") else FLOOR_SHARE * (measure.high - measure.low)
