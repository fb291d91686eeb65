"""Whether the runs of a graded measure look as its pilots promised. Warns, and decides nothing: the data do not choose the run
model, because such a choice is wrong exactly when it matters.

Only for one study at a time (no batch axes). Does not know about intervals.
"""

from __future__ import annotations

import numpy as np

from exante.analysis.decide import Claim
from exante.analysis.runs import Sample
from exante.stats.outliers import grubbs

TIMES_PILOTS = 2.0
"""Runs whose standard deviation is more than this many times that of the pilots are not what was registered."""
GRUBBS_ALPHA = 0.01
"""A study has dozens of arms on graded measures: at .05 it would warn of chance nearly every time."""
FEWEST_RUNS = 3


def spread_warnings(claim: Claim) -> tuple[str, ...]:
    """A sentence per arm and fault; none for robust measures."""
    if claim.measure.run_model != "graded":
        return ()
    arms = [(claim.contrast.arm, claim.arm)]
    if claim.contrast.control is not None and claim.control is not None:
        arms.append((claim.contrast.control, claim.control))
    return tuple(sentence for name, arm in arms for sentence in _of_arm(name, arm, claim))


def _of_arm(name: str, arm: Sample, claim: Claim) -> list[str]:
    values = arm.point[np.isfinite(arm.point)]
    pilots, unit = claim.measure.pilot_sd, claim.measure.unit
    if len(values) < FEWEST_RUNS:
        return []
    sentences = []
    spread = float(values.std(ddof=1))
    if pilots is not None and spread > TIMES_PILOTS * pilots:
        sentences.append(
            f"the runs of {name} spread by {spread:.1f} {unit}, more than twice the {pilots:g} {unit} of the pilots:"
            f" a robust interval may be due for {claim.measure.id!r}"
        )
    if grubbs(values, GRUBBS_ALPHA).outlier:
        apart = float(values[np.abs(values - values.mean()).argmax()])
        sentences.append(
            f"a run of {name} at {apart:.1f} {unit} lies apart from the others (Grubbs' test, p < {GRUBBS_ALPHA:g}):"
            f" the runs of {claim.measure.id!r} may have a second mode, which a graded interval does not allow for"
        )
    return sentences
