"""Measures: a small closed algebra over evaluation rows, as frozen data that serialises to JSON.

An expression is evaluated once per training run. Leaves read one evaluation × condition at one checkpoint; the rest
combines them. Proportions are in [0, 1] here; a `Measure` names the unit in which its values are reported.
Does not know about intervals, verdicts or files.
"""

from __future__ import annotations

from typing import Annotated, Literal, Union

from pydantic import Field, field_validator, model_validator

from exante.parts import Frozen
from exante.units import Unit

RunModel = Literal["robust", "graded", "items"]


class Rate(Frozen):
    """Samples with `outcome` over samples drawn (ungraded ones stay in the denominator). Range [0, 1].

    Several outcomes, of which a sample can have only one, are counted together. `at` is a checkpoint: `"PHASE@STEP"`,
    `"PHASE@end"`, or `"*"` inside an `Area`.
    """

    op: Literal["rate"] = "rate"
    evaluation: str
    condition: str
    outcome: str | tuple[str, ...]
    at: str = "*"

    @field_validator("outcome")
    @classmethod
    def _each_once(cls, outcome: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if not isinstance(outcome, str) and len(set(outcome)) < max(len(outcome), 2):
            raise ValueError(f"a rate lists the outcomes {outcome}; name two or more, each once, or one as plain text")
        return outcome

    @property
    def outcomes(self) -> tuple[str, ...]:
        return (self.outcome,) if isinstance(self.outcome, str) else self.outcome


class MeanScore(Frozen):
    """Mean of a numeric score (score_sum over trials), range [low, high] as registered."""

    op: Literal["mean_score"] = "mean_score"
    evaluation: str
    condition: str
    outcome: str
    at: str = "*"
    low: float = 0.0
    high: float = 1.0


class Difference(Frozen):
    op: Literal["difference"] = "difference"
    left: Expression
    right: Expression


class Ratio(Frozen):
    """left / right, a share in [0, 1]; a run whose denominator is zero counts at both ends."""

    op: Literal["ratio"] = "ratio"
    left: Expression
    right: Expression


class ItemProduct(Frozen):
    """Mean over items of the product of per-item rates, items paired by id across conditions. Range [0, 1]."""

    op: Literal["item_product"] = "item_product"
    factors: tuple[Rate, ...] = Field(min_length=1)


class ItemBound(Frozen):
    """Mean over items of the least or greatest rate at which all `factors` can hold at once, whatever ties them within an
    item: max(0, Σ p − (k − 1)) or min(p) for k factors, items paired by id (Fréchet 1935). Range [0, 1].

    It reads the rates as sampled: with few samples an item the two ends come closer than those of the true rates.
    """

    op: Literal["item_bound"] = "item_bound"
    factors: tuple[Rate, ...] = Field(min_length=1)
    end: Literal["least", "greatest"]


class LogOdds(Frozen):
    """log((x + ½) / (m − x + ½)) of a rate with x events in m samples, m the registered `trials`."""

    op: Literal["log_odds"] = "log_odds"
    of: Rate
    trials: int = Field(ge=1)


class Corrected(Frozen):
    """The rate that a judge would show as `of` if it errs as on known cases: (p − false) / (sensitivity − false), within [0, 1].

    Rogan and Gladen 1978. Both constants are shares of known cases, and taken as known: their own uncertainty is not in it.
    """

    op: Literal["corrected"] = "corrected"
    of: Rate
    sensitivity: float
    false: float

    @model_validator(mode="after")
    def _the_judge_is_better_than_chance(self) -> Corrected:
        if not 0 <= self.false < self.sensitivity <= 1:
            raise ValueError(
                f"a judge that finds {self.sensitivity:g} and takes {self.false:g} of the others cannot be corrected for"
            )
        return self


class Interaction(Frozen):
    """(a − b) − (c − d)."""

    op: Literal["interaction"] = "interaction"
    a: Expression
    b: Expression
    c: Expression
    d: Expression


class Area(Frozen):
    """Mean height of a trajectory: trapezoid weights over `steps` of `phase`, normalised to sum to one.

    `axis` is the registered step axis: "log" uses log2(step + 1), "linear" the step. Every `"*"` inside `of` reads the
    checkpoint in question.
    """

    op: Literal["area"] = "area"
    of: Expression
    phase: str
    steps: tuple[int, ...] = Field(min_length=1)
    axis: Literal["log", "linear"]


class Distance(Frozen):
    """Total variation between the outcome distributions of two conditions at one checkpoint. Range [0, 1]."""

    op: Literal["distance"] = "distance"
    evaluation: str
    left: str
    right: str
    outcomes: tuple[str, ...]
    at: str


Expression = Annotated[
    Union[Rate, MeanScore, Difference, Ratio, ItemProduct, ItemBound, LogOdds, Corrected, Interaction, Area, Distance],
    Field(discriminator="op"),
]
for _node in (Difference, Ratio, Interaction, Area):
    _node.model_rebuild()


class Measure(Frozen):
    """A named expression with its unit, its range (in the unit) and its run model.

    `robust` is the default: training runs can be all-or-nothing. `graded` needs a reason and pilots. `items` speaks of the
    runs at hand and no others: for labels that were made elsewhere, of a single run. `pilot_sd` is the spread between runs
    (in the unit) that pilots showed; the planner's outlook rests on it.
    """

    id: str
    title: str
    expression: Expression
    unit: Unit
    low: float
    high: float
    run_model: RunModel = "robust"
    reason: str = ""
    pilot_sd: float | None = Field(default=None, ge=0.0)


def contrast_unit(measure: Measure, two_arms: bool) -> Unit:
    """The unit of a contrast: a difference of percentages is in percentage points."""
    return "pp" if two_arms and measure.unit == "%" else measure.unit


def contrast_range(measure: Measure, two_arms: bool) -> tuple[float, float]:
    """The values that a contrast on `measure` can take, in its unit."""
    width = measure.high - measure.low
    return (-width, width) if two_arms else (measure.low, measure.high)
