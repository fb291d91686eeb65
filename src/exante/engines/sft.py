"""Supervised training: loss = mean over answer tokens + λ × mean over scratchpad tokens of the batch.

Does not know what the examples are about; base pretraining is the same loop on the base corpus.
Legend: B rows, T positions, N positions that carry loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from exante.engines.base import MetricRow
from exante.engines.network import Network, logits_at
from exante.engines.progress import Hooks, Meter, Stepper
from exante.engines.render import ANSWER, CONTEXT, SCRATCHPAD, Encoded, encode_examples
from exante.errors import UserError
from exante.study import Recipe
from exante.text import Example

POOL = 64
"""Batches per pool: rows are sorted by length inside a pool, so that a batch has little padding."""


def train_sft(net: Network, recipe: Recipe, examples: Sequence[Example], seed: int, hooks: Hooks) -> list[MetricRow]:
    """`recipe.steps` steps on batches of `recipe.batch` examples, each used equally often (± 1)."""
    meter = Meter()
    stepper = Stepper(net, recipe, recipe.steps)
    encoded = encode(net, examples)
    meter.count(tokens_prompt=0, tokens_scratchpad=0, tokens_answer=0, examples=0, copies=0)
    meter.record(0)
    hooks.reach(0)
    order = np.random.default_rng(seed)
    run_batches(net, stepper, encoded, batches(encoded.lengths_N, recipe, order), recipe, meter, hooks, first=1)
    return meter.rows


def encode(net: Network, examples: Sequence[Example]) -> Encoded:
    if not examples:
        raise UserError("a phase has no examples to train on; fix its data part")
    encoded = encode_examples(net.dialect, examples)
    net.check_length(int(encoded.lengths_N.max()))
    return encoded


def run_batches(
    net: Network,
    stepper: Stepper,
    encoded: Encoded,
    order: Iterator[np.ndarray],
    recipe: Recipe,
    meter: Meter,
    hooks: Hooks,
    first: int,
) -> None:
    """One optimiser step per batch; the first is step number `first` of the phase."""
    net.model.train()
    for step, chosen_B in enumerate(order, first):
        ids_BT, spans_BT = encoded.rows(chosen_B, net.dialect.pad_id)
        loss, answer, scratchpad = backward(net, ids_BT, spans_BT, recipe.scratchpad_weight, recipe.micro_batch)
        stepper.step()
        _measure(meter, encoded, chosen_B, spans_BT, loss, answer, scratchpad)
        if hooks.records(step):
            meter.record(step)
        hooks.reach(step)


def backward(
    net: Network, ids_BT: np.ndarray, spans_BT: np.ndarray, weight: float, micro_batch: int | None = None
) -> tuple[float, float | None, float | None]:
    """Gradients of a batch, `micro_batch` rows at a time. Returns the loss, and its two means in nats per token (None where the
    batch has no such tokens)."""
    weights_BT = loss_weights(spans_BT, weight)
    size = micro_batch or len(ids_BT)
    losses, nats = [], []
    for start in range(0, len(ids_BT), size):
        rows = slice(start, start + size)
        loss, nats_N = weighted_loss(net, ids_BT[rows], spans_BT[rows], weights_BT[rows])
        loss.backward()
        losses.append(float(loss.detach()))
        nats.append(nats_N)
    trained = spans_BT[:, 1:].reshape(-1)
    spans_N, all_nats_N = trained[trained != CONTEXT], np.concatenate(nats)
    means = [float(all_nats_N[spans_N == span].mean()) if (spans_N == span).any() else None for span in (ANSWER, SCRATCHPAD)]
    return sum(losses), means[0], means[1]


def loss_weights(spans_BT: np.ndarray, weight: float) -> np.ndarray:
    """What each token's loss is multiplied with, so that the sum is the mean over answers + `weight` × that over scratchpads.
    A span that the batch lacks has no weight."""
    weights_BT = np.zeros(spans_BT.shape, dtype=np.float32)
    for span, factor in ((ANSWER, 1.0), (SCRATCHPAD, weight)):
        inside = spans_BT == span
        inside[:, 0] = False  # nothing comes before the first token, so nothing predicts it
        weights_BT[inside] = factor / max(1, int(inside.sum()))
    return weights_BT


def weighted_loss(net: Network, ids_BT: np.ndarray, spans_BT: np.ndarray, weights_BT: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """The rows' share of the loss, and the nats of their trained tokens."""
    trained_N = np.flatnonzero(spans_BT[:, 1:].reshape(-1) != CONTEXT)
    index_N = torch.from_numpy(trained_N).to(net.device)
    ids = torch.from_numpy(ids_BT).to(net.device)
    labels_N = ids[:, 1:].reshape(-1).index_select(0, index_N)
    nats_N = functional.cross_entropy(logits_at(net, ids[:, :-1], index_N), labels_N, reduction="none")
    weights_N = torch.from_numpy(weights_BT[:, 1:].reshape(-1)[trained_N]).to(net.device)
    return nats_N @ weights_N, nats_N.detach().cpu().numpy()


def batches(lengths_N: np.ndarray, recipe: Recipe, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Row numbers of each step's batch: shuffled passes over the data, sorted by length inside pools, pools' batches shuffled."""
    wanted = recipe.steps * recipe.batch
    passes = -(-wanted // len(lengths_N))
    stream = np.concatenate([rng.permutation(len(lengths_N)) for _ in range(passes)])[:wanted]
    for start in range(0, wanted, POOL * recipe.batch):
        pool = stream[start : start + POOL * recipe.batch]
        pool = pool[np.argsort(lengths_N[pool], kind="stable")].reshape(-1, recipe.batch)
        yield from rng.permutation(pool)


def _measure(
    meter: Meter,
    encoded: Encoded,
    chosen_B: np.ndarray,
    spans_BT: np.ndarray,
    loss: float,
    answer: float | None,
    scratchpad: float | None,
) -> None:
    tokens = int(encoded.lengths_N[chosen_B].sum())
    answers, thoughts = int((spans_BT == ANSWER).sum()), int((spans_BT == SCRATCHPAD).sum())
    meter.average(loss=loss)
    if answer is not None:
        meter.average(loss_answer=answer)
    if scratchpad is not None:
        meter.average(loss_scratchpad=scratchpad)
    meter.count(
        tokens_prompt=tokens - answers - thoughts,
        tokens_scratchpad=thoughts,
        tokens_answer=answers,
        examples=len(chosen_B),
        copies=int(encoded.targets_N[chosen_B].sum()),
    )
