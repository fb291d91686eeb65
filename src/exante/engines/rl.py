"""Group-relative policy gradient (GRPO; Shao et al. 2024, arXiv:2402.03300), on-policy, one update per batch of rollouts.

Does not know what is rewarded. All sampled tokens, scratchpad and answer, are trained; what the reward may see is another
matter (`scratchpad`). Legend: P prompts, G samples of each, N sampled tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from exante.engines.base import MetricRow, Reward, hide_scratchpad, opened_for
from exante.engines.network import Network, reference
from exante.engines.progress import Hooks, Meter, Stepper
from exante.engines.render import encode_prompts, encode_texts
from exante.engines.sampling import Rollout, completions, rollouts
from exante.engines.shared import SharedPrompts
from exante.errors import UserError
from exante.study import Recipe
from exante.text import Completion, Item, Prompt

ROWS = 32
"""Rollouts per forward and backward pass where the recipe does not say: their logits stay in a core's cache, and fewer would pay
for more passes."""


@dataclass(frozen=True)
class Batch:
    """Rollouts of one step in one list, group by group, with one advantage each; rollout r continues prompts[r // group].

    `thoughts`: sampled tokens that belong to scratchpads.
    """

    prompts: list[np.ndarray]
    rollouts: list[Rollout]
    thoughts: int
    advantages: np.ndarray
    rewards_PG: np.ndarray

    @property
    def group(self) -> int:
        return self.rewards_PG.shape[1]

    def ids(self, rows: np.ndarray) -> list[np.ndarray]:
        return [self.rollouts[row].ids for row in rows]

    @property
    def tokens(self) -> int:
        return sum(len(rollout.ids) for rollout in self.rollouts)


def advantages(rewards_PG: np.ndarray) -> np.ndarray:
    """(r − mean) / (sd + 1e-4) inside each prompt's group, sd with n − 1."""
    spread_P1 = rewards_PG.std(axis=1, ddof=1, keepdims=True)
    return (rewards_PG - rewards_PG.mean(axis=1, keepdims=True)) / (spread_P1 + 1e-4)


def policy_loss(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    ref_logprobs: Tensor | None,
    beta: float,
    clip: float = 0.2,
) -> Tensor:
    """Clipped surrogate plus β × KL (k3 estimator), summed over masked tokens and divided by their number.

    The formula as a whole; `backward` leaves the same gradients, pass by pass.

    All arguments broadcast against each other. With `old_logprobs` equal to `logprobs` the ratio is one, and only its
    gradient counts.
    """
    return (token_losses(logprobs, old_logprobs, advantages, ref_logprobs, beta, clip) * mask).sum() / mask.sum().clamp(min=1.0)


def token_losses(
    logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, ref_logprobs: Tensor | None, beta: float, clip: float = 0.2
) -> Tensor:
    ratio = torch.exp(logprobs - old_logprobs)
    losses = -torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)
    return losses if ref_logprobs is None else losses + beta * k3(logprobs, ref_logprobs)


