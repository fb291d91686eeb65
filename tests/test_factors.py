"""Interactions that a preset can see: blocks of crossed levels, by hand."""

from __future__ import annotations

from itertools import product

from tiny_study import STUDY

from exante.planning.factorial import crossed, levels_of, sentences
from exante.study import Arm, Study


def arm(**levels: str) -> Arm:
    return Arm(id="-".join(levels.values()), title="", phases=(), ingredients=tuple(f"{k}:{v}" for k, v in levels.items()))


def design(arms: list[Arm], chosen: list[Arm]) -> Study:
    preset = STUDY.presets["quick"].model_copy(update={"arms": tuple(a.id for a in chosen)})
    return STUDY.model_copy(update={"arms": tuple(arms), "presets": {"quick": preset}})


WHOLE = [arm(prior=p, filter=f, rl=r) for p, f, r in product("ab", "xyz", "12")]


def test_blocks_are_crossed_with_all_else_equal() -> None:
    ax, ay, bx, by = (arm(prior=p, filter=f, rl="1") for p, f in product("ab", "xy"))
    other = arm(prior="b", filter="y", rl="2")
    square = {(frozenset("ab"), frozenset("xy"))}
    assert set(crossed(map(levels_of, (ax, ay, bx, by)), "prior", "filter")) == square
    assert crossed(map(levels_of, (ax, ay, bx, other)), "prior", "filter") == []


def test_the_whole_matrix_hides_nothing() -> None:
    assert sentences(design(WHOLE, WHOLE), "quick") == []


def test_what_a_smaller_preset_cannot_see_is_said() -> None:
    by_id = {a.id: a for a in WHOLE}
    some = [by_id[name] for name in ("a-x-1", "a-y-1", "b-x-1", "b-y-1", "a-z-1", "a-x-2")]
    assert sentences(design(WHOLE, some), "quick") == [
        "of how prior and filter interact this preset sees only {a, b} × {x, y}",
        "this preset cannot see whether prior and rl interact: no two levels of each are crossed",
        "this preset cannot see whether filter and rl interact: no two levels of each are crossed",
    ]


def test_studies_without_factors_say_nothing() -> None:
    assert sentences(STUDY, "quick") == []
