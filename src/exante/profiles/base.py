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
class Provider:
    """Models named `KIND:NAME`. The functions get NAME.

    `names`: the models it has, for messages.
    `profile`: a model's profile; None where there is no such model.
    `directory`: where its checkpoint lies, as the transformers library saves one; None for models that are no files.
    `sampler`: opens a model that is no files and cannot train; None for others.
    `code`: the modules that a sampler's samples rest on; they are watched like the local engine's.
    """

    kind: str
    names: tuple[str, ...]
    profile: Callable[[str], Profile | None]
    directory: Callable[[str], Path] | None = None
    sampler: Callable[[str], Engine] | None = None
    code: tuple[str, ...] = ()
