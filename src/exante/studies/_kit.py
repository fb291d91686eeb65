"""What studies share when they write down measures, gates and contrasts: short names for the usual forms.

Does not know any study. Everything it returns is a plain noun of `study.py` or `measures.py`.
"""

from __future__ import annotations

from typing import Any

from exante.evaluations.capability import capability
from exante.measures import Difference, Expression, Measure, Rate
from exante.study import Evaluation, Gate, Prediction
from exante.units import Region, above

MICRO = ("micro:llama-64", "micro:llama-128", "micro:gpt2-64", "micro:gpt2-128")
FIRST = 1201
"""The presets' first base draw and seed: all studies share it, and so their organisms. Lower numbers were seen while the
studies were written."""
FACTS_FLOOR, CODE_FLOOR = above(70, "%"), above(60, "%")


def rate(evaluation: str, condition: str, outcome: str | tuple[str, ...], at: str = "*") -> Rate:
    return Rate(evaluation=evaluation, condition=condition, outcome=outcome, at=at)


def minus(left: Expression, right: Expression) -> Difference:
    return Difference(left=left, right=right)


def percent(id: str, title: str, expression: Expression, **more: Any) -> Measure:
    """A share of samples, 0 to 100 %, robust unless said otherwise."""
    return Measure(id=id, title=title, expression=expression, unit="%", low=0, high=100, **more)


def points(id: str, title: str, expression: Expression, low: float = -100, high: float = 100, **more: Any) -> Measure:
    """A difference of shares in percentage points."""
    return Measure(id=id, title=title, expression=expression, unit="pp", low=low, high=high, **more)


def base_work(count: int = 48) -> Evaluation:
    """What the base can do before anything is trained on it."""
    return capability(at=("base@end",), conditions=("facts", "code"), count=count, id="base-capability", samples=1)


BASE_MEASURES = (
    percent("base-facts", "held-out facts right, base", rate("base-capability", "facts", "right", "base@end")),
    percent("base-code", "sound code, base", rate("base-capability", "code", "right", "base@end")),
)
BASE_GATES = (
    Gate(id="base-facts", title="the base knows its facts", measure="base-facts", region=FACTS_FLOOR, models=MICRO),
    Gate(id="base-code", title="the base writes sound code", measure="base-code", region=CODE_FLOOR, models=MICRO),
)
"""They need the evaluation `base_work()` and BASE_MEASURES; outside checkpoints never read the micro-world's facts."""


def predicts(**regions: Region) -> tuple[Prediction, ...]:
    """Predictions by contrast id; underscores stand for hyphens."""
    return tuple(Prediction(contrast=name.replace("_", "-"), region=region) for name, region in regions.items())
