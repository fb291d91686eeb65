"""Where models of one kind come from: what a study calls them, their profile, and how they are opened.

Needs no torch: an engine is imported when a model is opened. To add a kind, write a file with one record and name it in
`profiles/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exante.engines.base import Engine
from exante.study import Profile


@dataclass(frozen=True, kw_only=True)
class Files:
    """How a kind of model that consists of files is handled. All raise UserError for files that cannot be used.

    `path`: from what the user typed to the file or directory that is meant.
    `digest`: sha256 (hex) of all that the model's text depends on.
    `checkpoint`: from that path to a directory as the transformers library saves one.
    """

    path: Callable[[str], Path]
    digest: Callable[[Path], str]
    checkpoint: Callable[[Path], Path]


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Models named `KIND:NAME`. The functions get NAME.

    `names`: the models it has, for messages.
    `profile`: a model's profile; None where there is no such model.
    `files`: how its files are handled; None for models that are no files.
    `sampler`: opens a model that is no files and cannot train; None for others.
    `code`: the modules that a sampler's samples rest on; they are watched like the local engine's.
    """

    kind: str
    names: tuple[str, ...]
    profile: Callable[[str], Profile | None]
    files: Files | None = None
    sampler: Callable[[str], Engine] | None = None
    code: tuple[str, ...] = ()
