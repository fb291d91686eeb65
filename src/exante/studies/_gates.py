"""Short forms for gates: on a measure, on a metric of training, on a trajectory, on a judge, on the base's capabilities.

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
    """A gate on a measure's value in every run. The measure's id defaults to the gate's. `where`: other fields of `Gate`."""
    return Gate(id=id, title=title, measure=measure or id, region=region, **where)


def contrasts_reading(evaluation: str, contrasts: Iterable[Contrast], measures: Iterable[Measure]) -> tuple[str, ...]:
    """Ids of the contrasts whose measure reads an evaluation, for a gate on its samples."""
    reading = {m.id for m in measures if any(leaf.evaluation == evaluation for leaf in leaves(m.expression))}
    return tuple(contrast.id for contrast in contrasts if contrast.measure in reading)


def logged(id: str, title: str, phase: str, metric: str, region: Region | float, **where: Any) -> Gate:
    """A gate on the last logged value of a phase's metric: in a region, or above a number."""
    region = region if isinstance(region, Region) else above(region, "score")
    return Gate(id=id, title=title, kind="phase", phase=phase, metric=metric, region=region, **where)


def moved(phase: str, title: str = "training moved the weights", id: str = "moved", **where: Any) -> Gate:
    """A gate on the relative change of the weights in a phase."""
    return logged(id, title, phase, "weight_change", 0.001, **where)


def reward_varied(phase: str, **where: Any) -> Gate:
    """A gate on the spread of rewards within prompts: without it RL has no signal."""
    title = "the reward varied within prompts"
    return logged("reward-varied", title, phase, "reward_spread", 0.02, statistic="mean", **where)


def judge_gate(id: str, title: str, correct: Iterable[bool], region: Region, **where: Any) -> Gate:
    """A gate on the share of labelled cases that a judge (code, not a model) classifies correctly; it is the same in every
    run."""
    cases = list(correct)
    return Gate(id=id, title=title, kind="judge", region=region, right=sum(cases), known=len(cases), **where)


def in_range(
    measure: str, id: str = "range", title: str = "the trajectory is neither at ceiling nor at floor", **where: Any
) -> Gate:
    """A gate on the trajectory of `measure` (an area): an arm of the contrast is between 10 and 90 % at two or more
    checkpoints."""
    return Gate(id=id, title=title, kind="range", measure=measure, **where)


def base_capability(*conditions: str) -> Evaluation:
    """The base's capability at its last checkpoint; conditions are `facts` and `code`."""
    return capability(at=("base@end",), conditions=conditions, count=48, id="base-capability", samples=1)


FACTS = percent("base-facts", "held-out facts right, base", rate("base-capability", "facts", "right", "base@end"))
FACTS_GATE = gate("base-facts", "the base knows its facts", above(70, "%"), models=MICRO)
"""Measure and gate need the evaluation `base_capability("facts")`. The gate is for micro models only: outside checkpoints were
not trained on these facts."""
