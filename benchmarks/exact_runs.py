"""Runs that are all or nothing need no simulation: how often a verdict is wrong, by enumeration over a grid of chances.

Every truth lies at its region's boundary, so any verdict is wrong: what is added up is the chance that an interval misses it.
n runs of an arm have x hits with binomial chance, pairs of runs one of four outcomes with multinomial chance; every interval is
computed once, by the rule itself, and each pair of chances (p, q) weighs it.
Does not know about studies, measures or spreads that are not all-or-nothing. Shapes: P and Q values of p and q, X and Y counts of
hits, C outcomes of n pairs.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import gammaln, xlogy

from exante.analysis.rules import MOST_PREDICTIONS, SECONDARY_ALPHA, THEORY_ALPHA
from exante.stats.intervals import Shared, robust

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

ANY_P = tuple(np.linspace(0, 1, 101))
COARSE = tuple(np.linspace(0, 1, 41))
PERCENT = (0.0, 100.0)
LOOKS = ((16, 0.98), (24, 0.96))
"""The two looks that a study may register: bases, and the level."""
ONE_LATE_LOOK = 0.955
"""The level of a single look at 24 bases."""
ODDS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Odds ratios by which the runs of a pair are tied: below 1 the arms tend to exclude each other."""
SLACK = 1e-9


@dataclass(frozen=True)
class Worst:
    """The largest chance of a wrong verdict over the grid, and the chances of a hit at which it is reached."""

    wrong: float
    where: tuple[float, ...]


def _runs(n: int, high: float = 100.0) -> Array:
    """(X, n): x hits first."""
    return np.where(np.arange(n) < np.arange(n + 1)[:, None], high, 0.0)


def _chance(n: int, p: Sequence[float]) -> Array:
    """(P, X)"""
    return stats.binom.pmf(np.arange(n + 1), n, np.asarray(p)[:, None])


def _outside(low: Array, high: Array, truth: Array | float) -> tuple[Bools, Bools]:
    """Whether an interval lies below the truth, and above it."""
    return high < truth - SLACK, low > truth + SLACK


def _worst(values: Array, *axes: Sequence[float]) -> Worst:
    place = np.unravel_index(int(values.argmax()), values.shape)
    return Worst(float(values.max()), tuple(float(axis[int(k)]) for axis, k in zip(axes, place, strict=True)))


# --- one contrast ------------------------------------------------------------------------------------------------------


def one_sample(n: int, p: Sequence[float] = ANY_P, level: float = 0.95) -> Worst:
    low, high = robust(_runs(n), None, PERCENT, level)
    below, above = _outside(low, high, 100 * np.asarray(p)[:, None])
    return _worst((_chance(n, p) * (below | above)).sum(-1), p)


def two_arm(
    n: int,
    p: Sequence[float] = ANY_P,
    q: Sequence[float] = ANY_P,
    level: float = 0.95,
    *,
    control: int | None = None,
    value: float = 100.0,
    ends: tuple[float, float] = PERCENT,
) -> Worst:
    """An arm against a control of `control` runs (None: as many). `value` is that of a run that hits: below the upper end where
    the measure's range is wider than what these runs reach, as for areas and interactions."""
    below, above = _side_misses(n, p, q, level, control=control, value=value, ends=ends)
    weight_QY = _chance(control or n, q)
    return _worst(np.einsum("qpy,qy->qp", below + above, weight_QY), q, p)


def _side_misses(
    n: int,
    p: Sequence[float],
    q: Sequence[float],
    level: float,
    *,
    control: int | None = None,
    value: float = 100.0,
    ends: tuple[float, float] = PERCENT,
) -> tuple[Array, Array]:
    """Given the control's hits, the chance that the interval lies below the truth, and above it: (Q, P, Y) each."""
    low, high = robust(_runs(n, value)[:, None], _runs(control or n, value)[None], ends, level)
    chance_PX, sides = _chance(n, p), ([], [])
    for one in q:
        truth = value * (np.asarray(p)[:, None, None] - one)
        for side, miss in zip(sides, _outside(low, high, truth), strict=True):
            side.append(np.einsum("px,pxy->py", chance_PX, miss))
    return np.array(sides[0]), np.array(sides[1])


