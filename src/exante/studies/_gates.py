"""The gates that studies share, in short: on a measure, on what training logged, on a trajectory, on what the base knows.

Does not know any study or world.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from exante.analysis.algebra import leaves
from exante.evaluations.capability import capability
from exante.measures import Measure
from exante.studies._kit import MICRO, percent, rate
from exante.study import Contrast, Evaluation, Gate
from exante.units import Region, above


def gate(id: str, title: str, region: Region, measure: str = "", **where: Any) -> Gate:
    """A measure's value in every run. The measure has the gate's own id unless another is named."""
    return Gate(id=id, title=title, measure=measure or id, region=region, **where)


def reading(evaluation: str, contrasts: Iterable[Contrast], measures: Iterable[Measure]) -> tuple[str, ...]:
    """The contrasts whose measure reads an evaluation: those that a gate on its samples guards."""
    read = {m.id for m in measures if any(leaf.evaluation == evaluation for leaf in leaves(m.expression))}
    return tuple(one.id for one in contrasts if one.measure in read)


def logged(id: str, title: str, phase: str, metric: str, region: Region | float, **where: Any) -> Gate:
    """What training logged of a phase at last: `metric` in a region, or above a floor."""
    region = region if isinstance(region, Region) else above(region, "score")
    return Gate(id=id, title=title, kind="phase", phase=phase, metric=metric, region=region, **where)


def moved(phase: str, title: str = "training moved the weights", id: str = "moved", **where: Any) -> Gate:
    return logged(id, title, phase, "weight_change", 0.001, **where)


def reward_varied(phase: str, **where: Any) -> Gate:
    title = "the reward varied within prompts"
    return logged("reward-varied", title, phase, "reward_spread", 0.02, statistic="mean", **where)


def judged(id: str, title: str, found: Iterable[bool], region: Region, **where: Any) -> Gate:
    """A judge that is code: of known cases, which it got right. No model is asked, so one count holds for every run."""
    known = list(found)
    return Gate(id=id, title=title, kind="judge", region=region, right=sum(known), known=len(known), **where)


def in_range(
    measure: str, id: str = "range", title: str = "the trajectory is neither at ceiling nor at floor", **where: Any
) -> Gate:
    """Over the trajectory of `measure`, an area, an arm of the contrast moves between 10 and 90 %."""
    return Gate(id=id, title=title, kind="range", measure=measure, **where)


def base_work(*conditions: str) -> Evaluation:
    """What the base can do before anything is trained on it, such as `facts`."""
    return capability(at=("base@end",), conditions=conditions, count=48, id="base-capability", samples=1)


FACTS = percent("base-facts", "held-out facts right, base", rate("base-capability", "facts", "right", "base@end"))
FACTS_GATE = gate("base-facts", "the base knows its facts", above(70, "%"), models=MICRO)
"""They need `base_work("facts")`; outside checkpoints never read the micro-world's facts."""
