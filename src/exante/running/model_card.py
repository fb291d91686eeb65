"""What there is to know of a model before a study is put on it: how its text is laid out, how fast it is here, what fits.

Loads the model once and times it for some seconds. Does not know about registrations or runs.
"""

from __future__ import annotations

import os
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
    """What was found. `traits` is the dialect in words. `loaded_mib` is the memory of a process (or the device) that has opened
    the model, `room_mib` all the memory there is."""

    model: str
    directory: str
    parameters: int
    positions: int
    traits: dict[str, str]
    timings: tuple[Timing, ...]
    loaded_mib: float
    room_mib: float

    @property
    def micro_batch(self) -> int | None:
        """The most examples per pass, as a power of two, for which a process fits into four fifths of the memory; None where not
        even one does. What an example needs is read off the supervised step."""
        step = next(timing for timing in self.timings if timing.work == "supervised step")
        each = max(step.mib - self.loaded_mib, 1.0) / step.rows
        fits = int((0.8 * self.room_mib - self.loaded_mib) / each)
        return None if fits < 1 else 1 << (fits.bit_length() - 1)

    @property
    def memory_advice(self) -> str:
        """What --micro-batch and --dtype could be, in a sentence."""
        room = f"{self.loaded_mib:.0f} of {self.room_mib:.0f} MiB for the open model"
        if self.micro_batch is None:
            return f"{room}; no room is left to train it in float32: choose --dtype bfloat16, or a larger device"
        return f"{room}; one worker has room for --micro-batch {self.micro_batch} with texts like those timed"

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
        loaded = _most_mib(device)
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
        loaded_mib=loaded,
        room_mib=_room_mib(device),
    )


def _most_mib(device: str) -> float:
    """The most memory that this process has held so far, on the device if that is a GPU."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _room_mib(device: str) -> float:
    if device.startswith("cuda"):
        return torch.cuda.get_device_properties(device).total_memory / 2**20
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20


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
    return Timing(work, rows, seconds, tokens / seconds, _most_mib(device))
