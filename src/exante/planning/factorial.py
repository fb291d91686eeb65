"""Which interactions of an arm's steps a preset can see, before the run.

Arms whose ingredients read "factor:level" are cells of a factorial design. Two factors interact where the effect of one differs
by the level of the other; to see that, two levels of each must be crossed, all else equal. Reads no results.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations

from exante.planning.tree import preset_of
from exante.study import Arm, Study

Levels = dict[str, str]
Block = tuple[frozenset[str], frozenset[str]]
"""Levels of two factors that are crossed with each other."""


def sentences(study: Study, preset: str) -> list[str]:
    """One sentence per pair of factors of which the preset does not cross all levels; none for studies without factors."""
    chosen_preset = preset_of(study, preset)
    everywhere, here = (
        [levels for arm in study.arms if arm.id in ids and (levels := levels_of(arm))]
        for ids in ({arm.id for arm in study.arms}, set(chosen_preset.arms))
    )
    names = list(dict.fromkeys(name for levels in everywhere for name in levels))
    return [
        sentence
        for one, other in combinations(names, 2)
        if (sentence := _sentence(one, other, _with_both(everywhere, one, other), _with_both(here, one, other)))
    ]


def levels_of(arm: Arm) -> Levels:
    """Factor → level of an arm's ingredients; those without a colon are no factors."""
    return dict(tag.split(":", 1) for tag in arm.ingredients if ":" in tag)


def crossed(arms: Iterable[Levels], one: str, other: str) -> list[Block]:
    """The largest blocks of two or more levels each that are wholly crossed, the other factors being equal."""
    grids: dict[tuple[tuple[str, str], ...], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for levels in arms:
        rest = tuple(sorted((name, level) for name, level in levels.items() if name not in (one, other)))
        grids[rest][levels[one]].add(levels[other])
    blocks: set[Block] = set()
    for grid in grids.values():
        for size in range(2, len(grid) + 1):
            for rows in combinations(sorted(grid), size):
                columns = frozenset.intersection(*(frozenset(grid[row]) for row in rows))
                if len(columns) > 1:
                    blocks.add((frozenset(rows), columns))
    return [a for a in blocks if not any(a != b and a[0] <= b[0] and a[1] <= b[1] for b in blocks)]


def _with_both(arms: Iterable[Levels], one: str, other: str) -> list[Levels]:
    return [levels for levels in arms if one in levels and other in levels]


def _sentence(one: str, other: str, everywhere: list[Levels], here: list[Levels]) -> str:
    if not crossed(everywhere, one, other):
        return ""  # the study itself crosses them nowhere, and claims nothing of it
    whole = tuple(frozenset(levels[name] for levels in everywhere) for name in (one, other))
    blocks = crossed(here, one, other)
    if not blocks:
        return f"this preset cannot see whether {one} and {other} interact: no two levels of each are crossed"
    if whole in blocks:
        return ""
    seen = " and ".join(f"{{{', '.join(sorted(a))}}} × {{{', '.join(sorted(b))}}}" for a, b in sorted(blocks, key=str))
    return f"of how {one} and {other} interact this preset sees only {seen}"
