"""`gguf:FILE`: a model in one file, as llama.cpp and its like use, opened as an ordinary checkpoint."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from exante.errors import UserError
from exante.profiles.base import Files, Provider
from exante.profiles.hf import lora_profile

MAGIC = b"GGUF"


def _digest(file: Path) -> str:
    """sha256 of the file. Raises UserError for one that is no GGUF file."""
    try:
        with open(file, "rb") as stream:
            magic = stream.read(len(MAGIC))
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}); give the path of a GGUF file") from error
    if magic != MAGIC:
        raise UserError(f"{file} is no GGUF file (it does not begin with {MAGIC.decode()}); give another file")
    stat = file.stat()
    return _sha256(file, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=16)
def _sha256(file: Path, size: int, time: int) -> str:
    """Read again only where the file's size or time changed."""
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _checkpoint(file: Path) -> Path:
    from exante.engines.gguf import unpacked

    return unpacked(file, _digest(file))


PROVIDER = Provider(
    kind="gguf",
    names=("gguf:FILE",),
    profile=lambda file: lora_profile(f"gguf:{file}") if file else None,
    files=Files(path=Path, digest=_digest, checkpoint=_checkpoint),
)
