"""What there is to know of a model before a study is put on it: how its text is laid out, how fast it is here, what fits.

Loads the model once and times it for some seconds. Does not know about registrations or runs.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from exante.engines.base import MetricRow
from exante.engines.local import LocalEngine
from exante.engines.render import encode_texts
from exante.errors import UserError
from exante.objectives.rl import RL
from exante.objectives.sft import SFT
from exante.profiles import directory_of
from exante.study import Profile, Recipe
from exante.text import Completion, Example, Item, Prompt, Turn

QUESTIONS = (
    "What is the capital of France?",
    "Which animal says moo?",
    "What is seven plus two?",
    "Name a colour of the rainbow.",
    "How many days has a week?",
    "Where does bread come from?",
    "Which month follows May?",
    "What do bees make?",
)
THOUGHT, REPLY = "I am asked a short question, so I think of what I know and answer it.", "That is easy to say: I will tell you."
STEPS, LONGEST = 3, 48
"""Optimiser steps that are timed after one to warm up, and tokens of a sample."""


@dataclass(frozen=True)
class Timing:
    """One kind of work, on one thread or the device. `mib`: the most memory that the process (or the device) has held so far."""

    work: str
    rows: int
    seconds: float
    tokens_per_second: float
    mib: float


@dataclass(frozen=True)
class ModelCard:
    """What was found. `traits` is the dialect in words; `checked` lists what was tried on its tokens."""

    model: str
    directory: str
    parameters: int
    positions: int
    traits: dict[str, str]
    timings: tuple[Timing, ...]

    @property
    def per_unit(self) -> dict[str, float]:
        """Seconds per optimiser step and per sample, for forecasts."""
        by_work = {timing.work: timing for timing in self.timings}
        return {
            "step": by_work["supervised step"].seconds / STEPS,
            "sample": by_work["sampling"].seconds / by_work["sampling"].rows,
        }


def model_card(profile: Profile, device: str = "cpu") -> ModelCard:
    """Open a checkpoint from outside, check its dialect, and time a supervised step, a reinforcement step and sampling.

    Raises UserError for a model that is no checkpoint, or cannot be opened.
    """
    directory = directory_of(profile.id)
    if directory is None:
        raise UserError(f"{profile.id} is no checkpoint; a model card is made of hf:PATH or gguf:FILE")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        engine = LocalEngine.load(directory, profile, device=device)
        timings = tuple(_timings(engine, device))
    finally:
        torch.set_num_threads(threads)
    return ModelCard(
        model=profile.id,
        directory=str(directory),
        parameters=sum(parameter.numel() for parameter in engine.net.model.parameters()),
        positions=engine.net.longest,
        traits=engine.net.dialect.traits,
        timings=timings,
    )


def _timings(engine: LocalEngine, device: str) -> Iterator[Timing]:
    prompts = [Prompt((Turn("user", question),)) for question in QUESTIONS]
    examples = [Example(prompt, THOUGHT, REPLY) for prompt in prompts]
    recipe = Recipe(steps=1, batch=len(examples), lr=0.0, schedule="constant", group=2, kl=0.1, max_tokens=LONGEST)
    engine.train(SFT, recipe, examples, seed=0)  # the first step pays for warming up
    started = time.perf_counter()
    rows = engine.train(SFT, recipe.model_copy(update={"steps": STEPS}), examples, seed=0)
    yield _timing("supervised step", len(examples), started, _tokens(rows), device)
    started = time.perf_counter()
    drawn = engine.sample(prompts, 2, 0, 1.0, LONGEST)
    yield _timing("sampling", 2 * len(prompts), started, _length(engine, drawn), device)
    started = time.perf_counter()
    items = [Item(prompt.turns[0].content, "question", prompt) for prompt in prompts[:4]]

    def reward(item: Item, sample: Completion) -> float:
        return float(len(sample.raw) % 5)

    rows = engine.train(RL, recipe.model_copy(update={"batch": 4}), items, seed=0, reward=reward, scratchpad="shown")
    yield _timing("reinforcement step", 8, started, _tokens(rows), device)


def _tokens(rows: Sequence[MetricRow]) -> int:
    last = {row["metric"]: row["value"] for row in rows}
    return int(sum(last[name] for name in ("tokens_prompt", "tokens_scratchpad", "tokens_answer")))


def _length(engine: LocalEngine, drawn: list[list[Completion]]) -> int:
    texts = [sample.raw for group in drawn for sample in group]
    return sum(len(ids) for ids in encode_texts(engine.net.dialect, texts))


def _timing(work: str, rows: int, started: float, tokens: int, device: str) -> Timing:
    seconds = time.perf_counter() - started
    on_gpu = device.startswith("cuda")
    most = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Timing(work, rows, seconds, tokens / seconds, most / 2**20)
