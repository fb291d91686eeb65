"""The only module that knows paths: run directories, the phase store, the ledger. Everything is committed atomically.

A file is written to a temporary name, synced and renamed; a phase's directory gets its done-marker last. Does not know
what the files mean.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import platformdirs
from filelock import FileLock, Timeout
from pydantic import ValidationError

from exante.errors import UserError, is_disk_full
from exante.identity import canonical, digest
from exante.study import Registration

DONE = "done.json"


def cache_dir() -> Path:
    """`EXANTE_CACHE_DIR`, or the platform's user cache. Raises UserError if something else stands there."""
    path = Path(os.environ.get("EXANTE_CACHE_DIR") or platformdirs.user_cache_dir("exante"))
    nearest = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise UserError(f"the cache {path} is no directory that can be written to; set EXANTE_CACHE_DIR to one")
    return path


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write by temporary file, fsync and rename, so that a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Indented JSON with sorted keys: files people can read and compare."""
    write_atomic(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def write_table(path: Path, table: pd.DataFrame) -> None:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    write_atomic(path, buffer.getvalue())


def read_json(path: Path, mend: str) -> Any:
    """Parsed JSON. Raises UserError (naming `mend`, what to do) if the file is missing or torn."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; {mend}") from error
    except (ValueError, OSError) as error:
        raise UserError(f"{path} cannot be read ({error.__class__.__name__}); {mend}") from error


def read_table(path: Path, mend: str, columns: Iterable[str] = ()) -> pd.DataFrame:
    """A parquet file. Raises UserError if it is missing, torn or without one of `columns`; `mend` says what to do."""
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; {mend}") from error
    except Exception as error:  # pyarrow raises many kinds for a torn file
        raise UserError(f"{path} is torn or not a table ({error.__class__.__name__}); {mend}") from error
    if lacking := [name for name in columns if name not in table]:
        raise UserError(f"{path} has no column {lacking[0]!r}; {mend}")
    return table


