"""Names of checkpoints from outside, and where this machine last saw their files.

A registration calls a checkpoint NAME@DIGEST, so that it says which model was studied wherever its files lie. The path stands in
the cache only (`models.json`), which is written whenever a path is named. Opens no model.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from exante.storage.files import cache_dir, write_json
from exante.storage.locks import exclusive

DIGITS = 16
"""Hex digits of a digest in a model's name."""
_NAMED = re.compile(rf"([\w.-]+)@([0-9a-f]{{{DIGITS}}})")


@dataclass(frozen=True)
class Named:
    """NAME@DIGEST: a name for people, and the first digits of the sha256 that says which files are meant."""

    name: str
    digest: str

    def __str__(self) -> str:
        return f"{self.name}@{self.digest}"


def named(text: str) -> Named | None:
    """What a text says if it is NAME@DIGEST; None where it is a path."""
    match = None if Path(text).exists() else _NAMED.fullmatch(text)
    return Named(match[1], match[2]) if match else None


def name_for(path: Path, sha256: str) -> Named:
    """The name of the files at `path`, which is remembered as the place where they lie."""
    name = re.sub(r"[^\w.-]+", "-", path.resolve().name).strip("-") or "model"
    _remember(sha256[:DIGITS], path.resolve())
    return Named(name, sha256[:DIGITS])


def place_of(digest: str) -> Path | None:
    """Where the files with this digest were last seen; None if they never were, or are gone."""
    path = _places().get(digest)
    return Path(path) if path is not None and Path(path).exists() else None


def carry_places(cache: Path) -> None:
    """Tell another cache directory what this one knows."""
    write_json(cache / _file().name, {"places": _places()})


def _remember(digest: str, path: Path) -> None:
    if _places().get(digest) == str(path):
        return
    with exclusive(cache_dir() / "locks" / "models.lock"):
        write_json(_file(), {"places": _places() | {digest: str(path)}})


def _places() -> dict[str, str]:
    """Damaged, it is empty: what it holds is found again when a path is named again."""
    try:
        held = json.loads(_file().read_text("utf-8"))["places"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {str(digest): path for digest, path in held.items() if isinstance(path, str)} if isinstance(held, dict) else {}


def _file() -> Path:
    return cache_dir() / "models.json"
