"""Simulated training runs: how rates spread over runs, what ties runs together, and the counts that samples of them give.

A spread is a list of equally likely rates, so its mean is known exactly; whatever ties runs together (a shared seed, a base,
a template) acts on the normal score behind a rate and leaves that list as it is. Does not know about studies or intervals.
Shapes: B simulated studies, R runs of an arm, I items. Rates are in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, ndtr, ndtri

from exante.analysis.table import Counts

Array = NDArray[np.float64]

GRID = 8192
MIDPOINTS = (np.arange(GRID) + 0.5) / GRID
TEMPLATES = 6
CLUSTERS = 5
FIXED_BASES = (-0.6, 0.6)
"""Normal scores of the two bases of a claim "given these bases"."""
RUN_SHARE = {"one": 1.0, "clusters": 0.7, "templates": 0.6}
"""Share of a normal score's variance that a run's items have in common."""


def normal(mean: float, sd: float) -> Array:
    return np.clip(stats.norm.ppf(MIDPOINTS, mean, sd), 0, 1)


def beta(a: float, b: float) -> Array:
    return stats.beta.ppf(MIDPOINTS, a, b)


def two_modes(share_high: float, low: float, high: float, sd: float = 0.03) -> Array:
    """A share of runs near `high`, the rest near `low`; sd = 0 makes it all or nothing."""
    highs = round(GRID * share_high)
    modes = ((GRID - highs, low), (highs, high))
    parts = [mode + sd * ndtri((np.arange(k) + 0.5) / k) for k, mode in modes if k]
    return np.clip(np.concatenate(parts), 0, 1)


def exponential(least: float, mean: float) -> Array:
    """Rates above `least`, by `mean` on average."""
    return np.clip(least - mean * np.log1p(-MIDPOINTS), 0, 1)


def logit_normal(centre: float, sd: float) -> Array:
    return expit(centre + sd * ndtri(MIDPOINTS))


SPREADS: dict[str, Array] = {
    "never": np.zeros(GRID),
    "steady": normal(0.5, 0.03),
    "normal": normal(0.5, 0.12),
    "narrow": normal(0.5, 0.04),
    "wide": normal(0.5, 0.2),
    "uniform": 0.2 + 0.6 * MIDPOINTS,
    "Beta(2, 5)": beta(2, 5),
    "Beta(5, 2)": beta(5, 2),
    "near none": normal(0.05, 0.02),
    "near all": normal(0.95, 0.02),
    "U-shaped": beta(0.3, 0.3),
    "Beta(0.2, 4)": beta(0.2, 4),
    "Beta(0.1, 0.9)": beta(0.1, 0.9),
    "exponential": exponential(0.05, 0.12),
    "logit-normal": logit_normal(-2.0, 1.2),
    "two humps": two_modes(0.5, 0.3, 0.7, sd=0.05),
    **{f"{share:.0%} fire".replace("%", " %"): two_modes(share, 0.1, 0.9) for share in (0.03, 0.05, 0.08, 0.1)},
    "20 % collapse": two_modes(0.8, 0.05, 0.85),
    **{f"all or nothing {p:g}": two_modes(p, 0, 1, sd=0.0) for p in (0.1, 0.5)},
}
CONTROLS = {"never", "steady", "narrow", "wide", "near none", "near all", "all or nothing 0.1", "all or nothing 0.5"}
"""Spreads that only serve beside others; runs that are all or nothing are enumerated (`exact_runs.py`)."""
SMOOTH = {"steady", "normal", "narrow", "wide", "uniform", "Beta(2, 5)", "Beta(5, 2)"}


@dataclass(frozen=True)
class Scenario:
    """How the runs of an arm and of its control spread. `rho`: correlation of runs that share a seed (None: none share one).
    `ungraded`: about this share of all samples is ungraded, and only hits are. `fixed_bases`: runs alternate between two.
    `serial`: correlation of each run with the one before it, which no interval knows of."""

    arm: str
    control: str
    rho: float | None = None
    ungraded: float = 0.0
    items: Literal["one", "clusters", "templates"] = "one"
    fixed_bases: bool = False
    serial: float = 0.0

    @property
    def name(self) -> str:
        tied = "" if self.rho is None else f", seeds shared at {self.rho:g}"
        lost = f", {self.ungraded:.0%} ungraded" if self.ungraded else ""
        items = {"one": "", "clusters": ", item clusters", "templates": ", template × arm effects"}[self.items]
        bases = ", base × seed" if self.fixed_bases else ""
        serial = f", AR(1) {self.serial:g}" if self.serial else ""
        return f"{self.arm} | {self.control}{tied}{lost}{items}{bases}{serial}"

    @property
    def plain(self) -> bool:
        """Whether nothing ties runs, items or ungraded samples together."""
        return self == Scenario(self.arm, self.control)

    @property
    def smooth(self) -> bool:
        return {self.arm, self.control} <= SMOOTH


def scenarios() -> list[Scenario]:
    """Every spread against itself and against a steady control, and each complication on smooth and on lumpy runs."""
    pairs = [(name, other) for name in SPREADS if name not in CONTROLS for other in (name, "steady")]
    pairs += [("uniform", "normal"), ("narrow", "wide"), ("10 % fire", "normal"), ("near all", "near none")]
    pairs += [(name, "never") for name in ("5 % fire", "10 % fire", "20 % collapse", "Beta(0.2, 4)")]
    found = [Scenario(a, b) for a, b in pairs]
    for spread in ("normal", "20 % collapse"):
        found += [Scenario(spread, spread, rho=rho) for rho in (-0.5, 0.0, 0.5, 0.9)]
        found += [Scenario(spread, "steady", ungraded=share) for share in (0.1, 0.3)]
        found += [Scenario(spread, spread, items="clusters"), Scenario(spread, spread, items="templates")]
        found += [Scenario(spread, spread, fixed_bases=True), Scenario(spread, spread, serial=0.7)]
    found += [Scenario("all or nothing 0.5", "steady", ungraded=0.1), Scenario("all or nothing 0.5", "steady", ungraded=0.3)]
    found += [Scenario("all or nothing 0.5", "all or nothing 0.5", items=items) for items in ("clusters", "templates")]
    return found


def identity(rate: Array) -> Array:
    return rate


def mean_over_runs(scenario: Scenario, spread: str, runs: int, of: Callable[[Array], Array] = identity) -> float:
    """The true mean of `of`(rate) over runs; with fixed bases, over the bases that `runs` runs alternate between."""
    if not scenario.fixed_bases:
        return float(of(SPREADS[spread]).mean())
    score = ndtri((np.arange(32 * GRID) + 0.5) / (32 * GRID))
    offsets, scale = np.array(FIXED_BASES), np.sqrt(1 - np.var(FIXED_BASES))
    means = [float(of(_rates(offset + scale * score, spread)).mean()) for offset in offsets]
    return float(np.mean([means[k % 2] for k in range(runs)]))


def _rates(score: Array, spread: str) -> Array:
    position = np.minimum((ndtr(score) * GRID).astype(np.int64), GRID - 1)
    return SPREADS[spread][position]


def draw_rates(
    rng: np.random.Generator, scenario: Scenario, arms: int, studies: int, units: int, seeds_per_base: int | None = None
) -> list[Array]:
    """Rates (B, R, I) of `arms` arms and then of their control; R = units, or units × seeds if bases are drawn."""
    runs = units * (seeds_per_base or 1)
    scores = _tied(rng, arms, scenario.rho or 0.0, (studies, units))
    if seeds_per_base:
        # Half of the variance of a run's score is its base's.
        own = _tied(rng, arms, scenario.rho or 0.0, (studies, runs))
        scores = [np.sqrt(0.5) * (np.repeat(b, seeds_per_base, axis=1) + s) for b, s in zip(scores, own, strict=True)]
    if scenario.fixed_bases:
        offset = np.array([FIXED_BASES[k % 2] for k in range(runs)])
        scores = [offset + np.sqrt(1 - np.var(FIXED_BASES)) * score for score in scores]
    if scenario.serial:
        scores = [_in_series(score, scenario.serial) for score in scores]
    spreads = [scenario.arm] * arms + [scenario.control]
    return [_rates(_over_items(rng, score, scenario), spread) for score, spread in zip(scores, spreads, strict=True)]


def _tied(rng: np.random.Generator, arms: int, rho: float, shape: tuple[int, int]) -> list[Array]:
    """Normal scores of `arms` arms and their control; each arm's correlates at rho with the control's."""
    control = rng.standard_normal(shape)
    return [rho * control + np.sqrt(1 - rho**2) * rng.standard_normal(shape) for _ in range(arms)] + [control]


def _in_series(score_BR: Array, rho: float) -> Array:
    """Independent normal scores as a first-order autoregression over runs; each remains standard normal."""
    tied = score_BR.copy()
    for k in range(1, score_BR.shape[1]):
        tied[:, k] = rho * tied[:, k - 1] + np.sqrt(1 - rho**2) * score_BR[:, k]
    return tied


def _over_items(rng: np.random.Generator, score_BR: Array, scenario: Scenario) -> Array:
    """(B, R, I): clusters differ from run to run; a template's effect is the same in all runs of an arm."""
    if scenario.items == "one":
        return score_BR[..., None]
    studies, runs = score_BR.shape
    shape = (studies, 1, TEMPLATES) if scenario.items == "templates" else (studies, runs, CLUSTERS)
    common = RUN_SHARE[scenario.items]
    return np.sqrt(common) * score_BR[..., None] + np.sqrt(1 - common) * rng.standard_normal(shape)


def draw_counts(rng: np.random.Generator, rate_BRI: Array, trials: int, ungraded: float) -> Counts:
    """Hits among `trials` samples of every item; of the hits a share of 2 × `ungraded` cannot be graded."""
    hits = rng.binomial(trials, rate_BRI).astype(float)
    lost = lose(rng, hits, ungraded)
    return Counts(np.broadcast_to(float(trials), hits.shape), {"target": hits - lost, "ungraded": lost})


def lose(rng: np.random.Generator, hits: Array, ungraded: float) -> Array:
    return rng.binomial(hits.astype(np.int64), 2 * ungraded).astype(float) if ungraded else np.zeros_like(hits)
