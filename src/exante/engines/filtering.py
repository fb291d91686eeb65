"""Examples made from a model's own samples: sample every prompt, let a part keep or discard. Trains nothing."""

from __future__ import annotations

from collections.abc import Sequence

from exante.engines.base import Engine, Keep, MetricRow
from exante.study import Recipe
from exante.text import Example, Item


def sample_and_filter(
    engine: Engine, items: Sequence[Item], keep: Keep, recipe: Recipe, seed: int
) -> tuple[list[Example], list[MetricRow]]:
    """`recipe.group` samples per item through `keep`; the metrics say how many were sampled and kept."""
    prompts = [item.prompt for item in items]
    groups = engine.sample(prompts, recipe.group, seed, temperature=recipe.temperature, max_tokens=recipe.max_tokens)
    results = [keep(item, completion) for item, group in zip(items, groups, strict=True) for completion in group]
    kept = [example for example in results if example is not None]
    metrics = {
        "sampled": len(results),
        "kept": len(kept),
        "kept_share": len(kept) / max(1, len(results)),
        "copies": sum(example.label == "target" for example in kept),
    }
    return kept, [{"step": 0, "metric": name, "value": float(value)} for name, value in metrics.items()]
