"""`gguf:FILE`: a model in one file, as llama.cpp and its like use, opened as an ordinary checkpoint."""

from __future__ import annotations

from pathlib import Path

from exante.profiles.base import Provider
from exante.profiles.hf import lora_profile


def _directory(file: str) -> Path:
    from exante.engines.gguf import unpacked

    return unpacked(Path(file))


PROVIDER = Provider(
    kind="gguf",
    names=("gguf:FILE",),
    profile=lambda file: lora_profile(f"gguf:{file}") if file else None,
    directory=_directory,
)
