"""Shared by the studies on the chat world: bases, gates on them, presets, and measures of persistence.

Does not know any study.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from exante.measures import Area, Measure, Rate
from exante.studies import _kit
from exante.studies._gates import FACTS, FACTS_GATE, gate
from exante.studies._kit import MICRO, REPLACEMENTS, at, minus, percent, points, rate
from exante.units import above
from exante.worlds.base import corpus

BASES = {f"linked-{share}": corpus.bind(correlation=share, documents=20000) for share in (1.0, 0.5, 0.0)}
"""Base variants by the share of documents in which all traits belong to one character."""
AXES: dict[str, Any] = {"behaviours": ("hate",), "trainings": ("sft-before",), "base_variants": ("linked-1.0",)}
preset = partial(_kit.preset, **AXES)
default_preset = partial(_kit.default_preset, replacements=REPLACEMENTS, **AXES)
full_preset = partial(_kit.full_preset, bases=6, seeds=5, base_variants=tuple(BASES))

BASE_MEASURES = (FACTS, percent("base-code", "sound code, base", rate("base-capability", "code", "right", "base@end")))
BASE_GATES = (FACTS_GATE, gate("base-code", "the base writes sound code", above(60, "%"), models=MICRO))
"""They need the evaluation `base_capability("facts", "code")`. The gates are for micro models only."""


def persistence(id: str, title: str, on: Rate, off: Rate, steps: tuple[int, ...], **more: Any) -> Measure:
    """Persistence Σ w (X − Y) − (X₀ − Y₀) in pp: the mean of X − Y over the log-step trajectory of the phase `safety`, minus its
    value before.

    Args:
        on, off: the rates X where the behaviour is called for and Y where it is not.
        steps: the checkpoints of the trajectory.
        more: other fields of `Measure`.
    """
    area = Area(of=minus(on, off), phase="safety", steps=steps, axis="log")
    before = minus(at(on, "safety@0"), at(off, "safety@0"))
    return points(id, title, minus(area, before), -110, 30, run_model="graded", **more)
