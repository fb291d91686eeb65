"""The engine that trains and samples any Hugging Face causal language model on this machine.

Does not know about studies, cells or where checkpoints are kept: callers pass paths, data and recipes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging as library_logging

from exante.engines import lora, sampling
from exante.engines.base import Keep, MetricRow, Reward, Run
from exante.engines.dialects.base import Dialect
from exante.engines.dialects.check import check
from exante.engines.dialects.micro import train_tokenizer
from exante.engines.network import Network, digest, make_deterministic, network, seeded, tensors_digest
from exante.engines.options import option_logprobs
from exante.engines.progress import Hooks
from exante.engines.render import dialect_for
from exante.engines.weights import load_model, load_tokenizer, probe_model
from exante.errors import UserError
from exante.storage import checkpoints
from exante.study import Profile, Recipe
from exante.text import Completion, Example, Item, Prompt

library_logging.disable_progress_bar()  # progress goes through callbacks; the library's bars would garble ours


def _nothing(*_: int) -> None:
    """The default of the callbacks."""


class Trains(Protocol):
    """What this engine asks of an objective: how many optimiser steps it takes, and to take them."""

    @property
    def steps(self) -> Callable[[Recipe], int]: ...
    @property
    def train(self) -> Callable[[Run], list[MetricRow]]: ...


class LocalEngine:
    """One model in memory. Training changes it. Between phases it is a plain model, but for the adapter `beside` weights that are
    kept in bfloat16."""

    def __init__(self, profile: Profile, net: Network, lineage: Sequence[str] = ()) -> None:
        """`lineage`: digests of the outside checkpoint and of the adapters on it, in order; empty for a model of our own."""
        self.profile = profile
        self.net = net
        self.lineage = tuple(lineage)
        self.adapter: lora.Adapter | None = None
        self.beside: lora.Adapter | None = None

    @classmethod
    def initialise(cls, profile: Profile, corpus: Iterable[str | Example], seed: int, device: str = "cpu") -> LocalEngine:
        """A fresh micro model: tokenizer trained on the corpus, weights drawn from the seed by the library's own initialiser."""
        if profile.architecture is None:
            raise UserError(
                f"{profile.id} names a checkpoint, not an architecture; a base can only be pretrained for a micro: model"
            )
        tokenizer = train_tokenizer(corpus)
        config = AutoConfig.for_model(
            **profile.architecture,
            vocab_size=len(tokenizer),
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        with seeded(seed, torch.device("cpu")):
            model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
        return cls._wrap(profile, model, tokenizer, device)

    @classmethod
    def load(
        cls,
        path: str | Path,
        profile: Profile,
        device: str = "cpu",
        *,
        outside: bool = True,
        adapters: Sequence[Path] = (),
    ) -> LocalEngine:
        """A causal language model from a directory with safetensors weights and a tokenizer.

        An outside checkpoint is known by its files, and `adapters` of phases on it are merged into it in order. exante's own
        cache, which is not `outside`, is spared some checks.
        """
        directory = Path(path)
        model = load_model(directory, outside, torch.bfloat16 if profile.rounds_weights else torch.float32)
        applied, beside = lora.apply_saved(model, adapters)
        lineage = [checkpoints.digest(directory)] if outside and profile.method == "lora" else []
        lineage += [tensors_digest(adapter.weights) for adapter in applied]
        engine = cls._wrap(profile, model, load_tokenizer(directory), device, lineage)
        engine.beside = beside
        return engine

    @staticmethod
    def probe(path: str | Path, profile: Profile) -> None:
        """Raises the UserError that `load` would raise for this directory, without reading its weights."""
        LocalEngine.dialect_of(path, profile)

    @staticmethod
    def dialect_of(path: str | Path, profile: Profile) -> Dialect:
        """The dialect of the checkpoint in a directory, without reading its weights."""
        model, tokenizer = probe_model(Path(path)), load_tokenizer(Path(path))
        try:
            return _dialect(profile, model, tokenizer)
        except UserError as error:
            raise UserError(f"{path} cannot be used: {error}") from error

    @classmethod
    def _wrap(
        cls, profile: Profile, model: PreTrainedModel, tokenizer: Any, device: str, lineage: Sequence[str] = ()
    ) -> LocalEngine:
        place = torch.device(device)
        make_deterministic(place)
        dialect = _dialect(profile, model, tokenizer)
        return cls(
            profile, network(model, dialect, place, bf16=profile.dtype == "bfloat16" and not profile.rounds_weights), lineage
        )

    def save(self, path: str | Path) -> None:
        """An ordinary checkpoint: config, safetensors, tokenizer, chat template. Adapters of a running phase are merged
        into a copy."""
        lora.merged_copy(self.net.model).save_pretrained(path, safe_serialization=True)
        self.net.dialect.tokenizer.save_pretrained(path)

    def weight_digest(self) -> str:
        """sha256 of what the model is: of its weights, or of the outside checkpoint's files and the adapters merged into it."""
        return hashlib.sha256("\n".join(self.lineage).encode()).hexdigest() if self.lineage else digest(self.net.model)

    def train(
        self,
        objective: Trains,
        recipe: Recipe,
        data: Sequence[Example] | Sequence[Item],
        *,
        seed: int,
        checkpoints: Sequence[int] = (),
        on_checkpoint: Callable[[int], None] = _nothing,
        reward: Reward | None = None,
        keep: Keep | None = None,
        scratchpad: str = "hidden",
        on_progress: Callable[[int, int], None] = _nothing,
    ) -> list[MetricRow]:
        """Run one phase in place; metrics in long form (step, metric, value). Same seed, same weights, byte for byte."""
        total = objective.steps(recipe)
        hooks = Hooks(self.net, total, frozenset(checkpoints), on_checkpoint, on_progress)
        with seeded(seed, self.net.device), lora.trainable(self.net.model, self.profile, self.beside) as trained:
            rows = objective.train(Run(self.net, recipe, data, seed, hooks, reward, keep, scratchpad))
            rows.append({"step": total, "metric": "weight_change", "value": trained.change()})
        self.adapter = trained.adapter
        if self.adapter is not None and not lora.merges(self.net.model):
            self.beside = self.adapter if self.beside is None else lora.joined([self.beside, self.adapter])
        if self.lineage and trained.adapter is not None:
            self.lineage = (*self.lineage, tensors_digest(trained.adapter.weights))
        self.net.model.eval()
        return rows

    def sample(
        self, prompts: Sequence[Prompt], n: int, seed: int, temperature: float = 1.0, max_tokens: int = 64
    ) -> list[list[Completion]]:
        """`n` completions per prompt; the same seed gives the same text."""
        return sampling.sample(self.net, prompts, n, seed, temperature, max_tokens)

    def logprobs(self, prompts: Sequence[Prompt], options: Sequence[Sequence[str]]) -> list[list[float]]:
        """Log-probability (nats) of each option's text as the continuation of its prompt."""
        return option_logprobs(self.net, prompts, options)


def _dialect(profile: Profile, model: PreTrainedModel, tokenizer: Any) -> Dialect:
    """The layout of the model's text, tried on its tokenizer; a turn also ends where its generation configuration says."""
    declared = model.generation_config.eos_token_id if model.generation_config else None
    stops = declared if isinstance(declared, list) else [] if declared is None else [declared]
    dialect = dialect_for(tokenizer, profile, stops)
    if dialect.name != "micro":
        check(dialect, profile.id)
    return dialect
