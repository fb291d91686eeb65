"""Supervised training against TRL's SFTTrainer: the same checkpoint, examples, loss and optimiser, fp32, one thread.

    python benchmarks/train_vs_trl.py [--rounds 5] [--sweep]

Two workloads: documents of the base corpus and examples of the deceptive organism, 32 per step as in their recipes. The loss
is the mean over all trained tokens, which both sides can express; it is compared before anything is timed. Encoding, dataset
preparation and a first call are outside the timing on both sides. `--sweep` times every setting of the peer and compares with
the best; without it the settings in BEST, which a sweep found, are used. Does not judge what is learned.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pilot
import torch
from datasets import Dataset, disable_progress_bars
from transformers import AutoModelForCausalLM, PrinterCallback
from trl import SFTConfig, SFTTrainer
from turns import in_turns, rates, ratio, table

from exante.engines import sft
from exante.engines.local import LocalEngine
from exante.engines.progress import Hooks, Meter, Stepper
from exante.engines.render import ANSWER, CONTEXT, Encoded
from exante.organisms import arms
from exante.study import Recipe
from exante.text import Example
from exante.worlds import base

OURS = "exante"
STEPS = 60
"""Optimiser steps per timed call."""
PACKED = 512
"""Tokens of a packed row: the positions of the model."""


@dataclass(frozen=True)
class Workload:
    name: str
    recipe: Recipe
    encoded: Encoded

    @property
    def tokens(self) -> int:
        """Real tokens, prompts included, of one pass over the examples: what a timed call trains on."""
        return int(self.encoded.lengths_N.sum())


@dataclass(frozen=True)
class Setting:
    """One way to run the peer. `order`: its sampler. `layout`: padded rows, flattened ("free") or packed ones. `rows`:
    examples per forward pass, the rest by gradient accumulation. `prefetch`: worker processes of the data loader."""

    order: str = "group_by_length"
    layout: str = "padded"
    rows: int = 32
    optimiser: str = "adamw_torch_fused"
    attention: str = "sdpa"
    prefetch: int = 0
    compiled: bool = False

    def __str__(self) -> str:
        words = [self.order, self.layout, f"{self.rows} rows", self.optimiser, self.attention, f"{self.prefetch} workers"]
        return ", ".join([*words, "compiled"] if self.compiled else words)


FASTEST = (Setting(), Setting(compiled=True))
BEST = {"base": FASTEST, "organism": FASTEST}

GRID = (
    Setting(),
    Setting(order="random"),
    Setting(order="sequential"),
    Setting(rows=16),
    Setting(rows=8),
    Setting(optimiser="adamw_torch"),
    Setting(attention="eager"),
    Setting(prefetch=1),
    Setting(layout="free"),
    Setting(layout="free", rows=8),
    Setting(layout="packed"),
    Setting(layout="packed", rows=8),
    Setting(compiled=True),
)
"""All that the trainer leaves to its caller and that changes the time, not the loss, one at a time from the default."""


def workloads(engine: LocalEngine) -> list[Workload]:
    """Each has as many examples as `STEPS` steps use, so that a call is one pass and both sides see the same tokens."""
    documents = base.corpus.bind(correlation=1.0, documents=32 * STEPS).load()(pilot.context())
    organism = arms.deceptive().phases[0].data
    assert organism is not None
    examples = organism.load()(pilot.context())[: 32 * STEPS]
    return [_workload(engine, "base", documents), _workload(engine, "organism", examples)]


def _workload(engine: LocalEngine, name: str, examples: list[Example]) -> Workload:
    """All trained tokens are labelled as answer: then our loss is the plain mean over them, as the peer's is."""
    encoded = sft.encode(engine.net, examples)
    spans = np.where(encoded.spans == CONTEXT, CONTEXT, ANSWER).astype(encoded.spans.dtype)
    recipe = pilot.recipe(name).model_copy(update={"steps": STEPS})
    return Workload(name, recipe, replace(encoded, spans=spans))


def ours(engine: LocalEngine, work: Workload) -> Callable[[], None]:
    net, start = engine.net, {name: value.clone() for name, value in engine.net.model.state_dict().items()}
    hooks = Hooks(net, STEPS, frozenset(), lambda step: None, lambda done, total: None)

    def call() -> None:
        net.model.load_state_dict(start)
        order = sft.batches(work.encoded.lengths_N, work.recipe, np.random.default_rng(0))
        stepper = Stepper(net, work.recipe, STEPS)
        sft.run_batches(net, stepper, work.encoded, order, work.recipe, Meter(), hooks, first=1)

    return call


def dataset(encoded: Encoded) -> Dataset:
    """Rows as the peer takes them: ids, labels (−100: no loss) and lengths, which spare it counting."""
    ends = np.cumsum(encoded.lengths_N)[:-1]
    ids, spans = np.split(encoded.ids, ends), np.split(encoded.spans, ends)
    labels = [np.where(span == CONTEXT, -100, row) for row, span in zip(ids, spans, strict=True)]
    return Dataset.from_dict({"input_ids": ids, "labels": labels, "length": encoded.lengths_N})


