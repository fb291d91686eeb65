"""The cache of phases: content-addressed results that all runs and studies share, and leases on those that live runs need.

The done-marker of a phase's directory is written last. Does not know what a phase holds.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, NotRequired

from pydantic import FiniteFloat, NonNegativeInt, TypeAdapter
from typing_extensions import TypedDict

from exante.errors import UserError
from exante.storage.files import FORMAT, cache_dir, write_json
from exante.storage.locks import exclusive, exclusive_or_not

DONE = "done.json"
KINDS = ("bases", "phases")
COSTS = "costs.json"
LEASES = "gate.lock"
"""Held while a lease is written or the cache pruned."""
NEEDED, HELD = "a live run needs", "another process holds"


class _Marker(TypedDict):
    """What a done-marker must hold to be used."""

    digests: dict[str, str]
    device: str
    weights: str
    seconds: FiniteFloat
    evaluation_seconds: FiniteFloat
    samples: NonNegativeInt
    parents: NotRequired[dict[str, str]]
    named: NotRequired[list[str]]
    examples: NotRequired[str]
    checkpoint: NotRequired[str]
    adapters: NotRequired[list[str]]


_MARKER = TypeAdapter(_Marker)


class PhaseStore:
    """Content-addressed results of phases, shared by all runs and studies: `bases/` and `phases/`."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or cache_dir()

    def directory(self, phase_id: str, base: bool) -> Path:
        return Path(f"{self.root}/{'bases' if base else 'phases'}/{phase_id[:2]}/{phase_id}")

    def marker(self, directory: Path) -> dict[str, Any] | None:
        """The done-marker of a committed phase; None without a usable one, and the phase is computed again."""
        try:
            with open(f"{directory}/{DONE}", encoding="utf-8") as file:
                marker = json.load(file)
            _MARKER.validate_python(marker)
        except (OSError, ValueError, RecursionError):
            return None
        return marker if marker.pop("format", 1) == FORMAT else None

    def find(self, phase_id: str) -> dict[str, Any] | None:
        """The done-marker of a phase, base or not."""
        return self.marker(self.directory(phase_id, True)) or self.marker(self.directory(phase_id, False))

    def held(self, directory: Path) -> AbstractContextManager[None]:
        """Hold one phase, so that two runs that need it compute it once. Waits while another process holds it."""
        return exclusive(self._lock(directory))

    def _lock(self, directory: Path) -> Path:
        """One lock for a phase and for its scratch directory beside it."""
        return self.root / "locks" / f"{directory.name.partition('.')[0]}.lock"

    @contextlib.contextmanager
    def leased(self, ids: Iterable[str], alone: Iterable[str] = ()) -> Iterator[None]:
        """Keep phases from being pruned while this process needs them. The lease ends with the process, also if it is killed.

        Raises UserError if another live process needs one of `alone`.
        """
        lease = self._leases / f"{os.getpid()}-{uuid.uuid4().hex[:8]}.json"
        with contextlib.ExitStack() as stack:
            with exclusive(self._leases / LEASES):
                if not self._needed().isdisjoint(alone):
                    raise UserError("another live run needs phases that this one would delete; wait for it, or leave out --fresh")
                stack.enter_context(exclusive(lease))
                lease.write_text(json.dumps(list(ids)), "utf-8")  # not by rename: the lock is on this very file
            yield

    @property
    def _leases(self) -> Path:
        return self.root / "leases"

    def _needed(self) -> set[str]:
        """Ids of the phases that live processes lease. Called with the lock `LEASES`, so that no lease is half written."""
        needed: set[str] = set()
        for lease in self._leases.glob("*.json"):
            with exclusive_or_not(lease) as dead:  # a dead process's lease is gone when this ends
                if not dead:
                    with contextlib.suppress(FileNotFoundError):  # its process has just ended
                        needed.update(json.loads(lease.read_text("utf-8")))
        return needed

    def commit(self, directory: Path, build: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
        """Build a phase in a scratch directory beside `directory`; `build` returns the done-marker, written last."""
        scratch = directory.with_suffix(".part")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        try:
            marker = build(scratch)
            write_json(scratch / DONE, marker)
            _sync(scratch)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)  # leaves no half phase on a full disk
            raise
        _delete(directory)
        os.replace(scratch, directory)
        return marker

    def discard(self, directory: Path, before: float) -> None:
        """Delete a phase that was committed before a time (seconds since the epoch), once nobody holds it."""
        marker = directory / DONE
        if marker.exists():
            with self.held(directory):
                if marker.exists() and marker.stat().st_mtime < before:
                    _delete(directory)

    def entries(self) -> list[tuple[Path, int]]:
        """Committed phases and their size in bytes, oldest first. Those that another process deletes meanwhile are left out."""
        entries = []
        for marker in (marker for kind in KINDS for marker in (self.root / kind).glob(f"*/*/{DONE}")):
            if marker.parent.suffix:  # about to be committed, or half deleted
                continue
            with contextlib.suppress(FileNotFoundError):
                size = sum(file.stat().st_size for file in marker.parent.rglob("*") if file.is_file())
                entries.append((marker.stat().st_mtime, marker.parent, size))
        return [(path, size) for _, path, size in sorted(entries)]

    def unpacked(self) -> list[tuple[Path, int]]:
        """Checkpoints that were made of GGUF files, and their size in bytes."""
        places = sorted(path for path in (self.root / "models").glob("*") if path.is_dir() and not path.suffix)
        return [(path, sum(file.stat().st_size for file in path.rglob("*") if file.is_file())) for path in places]

    def prune(self, *, bases: bool) -> Pruned:
        """Delete committed phases (and with `bases` these and unpacked checkpoints too), and what dead processes left behind.

        Phases that a live process needs or holds are kept, without waiting.
        """
        freed, kept = 0, dict.fromkeys((NEEDED, HELD), 0)
        with exclusive(self._leases / LEASES):  # no run starts while this decides what is needed
            needed = self._needed()
            for path, size in self.entries():
                if bases or path.parent.parent.name == "phases":
                    why = NEEDED if path.name in needed else None if self._delete_free(path) else HELD
                    freed += 0 if why else size
                    if why:
                        kept[why] += 1
            freed += self._delete_unpacked() if bases else 0
            self._sweep()
        return Pruned(freed, {why: number for why, number in kept.items() if number})

    def _delete_free(self, directory: Path) -> bool:
        with exclusive_or_not(self._lock(directory)) as free:
            if free:
                _delete(directory)
        return free

    def _unlink_free(self, path: Path, lock: Path) -> None:
        with exclusive_or_not(lock) as free:
            if free:
                path.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Delete what dead processes left behind: scratch directories, temporary files and locks."""
        for kind in KINDS:
            for path in [*(self.root / kind).glob("*/*.part"), *(self.root / kind).glob("*/*.gone")]:
                with exclusive_or_not(self._lock(path)) as free:
                    if free:
                        shutil.rmtree(path, ignore_errors=True)
        for path in (path for kind in KINDS for path in (self.root / kind).glob("*/*/**/.*.tmp")):
            phase = self.root / Path(*path.relative_to(self.root).parts[:3])
            self._unlink_free(path, self._lock(phase))
        for path in (self.root / "ledger").rglob(".*.tmp"):
            self._unlink_free(path, self.root / "ledger" / ".lock")
        for path in self.root.glob(f".{COSTS}.*.tmp"):
            self._unlink_free(path, self.root / "locks" / f"{COSTS}.lock")
        # Locks beside the phases are an earlier version's. Taking and releasing a free lock deletes it.
        for path in [*self.root.glob("locks/*.lock"), *(lock for kind in KINDS for lock in self.root.glob(f"{kind}/*/*.lock"))]:
            with exclusive_or_not(path):
                pass

    def _delete_unpacked(self) -> int:
        """Bytes freed. A checkpoint that is being made is left; one that a live run uses is made anew when it is opened again."""
        freed = 0
        for path, size in self.unpacked():
            with exclusive_or_not(self.root / "locks" / f"model-{path.name}.lock") as free:
                if free:
                    _delete(path)
                    freed += size
        return freed


class Pruned(NamedTuple):
    """Bytes freed, and the number of entries kept by reason."""

    freed: int
    kept: dict[str, int]


def _delete(directory: Path) -> None:
    """Delete a committed phase so that, if the process dies, no half of it can be taken for a whole one."""
    gone = directory.with_suffix(".gone")
    shutil.rmtree(gone, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        os.replace(directory, gone)
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()


def _sync(directory: Path) -> None:
    for path in directory.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
