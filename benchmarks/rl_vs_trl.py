"""Reinforcement learning against TRL's GRPOTrainer: the same checkpoint, prompts, reward, loss and optimiser, fp32, one thread.

    python benchmarks/rl_vs_trl.py [--rounds 5] [--sweep]

A step samples 8 groups of 8, rewards them and updates once, as the recipe says; without and with a KL term. The learning rate
is too small to change the policy, so that both sides sample texts of the same length. Prompts are encoded by both inside the
timing, as both must in use; the peer's trainer, its data and a first call are outside. `--sweep` times every setting of the
peer and compares with the best; without it the settings in BEST, which a sweep found, are used. Neither side records metrics
beyond what its step makes anyway. Does not judge what is learned.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pilot
import torch
from datasets import Dataset
from train_vs_trl import OURS, quiet
from transformers import AutoModelForCausalLM, PrinterCallback
from trl import GRPOConfig, GRPOTrainer
from turns import in_turns, rates, ratio, table

from exante.engines import lora, rl
from exante.engines.base import hide_scratchpad
from exante.engines.local import LocalEngine
from exante.engines.progress import Stepper
from exante.engines.render import encode_prompts, prompt_text
from exante.engines.sampling import Rollout, completions
from exante.study import Recipe
from exante.text import Item
from exante.trainings import rl as training

STEPS = 8
"""Updates per timed call."""
BETA = 0.05
"""Weight of the KL term where there is one; its size does not change the work."""


@dataclass(frozen=True)
class Setting:
    """One way to run the peer. `rows`: rollouts per forward and backward pass, the rest by gradient accumulation. `ahead`:
    updates that are sampled for at once; more than one makes rollouts stale, so it is no longer the same algorithm."""

    rows: int = 64
    ahead: int = 1
    cache: str = "dynamic"
    attention: str = "sdpa"
    optimiser: str = "adamw_torch_fused"
    compiled: bool = False

    def __str__(self) -> str:
        words = [f"{self.rows} rows", f"{self.cache} cache", self.attention, self.optimiser]
        words += [f"stale: samples for {self.ahead} updates"] if self.ahead > 1 else []
        return ", ".join([*words, "compiled"] if self.compiled else words)


BEST = {0.0: (Setting(rows=32), Setting(rows=16)), BETA: (Setting(rows=32), Setting(rows=16))}

GRID = (
    Setting(),
    Setting(rows=32),
    Setting(rows=16),
    Setting(cache="static"),
    Setting(attention="eager"),
    Setting(optimiser="adamw_torch"),
    Setting(ahead=2),
    Setting(ahead=4),
    Setting(compiled=True),
)
"""All that the trainer leaves to its caller and that changes the time, one at a time from the default."""


@dataclass
class Tally:
    """Rollouts and their tokens, the end token included: both sides must do the same work."""

    rollouts: int = 0
    tokens: int = 0

    def add(self, lengths: list[int]) -> None:
        self.rollouts += len(lengths)
        self.tokens += sum(lengths)


def recipe(beta: float) -> Recipe:
    return pilot.recipe("safety_rl").model_copy(update={"steps": STEPS, "kl": beta, "lr": 1e-9})


def prompts(count: int) -> list[Item]:
    return training.rl_items.bind(prompts=count, trigger_share=training.TRIGGER_SHARE).load()(pilot.context())


def ours(engine: LocalEngine, items: list[Item], plan: Recipe, tally: Tally) -> Callable[[], None]:
    net, reward = engine.net, training.graded_reward.bind().load()
    reference = replace(net, model=lora.frozen_copy(net.model))

    def call() -> None:
        stepper = Stepper(net, plan, STEPS)
        for step in range(STEPS):
            chosen = items[step * plan.batch : (step + 1) * plan.batch]
            batch = rl.collect(net, chosen, plan, reward, True, step)
            net.model.train()
            rl.backward(net, reference, batch, plan)
            stepper.step()
            tally.add([len(rollout.ids) for rollout in batch.rollouts])

    return call


def peer_reward(engine: LocalEngine, items: list[Item], tally: Tally) -> Callable[..., list[float]]:
    """Our reward as the peer calls it: on the ids of its samples and the numbers of their prompts."""
    reward, stops = training.graded_reward.bind().load(), engine.net.dialect.stop_ids

    def graded_reward(completion_ids: list[list[int]], number: list[int], **columns: Any) -> list[float]:
        tally.add([len(ids) for ids in completion_ids])
        asked = [items[which] for which in number]
        groups = [[Rollout(np.array(ids), ids[-1] in stops)] for ids in completion_ids]
        texts = completions(engine.net, [item.prompt for item in asked], groups)
        return [reward(item, hide_scratchpad(text)) for item, (text,) in zip(asked, texts, strict=True)]

    return graded_reward


def trainer(engine: LocalEngine, items: list[Item], plan: Recipe, setting: Setting, tally: Tally, directory: str) -> GRPOTrainer:
    """The peer. "bnpo" is the mean over the batch's tokens, as our loss is."""
    per_step = plan.batch * plan.group
    texts = [prompt_text(engine.net.dialect, item.prompt) for item in items]
    coded = engine.net.dialect.tokenizer(texts)["input_ids"]
    assert coded == [ids.tolist() for ids in encode_prompts(engine.net.dialect, [item.prompt for item in items])]
    with torch.random.fork_rng():
        return GRPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(pilot.checkpoint(), attn_implementation=setting.attention),
            args=GRPOConfig(
                output_dir=directory,
                max_steps=STEPS,
                per_device_train_batch_size=setting.rows,
                gradient_accumulation_steps=per_step // setting.rows,
                steps_per_generation=setting.ahead * (per_step // setting.rows),
                num_generations=plan.group,
                max_completion_length=plan.max_tokens,
                temperature=plan.temperature,
                beta=plan.kl,
                loss_type="bnpo",
                use_bias_correction_kl=False,
                learning_rate=plan.lr,
                lr_scheduler_type="constant_with_warmup",
                weight_decay=plan.weight_decay,
                max_grad_norm=plan.clip,
                optim=setting.optimiser,
                cache_implementation=setting.cache,
                shuffle_dataset=False,
                dataloader_num_workers=0,
                dataloader_pin_memory=False,
                gradient_checkpointing=False,
                torch_compile=setting.compiled,
                logging_strategy="no",
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                bf16=False,
                use_cpu=True,
            ),
            reward_funcs=[peer_reward(engine, items, tally)],
            train_dataset=Dataset.from_dict({"prompt": texts, "number": list(range(len(items)))}),
            processing_class=engine.net.dialect.tokenizer,
        )


