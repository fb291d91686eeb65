"""Outside checkpoints as directories: whether they can be used at all, and a digest of all that shapes their text.

Reads JSON and the headers of safetensors files; needs no torch and runs no code from the directory.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from exante.errors import UserError

IDENTITY = (
    "*.safetensors",
    "*.safetensors.index.json",
    "config.json",
    "generation_config.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab*",
    "merges.txt",
    "*.model",
    "*.tiktoken",
    "chat_template*",
    "additional_chat_templates/*",
)
"""What a model's samples depend on: weights, configuration, tokenizer, what generation stops at, chat templates."""
LONGEST_HEADER = 100_000_000
"""Bytes that the safetensors format allows a header."""


def digest(directory: Path) -> str:
    """Digest of a checkpoint's files (`IDENTITY`: names and contents).

    Two directories that could answer differently have different digests. Raises UserError for one that cannot be used.
    """
    check(directory)
    files = sorted({path for pattern in IDENTITY for path in directory.glob(pattern) if path.is_file()})
    stats = ((path, path.stat()) for path in files)
    return _digest(directory, tuple((path, s.st_size, s.st_mtime_ns, s.st_ino) for path, s in stats))


@lru_cache(maxsize=64)
def _digest(directory: Path, stats: tuple[tuple[Path, int, int, int], ...]) -> str:
    """Digest of the files' names and contents; read again only where a file's size, time or inode changed."""
    total = hashlib.sha256()
    for path, *_ in stats:
        with open(path, "rb") as stream:
            content = hashlib.file_digest(stream, "sha256").digest()
        total.update(path.relative_to(directory).as_posix().encode() + b"\0" + content)
    return total.hexdigest()


def check(directory: Path) -> None:
    """Raises UserError for a directory without configuration or whole safetensors weights, or with code of its own."""
    if not (directory / "config.json").is_file():
        raise UserError(
            f"{directory} is not a model directory (no config.json in it); name the directory of a saved Hugging Face model"
        )
    if not any(directory.glob("*.safetensors")):
        weights = "pickle weights only" if any(directory.glob("*.bin")) or any(directory.glob("*.pt*")) else "no weights"
        raise UserError(
            f"{directory} holds {weights} and no safetensors, and exante loads nothing else; convert it with save_pretrained"
        )
    for name in ("config.json", "tokenizer_config.json"):
        if (directory / name).is_file() and "auto_map" in _json(directory / name):
            raise UserError(
                f"{directory / name} names Python code of its own (auto_map), and exante runs no code that comes with a model;"
                " save the model with a class of the transformers library, or remove auto_map if it already is one"
            )
    shapes(directory)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON ({type(error).__name__}); save the model again") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} holds no JSON object; save the model again")
    return value


def shapes(directory: Path) -> dict[str, tuple[int, ...]]:
    """Tensor name → shape, from the headers of all safetensors files. Raises UserError where one is damaged."""
    shape_of: dict[str, tuple[int, ...]] = {}
    for path in sorted(directory.glob("*.safetensors")):
        try:
            header, data = _header(path)
            for name, tensor in header.items():
                if name != "__metadata__":
                    shape_of[name] = tuple(int(size) for size in tensor["shape"])
                    if not 0 <= tensor["data_offsets"][0] <= tensor["data_offsets"][1] <= data:
                        raise ValueError("its tensors lie beyond its end")
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, OSError, RecursionError) as error:
            raise UserError(f"{path} is not a complete safetensors file ({error}); copy or save the model again") from error
    return shape_of


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """The JSON header of a safetensors file (8 bytes of its length, then itself) and the bytes of data after it."""
    size = path.stat().st_size
    with open(path, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > min(size - 8, LONGEST_HEADER):
            raise ValueError("its header is longer than the file")
        return json.loads(stream.read(length)), size - 8 - length
