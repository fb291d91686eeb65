"""Floating-point operations of a Llama model counted from its config, and kinds of operations by the names a profiler gives.

A multiplication with its addition counts as two. Counted are matrix products alone, on real tokens alone: padding, norms,
rotations, activations and the optimiser are none of them, so a share of the machine's rate charges them as loss. Attention
pairs are the causal ones. Does not measure anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

BACKWARD = 2
"""A backward pass takes two matrix products where the forward pass took one."""

KINDS: dict[str, tuple[str, ...]] = {
    "autograd engine": ("autograd::", "Backward0", "Backward1", "AccumulateGrad"),
    "attention": ("scaled_dot_product",),
    "optimiser and clipping": ("adam", "foreach", "linalg_vector_norm", "Optimizer."),
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm", "aten::matmul", "aten::linear"),
    "loss and softmax": ("softmax", "nll_loss", "cross_entropy"),
    "token choice": ("cumsum", "searchsorted", "argmax", "clamp"),
    "gathers": ("embedding", "index", "gather", "scatter"),
    "copies and shapes": tuple(
        f"aten::{name}"
        for name in (
            *("copy_", "cat", "contiguous", "clone", "to", "_to_copy", "view", "_unsafe_view", "reshape", "transpose", "t"),
            *("expand", "slice", "select", "unsqueeze", "squeeze", "flatten", "as_strided", "empty", "zeros", "ones", "fill_"),
            *("empty_like", "empty_strided", "zeros_like", "ones_like", "new_ones", "new_zeros", "zero_", "detach", "narrow"),
            *("alias", "permute", "split", "chunk", "detach_", "resize_", "lift_fresh", "result_type", "item", "arange"),
            *("_reshape_alias", "stack", "unflatten", "movedim", "new_empty", "new_empty_strided", "_local_scalar_dense"),
        )
    ),
    "elementwise and sums": ("aten::",),
}
"""Kinds in the order they are tried. Names of `copies and shapes` are whole, all others are parts of a name."""


@dataclass(frozen=True)
class Sizes:
    """What the counts need of a config."""

    width: int
    inner: int
    layers: int
    vocabulary: int
    kv_share: float

    @property
    def weights(self) -> int:
        """Weights that every token meets: attention and feed-forward matrices of all layers."""
        return round(self.layers * ((2 + 2 * self.kv_share) * self.width**2 + 3 * self.width * self.inner))


def sizes(config: Any) -> Sizes:
    return Sizes(
        width=config.hidden_size,
        inner=config.intermediate_size,
        layers=config.num_hidden_layers,
        vocabulary=config.vocab_size,
        kv_share=config.num_key_value_heads / config.num_attention_heads,
    )


def forward(model: Sizes, tokens: float, pairs: float, predicted: float) -> float:
    """FLOPs of forward passes over `tokens`, `pairs` of a query with a key it sees, and `predicted` rows of logits."""
    head = 2 * model.width * model.vocabulary * predicted
    return 2 * model.weights * tokens + 4 * model.width * model.layers * pairs + head


def causal_pairs(lengths: Iterable[int]) -> int:
    """Pairs of a token with itself and with each before it, over texts of these lengths."""
    return sum(length * (length + 1) // 2 for length in lengths)


def training(model: Sizes, lengths: Sequence[int] | np.ndarray, predicted: int) -> float:
    """FLOPs of one step forward and backward on rows of so many tokens read, `predicted` of which are followed by loss."""
    return (1 + BACKWARD) * forward(model, float(np.sum(lengths)), causal_pairs(lengths), predicted)


def sampling(model: Sizes, prompts: Sequence[int], samples: Sequence[Sequence[int]]) -> float:
    """FLOPs of sampling: each prompt once, then each of its samples' tokens but the last (nothing is read after it)."""
    total = forward(model, sum(prompts), causal_pairs(prompts), len(prompts))
    for prompt, lengths in zip(prompts, samples, strict=True):
        fed = np.asarray(lengths) - 1
        total += forward(model, float(fed.sum()), float((fed * prompt + fed * (fed + 1) / 2).sum()), float(fed.sum()))
    return total


def kind(name: str) -> str:
    """Kind of an operation by its name in a profile."""
    for found, marks in KINDS.items():
        whole = found == "copies and shapes"
        if name in marks if whole else any(mark.lower() in name.lower() for mark in marks):
            return found
    return "other"


def products(model: Sizes, tokens: int, predicted: int) -> list[tuple[str, int, tuple[int, int, int]]]:
    """(what, how many per step, (rows, inner, columns)) of the linear layers' products forward and backward."""
    d, inner, kv = model.width, model.inner, round(model.width * model.kv_share)
    layers = [
        ("query, output", 2 * model.layers, tokens, d, d),
        ("key, value", 2 * model.layers, tokens, d, kv),
        ("gate, up", 2 * model.layers, tokens, d, inner),
        ("down", model.layers, tokens, inner, d),
        ("head", 1, predicted, d, model.vocabulary),
    ]
    found = []
    for name, count, rows, fed, out in layers:
        found.append((f"{name}: forward", count, (rows, fed, out)))
        found.append((f"{name}: to the input", count, (rows, out, fed)))
        found.append((f"{name}: to the weights", count, (out, rows, fed)))
    return found
