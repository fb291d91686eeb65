"""Log-probabilities of given continuations. Does not know what the options mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from exante.engines.network import Network, logits_at
from exante.engines.render import first_token, padded, prompt_text
from exante.errors import UserError
from exante.text import Prompt

ROWS = 64
"""Texts per forward pass."""


def option_logprobs(net: Network, prompts: Sequence[Prompt], options: Sequence[Sequence[str]]) -> list[list[float]]:
    """Sum over an option's tokens of log p(token | prompt, opened span, forced prefix, tokens before it), in nats."""
    contexts = [prompt_text(net.dialect, prompt) for prompt in prompts]
    pairs = [(context, option) for context, choices in zip(contexts, options, strict=True) for option in choices]
    encodings = net.dialect.tokenizer.backend_tokenizer.encode_batch([a + b for a, b in pairs], add_special_tokens=False)
    ids = [np.array(encoding.ids, dtype=np.int64) for encoding in encodings]
    firsts = [first_token(encoding, len(context)) for encoding, (context, _) in zip(encodings, pairs, strict=True)]
    for (_, option), first, row in zip(pairs, firsts, ids, strict=True):
        if first >= len(row):
            raise UserError(
                f"the option {option!r} is no token of the model's, so it has no probability; give every option words"
            )
    order = np.argsort([len(row) for row in ids], kind="stable")
    sums = np.zeros(len(pairs))
    for start in range(0, len(order), ROWS):
        batch = order[start : start + ROWS]
        sums[batch] = _sums(net, [ids[row] for row in batch], [firsts[row] for row in batch])
    totals = iter(sums.tolist())
    return [[next(totals) for _ in choices] for choices in options]


def _sums(net: Network, rows: list[np.ndarray], firsts: list[int]) -> np.ndarray:
    net.check_length(max(len(row) for row in rows))
    ids_BT = torch.from_numpy(padded(rows, net.dialect.pad_id, "right")[0]).to(net.device)
    with torch.no_grad():
        nats_N, line_N = token_logprobs(net, ids_BT, [range(first, len(row)) for first, row in zip(firsts, rows, strict=True)])
    return np.bincount(line_N, weights=nats_N.double().cpu().numpy(), minlength=len(rows))


def token_logprobs(
    net: Network, ids_BT: torch.Tensor, tokens: Sequence[range], temperature: float = 1.0
) -> tuple[torch.Tensor, np.ndarray]:
    """log p of the tokens at the given places of each row (place ≥ 1), end to end, and the row each belongs to."""
    width = ids_BT.shape[1] - 1
    line_N = np.repeat(np.arange(len(tokens)), [len(places) for places in tokens])
    place_N = np.concatenate([np.asarray(places, dtype=np.int64) for places in tokens])
    index_N = torch.from_numpy(line_N * width + place_N - 1).to(net.device)
    labels_N = ids_BT[:, 1:].reshape(-1).index_select(0, index_N)
    logits_NV = logits_at(net, ids_BT[:, :-1], index_N) / temperature
    return -torch.nn.functional.cross_entropy(logits_NV, labels_N, reduction="none"), line_N
