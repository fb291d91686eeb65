"""Units, and regions of values in a unit.

Inside the algebra of measures rates are in [0, 1]; what is registered, printed and stored is in the named unit.
"""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from exante.parts import Frozen

Unit = Literal["%", "pp", "log-odds", "score"]
"""`%`: a proportion of samples, 0 to 100. `pp`: percentage points, a difference of proportions. `log-odds`: natural log.
`score`: as registered."""

SCALE: dict[Unit, float] = {"%": 100.0, "pp": 100.0, "log-odds": 1.0, "score": 1.0}


def shown(value: float | None) -> str:
    """A number for a table, with one decimal."""
    return "" if value is None else f"{value:.1f}"


class Region(Frozen):
    """An open interval of values in a unit: the hypothesis of a contrast. Without an end it is unbounded on that side."""

    low: float | None = None
    high: float | None = None
    unit: Unit

    @property
    def unbounded(self) -> bool:
        """Whether every value lies in it: an estimate without a hypothesis."""
        return self.low is None and self.high is None

    @model_validator(mode="after")
    def _not_empty(self) -> Region:
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"the region ({self.low}, {self.high}) {self.unit} is empty; its low end must be below its high end")
        return self


def above(value: float, unit: Unit) -> Region:
    return Region(low=value, unit=unit)


def below(value: float, unit: Unit) -> Region:
    return Region(high=value, unit=unit)


def within(low: float, high: float, unit: Unit) -> Region:
    return Region(low=low, high=high, unit=unit)
