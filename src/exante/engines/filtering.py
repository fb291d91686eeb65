"""Examples made from a model's own samples: sample every prompt, let a part keep or discard. Trains nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exante.engines.base import Keep
from exante.engines.network import Network
from exante.engines.sampling import sample
from exante.study import Recipe
from exante.text import Example, Item


def sample_and_filter(
    net: Network, items: Sequence[Item], keep: Keep, recipe: Recipe, seed: int
) -> tuple[list[Example], list[dict[str, Any]]]:
    """`recipe.group` samples per item through `keep`; the metrics say how many were sampled and kept."""
    groups = sample(net, [item.prompt for item in items], recipe.group, seed, recipe.temperature, recipe.max_tokens)
    results = [keep(item, completion) for item, group in zip(items, groups, strict=True) for completion in group]
    kept = [example for example in results if example is not None]
    metrics = {
        "sampled": len(results),
        "kept": len(kept),
        "kept_share": len(kept) / max(1, len(results)),
        "copies": sum(example.label == "target" for example in kept),
    }
    return kept, [{"step": 0, "metric": name, "value": float(value)} for name, value in metrics.items()]
