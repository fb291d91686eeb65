"""The sign-flip test beside a claim on a distance: are an item's two conditions exchangeable?

About the observed runs of the arm, their shares averaged item by item. It decides nothing: verdicts come from the interval.
"""

from __future__ import annotations

import numpy as np

from exante.analysis.algebra import linear
from exante.analysis.runs import layouts
from exante.analysis.table import Table
from exante.measures import Distance, Measure
from exante.stats.resampling import sign_flip
from exante.study import Contrast


def p_value(contrast: Contrast, measure: Measure, table: Table) -> float | None:
    """p of the first distance that enters the measure with a plus sign, in the contrast's arm; None where there is none, or
    nothing was drawn."""
    distances = (atom for atom, sign in linear(measure.expression).items() if isinstance(atom, Distance) and sign > 0)
    distance = next(distances, None)
    if distance is None:
        return None
    sides = [table.find(distance.evaluation, condition, distance.at) for condition in (distance.left, distance.right)]
    runs = layouts(table.cells, contrast)[0].cells
    if any(side is None for side in sides) or not len(runs):
        return None
    shares, drawn = [], np.ones((), bool)
    for side in sides:
        assert side is not None
        trials_RI = side.trials[runs]
        n_RIK = np.stack([side.outcome(outcome)[runs] for outcome in distance.outcomes], axis=-1)
        shares.append(n_RIK / np.maximum(trials_RI, 1)[..., None])
        drawn = drawn & (trials_RI > 0)
    counted_I = drawn.sum(0)
    difference_IK = ((shares[0] - shares[1]) * drawn[..., None]).sum(0)[counted_I > 0] / counted_I[counted_I > 0, None]
    return sign_flip(difference_IK) if len(difference_IK) else None
