"""A causal language model as forward passes: logits at chosen positions, with or without a cache.

Does not know about prompts, losses or sampling. Legend: B rows, T positions, N chosen positions, V vocabulary, D width.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from exante.engines import lora
from exante.engines.dialects.base import Dialect
from exante.errors import UserError


@dataclass(frozen=True)
class Network:
    """`split_head`: the output head on the base decoder's hidden states equals the model's logits, so it may be applied
    to a few positions only. Checked when the network is made; models that scale or cap their logits fail it. `adapters`: whether
    a phase's adapters count; without them the model is what the phase began with."""

    model: PreTrainedModel
    dialect: Dialect
    device: torch.device
    bf16: bool
    split_head: bool
    adapters: bool = True

    @property
    def longest(self) -> int:
        """Positions the model can address."""
        return int(getattr(self.model.config, "max_position_embeddings", 1 << 30))

    @property
    def head(self) -> torch.nn.Module:
        head = self.model.get_output_embeddings()
        assert head is not None, "a causal language model has an output head"
        return head

    def check_length(self, tokens: int) -> None:
        if tokens > self.longest:
            raise UserError(
                f"a text of {tokens} tokens does not fit the model's {self.longest} positions; shorten it or use a larger model"
            )


def network(model: PreTrainedModel, dialect: Dialect, device: torch.device, bf16: bool) -> Network:
    """Put a model on its device and find out how its logits may be computed."""
    torch.nn.Module.to(model, device)
    model.eval()
    plain = Network(model, dialect, device, bf16, split_head=False)
    split = Network(model, dialect, device, bf16, split_head=True)
    ids_BT = (torch.arange(24, device=device).reshape(3, 8) * 7919 + 11) % model.config.vocab_size
    everywhere_N = torch.arange(24, device=device)
    with torch.no_grad():
        same = torch.allclose(logits_at(plain, ids_BT, everywhere_N), logits_at(split, ids_BT, everywhere_N), 1e-5, 1e-5)
    return split if same else plain


@contextlib.contextmanager
def computing(net: Network) -> Iterator[None]:
    """bfloat16 arithmetic on request (weights and their updates stay in float32); no adapters where they do not count."""
    bf16 = torch.autocast(net.device.type, torch.bfloat16) if net.bf16 else contextlib.nullcontext()
    with bf16, contextlib.nullcontext() if net.adapters else lora.switched_off(net.model):
        yield


def reference(net: Network) -> Network:
    """What a phase began with, for KL terms: the model without the phase's adapters, or a copy where all of it is trained."""
    if lora.has_adapters(net.model):
        return replace(net, adapters=False)
    return replace(net, model=lora.frozen_copy(net.model))


def logits_at(net: Network, ids_BT: Tensor, index_N: Tensor) -> Tensor:
    """float32 logits_NV at flat positions of right-padded ids_BT. Pads come after the text, so causality masks them."""
    return _at(net, index_N, input_ids=ids_BT, attention_mask=torch.ones_like(ids_BT), use_cache=False)


def continued_logits(
    net: Network, ids_BT: Tensor, real_BL: Tensor, position_BT: Tensor, cache: DynamicCache, index_N: Tensor
) -> Tensor:
    """float32 logits_NV at flat positions of ids_BT that follow a cache. `real_BL` masks pads over cache and new tokens."""
    return _at(
        net, index_N, input_ids=ids_BT, attention_mask=real_BL, position_ids=position_BT, past_key_values=cache, use_cache=True
    )


def _at(net: Network, index_N: Tensor, **inputs: Any) -> Tensor:
    with computing(net):
        if net.split_head:
            hidden_BTD = net.model.base_model(**inputs).last_hidden_state
            logits_NV = net.head(hidden_BTD.flatten(0, 1).index_select(0, index_N))
        else:
            logits_NV = net.model(**inputs).logits.flatten(0, 1).index_select(0, index_N)
    return logits_NV.float()


def last_logits(net: Network, ids_BT: Tensor, real_BL: Tensor | None, position_BT: Tensor, cache: DynamicCache) -> Tensor:
    """float32 logits_BV after the last of ids_BT, extending the cache."""
    inputs: dict[str, Any] = {
        "input_ids": ids_BT, "attention_mask": real_BL, "position_ids": position_BT, "past_key_values": cache, "use_cache": True
    }  # fmt: skip
    with computing(net):
        if net.split_head:
            logits_BV = net.head(net.model.base_model(**inputs).last_hidden_state[:, -1])
        else:
            logits_BV = net.model(**inputs, logits_to_keep=1).logits[:, -1]
    return logits_BV.float()


def make_deterministic(device: torch.device) -> None:
    """Same seed, same bytes, on CUDA too (on one kind of GPU and one version of its libraries). Nothing to do elsewhere.

    cuBLAS reads its variable when the first matrix is multiplied. Of the kinds of attention only the plain one has a
    deterministic backward pass. An operation without a deterministic form raises an error.
    """
    if device.type != "cuda":
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.enable_flash_sdp(False)
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    torch.backends.cuda.enable_cudnn_sdp(False)
    torch.backends.cuda.enable_math_sdp(True)


@contextlib.contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """torch's global generators seeded inside, untouched outside."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def digest(model: PreTrainedModel) -> str:
    """sha256 of all weights: name, type, shape and bytes."""
    return tensors_digest(model.state_dict())


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return total.hexdigest()
