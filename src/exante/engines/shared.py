"""Log-probabilities of many samples of few prompts, with gradients: each prompt runs through the model once.

The prompts' logits and cache are cut out of the graph as leaves; passes over the samples leave their gradients on them, and
`finish` takes those through the prompts in one backward pass. Does not know what the samples are trained for.
Legend: P prompts, R samples, S sampled positions, N sampled tokens, V vocabulary.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from exante.engines.network import Network, continued_logits
from exante.engines.render import padded
from exante.engines.sampling import prefill
from exante.errors import UserError


class SharedPrompts:
    """Prompts that were run once; under `torch.no_grad` it costs no graph and `finish` is not needed."""

    def __init__(self, net: Network, prompts: Sequence[np.ndarray], temperature: float) -> None:
        self.net, self.temperature = net, temperature
        self.cache = DynamicCache(config=net.model.config)
        logits_PV, self.real_PL, self.position_P = prefill(net, prompts, self.cache)
        if self.real_PL is None:
            self.real_PL = torch.ones(len(prompts), max(map(len, prompts)), dtype=torch.long, device=net.device)
        self.roots = [logits_PV, *(state for layer in _layers(self.cache) for state in (layer.keys, layer.values))]
        # Passes stop at these leaves, so that each frees its own graph and the prompts' graph is walked once, in `finish`.
        self.leaves = [root.detach().requires_grad_(root.requires_grad) for root in self.roots]

    def logprobs(self, owner_R: np.ndarray, samples: Sequence[np.ndarray]) -> tuple[Tensor, np.ndarray]:
        """log p_N of all tokens of the samples, and the sample each belongs to. Sample r continues prompt owner_R[r]."""
        owner = torch.from_numpy(owner_R).to(self.net.device)
        arrays = padded(samples, self.net.dialect.pad_id, "right")
        ids_RS, real_RS = (torch.from_numpy(array).to(self.net.device) for array in arrays)
        first_RV = self.leaves[0].index_select(0, owner)
        later_N = torch.nonzero(real_RS[:, 1:].reshape(-1)).squeeze(1)
        line_N = np.concatenate([np.arange(len(samples)), np.repeat(np.arange(len(samples)), [len(row) - 1 for row in samples])])
        logits_NV, labels_N = first_RV, ids_RS[:, 0]
        if len(later_N):
            logits_NV = torch.cat([first_RV, self._continue(owner, ids_RS[:, :-1], later_N)])
            labels_N = torch.cat([labels_N, ids_RS[:, 1:].reshape(-1).index_select(0, later_N)])
        scaled_NV = logits_NV if self.temperature == 1 else logits_NV / self.temperature
        return -functional.cross_entropy(scaled_NV, labels_N, reduction="none"), line_N

    def _continue(self, owner: Tensor, ids_RS: Tensor, index_N: Tensor) -> Tensor:
        """Logits at flat positions of ids_RS, which follow the owners' prompts."""
        cache = copy.copy(self.cache)
        cache.layers = [copy.copy(layer) for layer in self.cache.layers]
        for layer, keys, values in zip(_layers(cache), self.leaves[1::2], self.leaves[2::2], strict=True):
            layer.keys, layer.values = keys.index_select(0, owner), values.index_select(0, owner)
        position_RS = self.position_P[owner][:, None] + torch.arange(ids_RS.shape[1], device=self.net.device)
        assert self.real_PL is not None
        real_RL = torch.cat([self.real_PL[owner], torch.ones_like(ids_RS)], dim=1)
        return continued_logits(self.net, ids_RS, real_RL, position_RS, cache, index_N)

    def finish(self) -> None:
        """Take the gradients that the passes left through the prompts."""
        used = [(root, leaf.grad) for root, leaf in zip(self.roots, self.leaves, strict=True) if leaf.grad is not None]
        if used:
            torch.autograd.backward([root for root, _ in used], [gradient for _, gradient in used])


def _layers(cache: DynamicCache) -> list[DynamicLayer]:
    layers = [layer for layer in cache.layers if isinstance(layer, DynamicLayer)]
    if len(layers) != len(cache.layers):
        raise UserError("reinforcement learning needs a model whose every layer attends to keys and values; name another model")
    return layers
