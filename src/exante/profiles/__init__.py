"""Model profiles: all that belongs to a model family, so that a study's own file carries no learning rates.

One file per kind of model; this is the list of them. Does not train, and opens a model only where one is asked for.
"""

from __future__ import annotations

from pathlib import Path

from exante.engines.base import Engine
from exante.errors import UserError
from exante.profiles import hf, micro, scripted
from exante.storage import checkpoints
from exante.study import Profile

PROVIDERS = {provider.kind: provider for provider in (micro.PROVIDER, hf.PROVIDER, scripted.PROVIDER)}


def profile(model: str) -> Profile:
    """The profile of `micro:NAME`, `hf:PATH` or `scripted:NAME`. Raises UserError for anything else."""
    kind, _, name = model.partition(":")
    found = PROVIDERS[kind].profile(name) if kind in PROVIDERS else None
    if found is None:
        *names, last = (name for provider in PROVIDERS.values() for name in provider.names)
        raise UserError(f"there is no model {model!r}; the models are {', '.join(names)} and {last}")
    return found


def directory_of(model: str) -> Path | None:
    """Where the files of an outside model lie; None for models that have none, and for those that a study describes itself."""
    kind, _, name = model.partition(":")
    provider = PROVIDERS.get(kind)
    return provider.directory(name) if provider and provider.directory else None


def weights_digest(model: str) -> str:
    """Digest of an outside model's files; of a model without files the name itself. Raises UserError if it cannot be used."""
    directory = directory_of(model)
    return model if directory is None else checkpoints.digest(directory)


def sampler(model: str) -> Engine:
    """The engine of a model that has no files and only samples. Raises UserError where there is none."""
    kind, _, name = model.partition(":")
    provider = PROVIDERS.get(kind)
    if provider is None or provider.sampler is None:
        raise UserError(f"{model} has neither an architecture nor a checkpoint, so it cannot be opened; name another model")
    return provider.sampler(name)


def sampler_code(model: str) -> tuple[str, ...]:
    """Modules that the samples of a model rest on besides those of the local engine."""
    provider = PROVIDERS.get(model.partition(":")[0])
    return provider.code if provider else ()
