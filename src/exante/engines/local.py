"""The engine that trains and samples any Hugging Face causal language model on this machine.

Does not know about studies, cells or where checkpoints are kept: callers pass paths, data and recipes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging as library_logging

from exante.engines import lora, sampling
from exante.engines.base import Keep, MetricRow, Reward, Run
from exante.engines.network import Network, digest, make_deterministic, network, seeded
from exante.engines.options import option_logprobs
from exante.engines.progress import Hooks
from exante.engines.render import Template, prompt_text, template_for, train_tokenizer
from exante.engines.weights import load_model, load_tokenizer, probe_model
from exante.errors import UserError
from exante.study import Profile, Recipe
from exante.text import Completion, Example, Item, Prompt, Turn

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
    """One model in memory. Training changes it; between phases it is always a plain, merged model."""

    def __init__(self, profile: Profile, net: Network) -> None:
        self.profile = profile
        self.net = net

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
    def load(cls, path: str | Path, profile: Profile, device: str = "cpu", *, outside: bool = True) -> LocalEngine:
        """A causal language model from a directory with safetensors weights and a tokenizer. exante's own cache, which is
        not `outside`, is spared some checks."""
        directory = Path(path)
        return cls._wrap(profile, load_model(directory, outside), load_tokenizer(directory), device)

    @staticmethod
    def probe(path: str | Path, profile: Profile) -> None:
        """Raises the UserError that `load` would raise for this directory, without reading its weights."""
        model, tokenizer = probe_model(Path(path)), load_tokenizer(Path(path))
        try:
            prompt_text(_template(profile, model, tokenizer), Prompt((Turn("user", "Hello."),)))
        except UserError as error:
            raise UserError(f"{path} cannot be used: {error}") from error

    @classmethod
    def _wrap(cls, profile: Profile, model: PreTrainedModel, tokenizer: Any, device: str) -> LocalEngine:
        place = torch.device(device)
        make_deterministic(place)
        template = _template(profile, model, tokenizer)
        return cls(profile, network(model, template, place, bf16=profile.dtype == "bfloat16"))

    def save(self, path: str | Path) -> None:
        """An ordinary checkpoint: config, safetensors, tokenizer, chat template. Adapters of a running phase are merged
        into a copy."""
        lora.merged_copy(self.net.model).save_pretrained(path, safe_serialization=True)
        self.net.template.tokenizer.save_pretrained(path)

    def weight_digest(self) -> str:
        return digest(self.net.model)

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
        with seeded(seed, self.net.device), lora.trainable(self.net.model, self.profile) as change:
            rows = objective.train(Run(self.net, recipe, data, seed, hooks, reward, keep, scratchpad))
            rows.append({"step": total, "metric": "weight_change", "value": change()})
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


def _template(profile: Profile, model: PreTrainedModel, tokenizer: Any) -> Template:
    """The layout of the model's text; a turn also ends where its generation configuration says."""
    declared = model.generation_config.eos_token_id if model.generation_config else None
    stops = declared if isinstance(declared, list) else [] if declared is None else [declared]
    return template_for(tokenizer, profile, stops)
