"""Which contrasts distinguish two rival theories, and which should be run next. Reads verdicts; computes no interval.

Two theories exclude each other on a contrast where their regions share no value: no result there leaves both alive. They
differ where their regions are not the same; a theory that is silent on a contrast allows its whole range.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from exante.measures import contrast_range
from exante.study import Study, Theory
from exante.units import Region

Ends = tuple[float, float]


@dataclass(frozen=True)
class NextContrast:
    """The contrast that would best distinguish an undecided pair of theories. `excluding`: no value is allowed by both.
    `asked`: it has runs already, too few to decide it. `width`: of its 96 % interval, relative to the distance between the two
    regions (∞: no runs)."""

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


def distance(left: Ends, right: Ends) -> float:
    """Between the middles of two regions; where they share a middle, between their ends. 0: the same region."""
    middles = abs(sum(left) - sum(right)) / 2
    return middles or abs(left[0] - right[0])


def differences(study: Study, left: Theory, right: Theory) -> dict[str, tuple[bool, float]]:
    """Contrast → (do the two exclude each other there, distance of their regions), in registered order."""
    differing, measures = {}, {measure.id: measure for measure in study.measures}
    for contrast in study.contrasts:
        span = contrast_range(measures[contrast.measure], contrast.control is not None)
        a, b = allowed(left, contrast.id, span), allowed(right, contrast.id, span)
        if distance(a, b) > 0:
            differing[contrast.id] = (a[1] <= b[0] or b[1] <= a[0], distance(a, b))
    return differing


def outcome(row: Mapping[str, Any]) -> str:
    """A prediction's verdict; where it is stamped exploratory, the verdict that its interval gives."""
    if row.get("verdict") != "exploratory":
        return str(row.get("verdict", "undecided"))
    if row.get("reason") or row.get("low") is None:
        return "undecided"
    region = Region.model_validate(row["region"])
    inside = (region.low is None or row["low"] > region.low) and (region.high is None or row["high"] < region.high)
    return "supported" if inside else "contradicted"


def next_contrasts(study: Study, theories: Iterable[Mapping[str, Any]]) -> list[NextContrast]:
    """For every undecided pair of theories the contrast that would best distinguish it; contrasts that serve most pairs first.

    `theories` are those of verdicts.json. A pair is undecided if neither is contradicted and not both are supported. Only
    contrasts on which the pair differs and which are open (without runs, or undecided) are considered: first those on which the
    two exclude each other, then those without runs, then the one whose 96 % interval is widest relative to the distance between
    the regions.
    """
    regions = {str(row["id"]): row.get("regions") or () for row in theories}
    alive = [t for t in study.theories if t.id in regions and all(outcome(row) != "contradicted" for row in regions[t.id])]
    best = []
    for left, right in combinations(alive, 2):
        undecided = {row["contrast"]: row for t in (left, right) for row in regions[t.id] if outcome(row) == "undecided"}
        options = [
            _next_contrast(left, right, undecided[name], *difference)
            for name, difference in differences(study, left, right).items()
            if name in undecided
        ]
        best += [max(options, key=lambda option: (option.excluding, option.width))] if options else []
    pairs = Counter(option.contrast for option in best)
    return sorted(best, key=lambda option: -pairs[option.contrast])


def _next_contrast(left: Theory, right: Theory, row: Mapping[str, Any], excluding: bool, apart: float) -> NextContrast:
    asked = row.get("low") is not None
    width = (row["high"] - row["low"]) / apart if asked else float("inf")
    return NextContrast((left.id, right.id), str(row["contrast"]), excluding, asked, width)
