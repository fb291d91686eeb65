"""The measures' algebra without data: resolve checkpoints, expand into a linear form, ranges, leaves.

Every expression is a linear combination of atoms (rates, mean scores, and the non-linear nodes), which is what gives the
sign with which each leaf enters a claim. Does not know about rows, runs or units.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from exante.errors import UserError
from exante.measures import (
    Area,
    Corrected,
    Difference,
    Distance,
    Expression,
    Interaction,
    ItemBound,
    ItemProduct,
    LogOdds,
    MeanScore,
    Rate,
    Ratio,
)

Atom = Rate | MeanScore | Ratio | ItemProduct | ItemBound | LogOdds | Corrected | Distance


class Leaf(NamedTuple):
    """One number that is read from the rows: an outcome of an evaluation under a condition, at a checkpoint."""

    evaluation: str
    condition: str
    outcome: str
    at: str

    @property
    def phase(self) -> str:
        return self.at.rpartition("@")[0]


def at_checkpoint(expression: Expression, checkpoint: str) -> Expression:
    """The expression with every `"*"` replaced; an inner Area keeps its own."""
    match expression:
        case Rate() | MeanScore() | Distance():
            return expression.model_copy(update={"at": checkpoint}) if expression.at == "*" else expression
        case Difference() | Ratio():
            return expression.model_copy(
                update={"left": at_checkpoint(expression.left, checkpoint), "right": at_checkpoint(expression.right, checkpoint)}
            )
        case ItemProduct() | ItemBound():
            return expression.model_copy(update={"factors": tuple(at_checkpoint(f, checkpoint) for f in expression.factors)})
        case LogOdds() | Corrected():
            return expression.model_copy(update={"of": at_checkpoint(expression.of, checkpoint)})
        case Interaction():
            return expression.model_copy(update={name: at_checkpoint(getattr(expression, name), checkpoint) for name in "abcd"})
        case Area():
            return expression


def area_weights(steps: tuple[int, ...], axis: str) -> list[float]:
    """Trapezoid weights over the registered steps, normalised to sum to one. "log" is log2(step + 1)."""
    if len(steps) == 1:
        return [1.0]
    x = np.log2(np.array(steps, float) + 1) if axis == "log" else np.array(steps, float)
    if not (np.diff(x) > 0).all():
        raise UserError(f"the steps {steps} of an area do not increase; list each checkpoint once, in order")
    gaps = np.diff(x)
    weights = (np.concatenate([gaps, [0]]) + np.concatenate([[0], gaps])) / 2
    return [float(w) for w in weights / weights.sum()]


def linear(expression: Expression) -> dict[Atom, float]:
    """The expression as Σ coefficient × atom. Equal atoms are merged, so a leaf's coefficient is its net one."""
    terms: defaultdict[Atom, float] = defaultdict(float)
    _collect(expression, 1.0, terms)
    return {atom: c for atom, c in terms.items() if c != 0.0}


def _collect(expression: Expression, sign: float, terms: defaultdict[Atom, float]) -> None:
    match expression:
        case Difference():
            _collect(expression.left, sign, terms)
            _collect(expression.right, -sign, terms)
        case Interaction():
            for part, s in ((expression.a, 1), (expression.b, -1), (expression.c, -1), (expression.d, 1)):
                _collect(part, sign * s, terms)
        case Area():
            for step, weight in zip(expression.steps, area_weights(expression.steps, expression.axis), strict=True):
                _collect(at_checkpoint(expression.of, f"{expression.phase}@{step}"), sign * weight, terms)
        case _:
            terms[expression] += sign


def first_area(expression: Expression) -> Area | None:
    """The area inside differences and interactions, read from left to right."""
    match expression:
        case Area():
            return expression
        case Difference():
            parts = (expression.left, expression.right)
        case Interaction():
            parts = (expression.a, expression.b, expression.c, expression.d)
        case _:
            return None
    return next((area for area in map(first_area, parts) if area is not None), None)


def leaves(expression: Expression) -> frozenset[Leaf]:
    """Every leaf the expression reads, inside non-linear nodes too."""
    leaves_read: set[Leaf] = set()
    for atom in linear(expression):
        match atom:
            case Rate():
                leaves_read |= {Leaf(atom.evaluation, atom.condition, outcome, atom.at) for outcome in atom.outcomes}
            case MeanScore():
                leaves_read.add(Leaf(atom.evaluation, atom.condition, atom.outcome, atom.at))
            case Ratio():
                leaves_read |= leaves(atom.left) | leaves(atom.right)
            case ItemProduct() | ItemBound():
                leaves_read |= {leaf for factor in atom.factors for leaf in leaves(factor)}
            case LogOdds() | Corrected():
                leaves_read |= leaves(atom.of)
            case Distance():
                leaves_read |= {
                    Leaf(atom.evaluation, side, o, atom.at) for side in (atom.left, atom.right) for o in atom.outcomes
                }
    for leaf in leaves_read:
        if leaf.at == "*":
            raise UserError(f"a measure reads {leaf.evaluation} at '*' outside an area; name a checkpoint such as 'safety@end'")
    return frozenset(leaves_read)


def reads(expression: Expression) -> list[tuple[str, str, tuple[str, ...]]]:
    """(evaluation, condition, outcomes counted together) of everything the expression reads, each once, in order."""
    pieces: list[tuple[str, str, tuple[str, ...]]] = []
    for atom in linear(expression):
        match atom:
            case Rate():
                pieces.append((atom.evaluation, atom.condition, atom.outcomes))
            case MeanScore():
                pieces.append((atom.evaluation, atom.condition, (atom.outcome,)))
            case Ratio():
                pieces += [*reads(atom.left), *reads(atom.right)]
            case ItemProduct() | ItemBound():
                pieces += [piece for factor in atom.factors for piece in reads(factor)]
            case LogOdds() | Corrected():
                pieces += reads(atom.of)
            case Distance():
                pieces += [(atom.evaluation, side, (outcome,)) for side in (atom.left, atom.right) for outcome in atom.outcomes]
    return list(dict.fromkeys(pieces))


def natural_range(expression: Expression) -> tuple[float, float]:
    """The smallest and largest value the expression can take (before the unit's scale); a measure's range should contain it."""
    low = high = 0.0
    for atom, c in linear(expression).items():
        a, b = _atom_range(atom)
        low, high = low + min(c * a, c * b), high + max(c * a, c * b)
    return low, high


def _atom_range(atom: Atom) -> tuple[float, float]:
    match atom:
        case MeanScore():
            return atom.low, atom.high
        case LogOdds():
            end = math.log(2 * atom.trials + 1)
            return -end, end
        case _:
            return 0.0, 1.0