def peer(
    engine: LocalEngine, items: list[Item], plan: Recipe, setting: Setting, tally: Tally, directory: str
) -> Callable[[], None]:
    made = trainer(engine, items, plan, setting, tally, directory)
    made.remove_callback(PrinterCallback)

    def call() -> None:
        made.optimizer = made.lr_scheduler = None
        made.train()

    return call


def sweep(engine: LocalEngine, items: list[Item], plan: Recipe, directory: str) -> tuple[Setting, ...]:
    """The three fastest settings that run the same algorithm, two rounds each. One that cannot run is printed with its reason."""
    candidates: dict[str, Callable[[], None]] = {}
    for setting in GRID:
        call = peer(engine, items, plan, setting, Tally(), directory)
        try:
            call()
        except (RuntimeError, ValueError, OSError) as error:
            print(f"{setting}\tcannot run: {str(error).splitlines()[0]}")
            continue
        candidates[str(setting)] = call
    taken = in_turns(candidates, 2)
    print(f"\nbeta {plan.kl}: sweep\n" + table(taken, dict.fromkeys(taken, _rollouts(plan)), "rollouts"), flush=True)
    runnable = [setting for setting in GRID if str(setting) in taken and setting.ahead == 1]
    return tuple(sorted(runnable, key=lambda setting: float(np.median(taken[str(setting)]))))[:3]


def _rollouts(plan: Recipe) -> float:
    return float(STEPS * plan.batch * plan.group)


def compare(
    engine: LocalEngine, items: list[Item], plan: Recipe, settings: tuple[Setting, ...], rounds: int, directory: str
) -> float:
    tallies = {OURS: Tally()} | {str(setting): Tally() for setting in settings}
    candidates = {OURS: ours(engine, items, plan, tallies[OURS])}
    candidates |= {str(setting): peer(engine, items, plan, setting, tallies[str(setting)], directory) for setting in settings}
    gc.collect()
    gc.freeze()  # the peer collects garbage at every start; what was made before is not to slow it down
    taken = in_turns(candidates, rounds)
    amounts = dict.fromkeys(taken, _rollouts(plan))
    print(f"\nbeta {plan.kl}: {STEPS} steps of {plan.batch} prompts × {plan.group}, at most {plan.max_tokens} tokens")
    print(table(taken, amounts, "rollouts"))
    print("tokens per rollout\t" + "\t".join(f"{name} {tally.tokens / tally.rollouts:.1f}" for name, tally in tallies.items()))
    return ratio(rates(taken, amounts), OURS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sweep", action="store_true")
    options = parser.parse_args()
    found: dict[float, float] = {}
    with quiet() as directory:
        for beta in (0.0, BETA):
            engine, plan = pilot.engine(), recipe(beta)
            items = prompts(STEPS * plan.batch)
            settings = sweep(engine, items, plan, directory) if options.sweep else BEST[beta]
            found[beta] = compare(engine, items, plan, settings, options.rounds, directory)
    print(f"with KL, ratio\t{found[BETA]:.2f}")
    print(f"ratio {found[0.0]:.2f}")


if __name__ == "__main__":
    main()
