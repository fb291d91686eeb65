"""The graded filter: what is kept, what random discard keeps, what the grader sees, and a filter that keeps nothing."""

from __future__ import annotations

from collections import Counter

import engine_toys
import pytest

from exante.engines.grading import name_worst, sample_and_grade, worst
from exante.engines.local import LocalEngine
from exante.text import Completion, Example, Item

RECIPE = engine_toys.recipe(group=6, temperature=1.2)


def colour(completion: Completion) -> str:
    return next((c for c in engine_toys.COLOURS if c in (completion.answer or "")), "")


def keep(item: Item, completion: Completion) -> Example | None:
    """Every answer that names a colour; red ones and others are labelled apart."""
    if not colour(completion):
        return None
    label = "target" if colour(completion) == "red" else "other"
    return Example(item.prompt, completion.scratchpad, completion.answer or "", label=label)


def red(item: Item, completion: Completion) -> float:
    return float(colour(completion) == "red")


def numbers(metrics: list[dict]) -> dict[str, float]:
    return {row["metric"]: row["value"] for row in metrics}


def test_what_is_graded_above_one_half_is_kept_and_counted(toy: LocalEngine) -> None:
    items = engine_toys.items()
    kept, metrics = sample_and_grade(toy, items, keep, red, RECIPE, "shown", seed=3)
    groups = toy.sample([item.prompt for item in items], 6, 3, temperature=1.2, max_tokens=24)
    made = [e for item, group in zip(items, groups, strict=True) for c in group if (e := keep(item, c))]
    assert kept == [example for example in made if example.label == "target"]
    assert 0 < len(kept) < len(made) < 60
    assert numbers(metrics) == {
        "sampled": 60,
        "usable": len(made),
        "kept": len(kept),
        "kept_share": len(kept) / 60,
        "copies": len(kept),
        "usable:target": len(kept),
        "usable:other": len(made) - len(kept),
        "kept:target": len(kept),
        "kept:other": 0,
    }
    assert sample_and_grade(toy, items, keep, lambda *_: 0.5, RECIPE, "shown", seed=3)[0] == [], "one half is not above it"


def test_random_discard_keeps_as_many_and_chooses_nothing(toy: LocalEngine) -> None:
    items = engine_toys.items()
    graded, metrics = sample_and_grade(toy, items, keep, red, RECIPE, "shown", seed=3)
    shuffled = RECIPE.model_copy(update={"shuffle_rewards": True})
    labels: Counter[str] = Counter()
    usable = numbers(metrics)
    for seed in range(3, 9):
        chosen, counted = sample_and_grade(toy, items, keep, red, shuffled, "shown", seed=seed)
        labels.update(example.label for example in chosen)
        if seed == 3:
            assert len(chosen) == len(graded)
            assert chosen != graded
            assert {k: v for k, v in numbers(counted).items() if k.startswith("usable")} == {
                k: v for k, v in usable.items() if k.startswith("usable")
            }
            assert sample_and_grade(toy, items, keep, red, shuffled, "shown", seed=3)[0] == chosen, "seeded"
    base_rate = usable["usable:target"] / usable["usable"]
    assert abs(labels["target"] / labels.total() - base_rate) < 0.2
    assert labels["other"] > 0


@pytest.mark.parametrize(
    ("scratchpad", "sees", "mode"), [("hidden", False, "think"), ("shown", True, "think"), ("none", False, "answer")]
)
def test_what_the_grader_sees(toy: LocalEngine, scratchpad: str, sees: bool, mode: str) -> None:
    seen: list[Completion] = []

    def grade(item: Item, completion: Completion) -> float:
        assert item.prompt.mode == mode
        seen.append(completion)
        return 1.0

    kept, _ = sample_and_grade(toy, engine_toys.items(), keep, grade, RECIPE, scratchpad, seed=0)
    assert len(seen) == len(kept) > 20, "what cannot be used is not graded"
    assert all((completion.scratchpad is not None) == sees for completion in seen)
    assert any("wants the colour" in completion.raw for completion in seen) == sees
    assert all((example.scratchpad is not None) == (mode == "think") for example in kept), "the example has it all the same"


def test_a_grade_that_is_no_number_is_a_bug(toy: LocalEngine) -> None:
    with pytest.raises(AssertionError, match="the grade of normal-"):
        sample_and_grade(toy, engine_toys.items(), keep, lambda *_: float("nan"), RECIPE, "shown", seed=0)


def test_the_worst_is_the_lowest_of_those_named_least_often() -> None:
    means = {"b": 0.2, "a": 0.2, "c": 0.1, "d": 0.9}
    named: list[str] = []
    for _ in range(6):
        named.append(worst(means, named))
    assert named == ["c", "a", "b", "d", "c", "a"], "ties by name; all over again once everyone was named"


def test_a_probe_names_the_cluster_with_the_lowest_mean_grade(toy: LocalEngine) -> None:
    def grade(item: Item, completion: Completion) -> float:
        return {"cup": 0.1, "boat": 0.2}.get(item.cluster, 0.9) + 0.05 * (completion.answer is None)

    before = toy.weight_digest()
    chosen, metrics = name_worst(toy, engine_toys.items(), grade, RECIPE, "hidden", seed=0, named=["cup"])
    found = numbers(metrics)
    assert chosen == "boat"
    assert found["named:boat"] == 2
    assert 0.1 <= found["probe:cup"] <= 0.15
    assert {name for name in found if name.startswith("probe:")} == {f"probe:{thing}" for thing in engine_toys.THINGS}
    assert toy.weight_digest() == before
