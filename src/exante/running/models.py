"""The models that phases leave in the cache: how they are kept, and opened again with a check of their digest.

A phase of a micro model leaves all of its weights. A phase on a checkpoint from outside leaves an adapter; its model is that
checkpoint with the adapters of all phases before it. Does not know what a model is used for.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from exante.engines.local import LocalEngine
from exante.errors import UserError
from exante.profiles import directory_of
from exante.storage import checkpoints
from exante.storage.phase_store import PhaseStore
from exante.study import Profile

MODEL, ADAPTER = "model", "adapter"
"""Folders of a phase: whole weights, or an adapter."""


def keep(engine: LocalEngine, scratch: Path, phase_id: str, before: list[str]) -> dict[str, Any]:
    """Write what a phase made of a model into its folder; what its done-marker says of the model.

    `before`: the phases whose adapters the model began with.
    """
    said = {"weights": engine.weight_digest()}
    if not engine.lineage:
        engine.save(scratch / MODEL)
        return said
    if engine.adapter is None:  # a phase of no steps
        return said | {"adapters": before}
    engine.adapter.save(scratch / ADAPTER)
    return said | {"adapters": [*before, phase_id]}


def is_kept(store: PhaseStore, phase_id: str) -> bool:
    """Whether the cache still holds the model that a phase left."""
    marker = store.find(phase_id)
    if marker is None:
        return False
    needed = marker.get("adapters")
    if needed is None:
        return (folder(store, phase_id) / MODEL).exists()
    return all((folder(store, one) / ADAPTER).exists() for one in needed)


def adapters_of(store: PhaseStore, phase_id: str) -> list[str]:
    """The phases whose adapters make the model that a phase left, in order."""
    return list((store.find(phase_id) or {}).get("adapters", []))


def opened(store: PhaseStore, profile: Profile, phase_id: str, device: str) -> LocalEngine:
    """The model that a phase left, checked against the digest in its done-marker. Raises UserError where it differs."""
    outside = directory_of(profile.id)  # raises UserError where the checkpoint is not the one that was registered
    marker = store.find(phase_id)
    assert marker is not None, f"phase {phase_id} is not in the store although it was scheduled before"
    try:
        engine = _read(store, profile, phase_id, device, outside)
    except UserError:
        if outside is not None:
            checkpoints.digest(outside)  # says what is wrong with the checkpoint, if that is what is wrong
        engine = None
    if engine is not None and engine.weight_digest() == marker["weights"]:
        return engine
    damaged = folder(store, phase_id)
    store.discard(damaged, before=math.inf)
    raise UserError(
        f"a model in exante's own cache was damaged after it was saved ({damaged}), and was taken out of it;"
        " the same command again trains it anew"
    )


def _read(store: PhaseStore, profile: Profile, phase_id: str, device: str, outside: Path | None) -> LocalEngine:
    if outside is None or (folder(store, phase_id) / MODEL).exists():
        return LocalEngine.load(folder(store, phase_id) / MODEL, profile, device=device, outside=False)
    paths = [folder(store, one) / ADAPTER for one in adapters_of(store, phase_id)]
    return LocalEngine.load(outside, profile, device=device, adapters=paths)


def folder(store: PhaseStore, phase_id: str) -> Path:
    """Where a phase lies: a base or another."""
    base = store.directory(phase_id, True)
    return base if base.exists() else store.directory(phase_id, False)
