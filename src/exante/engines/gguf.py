"""A GGUF file as an ordinary checkpoint: its weights made plain numbers once, and kept in the cache.

Runs no code of the file's. Does not know what the model is used for.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as library_logging

from exante.errors import UserError, is_disk_full
from exante.storage.files import cache_dir
from exante.storage.locks import exclusive


def unpacked(file: Path, sha256: str) -> Path:
    """The directory of the checkpoint made of a GGUF file with this digest. It takes about a minute the first time.

    Raises UserError for a file that the library cannot read, and without the package `gguf`.
    """
    if importlib.util.find_spec("gguf") is None:
        raise UserError("opening a GGUF file needs the package gguf; install it with: pip install 'exante[gguf]'")
    place = cache_dir() / "models" / sha256[:32]
    with exclusive(cache_dir() / "locks" / f"model-{place.name}.lock"):
        if not place.exists():
            print(f"exante: making a checkpoint of {file}, once", file=sys.stderr, flush=True)
            _write(file, place)
    return place


def _write(file: Path, place: Path) -> None:
    scratch = place.with_suffix(".part")
    shutil.rmtree(scratch, ignore_errors=True)
    library_logging.disable_progress_bar()
    try:
        packed = {"pretrained_model_name_or_path": file.parent, "gguf_file": file.name, "local_files_only": True}
        model = AutoModelForCausalLM.from_pretrained(**packed, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(**packed)
        # The library refuses to save a model that was quantised when it was read, so its numbers go into a plain one.
        plain = AutoModelForCausalLM.from_config(model.config)
        plain.load_state_dict(model.state_dict())
        plain.generation_config = model.generation_config
        plain.save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
        os.replace(scratch, place)
    except Exception as error:
        shutil.rmtree(scratch, ignore_errors=True)
        if is_disk_full(error):
            raise
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{file} cannot be read as a model ({first}); give another GGUF file") from error
