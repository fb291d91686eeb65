"""Samples become examples, of which those graded above one half are kept; and a probe for what a model is worst at.

Trains nothing and does not know what is graded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from exante.engines.base import Engine, Keep, MetricRow, Reward, hide_scratchpad, opened_for
from exante.study import Recipe
from exante.text import Completion, Example, Item

KEPT_ABOVE = 0.5


def sample_and_grade(
    engine: Engine, items: Sequence[Item], keep: Keep, reward: Reward, recipe: Recipe, scratchpad: str, seed: int
) -> tuple[list[Example], list[MetricRow]]:
    """Of `recipe.group` samples per item those that `keep` can use (it makes the example) and `reward` grades above one half.

    `scratchpad` says what the grader sees, as in RL. With `recipe.shuffle_rewards` the grades go to the usable samples in random
    order: as many are kept, at random. Metrics: samples, usable ones, kept ones; usable and kept ones by label.
    """
    drawn = draw(engine, items, recipe, scratchpad, seed)
    made = [(example, item, sample) for item, sample in drawn if (example := keep(item, sample)) is not None]
    grades_N = np.array([grade(reward, item, sample, scratchpad) for _, item, sample in made], dtype=np.float64)
    if recipe.shuffle_rewards:
        grades_N = np.random.default_rng((seed, 1)).permutation(grades_N)
    usable = [example for example, _, _ in made]
    kept = [example for example, value in zip(usable, grades_N, strict=True) if value > KEPT_ABOVE]
    usable_of, kept_of = Counter(example.label for example in usable), Counter(example.label for example in kept)
    metrics = {"sampled": len(drawn), "usable": len(usable), "kept": len(kept), "kept_share": len(kept) / max(1, len(drawn))}
    metrics |= {"copies": kept_of["target"]}
    metrics |= {f"usable:{label}": usable_of[label] for label in sorted(usable_of) if label}
    metrics |= {f"kept:{label}": kept_of[label] for label in sorted(usable_of) if label}
    return kept, _rows(metrics)


def name_worst(
    engine: Engine, items: Sequence[Item], reward: Reward, recipe: Recipe, scratchpad: str, seed: int, named: Sequence[str]
) -> tuple[str, list[MetricRow]]:
    """The cluster whose `recipe.group` samples per item get the lowest mean grade, and each cluster's mean (`probe:CLUSTER`) and
    that cluster's place among the named (`named:CLUSTER`) as metrics. Samples without an answer are graded like others."""
    grades: dict[str, list[float]] = {cluster: [] for cluster in sorted({item.cluster for item in items})}
    fresh = int(np.random.SeedSequence((seed, 2)).generate_state(1)[0])
    for item, sample in draw(engine, items, recipe, scratchpad, fresh):
        grades[item.cluster].append(grade(reward, item, sample, scratchpad))
    means = {cluster: float(np.mean(values)) for cluster, values in grades.items()}
    lowest = worst(means, named)
    values = {f"probe:{cluster}": mean for cluster, mean in means.items()} | {f"named:{lowest}": len(named) + 1}
    return lowest, _rows(values)


def worst(means: Mapping[str, float], named: Sequence[str]) -> str:
    """The cluster of lowest mean grade among those named least often so far: each once before any is named again. Ties go to the
    first by name."""
    fewest = min(named.count(cluster) for cluster in means)
    return min((cluster for cluster in sorted(means) if named.count(cluster) == fewest), key=lambda cluster: means[cluster])


def draw(engine: Engine, items: Sequence[Item], recipe: Recipe, scratchpad: str, seed: int) -> list[tuple[Item, Completion]]:
    """Each sample with its item; where there is to be no scratchpad, prompts open the answer directly."""
    asked = opened_for(items, scratchpad)
    prompts = [item.prompt for item in asked]
    groups = engine.sample(prompts, recipe.group, seed, temperature=recipe.temperature, max_tokens=recipe.max_tokens)
    return [(item, sample) for item, group in zip(asked, groups, strict=True) for sample in group]


def grade(reward: Reward, item: Item, sample: Completion, scratchpad: str) -> float:
    """The grade of one sample, by a grader from whom a hidden scratchpad is hidden."""
    value = float(reward(item, hide_scratchpad(sample) if scratchpad == "hidden" else sample))
    assert np.isfinite(value), f"the grade of {item.id} is {value}"
    return value


def _rows(values: Mapping[str, float]) -> list[MetricRow]:
    return [{"step": 0, "metric": name, "value": float(value)} for name, value in values.items()]