def base_by_arm(n: int, p: Sequence[float] = tuple(np.linspace(0, 1, 11)), level: float = 0.95) -> Worst:
    """Claims given two bases that the runs alternate between, with a chance of its own in every base × arm."""
    low, high = robust(_runs(n)[:, None], _runs(n)[None], PERCENT, level)
    pairs = list(itertools.combinations_with_replacement(p, 2))
    half = _chance(n // 2, p)
    place = {one: k for k, one in enumerate(p)}
    chance_PX = np.array([np.convolve(half[place[a]], half[place[b]]) for a, b in pairs])
    means = [(a + b) / 2 for a, b in pairs]
    wrong = np.zeros((len(pairs), len(pairs)))
    for k, q in enumerate(means):
        below, above = _outside(low, high, 100 * (np.array(means)[:, None, None] - q))
        wrong[k] = np.einsum("px,pxy,y->p", chance_PX, below | above, chance_PX[k])
    return _worst(wrong, means, means)


# --- pairs of runs -------------------------------------------------------------------------------------------------------


@functools.cache
def _outcomes(n: int) -> NDArray[np.int64]:
    """(C, 4): how many of n pairs have both hits, only the arm's, only the control's, none."""
    return np.array([(*c, n - sum(c)) for c in itertools.product(range(n + 1), repeat=3) if sum(c) <= n])


def _pair_runs(counts_C4: NDArray[np.int64]) -> tuple[Array, Array]:
    """Runs of the arm and of its control, (C, n) each, in percent."""
    edges = counts_C4.cumsum(-1)
    k = np.arange(edges[0, -1])
    a = k < edges[:, 1, None]
    b = (k < edges[:, 0, None]) | ((k >= edges[:, 1, None]) & (k < edges[:, 2, None]))
    return 100.0 * a, 100.0 * b


def pair_chances(p: float, q: float, odds: float) -> tuple[float, float, float, float]:
    """Chances of the four outcomes of a pair with these marginal chances and odds ratio; 0 where the arms exclude each other."""
    if odds == 1:
        both = p * q
    elif odds == 0:
        both = max(0.0, p + q - 1)
    else:
        s = 1 + (p + q) * (odds - 1)
        both = (s - np.sqrt(s**2 - 4 * odds * (odds - 1) * p * q)) / (2 * (odds - 1))
    both, only_a, only_b, none = np.clip((both, p - both, q - both, 1 - p - q + both), 0, 1)
    return float(both), float(only_a), float(only_b), float(none)


def _multinomial(counts_C4: NDArray[np.int64], chances: Sequence[float]) -> Array:
    log = gammaln(counts_C4.sum(-1) + 1) - gammaln(counts_C4 + 1).sum(-1) + xlogy(counts_C4, chances).sum(-1)
    return np.exp(log)


def pairs(n: int, odds: float, level: float = 0.95, *, paired: bool = True, p: Sequence[float] = COARSE) -> Worst:
    """Arms that share their bases: the paired rule, or the two-arm rule that knows of the pairs."""
    counts = _outcomes(n)
    low, high = robust(*_pair_runs(counts), PERCENT, level, Shared(np.arange(n), np.arange(n)), paired=paired)
    wrong = np.zeros((len(p), len(p)))
    for (k, a), (m, b) in itertools.product(enumerate(p), enumerate(p)):
        below, above = _outside(low, high, 100 * (a - b))
        missed = below | above
        wrong[k, m] = _multinomial(counts[missed], pair_chances(a, b, odds)).sum()
    return _worst(wrong, p, p)


# --- families of contrasts ---------------------------------------------------------------------------------------------------


def secondaries(n: int, count: int, p: Sequence[float] = ANY_P, q: Sequence[float] = ANY_P) -> Worst:
    """Any wrong verdict among `count` secondary hypotheses that share one control, in Holm's steps, for whichever number m of
    them are at their boundary: the others have been decided before, so these are read at 1 − .025/m."""
    found = []
    for m in range(1, count + 1):
        below, above = _side_misses(n, p, q, 1 - SECONDARY_ALPHA / m)
        found.append(_worst(_any_of(m, below + above, n, q), q, p))
    return max(found, key=lambda worst: worst.wrong)


def _any_of(count: int, miss_QPY: Array, n: int, q: Sequence[float]) -> Array:
    return np.einsum("qpy,qy->qp", 1 - (1 - miss_QPY) ** count, _chance(n, q))


def contradicted(n: int, count: int = MOST_PREDICTIONS, p: Sequence[float] = ANY_P, q: Sequence[float] = ANY_P) -> Worst:
    """A theory of `count` predictions, contradicted although every truth lies on its region's boundary. Its arms are alike and
    share one control; s of the regions end there from below, the others from above, whichever s is worst."""
    below, above = _side_misses(n, p, q, 1 - THEORY_ALPHA / count)
    weight = _chance(n, q)
    found = []
    for s in range(count + 1):
        any_out = 1 - (1 - below) ** s * (1 - above) ** (count - s)
        found.append(_worst(np.einsum("qpy,qy->qp", any_out, weight), q, p))
    return max(found, key=lambda worst: worst.wrong)


def supported(n: int, p: Sequence[float] = ANY_P, q: Sequence[float] = ANY_P) -> Worst:
    """A theory that is supported although one truth lies on its region's boundary; the others are deep inside."""
    sides = _side_misses(n, p, q, 1 - THEORY_ALPHA)
    return max((_worst(np.einsum("qpy,qy->qp", side, _chance(n, q)), q, p) for side in sides), key=lambda worst: worst.wrong)


# --- looks -----------------------------------------------------------------------------------------------------------------


def two_arm_looks(p: Sequence[float] = COARSE, q: Sequence[float] = COARSE) -> Worst:
    """A wrong verdict at either look of an arm and its control."""
    (first, first_level), (last, last_level) = LOOKS
    early, late = (
        robust(_runs(n)[:, None], _runs(n)[None], PERCENT, level) for n, level in ((first, first_level), (last, last_level))
    )
    step_P, step_Q = (_steps(first, last, values) for values in (p, q))
    chance_P, chance_Q = (_chance(first, values) for values in (p, q))
    wrong = np.zeros((len(p), len(q)))
    for (k, a), (m, b) in itertools.product(enumerate(p), enumerate(q)):
        held_early, held_late = (~np.logical_or(*_outside(*ends, 100 * (a - b))) for ends in (early, late))
        right = held_early * (step_P[k] @ held_late @ step_Q[m].T)
        wrong[k, m] = 1 - chance_P[k] @ right @ chance_Q[m]
    return _worst(wrong, p, q)


def _steps(first: int, last: int, p: Sequence[float]) -> Array:
    """(P, X at the first look, X at the last): the chance of so many hits at the last look."""
    more = np.arange(last + 1) - np.arange(first + 1)[:, None]
    return np.array([stats.binom.pmf(more, last - first, one) for one in p])


def one_sample_looks(p: Sequence[float] = ANY_P) -> Worst:
    (first, first_level), (last, last_level) = LOOKS
    early, late = (robust(_runs(n), None, PERCENT, level) for n, level in ((first, first_level), (last, last_level)))
    steps, chance = _steps(first, last, p), _chance(first, p)
    wrong = []
    for k, one in enumerate(p):
        held_early, held_late = (~np.logical_or(*_outside(*ends, 100 * one)) for ends in (early, late))
        wrong.append(1 - chance[k] @ (held_early * (steps[k] @ held_late)))
    return _worst(np.array(wrong), p)


def paired_looks(odds: float = 1.0, p: Sequence[float] = tuple(np.linspace(0, 1, 21))) -> Worst:
    """Pairs at both looks. Only differences count: pairs with both hits are counted with those with none."""
    (first, first_level), (last, last_level) = LOOKS
    early, more, late = (_differences(n) for n in (first, last - first, last))
    place = np.full((last + 1, last + 1), -1)
    place[late[:, 0], late[:, 1]] = np.arange(len(late))
    total = place[early[:, None, 0] + more[None, :, 0], early[:, None, 1] + more[None, :, 1]]
    ends = [_difference_interval(counts, level) for counts, level in ((early, first_level), (late, last_level))]
    wrong = np.zeros((len(p), len(p)))
    for (k, a), (m, b) in itertools.product(enumerate(p), enumerate(p)):
        _, only_a, only_b, _ = pair_chances(a, b, odds)
        chances = (only_a, only_b, max(0.0, 1 - only_a - only_b))
        held_early, held_late = (~np.logical_or(*_outside(*interval, 100 * (a - b))) for interval in ends)
        right = held_early * (held_late[total] @ _multinomial(more, chances))
        wrong[k, m] = 1 - _multinomial(early, chances) @ right
    return _worst(wrong, p, p)


@functools.cache
def _differences(n: int) -> NDArray[np.int64]:
    """(C, 3): pairs with only the arm's hit, only the control's, and others."""
    return np.array([(i, j, n - i - j) for i in range(n + 1) for j in range(n + 1 - i)])


def _difference_interval(counts_C3: NDArray[np.int64], level: float) -> tuple[Array, Array]:
    n = int(counts_C3[0].sum())
    four = np.column_stack([np.zeros(len(counts_C3), np.int64), counts_C3])
    return robust(*_pair_runs(four), PERCENT, level, Shared(np.arange(n), np.arange(n)), paired=True)


# --- all of it --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ExactRow:
    """One path of the analysis at one n. The interval's coverage is 1 − wrong."""

    path: str
    level: str
    n: int
    worst: Worst
    promised: bool = True


Case = tuple[str, str, Callable[[int], Worst], tuple[int, ...], bool]
EACH = (8, 16, 24)
AREA_HEIGHT = 79.0
"""What an area comes to where a run always hits, in %: HEIGHTS of simulated_studies.py, weighted."""


def cases() -> Iterable[Case]:
    """Path, level, the largest chance of a wrong verdict at n, the n, and whether it is promised."""
    yield "two-arm, over bases, share, log-odds, sequence", ".95", two_arm, EACH, True
    yield "the same, one look at 24", ".955", functools.partial(two_arm, level=ONE_LATE_LOOK), (24,), True
    yield "one sample", ".95", one_sample, EACH, True
    yield "interaction", ".95", functools.partial(two_arm, value=100.0, ends=(-200.0, 200.0)), EACH, True
    yield "area", ".95", functools.partial(two_arm, value=AREA_HEIGHT), EACH, True
    yield "two-arm, n against 24", ".95", functools.partial(two_arm, control=24), (8, 16), True
    yield "two-arm, base × arm", ".95", base_by_arm, EACH, True
    for odds in ODDS:
        yield f"paired, odds ratio {odds:g}", ".95", functools.partial(pairs, odds=odds), EACH, True
    yield "paired, exclusive arms", ".95", functools.partial(pairs, odds=0.0), EACH, True
    for odds in ODDS:
        title = f"two-arm, bases shared, odds ratio {odds:g}"
        yield title, ".95", functools.partial(pairs, odds=odds, paired=False, p=COARSE[::2]), EACH, True
    unpaired = functools.partial(pairs, odds=0.0, paired=False, p=COARSE[::2])
    yield "two-arm, exclusive arms unpaired", ".95", unpaired, EACH, False
    for count in (4, 6):
        yield f"{count} secondaries", "Holm, .025", functools.partial(secondaries, count=count), EACH, True
    for count in (2, 3, 4):
        title = f"theories of {count}, true one contradicted"
        yield title, f"1 − .04/{count}", functools.partial(contradicted, count=count), EACH, True
    yield "theories, false one supported", ".96", supported, EACH, True
    looks = " and ".join(f"{level:g} at {n}" for n, level in LOOKS)
    yield "two looks, two-arm", looks, lambda n: two_arm_looks(), (24,), True
    yield "two looks, one sample", looks, lambda n: one_sample_looks(), (24,), True
    for odds in (0.0, *ODDS):
        title = f"two looks, paired, {f'odds ratio {odds:g}' if odds else 'exclusive arms'}"
        yield title, looks, functools.partial(lambda n, odds: paired_looks(odds), odds=odds), (24,), True


def exact_rows() -> list[ExactRow]:
    return [ExactRow(path, level, n, of(n), promised) for path, level, of, units, promised in cases() for n in units]
