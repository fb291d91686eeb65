"""Model profiles: all that belongs to a model family, so that a study's own file carries no learning rates.

One file per kind of model; this is the list of them. Does not train, and opens a model only where one is asked for.
"""

from __future__ import annotations

from pathlib import Path

from exante.engines.base import Engine
from exante.errors import UserError
from exante.profiles import gguf, hf, micro, scripted
from exante.profiles.base import Files
from exante.profiles.places import name_for, named, place_of
from exante.study import Profile

PROVIDERS = {provider.kind: provider for provider in (micro.PROVIDER, hf.PROVIDER, gguf.PROVIDER, scripted.PROVIDER)}


def profile(model: str) -> Profile:
    """The profile of `micro:NAME`, `hf:PATH`, `gguf:FILE` or `scripted:NAME`. Raises UserError for anything else."""
    kind, _, name = model.partition(":")
    made = PROVIDERS[kind].profile(name) if kind in PROVIDERS else None
    if made is None:
        *names, last = (name for provider in PROVIDERS.values() for name in provider.names)
        raise UserError(f"there is no model {model!r}; the models are {', '.join(names)} and {last}")
    return made


def frozen_name(model: str) -> str:
    """What a registration calls a model: KIND:NAME@DIGEST for one that is files, else its name as it is.

    Reads the files, and remembers where they lie. Raises UserError for files that cannot be used.
    """
    files, _, name = _files(model)
    if files is None or named(name) is not None:
        return model
    path = files.path(name)
    return f"{model.partition(':')[0]}:{name_for(path, files.digest(path))}"


def weights_digest(model: str) -> str:
    """The digest in a frozen name; of a model without files the name itself. Reads no files of a frozen name."""
    files, _, name = _files(model)
    known = named(name)
    if files is None:
        return model
    return known.digest if known else frozen_name(model).partition("@")[2]


def directory_of(model: str) -> Path | None:
    """Where the checkpoint of an outside model lies; None for models that have none, and for those that a study describes itself.

    Raises UserError where the files of a frozen name were never seen here, or are others now.
    """
    files, kind, name = _files(model)
    if files is None:
        return None
    wanted = named(name)
    if wanted is None:
        return files.checkpoint(files.path(name))
    path = place_of(wanted.digest)
    if path is None:
        raise UserError(
            f"this machine does not know where {model} lies; name its files once with --model {kind}:PATH, or with"
            f" 'exante model {kind}:PATH'"
        )
    if files.digest(path)[: len(wanted.digest)] != wanted.digest:
        raise UserError(
            f"{path} is not {model} any more: its files have changed; put them back, or name others that are the same with"
            f" --model {kind}:PATH"
        )
    return files.checkpoint(path)


def _files(model: str) -> tuple[Files | None, str, str]:
    """How the files of a model's kind are handled (None for kinds without), and both parts of its name."""
    kind, _, name = model.partition(":")
    provider = PROVIDERS.get(kind)
    return provider.files if provider else None, kind, name


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