class RunDirectory:
    """A run directory: where each file of the contract lies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.registration = path / "registration.json"
        self.study_file = path / "study.py"
        self.plan = path / "plan.json"
        self.rows = path / "rows.parquet"
        self.phases = path / "phases.parquet"
        self.series = path / "series.parquet"
        self.verdicts = path / "verdicts.json"
        self.timings = path / "timings.json"
        self.report = path / "report.html"
        self.transcripts = path / "transcripts"
        self.logs = path / "logs"

    def create(self) -> None:
        """Make the directory, or raise UserError if it cannot be ours."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if is_disk_full(error):
                raise
            raise UserError(f"{self.path} cannot be made ({error.strerror}); choose another --out") from error
        if not os.access(self.path, os.W_OK):
            raise UserError(f"{self.path} is not writable; choose another --out")
        if not self.registration.exists() and any(p for p in self.path.iterdir() if p.name not in (".lock", "study.py")):
            raise UserError(
                f"{self.path} holds files but no registration.json, so it is not a run of exante; choose an empty --out"
            )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for this process; the operating system frees it if the process dies."""
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise UserError(f"{self.path} is in use by another exante; wait for it or choose another --out") from error
        except OSError as error:
            if is_disk_full(error):
                raise
            raise UserError(f"{self.path} cannot be locked ({error.strerror}); choose another --out") from error
        try:
            yield
        finally:
            lock.release()

    def load_registration(self) -> Registration:
        """The registration, checked against its own hash."""
        from exante.register import intact

        if not self.path.is_dir():
            raise UserError(f"{self.path} is not a directory; give the directory of a run")
        raw = read_json(self.registration, "this is not a run of exante, or register the study into it again")
        try:
            registration = Registration.model_validate(raw["registration"])
        except (ValidationError, KeyError, TypeError) as error:
            raise UserError(
                f"{self.registration} is not a registration of this version of exante; register the study again"
            ) from error
        if not intact(registration):
            raise UserError(
                f"{self.registration} was edited after it was registered (its sha256 differs); restore it or use a new --out"
            )
        return registration

    def load_stamps(self) -> dict[str, Any]:
        """What the ledger said when the study was registered: `before_data`, `changed` contrasts, `seen`. Checked by its seal."""
        raw = read_json(self.registration, "register the study again")
        try:
            sealed = raw["seal"] == _seal(raw["registration"]["sha256"], raw["stamps"])
        except (KeyError, TypeError) as error:
            raise UserError(
                f"{self.registration} has lost its stamps; restore it, or register the study into a new --out"
            ) from error
        if not sealed:
            raise UserError(f"the stamps in {self.registration} were edited (their seal differs); restore it or use a new --out")
        return raw["stamps"]

    def save_registration(self, registration: Registration, stamps: dict[str, Any]) -> None:
        held = {"registration": registration.model_dump(mode="json"), "stamps": stamps}
        write_json(self.registration, held | {"seal": _seal(registration.sha256, stamps)})


def _seal(sha256: str, stamps: dict[str, Any]) -> str:
    return digest([sha256, stamps])


class PhaseStore:
    """Content-addressed results of phases, shared by all runs and studies: `bases/` and `phases/`."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or cache_dir()

    def directory(self, phase_id: str, base: bool) -> Path:
        return self.root / ("bases" if base else "phases") / phase_id[:2] / phase_id

    def marker(self, directory: Path) -> dict[str, Any] | None:
        """The done-marker of a committed phase, None if there is none."""
        try:
            return json.loads((directory / DONE).read_text("utf-8"))
        except (FileNotFoundError, ValueError, NotADirectoryError):
            return None

    def find(self, phase_id: str) -> dict[str, Any] | None:
        """The done-marker of a phase, base or not."""
        return self.marker(self.directory(phase_id, True)) or self.marker(self.directory(phase_id, False))

    @contextlib.contextmanager
    def held(self, directory: Path) -> Iterator[None]:
        """Hold one phase, so that two runs that need it compute it once."""
        directory.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(directory.with_suffix(".lock")):
            yield

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
            shutil.rmtree(scratch, ignore_errors=True)  # a full disk is not kept full
            raise
        if directory.exists():
            shutil.rmtree(directory)
        os.replace(scratch, directory)
        return marker

    def discard(self, directory: Path, before: float) -> None:
        """Delete a phase that was committed before a time (seconds since the epoch), once nobody holds it."""
        marker = directory / DONE
        if marker.exists():
            with self.held(directory):
                if marker.exists() and marker.stat().st_mtime < before:
                    shutil.rmtree(directory)

    def entries(self) -> list[tuple[Path, int]]:
        """Committed phases and their size in bytes, oldest first."""
        found = [marker.parent for kind in ("bases", "phases") for marker in (self.root / kind).glob(f"*/*/{DONE}")]
        found.sort(key=lambda p: (p / DONE).stat().st_mtime)
        return [(path, sum(f.stat().st_size for f in path.rglob("*") if f.is_file())) for path in found]

    def prune(self, *, bases: bool) -> int:
        """Delete committed phases (and bases if asked) that nobody holds. Returns the bytes freed."""
        freed = 0
        for path, size in self.entries():
            if bases or path.parent.parent.name == "phases":
                with self.held(path):
                    shutil.rmtree(path)
                freed += size
        return freed


def _sync(directory: Path) -> None:
    for path in directory.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())


class Ledger:
    """Which registration first produced rows of which phase × evaluation. Append-only; lines are JSON."""

    def __init__(self, root: Path | None = None) -> None:
        self.directory = (root or cache_dir()) / "ledger"
        self.seen_file = self.directory / "seen.jsonl"

    def append(self, registration: Registration, pairs: Iterable[str]) -> None:
        """Record that `registration` has produced rows for `pairs` ("PHASE:EVALUATION"), keeping who was first."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with FileLock(self.directory / ".lock"):
            known = self.first_seen()
            new = [pair for pair in pairs if pair not in known]
            copy = self.directory / "registrations" / f"{registration.sha256}.json"
            if not copy.exists():
                write_atomic(copy, canonical(registration))
            with open(self.seen_file, "a", encoding="utf-8") as file:
                file.write("\n")  # ends a line that a crash tore, which would swallow the next one
                file.writelines(canonical({"pair": pair, "registration": registration.sha256}) + "\n" for pair in new)
                file.flush()
                os.fsync(file.fileno())

    def first_seen(self) -> dict[str, str]:
        """Pair → sha256 of the registration that first produced its rows. A torn last line (a crash) is passed over."""
        found: dict[str, str] = {}
        if self.seen_file.exists():
            for line in self.seen_file.read_text("utf-8").splitlines():
                with contextlib.suppress(ValueError, KeyError):
                    record = json.loads(line)
                    found.setdefault(record["pair"], record["registration"])
        return found

    def registration(self, sha256: str) -> Registration | None:
        path = self.directory / "registrations" / f"{sha256}.json"
        try:
            return Registration.model_validate_json(path.read_text("utf-8"))
        except (FileNotFoundError, ValidationError):
            return None
