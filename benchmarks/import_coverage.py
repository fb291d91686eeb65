"""How often intervals over the items of one imported run hold the truth, at nominal 95 %.

    python benchmarks/import_coverage.py [STUDIES]

Simulated items go through `analysis.items.reach`, as those of an import do. Rates: items that are all-or-nothing, and items
whose rates are Beta(.3p, .3(1 − p)), which is nearly so; with 6 to 24 items, 4 to 16 samples of each, and p from .02 to .5. Gaps:
pairs of answers to an item of which a share turns over one way and a share the other, and items of mixed kinds.

The last line is "import_coverage rate X gap Y": the worst of each. That of gaps is lower: where few of many items turn over, all
one way, Student's interval of their differences misses to one side.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from exante.analysis.evaluate import evaluate
from exante.analysis.items import reach
from exante.analysis.table import Counts, Table
from exante.measures import Difference, Expression, Rate
from exante.study import Cell

Array = NDArray[np.float64]
AT = "stage@0"
ITEMS, SAMPLES, RATES = (6, 8, 12, 16, 24), (4, 8, 16), (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
KINDS: dict[str, Callable[[np.random.Generator, float, tuple[int, ...]], Array]] = {
    "all-or-nothing": lambda rng, p, shape: (rng.random(shape) < p).astype(float),
    "Beta(.3p, .3(1 - p))": lambda rng, p, shape: rng.beta(0.3 * p, 0.3 * (1 - p), shape),
}
TURNING, BACK, MANY_ITEMS = (0.01, 0.03, 0.06, 0.1, 0.2, 0.5), (0.0, 0.02, 0.2), (12, 24, 50, 100, 200)


def rate(condition: str) -> Rate:
    return Rate(evaluation="e", condition=condition, outcome="hit", at=AT)


def table(hits: dict[str, Array], trials: int) -> Table:
    """One run whose items (studies, 1, items) gave so many hits under each condition."""
    run = Cell(arm="a", model="m", behaviour="b", training="t", base="v#1000", seed=1000)
    counts = {
        ("e", name, AT): Counts(np.full(n.shape, float(trials)), {"hit": n, "other": trials - n, "ungraded": 0 * n})
        for name, n in hits.items()
    }
    items = next(iter(hits.values())).shape[-1]
    return Table((run,), np.zeros(1, bool), {"e": tuple(map(str, range(items)))}, {"e": ("all",) * items}, counts)


def coverage(expression: Expression, data: Table, truth: float) -> float:
    """The share of simulated studies whose interval holds the truth."""
    point = evaluate(expression, data).point[..., 0]
    below, above = reach(expression, data, np.ones(1), 0.95)
    return float(np.mean((point - below <= truth + 1e-12) & (truth - 1e-12 <= point + above)))


def rates(studies: int, seed: int = 0) -> Iterator[tuple[str, float]]:
    """(what was simulated, coverage) of a rate, over the grid."""
    rng = np.random.default_rng(seed)
    for (kind, draw), items, samples, p in product(KINDS.items(), ITEMS, SAMPLES, RATES):
        hits = rng.binomial(samples, np.clip(draw(rng, p, (studies, 1, items)), 0, 1)).astype(float)
        yield f"rate | {kind} | {items} x {samples} | p = {p:g}", coverage(rate("on"), table({"on": hits}, samples), p)


def gaps(studies: int, seed: int = 1) -> Iterator[tuple[str, float]]:
    """(what was simulated, coverage) of a gap between two conditions that share their items."""
    rng = np.random.default_rng(seed)
    gap = Difference(left=rate("on"), right=rate("off"))
    for items, p, q in product(MANY_ITEMS, TURNING, BACK):
        kind = rng.choice(4, (studies, 1, items), p=[p, q, (1 - p - q) / 2, (1 - p - q) / 2])
        hits = {"on": np.isin(kind, (0, 2)).astype(float), "off": np.isin(kind, (1, 2)).astype(float)}
        yield f"gap | {p:g} turn over, {q:g} back | {items} x 1", coverage(gap, table(hits, 1), p - q)
    for items, samples in product((12, 24, 100), SAMPLES):
        p = rng.beta(2, 2, (studies, 1, items))
        hits = {"on": rng.binomial(samples, 0.2 + 0.8 * p).astype(float), "off": rng.binomial(samples, p).astype(float)}
        yield f"gap | Beta(2, 2), .2 more | {items} x {samples}", coverage(gap, table(hits, samples), 0.1)


def main(studies: int) -> None:
    worst = {}
    for name, lines in (("rate", rates(studies)), ("gap", gaps(studies))):
        held = sorted((share, what) for what, share in lines)
        for share, what in held[:8]:
            print(f"{what} | {share:.4f}")
        print(f"{len(held)} rows of {name}s, mean {np.mean([share for share, _ in held]):.4f}")
        worst[name] = held[0][0]
    print(f"import_coverage rate {worst['rate']:.4f} gap {worst['gap']:.4f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
