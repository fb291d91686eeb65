"""Numbers of the decision rule that planning and analysis share: a contrast's level, the fewest bases, the smallest spread.

Imports no statistics, so that a report can be written without them.
"""

from __future__ import annotations

from exante.measures import Measure
from exante.study import Contrast, Study

PRIMARY_LEVEL = 0.95
FAMILY_ALPHA = 0.05
FEWEST_BASES = 6
"""Bases from which base means are units."""
FLOOR_PP = 2.0
FLOOR_SHARE = 0.02


def level_of(study: Study, contrast: Contrast) -> float:
    """95 % for primaries; the rest share 5 % over as many as were registered, whichever of them a preset holds.

    An estimate without a hypothesis is at 95 % and takes no share of it.
    """
    if contrast.primary is not None or contrast.region.unbounded:
        return PRIMARY_LEVEL
    return 1 - FAMILY_ALPHA / sum(c.primary is None and not c.region.unbounded for c in study.contrasts)


def spread_floor(measure: Measure) -> float:
    """Smallest spread over runs that the graded rule uses, in the measure's unit: 2 pp, or 2 % of the range."""
    return FLOOR_PP if measure.unit in ("%", "pp") else FLOOR_SHARE * (measure.high - measure.low)