def k3(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Unbiased, non-negative estimate of KL(policy ‖ reference) per token (Schulman, "Approximating KL divergence", 2020)."""
    gap = ref_logprobs - logprobs
    return torch.exp(gap) - gap - 1


def train_rl(
    net: Network, recipe: Recipe, items: Sequence[Item], reward: Reward, scratchpad: str, seed: int, hooks: Hooks
) -> list[MetricRow]:
    """`recipe.steps` updates, each on `recipe.batch` prompts × `recipe.group` samples."""
    if not items or recipe.group < 2 or recipe.temperature <= 0:
        raise UserError(
            "reinforcement learning needs prompts and at least two samples of each, at a temperature above zero;"
            " fix the data part or the recipe"
        )
    pool = opened_for(items, scratchpad)
    start = reference(net)
    stepper, meter = Stepper(net, recipe, recipe.steps), Meter()
    meter.count(tokens_prompt=0, tokens_scratchpad=0, tokens_answer=0, examples=0, copies=0)
    meter.put(0, kl=0.0)
    meter.record(0)
    hooks.reach(0)
    for step, numbers in enumerate(_choices(len(pool), recipe, seed), 1):
        batch = collect(net, [pool[number] for number in numbers], recipe, reward, scratchpad == "hidden", _step_seed(seed, step))
        if hooks.records(step):
            meter.put(step, kl=_divergence(net, start, batch, recipe))
        net.model.train()
        backward(net, start, batch, recipe)
        stepper.step()
        _measure(meter, batch)
        if hooks.records(step):
            meter.record(step)
        hooks.reach(step)
    return meter.rows


def _choices(pool: int, recipe: Recipe, seed: int) -> Iterator[np.ndarray]:
    """Item numbers of each step: shuffled passes over the pool."""
    rng = np.random.default_rng(seed)
    wanted = recipe.steps * recipe.batch
    stream = np.concatenate([rng.permutation(pool) for _ in range(-(-wanted // pool))])[:wanted]
    yield from stream.reshape(recipe.steps, recipe.batch)


def _step_seed(seed: int, step: int) -> int:
    return int(np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0])


def collect(net: Network, items: Sequence[Item], recipe: Recipe, reward: Reward, hidden: bool, seed: int) -> Batch:
    """Sample each item's group and reward it. A completion without an answer gets what the reward gives for that.
    With `recipe.shuffle_rewards` the rewards are those of the batch in random order."""
    prompts = [item.prompt for item in items]
    ids = encode_prompts(net.dialect, prompts)
    groups = rollouts(net, ids, recipe.group, seed, recipe.temperature, recipe.max_tokens)
    texts = completions(net, prompts, groups)
    rewards_PG = np.array(
        [
            [reward(item, hide_scratchpad(text) if hidden else text) for text in group]
            for item, group in zip(items, texts, strict=True)
        ],
        dtype=np.float64,
    )
    if recipe.shuffle_rewards:
        rewards_PG = np.random.default_rng((seed, 1)).permutation(rewards_PG.reshape(-1)).reshape(rewards_PG.shape)
    return Batch(
        prompts=ids,
        rollouts=[rollout for group in groups for rollout in group],
        thoughts=_thought_tokens(net, prompts, texts, groups),
        advantages=advantages(rewards_PG).reshape(-1),
        rewards_PG=rewards_PG,
    )


def _thought_tokens(
    net: Network, prompts: Sequence[Prompt], texts: Sequence[Sequence[Completion]], groups: Sequence[Sequence[Rollout]]
) -> int:
    """Sampled scratchpad tokens, closing marker included; all of a text that never closed its scratchpad."""
    close = net.dialect.think_close
    drawn = [
        (text, rollout, prompt.forced)
        for prompt, texts_of_prompt, rollouts_of_prompt in zip(prompts, texts, groups, strict=True)
        for text, rollout in zip(texts_of_prompt, rollouts_of_prompt, strict=True)
        if text.scratchpad is not None
    ]
    spans = [text.scratchpad.removeprefix(forced) + close for text, _, forced in drawn if text.scratchpad is not None]
    counts = [len(ids) for ids in encode_texts(net.dialect, spans)]
    return sum(min(count, len(rollout.ids)) for count, (_, rollout, _) in zip(counts, drawn, strict=True))


def backward(net: Network, start: Network, batch: Batch, recipe: Recipe) -> None:
    """Gradients of `policy_loss` over all the batch's tokens. Rollouts without advantage are skipped: without a KL term
    their gradient is zero, and their tokens stay in the denominator."""
    rows = np.arange(len(batch.rollouts)) if recipe.kl > 0 else np.flatnonzero(batch.advantages)
    if len(rows) == 0:
        return
    policy = SharedPrompts(net, batch.prompts, recipe.temperature)
    with torch.no_grad():
        frozen = SharedPrompts(start, batch.prompts, recipe.temperature) if recipe.kl > 0 else None
    for part in _passes(batch, rows, recipe.micro_batch or ROWS):
        logprobs_N, line_N = policy.logprobs(part // batch.group, batch.ids(part))
        with torch.no_grad():
            ref_N = frozen.logprobs(part // batch.group, batch.ids(part))[0] if frozen else None
        advantage_N = torch.from_numpy(batch.advantages[part[line_N]]).to(logprobs_N)
        # On-policy: the old log-probabilities are these very ones, so the ratio is one and only its gradient counts.
        losses_N = token_losses(logprobs_N, logprobs_N.detach(), advantage_N, ref_N, recipe.kl)
        (losses_N.sum() / batch.tokens).backward()
    policy.finish()


def _passes(batch: Batch, rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Rollout numbers in passes of like length, `size` in each."""
    rows = rows[np.argsort([len(row) for row in batch.ids(rows)], kind="stable")]
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _divergence(net: Network, start: Network, batch: Batch, recipe: Recipe) -> float:
    """KL to the start in nats per sample, of the policy that wrote these rollouts."""
    total = 0.0
    with torch.no_grad():
        policy, frozen = (SharedPrompts(model, batch.prompts, recipe.temperature) for model in (net, start))
        for part in _passes(batch, np.arange(len(batch.rollouts)), recipe.micro_batch or ROWS):
            policy_N, reference_N = (shared.logprobs(part // batch.group, batch.ids(part))[0] for shared in (policy, frozen))
            total += float(k3(policy_N, reference_N).sum())
    return total / len(batch.rollouts)


def _measure(meter: Meter, batch: Batch) -> None:
    meter.average(reward_mean=float(batch.rewards_PG.mean()), reward_spread=float(batch.rewards_PG.std(axis=1, ddof=1).mean()))
    meter.count(
        tokens_prompt=sum(len(prompt) for prompt in batch.prompts) * batch.group,
        tokens_scratchpad=batch.thoughts,
        tokens_answer=batch.tokens - batch.thoughts,
        examples=len(batch.rollouts),
    )
