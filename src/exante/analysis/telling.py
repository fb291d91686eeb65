"""Which contrast tells two rival theories apart, and which would do so next. Reads verdicts; computes no interval.

Two theories exclude each other on a contrast where their regions share no value: no result there leaves both alive. They
differ where their regions are not the same; a theory that is silent on a contrast allows its whole range.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from exante.measures import contrast_range
from exante.study import Study, Theory
from exante.units import Region

Ends = tuple[float, float]


@dataclass(frozen=True)
class Step:
    """The contrast that would tell an undecided pair of theories apart. `excluding`: no value is allowed by both. `asked`: it
    has runs already, too few to decide it. `width`: of its 95 % interval, over the distance of the two regions (∞: no runs)."""

    theories: tuple[str, str]
    contrast: str
    excluding: bool
    asked: bool
    width: float


def allowed(theory: Theory, contrast: str, span: Ends) -> Ends:
    """The values of a contrast that a theory allows, cut to its range `span`."""
    region = next((p.region for p in theory.predictions if p.contrast == contrast), None)
    low, high = (None, None) if region is None else (region.low, region.high)
    return span[0] if low is None else max(low, span[0]), span[1] if high is None else min(high, span[1])


def distance(one: Ends, other: Ends) -> float:
    """Between the middles of two regions; where they share a middle, between their ends. 0: the same region."""
    middles = abs(sum(one) - sum(other)) / 2
    return middles or abs(one[0] - other[0])


def differing(study: Study, one: Theory, other: Theory) -> dict[str, tuple[bool, float]]:
    """Contrast → (do the two exclude each other there, distance of their regions), in registered order."""
    found, measures = {}, {measure.id: measure for measure in study.measures}
    for contrast in study.contrasts:
        span = contrast_range(measures[contrast.measure], contrast.control is not None)
        a, b = allowed(one, contrast.id, span), allowed(other, contrast.id, span)
        if distance(a, b) > 0:
            found[contrast.id] = (a[1] <= b[0] or b[1] <= a[0], distance(a, b))
    return found


def outcome(row: Mapping[str, Any]) -> str:
    """A prediction's verdict, also where it is stamped exploratory: what is decided has no reason to be open."""
    if row.get("verdict") != "exploratory":
        return str(row.get("verdict", "undecided"))
    if row.get("reason") or row.get("low") is None:
        return "undecided"
    region = Region.model_validate(row["region"])
    inside = (region.low is None or row["low"] > region.low) and (region.high is None or row["high"] < region.high)
    return "supported" if inside else "contradicted"


def next_steps(study: Study, theories: Iterable[Mapping[str, Any]]) -> list[Step]:
    """For every undecided pair of theories the contrast that would tell most, those first that serve most pairs.

    `theories` are those of verdicts.json. A pair is undecided if neither is contradicted and not both are supported. Of the
    open contrasts on which it differs (without runs, or undecided) those come first on which the two exclude each other, then
    those without runs, then the one with the widest 95 % interval relative to the distance of the regions.
    """
    regions = {str(row["id"]): row.get("regions") or () for row in theories}
    alive = [t for t in study.theories if t.id in regions and all(outcome(row) != "contradicted" for row in regions[t.id])]
    steps = []
    for k, one in enumerate(alive):
        for other in alive[k + 1 :]:
            still = {row["contrast"]: row for t in (one, other) for row in regions[t.id] if outcome(row) == "undecided"}
            pair = [_step(one, other, still[name], *how) for name, how in differing(study, one, other).items() if name in still]
            steps += [max(pair, key=lambda step: (step.excluding, step.width))] if pair else []
    served = Counter(step.contrast for step in steps)
    return sorted(steps, key=lambda step: -served[step.contrast])


def _step(one: Theory, other: Theory, row: Mapping[str, Any], excluding: bool, apart: float) -> Step:
    asked = row.get("low") is not None
    width = (row["high"] - row["low"]) / apart if asked else float("inf")
    return Step((one.id, other.id), str(row["contrast"]), excluding, asked, width)
