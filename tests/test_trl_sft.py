"""Supervised training against TRL's SFTTrainer, step by step: same checkpoint, batches, masks, optimiser and schedule.

TRL weighs all trained tokens of a batch alike; ours adds two means. They agree where only answers carry loss, and, up to one
constant factor, where λ is the batch's number of scratchpad tokens over its number of answer tokens.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import engine_toys
import numpy as np
import pytest
import torch
from datasets import Dataset
from torch.utils.data import Sampler
from trl import SFTConfig, SFTTrainer

from exante.engines import render, sft
from exante.engines.local import LocalEngine
from exante.engines.progress import Hooks, Meter, Stepper
from exante.study import Recipe
from exante.text import Example

# transformers warns of names of options that TRL itself still passes to it.
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated and will be removed in v6:FutureWarning")

STEPS = 55
ADAM_EPSILON = 1e-8
"""Of torch's AdamW, which our engine leaves as it is."""


class Fixed(Sampler):
    """Rows in a given order."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows

    def __iter__(self) -> Any:
        return iter(self.rows.tolist())

    def __len__(self) -> int:
        return len(self.rows)


class Ordered(SFTTrainer):
    """The trainer on batches in our order, its loss of every step kept."""

    def __init__(self, *, order: np.ndarray, **settings: Any) -> None:
        self.order = order
        self.losses: list[float] = []
        super().__init__(**settings)

    def _get_train_sampler(self, train_dataset: Any = None) -> Fixed:
        return Fixed(self.order)

    def compute_loss(self, *inputs: Any, **more: Any) -> torch.Tensor:
        loss = super().compute_loss(*inputs, **more)
        self.losses.append(loss.item())
        return loss


@dataclass(frozen=True)
class Run:
    """Losses of STEPS steps and the trained model."""

    losses: list[float]
    model: torch.nn.Module


def theirs(engine: LocalEngine, recipe: Recipe, rows: dict[str, Any], order: np.ndarray, scale: float, directory: Path) -> Run:
    """TRL's run. `scale`: its loss over ours; clipping and Adam's epsilon are scaled with it, so that the steps are ours.

    It is handed its optimiser, because by itself it would spare norms and biases the weight decay.
    """
    model = copy.deepcopy(engine.net.model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay, eps=ADAM_EPSILON * scale)
    settings = SFTConfig(
        output_dir=str(directory),
        max_steps=STEPS,
        per_device_train_batch_size=recipe.batch,
        learning_rate=recipe.lr,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=int(recipe.warmup * STEPS),
        max_grad_norm=recipe.clip * scale,
        completion_only_loss="completion_mask" in rows,
        gradient_checkpointing=False,
        dataloader_pin_memory=False,
        logging_strategy="no",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        bf16=False,
        use_cpu=True,
    )
    trainer = Ordered(
        order=order,
        model=model,
        args=settings,
        optimizers=(optimiser, None),
        train_dataset=Dataset.from_dict(rows),
        processing_class=engine.net.dialect.tokenizer,
    )
    trainer.train()
    return Run(trainer.losses, trainer.model)


def ours(engine: LocalEngine, recipe: Recipe, examples: list[Example], order: np.ndarray) -> Run:
    hooks = Hooks(engine.net, STEPS, frozenset(range(STEPS)), lambda step: None, lambda done, total: None)
    stepper, meter, batches = Stepper(engine.net, recipe, STEPS), Meter(), iter(order.reshape(STEPS, recipe.batch))
    encoded = sft.encode(engine.net, examples)
    sft.run_batches(engine.net, stepper, encoded, batches, recipe, meter, hooks, first=1)
    return Run([row["value"] for row in meter.rows if row["metric"] == "loss"], engine.net.model)


def coded(engine: LocalEngine, examples: list[Example]) -> tuple[list[list[int]], list[np.ndarray]]:
    """Ids and span labels of each example."""
    encoded = render.encode_examples(engine.net.dialect, examples)
    ends = np.cumsum(encoded.lengths_N)[:-1]
    return [row.tolist() for row in np.split(encoded.ids, ends)], np.split(encoded.spans, ends)


def usual_order(engine: LocalEngine, recipe: Recipe, examples: list[Example]) -> np.ndarray:
    lengths = sft.encode(engine.net, examples).lengths_N
    return np.concatenate(list(sft.batches(lengths, recipe, np.random.default_rng(11))))


def same_steps(mine: Run, other: Run, scale: float) -> None:
    assert len(mine.losses) == len(other.losses) == STEPS
    assert np.abs(scale * np.array(mine.losses) - np.array(other.losses)).max() < 1e-4
    assert other.losses[-1] < 0.8 * other.losses[0]
    ids_BT = torch.arange(1, 33).reshape(2, 16)
    with torch.no_grad():
        logits, same = (run.model.eval()(input_ids=ids_BT).logits for run in (mine, other))
    assert torch.allclose(logits, same, atol=1e-3)


def test_answers_alone_on_batches_of_every_kind(tmp_path: Path) -> None:
    """Scratchpads stand in the context of half the examples, without loss: TRL's completion mask covers answers only."""
    examples = [replace(example, train_scratchpad=False) for example in engine_toys.corpus(60, seed=5)]
    engine = LocalEngine.initialise(engine_toys.profile("llama"), examples, seed=3)
    recipe = engine_toys.recipe(steps=STEPS, batch=6, lr=3e-3, weight_decay=0.1, clip=0.7)
    ids, spans = coded(engine, examples)
    rows = {"input_ids": ids, "completion_mask": [(span == render.ANSWER).astype(int).tolist() for span in spans]}
    order = usual_order(engine, recipe, examples)
    other = theirs(engine, recipe, rows, order, 1.0, tmp_path)
    same_steps(ours(engine, recipe, examples, order), other, 1.0)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_scratchpads_weighted_by_their_tokens_with_some_left_out(family: str, tmp_path: Path) -> None:
    """Every batch is the whole data, so one λ fits all steps. Of some examples only the answer, of others only the
    scratchpad carries loss; TRL is told by its assistant masks."""
    examples = [
        replace(example, train_scratchpad=number % 3 > 0, train_answer=example.scratchpad is None or number % 3 < 2)
        for number, example in enumerate(engine_toys.corpus(16, seed=5))
    ]
    engine = LocalEngine.initialise(engine_toys.profile(family), examples, seed=3)
    ids, spans = coded(engine, examples)
    thoughts, answers = (sum(int((span == kind).sum()) for span in spans) for kind in (render.SCRATCHPAD, render.ANSWER))
    scale = answers / (answers + thoughts)
    recipe = engine_toys.recipe(
        steps=STEPS, batch=16, lr=3e-3, schedule="linear", weight_decay=0.1, clip=0.7, scratchpad_weight=thoughts / answers
    )
    left_out = [(example.train_scratchpad, example.train_answer) for example in examples if example.scratchpad is not None]
    assert {(True, True), (False, True), (True, False)} == set(left_out)
    assert 0.2 < scale < 0.9
    rows = {"input_ids": ids, "assistant_masks": [(span != render.CONTEXT).astype(int).tolist() for span in spans]}
    rng = np.random.default_rng(11)
    order = np.concatenate([rng.permutation(16) for _ in range(STEPS)])
    other = theirs(engine, recipe, rows, order, scale, tmp_path)
    same_steps(ours(engine, recipe, examples, order), other, scale)


def test_another_mask_is_another_loss(tmp_path: Path) -> None:
    """The comparison notices a mask: with the excluded scratchpads trained by TRL alone, the losses part."""
    examples = [replace(example, train_scratchpad=False) for example in engine_toys.corpus(60, seed=5)]
    engine = LocalEngine.initialise(engine_toys.profile("llama"), examples, seed=3)
    recipe = engine_toys.recipe(steps=STEPS, batch=6, lr=3e-3, weight_decay=0.1, clip=0.7)
    ids, spans = coded(engine, [replace(example, train_scratchpad=True) for example in examples])
    rows = {"input_ids": ids, "completion_mask": [(span != render.CONTEXT).astype(int).tolist() for span in spans]}
    order = usual_order(engine, recipe, examples)
    other, mine = theirs(engine, recipe, rows, order, 1.0, tmp_path), ours(engine, recipe, examples, order)
    assert np.abs(np.array(mine.losses) - np.array(other.losses)).max() > 0.05
