"""Theories: sets of regions that must all hold. Does not know how intervals are computed.

Supported if every 96 % interval lies in its region; contradicted if any 1 − .04/K interval lies outside; else undecided.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exante.analysis.decide import Array, Claim, Code, blocked, judge, place
from exante.analysis.rules import THEORY_ALPHA
from exante.measures import contrast_range
from exante.study import Study, Theory
from exante.units import Region


@dataclass(frozen=True)
class PredictionResult:
    """One prediction, arrays (…): the 96 % interval, the 1 − .04/K one, and the prediction's code."""

    low: Array
    high: Array
    low_wide: Array
    high_wide: Array
    code: Code


def theory_codes(theory: Theory, claims: Mapping[str, Claim]) -> tuple[list[PredictionResult | None], Code]:
    """Every prediction in order (None: its contrast has no runs), and the theory's own code (…), before ties."""
    level = 1 - THEORY_ALPHA / len(theory.predictions)
    judged = [
        _judge_prediction(claims[p.contrast], p.region, level) if p.contrast in claims else None for p in theory.predictions
    ]
    any_out = functools.reduce(np.logical_or, (t.code < 0 for t in judged if t is not None), np.asarray(False))
    all_in = functools.reduce(np.logical_and, (False if t is None else t.code > 0 for t in judged), np.asarray(True))
    return judged, np.where(any_out, np.int8(-1), np.where(all_in, np.int8(1), np.int8(0)))


def _judge_prediction(claim: Claim, region: Region, wide: float) -> PredictionResult:
    low, high, narrow_code = judge(claim, region, 1 - THEORY_ALPHA)
    low_wide, high_wide, _ = judge(claim, region, wide)
    outside = place(low_wide, high_wide, region) < 0
    code = np.where(blocked(claim), np.int8(0), np.where(outside, np.int8(-1), np.maximum(narrow_code, np.int8(0))))
    return PredictionResult(low, high, low_wide, high_wide, code)


def contains(outer: Region, inner: Region) -> bool:
    """Whether every value of `inner` is in `outer`."""
    low = outer.low is None or (inner.low is not None and inner.low >= outer.low)
    return low and (outer.high is None or (inner.high is not None and inner.high <= outer.high))


def nested(narrow: Theory, wide: Theory) -> bool:
    """Whether all that `narrow` allows `wide` allows too: it makes each of the other's predictions at least as sharply."""
    return all(
        any(q.contrast == p.contrast and contains(p.region, q.region) for q in narrow.predictions) for p in wide.predictions
    )


def indistinguishable(study: Study) -> dict[str, tuple[str, ...]]:
    """Per theory: those that no result could distinguish from it, because their regions are identical or nested: whatever
    supports the narrow one supports the wide one. Known at registration; the planner lists them."""
    return {
        theory.id: tuple(t.id for t in study.theories if t.id != theory.id and (nested(theory, t) or nested(t, theory)))
        for theory in study.theories
    }


def ties(study: Study, codes: Mapping[str, Code]) -> dict[str, dict[str, NDArray[np.bool_]]]:
    """Per theory: those with identical or nested regions, and where (…) both survive, that is, neither is contradicted."""
    return {
        theory: {other: (codes[theory] >= 0) & (codes[other] >= 0) for other in others}
        for theory, others in indistinguishable(study).items()
    }


def forbidden(region: Region, span: tuple[float, float]) -> float:
    """Share of a contrast's range that lies outside the region, 0 to 1."""
    low = span[0] if region.low is None else min(max(region.low, span[0]), span[1])
    high = span[1] if region.high is None else min(max(region.high, span[0]), span[1])
    return 1.0 - max(high - low, 0.0) / (span[1] - span[0])


def spans(study: Study) -> dict[str, tuple[float, float]]:
    """The range of every contrast's estimate, in its unit; known at registration."""
    measures = {m.id: m for m in study.measures}
    return {c.id: contrast_range(measures[c.measure], c.control is not None) for c in study.contrasts}


def forbids(study: Study, theory: Theory) -> float:
    """Share of all combinations of its contrasts' ranges that a theory rules out. 0: it forbids nothing."""
    ranges = spans(study)
    allowed = [1.0 - forbidden(p.region, ranges[p.contrast]) for p in theory.predictions]
    return 1.0 - float(np.prod(allowed))
