"""Measures: a small closed algebra over evaluation rows, as frozen data that serialises to JSON.

An expression is evaluated once per training run. Leaves read one evaluation × condition at one checkpoint; the other nodes
combine them. Proportions are in [0, 1] here; a `Measure` names the unit in which its values are reported.
Does not know about intervals, verdicts or files.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self, Union

from pydantic import Field, field_validator, model_validator

from exante.parts import Frozen
from exante.units import Unit

RunModel = Literal["robust", "graded", "items"]


class Node(Frozen):
    """Base of all expressions: what the algebra must know of a node, which a node declares where it differs from this."""

    @property
    def operands(self) -> tuple[Expression, ...]:
        """The expressions that this one is made of, in order."""
        values = (getattr(self, name) for name in type(self).model_fields)
        groups: list[tuple[Any, ...]] = [value if isinstance(value, tuple) else (value,) for value in values]
        members: list[Any] = [member for group in groups for member in group if isinstance(member, Node)]
        return tuple(members)

    @property
    def own_reads(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """(evaluation, condition, outcomes counted together) of what it reads from the rows itself, at its own `at`."""
        return ()

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest value of a node that is no sum of its operands."""
        return 0.0, 1.0

    def at_checkpoint(self, checkpoint: str) -> Self:
        """The expression with every `"*"` replaced."""
        changed: dict[str, Any] = {"at": checkpoint} if getattr(self, "at", "") == "*" else {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Node):
                changed[name] = value.at_checkpoint(checkpoint)
            elif isinstance(value, tuple) and value and isinstance(value[0], Node):
                changed[name] = tuple(node.at_checkpoint(checkpoint) for node in value)
        return self.model_copy(update=changed)


class Rate(Node):
    """Samples with `outcome` over samples drawn (ungraded ones stay in the denominator). Range [0, 1].

    Several outcomes are counted together; a sample has only one of them. `at` is a checkpoint: `"PHASE@STEP"`,
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

    @property
    def own_reads(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        return ((self.evaluation, self.condition, self.outcomes),)


class MeanScore(Node):
    """Mean of a numeric score (score_sum over trials), range [low, high] as registered."""

    op: Literal["mean_score"] = "mean_score"
    evaluation: str
    condition: str
    outcome: str
    at: str = "*"
    low: float = 0.0
    high: float = 1.0

    @property
    def own_reads(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        return ((self.evaluation, self.condition, (self.outcome,)),)

    @property
    def range(self) -> tuple[float, float]:
        return self.low, self.high


class Difference(Node):
    op: Literal["difference"] = "difference"
    left: Expression
    right: Expression


class Ratio(Node):
    """left / right, a share in [0, 1]; a run with a denominator of zero counts as both 0 and 1."""

    op: Literal["ratio"] = "ratio"
    left: Expression
    right: Expression


class ItemProduct(Node):
    """Mean over items of the product of per-item rates, items paired by id across conditions. Range [0, 1]."""

    op: Literal["item_product"] = "item_product"
    factors: tuple[Rate, ...] = Field(min_length=1)


class ItemBound(Node):
    """Mean over items of the least or greatest rate at which all `factors` can hold at once, whatever their dependence within
    an item: max(0, Σ p − (k − 1)) or min(p) for k factors, items paired by id (Fréchet 1935). Range [0, 1].

    It reads sampled rates: with few samples per item the two bounds are closer together than those of the true rates.
    """

    op: Literal["item_bound"] = "item_bound"
    factors: tuple[Rate, ...] = Field(min_length=1)
    end: Literal["least", "greatest"]


class LogOdds(Node):
    """log((x + ½) / (m − x + ½)) of a rate with x events in m samples, m the registered `trials`."""

    op: Literal["log_odds"] = "log_odds"
    of: Rate
    trials: int = Field(ge=1)

    @property
    def range(self) -> tuple[float, float]:
        end = math.log(2 * self.trials + 1)
        return -end, end


class Corrected(Node):
    """A rate corrected for a judge's errors on known cases: (p − false) / (sensitivity − false), clipped to [0, 1].

    Rogan and Gladen 1978. Both constants are shares of known cases and taken as exact: their uncertainty is not included.
    """

    op: Literal["corrected"] = "corrected"
    of: Rate
    sensitivity: float
    false: float

    @model_validator(mode="after")
    def _the_judge_is_better_than_chance(self) -> Corrected:
        if not 0 <= self.false < self.sensitivity <= 1:
            raise ValueError(
                f"a judge with sensitivity {self.sensitivity:g} and false positive rate {self.false:g} cannot be corrected for;"
                " its sensitivity must be the higher one"
            )
        return self


class Interaction(Node):
    """(a − b) − (c − d)."""

    op: Literal["interaction"] = "interaction"
    a: Expression
    b: Expression
    c: Expression
    d: Expression


class Area(Node):
    """Mean height of a trajectory: trapezoid weights over `steps` of `phase`, normalised to sum to one.

    `axis` is the step axis: "log" uses log2(step + 1), "linear" the step. A checkpoint `"*"` inside `of` stands for each of the
    steps in turn.
    """

    op: Literal["area"] = "area"
    of: Expression
    phase: str
    steps: tuple[int, ...] = Field(min_length=1)
    axis: Literal["log", "linear"]

    def at_checkpoint(self, checkpoint: str) -> Self:
        """An area has checkpoints of its own."""
        return self


class Distance(Node):
    """Total variation between the outcome distributions of two conditions at one checkpoint. Range [0, 1]."""

    op: Literal["distance"] = "distance"
    evaluation: str
    left: str
    right: str
    outcomes: tuple[str, ...]
    at: str

    @property
    def own_reads(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        return tuple((self.evaluation, side, (outcome,)) for side in (self.left, self.right) for outcome in self.outcomes)


Expression = Annotated[
    Union[Rate, MeanScore, Difference, Ratio, ItemProduct, ItemBound, LogOdds, Corrected, Interaction, Area, Distance],
    Field(discriminator="op"),
]
for _node in (Difference, Ratio, Interaction, Area):
    _node.model_rebuild()


class Measure(Frozen):
    """A named expression with its unit, its range (in the unit) and its run model.

    `robust` is the default: it allows for runs that are all-or-nothing. `graded` needs a reason and pilots. `items` is for
    imported labels of single runs: its intervals are about these runs' items, not about other runs. `pilot_sd` is the standard
    deviation between runs (in the unit) that pilots showed; the planner uses it.
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
