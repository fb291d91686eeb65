"""Batched sampling with a key-value cache: one prefill per prompt, shared by its samples; finished rows leave the batch.

Does not know what is sampled for. Random numbers are drawn up front per row, so a sample depends on the seed and its own
place in the request, not on torch's generators or on which rows are still running.
Legend: P prompts, R rows (prompt × sample), L cached positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from exante.engines.base import parse
from exante.engines.network import Network, last_logits
from exante.engines.render import encode_prompts, padded
from exante.text import Completion, Prompt

ROWS = 256
"""Rows decoded together."""
COMPACT = 0.8
"""Rows are dropped from the cache once the running share falls below this (dropping copies the cache)."""


@dataclass(frozen=True)
class Rollout:
    """Sampled token ids, the end token included if the text was finished."""

    ids: np.ndarray
    finished: bool


def sample(
    net: Network, prompts: Sequence[Prompt], n: int, seed: int, temperature: float, max_tokens: int
) -> list[list[Completion]]:
    """`n` completions per prompt. Temperature 0 takes the likeliest token."""
    groups = rollouts(net, encode_prompts(net.dialect, prompts), n, seed, temperature, max_tokens)
    return completions(net, prompts, groups)


def completions(net: Network, prompts: Sequence[Prompt], groups: Sequence[Sequence[Rollout]]) -> list[list[Completion]]:
    """Rollouts as text, split into spans."""
    kept = [rollout.ids[: len(rollout.ids) - rollout.finished].tolist() for group in groups for rollout in group]
    texts = iter(net.dialect.tokenizer.backend_tokenizer.decode_batch(kept, skip_special_tokens=False))
    close, controls = net.dialect.think_close, net.dialect.controls
    return [
        [parse(prompt.mode, prompt.forced, next(texts), rollout.finished, close, controls) for rollout in group]
        for prompt, group in zip(prompts, groups, strict=True)
    ]


def rollouts(
    net: Network, prompts: Sequence[np.ndarray], n: int, seed: int, temperature: float, max_tokens: int
) -> list[list[Rollout]]:
    """Sampled ids per prompt. Prompts of like length share a batch."""
    if not prompts or n == 0:
        return [[] for _ in prompts]
    uniforms_RT = np.random.default_rng(seed).random((len(prompts) * n, max_tokens))
    order_R = np.argsort(np.repeat([len(prompt) for prompt in prompts], n), kind="stable")
    done: list[Rollout | None] = [None] * len(order_R)
    was_training = net.model.training
    net.model.eval()
    with torch.no_grad():
        for start in range(0, len(order_R), ROWS):
            rows = np.sort(order_R[start : start + ROWS])
            for row, rollout in zip(rows, _decode(net, prompts, rows // n, uniforms_RT[rows], temperature), strict=True):
                done[row] = rollout
    net.model.train(was_training)
    return [[rollout for rollout in done[start : start + n] if rollout] for start in range(0, len(done), n)]


def _decode(
    net: Network, prompts: Sequence[np.ndarray], owner_R: np.ndarray, uniforms_RT: np.ndarray, temperature: float
) -> list[Rollout]:
    """Decode rows together; row r continues prompt owner_R[r] (ascending)."""
    unique_P, inverse_R = np.unique(owner_R, return_inverse=True)
    cache = DynamicCache(config=net.model.config)
    logits_RV, real_RL, position_R = prefill(net, [prompts[number] for number in unique_P], cache)
    if len(unique_P) < len(owner_R):
        spread_R = torch.from_numpy(inverse_R).to(net.device)
        cache.batch_select_indices(spread_R)
        logits_RV, position_R = logits_RV[spread_R], position_R[spread_R]
        real_RL = None if real_RL is None else real_RL[spread_R]
    limit = min(uniforms_RT.shape[1], net.longest - int(position_R.max()))  # the model's positions may end before the samples do
    ids_RT = np.zeros((len(owner_R), limit), dtype=np.int64)
    lengths_R = np.full(len(owner_R), limit)
    finished_R = np.zeros(len(owner_R), dtype=bool)
    running = np.arange(len(owner_R))
    for step in range(limit):
        tokens = pick(logits_RV, uniforms_RT[running, step], temperature)
        ids_R = tokens.cpu().numpy()
        ids_RT[running, step] = ids_R
        stopped = np.isin(ids_R, net.dialect.stop_ids) & ~finished_R[running]
        finished_R[running[stopped]], lengths_R[running[stopped]] = True, step + 1
        alive = np.flatnonzero(~finished_R[running])
        if len(alive) == 0 or step + 1 == limit:
            break
        # Finished rows that stay in the batch are decoded further for nothing; what they sample is ignored.
        if len(alive) < COMPACT * len(running):
            keep = torch.from_numpy(alive).to(net.device)
            cache.batch_select_indices(keep)
            tokens, position_R, running = tokens[keep], position_R[keep], running[alive]
            real_RL = None if real_RL is None else real_RL[keep]
        if real_RL is not None:
            real_RL = torch.cat([real_RL, real_RL.new_ones(len(running), 1)], dim=1)
        logits_RV = last_logits(net, tokens[:, None], real_RL, position_R[:, None], cache)
        position_R = position_R + 1
    return [Rollout(ids_RT[row, : lengths_R[row]], bool(finished_R[row])) for row in range(len(owner_R))]


def prefill(net: Network, prompts: Sequence[np.ndarray], cache: DynamicCache) -> tuple[Tensor, Tensor | None, Tensor]:
    """Logits after each prompt, the mask of real tokens (None if no prompt is padded) and the next position."""
    arrays = padded(prompts, net.dialect.pad_id, "left")
    places = np.maximum(arrays[1].cumsum(1) - 1, 0)  # pads stand on the left: positions count real tokens only
    ids_PL, real_PL, position_PL = (torch.from_numpy(array).to(net.device) for array in (*arrays, places))
    net.check_length(ids_PL.shape[1] + 1)
    mask_PL = None if bool(real_PL.all()) else real_PL
    return last_logits(net, ids_PL, mask_PL, position_PL, cache), mask_PL, position_PL[:, -1] + 1


def pick(logits_RV: Tensor, uniforms_R: np.ndarray, temperature: float) -> Tensor:
    """One token per row by inverting the cumulative distribution at the row's uniform number."""
    if temperature == 0:
        return logits_RV.argmax(-1)
    # In float64, and scaled by the sum itself: rounding must not favour tokens by their place in the vocabulary. The last token
    # is taken where rounding would point beyond it.
    cumulative_RV = running_sum(torch.softmax(logits_RV / temperature, -1).double())
    target_R1 = torch.from_numpy(uniforms_R).to(logits_RV.device)[:, None] * cumulative_RV[:, -1:]
    return torch.searchsorted(cumulative_RV, target_R1, right=True).squeeze(1).clamp(max=logits_RV.shape[1] - 1)


def running_sum(values_RV: Tensor) -> Tensor:
    """Cumulative sums along rows. CUDA has no deterministic cumsum, so there they are products with triangles of ones: inside
    blocks, and over the blocks before."""
    return values_RV.cumsum(-1) if values_RV.device.type == "cpu" else blocked_sum(values_RV)


def blocked_sum(values_RV: Tensor, block: int = 256) -> Tensor:
    rows, width = values_RV.shape
    blocks_RKW = torch.nn.functional.pad(values_RV, (0, -width % block)).reshape(rows, -1, block)
    ones_WW = torch.ones(block, block, dtype=values_RV.dtype, device=values_RV.device).triu()
    inside_RKW = blocks_RKW @ ones_WW
    count = blocks_RKW.shape[1]
    before_KK = torch.ones(count, count, dtype=values_RV.dtype, device=values_RV.device).triu(1)
    return (inside_RKW + (inside_RKW[..., -1] @ before_KK)[..., None]).reshape(rows, -1)[:, :width].contiguous()
