"""What a preset can say about rival theories, before the run: which cannot be told apart, and which it is too small to support.

Uses the planner's simulated intervals, at the spread that pilots showed. Reads no results.
"""

from __future__ import annotations

import numpy as np

from exante.analysis.next_contrasts import differences
from exante.analysis.rules import FEWEST_BASES, THEORY_ALPHA
from exante.analysis.theories import indistinguishable
from exante.planning.power import inside_rate, units
from exante.planning.tree import has_runs, preset_of
from exante.study import Contrast, Preset, Study, Theory
from exante.units import Region

SURE = 0.9
GROWTH = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def sentences(study: Study, preset: str) -> list[str]:
    """Warnings about the theories' verdicts in this preset, if there are any."""
    return [*_not_told_apart(study), *_too_small(study, preset)]


def pairs(study: Study, preset: str) -> list[str]:
    """One sentence per pair of theories: the arms on which they exclude each other, or those that test each of them."""
    chosen_preset = preset_of(study, preset)
    return [_pair(study, one, other, chosen_preset) for k, one in enumerate(study.theories) for other in study.theories[k + 1 :]]


def _pair(study: Study, one: Theory, other: Theory, preset: Preset) -> str:
    differ = differences(study, one, other)
    names = f"{one.id!r} and {other.id!r}"
    both = [name for name, (excluding, _) in differ.items() if excluding]
    if both:
        return f"{names} exclude each other on {_named(study, both, preset)}"
    tests = [[p.contrast for p in theory.predictions if p.contrast in differ] for theory in (one, other)]
    first, second = (_named(study, names_tested, preset) if names_tested else "nothing" for names_tested in tests)
    return f"{names} may be true together: {first} test the one, {second} the other"


def _named(study: Study, names: list[str], preset: Preset) -> str:
    """Contrasts with their arms, and whether the preset lacks them."""
    contrasts = [c for c in study.contrasts if c.id in names]
    arms = {c.id: " against ".join(arm for arm in (c.arm, c.control) if arm) for c in contrasts}
    return ", ".join(f"{c.id} ({arms[c.id]}{'' if has_runs(c, preset) else '; not in this preset'})" for c in contrasts)


def _not_told_apart(study: Study) -> list[str]:
    place = {theory.id: k for k, theory in enumerate(study.theories)}
    pairs = [(one, x) for one, others in indistinguishable(study).items() for x in others if place[one] < place[x]]
    return [
        f"theories {one!r} and {other!r} cannot be told apart: their regions are identical or nested, and where both survive the"
        " verdict is 'undecided between'"
        for one, other in pairs
    ]


def _too_small(study: Study, preset: str) -> list[str]:
    chosen_preset = preset_of(study, preset)
    small = [theory for theory in study.theories if support(study, theory, chosen_preset) < SURE]
    if not small:
        return []
    sizes = [next((p for p in grown(chosen_preset) if support(study, theory, p) >= SURE), None) for theory in small]
    least = ["not at ten times that size" if enough is None else f"from about {size(enough)}" for enough in sizes]
    names = ", ".join(f"{theory.id!r} ({when})" for theory, when in zip(small, least, strict=True))
    why = "where they say 'no difference', intervals must be narrow"
    rough = "Sizes are rough, and effects that a theory asks for count as large enough: one that is not named may be missed too"
    return [f"{size(chosen_preset)} are too few to support {names} in nine studies of ten in which they are true: {why}. {rough}"]


def size(preset: Preset) -> str:
    """A preset's bases and seeds in words."""
    bases, seeds = (f"{n} {noun}" + "s" * (n != 1) for n, noun in ((preset.bases, "base"), (preset.seeds, "seed")))
    return f"{bases} × {seeds}"


def grown(preset: Preset) -> list[Preset]:
    """The preset with more bases, or with more seeds where it has too few bases to take them as units."""
    axis, count = ("bases", preset.bases) if preset.bases >= FEWEST_BASES else ("seeds", preset.seeds)
    return [preset.model_copy(update={axis: round(count * factor)}) for factor in GROWTH]


def support(study: Study, theory: Theory, preset: Preset) -> float:
    """How often a preset's intervals would lie inside all regions of a theory that contain zero, if the truth there is zero.

    Between 0 and 1; contrasts count as independent. Regions without zero depend on the size of an effect, which is unknown
    before the run, and are taken as met; contrasts without runs in the preset are left to the report.
    """
    contrasts = {c.id: c for c in study.contrasts}
    rates = [_at_zero(study, contrasts[p.contrast], p.region, preset) for p in theory.predictions if holds_zero(p.region)]
    return float(np.prod([rate for rate in rates if rate is not None]))


def holds_zero(region: Region) -> bool:
    """Whether a region of a difference contains zero. Shares do not count: 0 % is no claim of no difference."""
    difference = region.unit in ("pp", "log-odds")
    return difference and (region.low is None or region.low < 0) and (region.high is None or region.high > 0)


def _at_zero(study: Study, contrast: Contrast, region: Region, preset: Preset) -> float | None:
    if not has_runs(contrast, preset):
        return None
    measure = next(m for m in study.measures if m.id == contrast.measure)
    return inside_rate(measure, contrast.control is not None, units(contrast, preset), 1 - THEORY_ALPHA, 0.0, region)
