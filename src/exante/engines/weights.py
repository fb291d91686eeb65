"""An outside or kept checkpoint becomes a model and a tokenizer, all of its weights read and no code of its own run.

transformers draws weights anew where a checkpoint lacks them or its configuration asks for other sizes; here that is an error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers.utils import logging as library_logging

from exante.errors import UserError, is_disk_full
from exante.storage import checkpoints

COUNTED = ("layer", "expert", "head")
"""Numbers of a configuration that libraries loop over: with an absurd one the loop hardly ends, even if nothing is allocated."""
MOST = 1024


def load_model(directory: Path, outside: bool, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """The model, its weights rounded to `dtype`. Raises UserError where configuration and weights do not fit.

    Of a checkpoint from outside sizes are compared before any is allocated; one that exante saved is spared the 60 ms.
    """
    if outside:
        probe_model(directory)
    else:
        checkpoints.check(directory)
    return _read(directory, dtype=dtype)


def probe_model(directory: Path) -> PreTrainedModel:
    """The model without its numbers (on torch's meta device), after the same checks as when it is loaded."""
    checkpoints.check(directory)
    _check_counts(directory)
    return _read(directory, dtype=torch.float32, device_map="meta")


def load_tokenizer(directory: Path) -> Any:
    with _refusing(directory):
        return AutoTokenizer.from_pretrained(directory, local_files_only=True, trust_remote_code=False)


def _check_counts(directory: Path) -> None:
    with _refusing(directory):
        config = AutoConfig.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    most = max(MOST, len(checkpoints.shapes(directory)))
    for name, value in _numbers(config.to_dict()):
        if any(word in name for word in COUNTED) and value > most:
            raise UserError(
                f"{directory / 'config.json'} asks for {name} = {value}, which its weights do not hold; restore the file"
            )


def _numbers(config: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _numbers(value)
        elif isinstance(value, int):
            yield str(name), value


def _read(directory: Path, **where: Any) -> PreTrainedModel:
    options = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True, "output_loading_info": True}
    with _refusing(directory), _quiet():
        loaded: Any = AutoModelForCausalLM.from_pretrained(directory, **options, **where, attn_implementation="sdpa")
    model, report = loaded
    wrong = {
        "lack": report["missing_keys"],
        "hold, of no use to it,": report["unexpected_keys"],
        "misfit": report["mismatched_keys"],
    }
    for verb, names in wrong.items():
        if names:
            first = sorted(map(str, names))[0]
            raise UserError(
                f"{directory}: the weights {verb} {first} ({len(names)} such), going by its config.json; restore the"
                " configuration that the model was saved with"
            )
    return model


@contextlib.contextmanager
def _refusing(directory: Path) -> Iterator[None]:
    """One sentence for whatever the libraries raise: what a directory holds may be anything."""
    try:
        yield
    except Exception as error:
        if isinstance(error, UserError) or is_disk_full(error):
            raise
        lines = str(error).splitlines() or [type(error).__name__]
        sizes = "ignore_mismatched_sizes" in lines[0]
        reason = "config.json asks for other sizes than the weights have" if sizes else lines[0]
        raise UserError(
            f"{directory} cannot be loaded as a causal language model ({reason}); save it again or name another directory"
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the library from printing its table of misfits, which becomes one sentence here."""
    before = library_logging.get_verbosity()
    library_logging.set_verbosity_error()
    try:
        yield
    finally:
        library_logging.set_verbosity(before)
