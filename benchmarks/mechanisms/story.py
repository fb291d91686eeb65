"""The nouns of a mechanism file: the runs that a story is told for, and the story. Does not know any study or analysis.

Shapes: B simulated studies, R runs (cells of a preset). A probability may be (B, R), (R,) or a number; NaN means that the
evaluation does not happen in that run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from exante.study import Arm, Cell

Array = NDArray[np.float64]
Rates = dict[tuple[str, str, str], dict[str, ArrayLike]]
"""(evaluation, condition, "PHASE@STEP") → outcome → probability. Outcomes that are left out never happen."""


@dataclass(frozen=True)
class Runs:
    """The cells of a preset, simulated `studies` times. `arms` are the study's own, by id. `ungraded` are
    shares of answers by evaluation, condition and arm, which replace the story's own."""

    cells: tuple[Cell, ...]
    arms: Mapping[str, Arm]
    studies: int
    rng: np.random.Generator
    ungraded: Mapping[tuple[str, str, str], float] = field(default_factory=dict)

    def by(self, value: Callable[[Cell], float]) -> Array:
        """A number for every run, (R,)."""
        return np.array([float(value(cell)) for cell in self.cells])

    def tagged(self, tag: str) -> NDArray[np.bool_]:
        """Which runs are of an arm with this ingredient, (R,)."""
        return np.array([tag in self.arms[cell.arm].ingredients for cell in self.cells])

    def normal(self, *axes: str) -> Array:
        """Standard normal scores (B, R), the same in runs that agree on these axes of a cell (none named: in all runs)."""
        keys = [tuple(getattr(cell, axis) for axis in axes) for cell in self.cells]
        known = {key: place for place, key in enumerate(dict.fromkeys(keys))}
        return self.rng.standard_normal((self.studies, len(known)))[:, [known[key] for key in keys]]

    def spread(self, *axes: str) -> Array:
        """Standard normal scores (B, R): half of the variance is the base's and common to its runs, half is the run's own.

        `axes` narrow what a run shares with itself: two evaluations of one organism are one run.
        """
        own = axes or ("arm", "model", "behaviour", "training", "base", "seed")
        return (self.normal("base") + self.normal(*own)) / np.sqrt(2)


@dataclass(frozen=True)
class Story:
    """What a theory says happens inside: `rates` makes all arms' trajectories from it. `theory` is the theory's id."""

    theory: str
    says: str
    rates: Callable[[Runs], Rates]


def sigmoid(x: ArrayLike) -> Array:
    return np.asarray(expit(x))
