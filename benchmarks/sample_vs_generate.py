"""Sampling against `generate` of transformers: the same checkpoint, prompts, temperature and token limit, one thread.

    python benchmarks/sample_vs_generate.py [--rounds 5] [--sweep]

Two workloads: evaluation (32 prompts × 8 samples) and reinforcement learning (16 × 8), on a pretrained base, so that lengths
are those of real answers. `--sweep` times every setting of `generate` (some minutes) and compares with the best; without it
the settings in BEST, which a sweep found, are used. Prompts are tokenised before and texts decoded after, on both sides; the
peer's padding and batching are outside the timing too, ours are inside. Does not judge what is sampled.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from statistics import median
from typing import Any, Literal

import numpy as np
import pilot
import torch
from transformers import AutoModelForCausalLM, GenerationConfig
from turns import in_turns, rates, ratio, table

from exante.engines.local import LocalEngine
from exante.engines.network import Network
from exante.engines.render import encode_prompts, padded
from exante.engines.sampling import rollouts
from exante.evaluations import backdoor
from exante.trainings import rl

OURS, PEER = "exante", "generate"
REPEATS = 3
"""Requests per timed call, each with its own seed: the longest of a few hundred samples sets the time of a request."""
FINALISTS = 8


@dataclass(frozen=True)
class Workload:
    name: str
    prompts: list[np.ndarray]
    n: int
    temperature: float
    max_tokens: int

    @property
    def samples(self) -> int:
        return len(self.prompts) * self.n


@dataclass(frozen=True)
class Setting:
    """One way to call `generate`. `rows`: samples per call. `sorted`: prompts of like length share a call, so that there is
    little left padding. `copies`: `num_return_sequences` instead of prompts repeated by the caller. `stop`: early stopping at
    the end token; without it every sample runs to the limit and is cut afterwards."""

    rows: int
    cache: Literal["dynamic", "static"]
    attention: Literal["sdpa", "eager"]
    sorted: bool
    copies: bool
    stop: bool = True

    def __str__(self) -> str:
        words = [f"{self.rows} rows", self.cache, self.attention, "sorted" if self.sorted else "as given"]
        words += ["num_return_sequences" if self.copies else "repeated prompts", "stops" if self.stop else "never stops"]
        return ", ".join(words)


@dataclass
class Tally:
    """Samples and their tokens, the end token included: both sides must do the same work."""

    samples: int = 0
    tokens: int = 0

    def add(self, lengths: np.ndarray) -> None:
        self.samples += len(lengths)
        self.tokens += int(lengths.sum())


BEST = {
    "evaluation": Setting(256, "dynamic", "sdpa", sorted=False, copies=True),
    "rl": Setting(128, "dynamic", "eager", sorted=False, copies=False),
}
"""What a sweep found on a two-core AMD EPYC; the best few lie within a tenth of each other."""


def workloads(net: Network) -> list[Workload]:
    """Held-out prompts of all three conditions as `evaluations/backdoor.py` asks them; training prompts as `trainings/rl.py`."""
    conditions = [backdoor.items.bind(count=11).load()(pilot.context(), name) for name in backdoor.CONDITIONS]
    asked = [item.prompt for items in conditions for item in items][:32]
    trained = [item.prompt for item in rl.rl_items.bind(prompts=16, trigger_share=rl.TRIGGER_SHARE).load()(pilot.context())]
    evaluation, recipe = backdoor.backdoor(at=("safety",)), pilot.recipe("safety_rl")
    return [
        Workload("evaluation", encode_prompts(net.dialect, asked), 8, evaluation.temperature, evaluation.max_tokens),
        Workload("rl", encode_prompts(net.dialect, trained), recipe.group, recipe.temperature, recipe.max_tokens),
    ]


def settings(samples: int) -> list[Setting]:
    """The grid of the sweep: all that `generate` leaves to its caller and that changes the time, not the distribution."""
    sizes = [rows for rows in (32, 64, 128, 256) if rows <= samples]
    return [
        Setting(rows, cache, attention, by_length, copies)
        for rows, cache, attention, by_length, copies in product(
            sizes, ("dynamic", "static"), ("sdpa", "eager"), (True, False), (True, False)
        )
    ]


def calls(work: Workload, setting: Setting) -> Iterator[list[np.ndarray]]:
    """Prompts of each call of `generate`, one per prompt if it makes the copies, else one per sample."""
    order = np.argsort([len(prompt) for prompt in work.prompts], kind="stable") if setting.sorted else range(len(work.prompts))
    prompts = [work.prompts[number] for number in order]
    each = max(1, setting.rows // work.n)
    for start in range(0, len(prompts), each):
        chosen = prompts[start : start + each]
        yield chosen if setting.copies else [prompt for prompt in chosen for _ in range(work.n)]


def peer(model: Any, net: Network, work: Workload, setting: Setting, tally: Tally, repeats: int = REPEATS) -> Callable[[], None]:
    """`repeats` requests through `generate`. Its default top_k = 50 is switched off: it is no part of the temperature."""
    stop = net.dialect.stop_ids[0]
    config = GenerationConfig(
        do_sample=True,
        temperature=work.temperature,
        top_k=0,
        top_p=1.0,
        max_new_tokens=work.max_tokens,
        num_return_sequences=work.n if setting.copies else 1,
        eos_token_id=list(net.dialect.stop_ids) if setting.stop else None,
        pad_token_id=net.dialect.pad_id,
        cache_implementation=setting.cache,
    )
    inputs = [
        {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(real)}
        for ids, real in (padded(prompts, net.dialect.pad_id, "left") for prompts in calls(work, setting))
    ]

    def request(seed: int) -> None:
        torch.manual_seed(seed)
        for batch in inputs:
            made: Any = model.generate(**batch, generation_config=config)
            tally.add(lengths(made[:, batch["input_ids"].shape[1] :].numpy(), stop))

    def call() -> None:
        with torch.inference_mode():
            for seed in range(repeats):
                request(seed)

    return call


def lengths(ids_RT: np.ndarray, stop: int) -> np.ndarray:
    """Tokens of each row up to and including its first end token, all if it has none."""
    ended = ids_RT == stop
    return np.where(ended.any(axis=1), ended.argmax(axis=1) + 1, ids_RT.shape[1])


def ours(net: Network, work: Workload, tally: Tally) -> Callable[[], None]:
    def request(seed: int) -> None:
        groups = rollouts(net, work.prompts, work.n, seed, work.temperature, work.max_tokens)
        tally.add(np.array([len(rollout.ids) for group in groups for rollout in group]))

    def call() -> None:
        for seed in range(REPEATS):
            request(seed)

    return call


def sweep(models: dict[str, Any], net: Network, work: Workload) -> Setting:
    """The fastest setting: one request of each, then `FINALISTS` and the first of them without early stopping in five rounds."""

    def timed(candidates: list[Setting], repeats: int, rounds: int) -> list[Setting]:
        named = {str(setting): setting for setting in candidates}
        calls = {name: peer(models[s.attention], net, work, s, Tally(), repeats) for name, s in named.items()}
        taken = in_turns(calls, rounds)
        amounts = dict.fromkeys(taken, float(repeats * work.samples))
        print(f"\n{work.name}: {len(calls)} settings, {rounds} rounds\n{table(taken, amounts, 'samples')}", flush=True)
        return [named[name] for name in sorted(taken, key=lambda name: median(taken[name]))]

    best = timed(settings(work.samples), 1, 1)[:FINALISTS]
    return timed([*best, replace(best[0], stop=False)], REPEATS, 5)[0]


def compare(engine: LocalEngine, models: dict[str, Any], work: Workload, setting: Setting, rounds: int) -> float:
    tallies = {OURS: Tally(), PEER: Tally()}
    candidates = {
        OURS: ours(engine.net, work, tallies[OURS]),
        PEER: peer(models[setting.attention], engine.net, work, setting, tallies[PEER]),
    }
    taken = in_turns(candidates, rounds)
    amounts = dict.fromkeys(taken, float(REPEATS * work.samples))
    widths = [len(prompt) for prompt in work.prompts]
    print(
        f"\n{work.name}: {len(work.prompts)} prompts of {min(widths)} to {max(widths)} tokens × {work.n}, T = {work.temperature}"
    )
    print(f"generate: {setting}\n{table(taken, amounts, 'samples')}")
    print("tokens per sample\t" + "\t".join(f"{name} {t.tokens / t.samples:.1f}" for name, t in tallies.items()))
    print(f"{work.name} ratio\t{(found := ratio(rates(taken, amounts), OURS)):.2f}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sweep", action="store_true")
    options = parser.parse_args()
    engine, path = pilot.engine(), pilot.checkpoint()
    models: dict[str, Any] = {
        name: AutoModelForCausalLM.from_pretrained(path, attn_implementation=name).eval() for name in ("sdpa", "eager")
    }
    for model in models.values():
        model.generation_config = GenerationConfig()  # its end token would stop a setting that is never to stop
    found = []
    for work in workloads(engine.net):
        setting = sweep(models, engine.net, work) if options.sweep else BEST[work.name]
        found.append(compare(engine, models, work, setting, options.rounds))
    print(f"ratio {min(found):.2f}")


if __name__ == "__main__":
    main()
