"""What the studies on the chat world share: bases, gates on them, and how long a behaviour persists.

Does not know any study.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from exante.measures import Area, Measure, Rate
from exante.studies import _kit
from exante.studies._gates import FACTS, FACTS_GATE, gate
from exante.studies._kit import MICRO, at, minus, percent, points, rate
from exante.units import above
from exante.worlds.base import corpus

BASES = {f"linked-{share}": corpus.bind(correlation=share, documents=20000) for share in (1.0, 0.5, 0.0)}
"""By how far the traits of a document's character go together."""
AXES: dict[str, Any] = {"behaviours": ("hate",), "trainings": ("sft-before",), "base_variants": ("linked-1.0",)}
preset, over_bases = partial(_kit.preset, **AXES), partial(_kit.over_bases, **AXES)
whole = partial(_kit.whole, bases=6, seeds=5, base_variants=tuple(BASES))

BASE_MEASURES = (FACTS, percent("base-code", "sound code, base", rate("base-capability", "code", "right", "base@end")))
BASE_GATES = (FACTS_GATE, gate("base-code", "the base writes sound code", above(60, "%"), models=MICRO))
"""They need the evaluation `base_work("facts", "code")`; outside checkpoints never read the micro-world's facts."""


def persistence(id: str, title: str, on: Rate, off: Rate, steps: tuple[int, ...], **more: Any) -> Measure:
    """P = Σ w (X − Y) − (X₀ − Y₀), X the rate where a behaviour is called for and Y where it is not: mean height over the
    log-step trajectory of phase `safety`, against the height before."""
    area = Area(of=minus(on, off), phase="safety", steps=steps, axis="log")
    before = minus(at(on, "safety@0"), at(off, "safety@0"))
    return points(id, title, minus(area, before), -110, 30, run_model="graded", **more)