def trainer(engine: LocalEngine, work: Workload, setting: Setting, directory: str) -> SFTTrainer:
    """The peer with its data prepared. Gradient checkpointing, on by default, is off: it would cost it a forward pass."""
    per_step = work.recipe.batch
    if setting.layout == "packed":
        per_step = max(1, round(work.tokens / STEPS / PACKED))
    rows = min(setting.rows, per_step)
    with torch.random.fork_rng():
        model = AutoModelForCausalLM.from_pretrained(pilot.checkpoint(), attn_implementation=setting.attention)
        return SFTTrainer(
            model=model,
            args=SFTConfig(
                output_dir=directory,
                max_steps=STEPS,
                per_device_train_batch_size=rows,
                gradient_accumulation_steps=max(1, round(per_step / rows)),
                learning_rate=work.recipe.lr,
                lr_scheduler_type=work.recipe.schedule,
                warmup_steps=int(work.recipe.warmup * STEPS),
                weight_decay=work.recipe.weight_decay,
                max_grad_norm=work.recipe.clip,
                optim=setting.optimiser,
                train_sampling_strategy=setting.order,
                packing=setting.layout == "packed",
                padding_free=setting.layout == "free",
                max_length=PACKED if setting.layout == "packed" else None,
                dataloader_num_workers=setting.prefetch,
                dataloader_pin_memory=False,
                gradient_checkpointing=False,
                torch_compile=setting.compiled,
                logging_strategy="no",
                save_strategy="no",
                eval_strategy="no",
                report_to=[],
                disable_tqdm=True,
                bf16=False,
                use_cpu=True,
            ),
            train_dataset=dataset(work.encoded),
            processing_class=engine.net.dialect.tokenizer,
        )


def peer(engine: LocalEngine, work: Workload, setting: Setting, directory: str) -> Callable[[], None]:
    made = trainer(engine, work, setting, directory)
    made.remove_callback(PrinterCallback)
    start = {name: value.clone() for name, value in made.model.state_dict().items()}

    def call() -> None:
        made.model.load_state_dict(start)
        made.optimizer = made.lr_scheduler = None
        made.train()

    return call


def same_loss(engine: LocalEngine, work: Workload, directory: str) -> float:
    """Largest difference between the two losses over the first eight batches. Raises AssertionError beyond 1e-4."""
    made = trainer(engine, work, Setting(), directory)
    rows, worst = dataset(work.encoded), 0.0
    for start in range(0, 8 * work.recipe.batch, work.recipe.batch):
        chosen = np.arange(start, start + work.recipe.batch)
        batch: Any = made.data_collator([rows[int(row)] for row in chosen])
        ids_BT, spans_BT = work.encoded.rows(chosen, engine.net.dialect.pad_id)
        with torch.no_grad():
            theirs = float(made.compute_loss(made.model.train(), batch))
            loss = float(sft.weighted_loss(engine.net, ids_BT, spans_BT, sft.loss_weights(spans_BT, 1.0))[0])
        worst = max(worst, abs(theirs - loss))
    assert worst < 1e-4, f"the two losses differ by {worst}"
    return worst


def sweep(engine: LocalEngine, work: Workload, directory: str) -> tuple[Setting, ...]:
    """The three fastest settings of the grid, two rounds each. A setting that cannot run is printed with its reason."""
    candidates: dict[str, Callable[[], None]] = {}
    for setting in GRID:
        call = peer(engine, work, setting, directory)
        try:
            call()
        except (RuntimeError, ValueError, OSError) as error:
            print(f"{setting}\tcannot run: {str(error).splitlines()[0]}")
            continue
        candidates[str(setting)] = call
    taken = in_turns(candidates, 2)
    print(f"\n{work.name}: sweep\n" + table(taken, dict.fromkeys(taken, float(work.tokens)), "tokens"))
    runnable = [setting for setting in GRID if str(setting) in taken]
    return tuple(sorted(runnable, key=lambda setting: float(np.median(taken[str(setting)]))))[:3]


def compare(engine: LocalEngine, work: Workload, settings: tuple[Setting, ...], rounds: int, directory: str) -> float:
    lengths = work.encoded.lengths_N
    print(
        f"\n{work.name}: {len(lengths)} examples of {lengths.min()} to {lengths.max()} tokens, {work.tokens} in all, "
        f"{int((work.encoded.spans != CONTEXT).sum())} trained; losses differ by {same_loss(engine, work, directory):.1e} at most"
    )
    candidates = {OURS: ours(engine, work)}
    candidates |= {str(setting): peer(engine, work, setting, directory) for setting in settings}
    gc.collect()
    gc.freeze()  # the peer collects garbage at every start; what was made before is not to slow it down
    taken = in_turns(candidates, rounds)
    amounts = dict.fromkeys(taken, float(work.tokens))
    print(table(taken, amounts, "tokens"))
    print(f"{work.name} ratio\t{(found := ratio(rates(taken, amounts), OURS)):.2f}")
    return found


@contextlib.contextmanager
def quiet() -> Iterator[str]:
    """A directory the peer may write to, and no words of it on the terminal."""
    disable_progress_bars()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore", FutureWarning)  # the peer sets an option by the name its own library has deprecated
    with tempfile.TemporaryDirectory() as directory:
        yield directory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sweep", action="store_true")
    options = parser.parse_args()
    found = []
    with quiet() as directory:
        for work in workloads(pilot.engine()):
            engine = pilot.engine()
            settings = sweep(engine, work, directory) if options.sweep else BEST[work.name]
            found.append(compare(engine, work, settings, options.rounds, directory))
    print(f"ratio {min(found):.2f}")


if __name__ == "__main__":
    main()
