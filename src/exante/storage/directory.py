"""A run directory: where each file lies, and a manifest of what was written. Does not know what the files mean."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout
from pydantic import ValidationError

from exante.errors import UserError, is_disk_full
from exante.storage.files import FORMAT, file_digest, read_json, write_atomic, write_json
from exante.storage.identity import digest, intact
from exante.storage.table_files import read_table, write_table
from exante.storage.tables import CELLS, METRICS, ROWS, SERIES, Measured
from exante.study import Registration


class RunDirectory:
    """A run directory: where each file of the contract lies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.registration = path / "registration.json"
        self.code = path / "code"
        self.plan = path / "plan.json"
        self.cells = path / "cells.parquet"
        self.rows = path / "rows.parquet"
        self.phases = path / "phases.parquet"
        self.series = path / "series.parquet"
        self.verdicts = path / "verdicts.json"
        self.timings = path / "timings.json"
        self.report = path / "report.html"
        self.transcripts = path / "transcripts"
        self.logs = path / "logs"
        self.manifest = path / "manifest.json"
        self.status = path / "status.json"

    def create(self) -> None:
        """Make the directory. Raises UserError where it cannot be made or holds other files."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if is_disk_full(error):
                raise
            raise UserError(f"{self.path} cannot be created ({error.strerror}); choose another --out") from error
        if not os.access(self.path, os.W_OK):
            raise UserError(f"{self.path} is not writable; choose another --out")
        if not self.registration.exists() and any(
            p for p in self.path.iterdir() if p.name not in (".lock", self.code.name, self.manifest.name) and p.suffix != ".tmp"
        ):
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
            for left in self.path.glob(".*.tmp"):  # from a process that died while writing
                left.unlink(missing_ok=True)
            yield
        finally:
            lock.release()

    def in_use(self) -> bool:
        """Whether another process holds the directory. Where no lock can be made, nobody works."""
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except OSError:
            return False
        lock.release()
        return False

    def load_registration(self) -> Registration:
        """The registration, checked against its own hash."""
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
        """What had been seen when the study was registered, as `registry.stamps` wrote it. Checked against its seal."""
        raw = read_json(self.registration, "register the study again")
        try:
            sealed = raw["seal"] == _seal(raw["registration"]["sha256"], raw["stamps"])
        except (KeyError, TypeError) as error:
            raise UserError(f"{self.registration} has no stamps; restore it, or register the study into a new --out") from error
        if not sealed:
            raise UserError(f"the stamps in {self.registration} were edited (their seal differs); restore it or use a new --out")
        return raw["stamps"]

    def save_registration(self, registration: Registration, stamps: dict[str, Any]) -> None:
        held = {"registration": registration.model_dump(mode="json"), "stamps": stamps}
        write_json(self.registration, held | {"seal": _seal(registration.sha256, stamps)})
        self.record([self.registration])

    def remedy(self, path: Path) -> str:
        """How a file of the run is written again, as the end of an error message."""
        if path in (self.verdicts, self.series):
            return f"'exante analyse {self.path}' writes it again"
        if path == self.report:
            return f"'exante report {self.path}' writes it again"
        return f"the 'exante run … --out {self.path}' command that made it writes it again"

    # --- what was measured ---

    def save_measured(self, measured: Measured) -> None:
        write_table(self.cells, measured.cells)
        write_table(self.rows, measured.rows)
        write_table(self.phases, measured.metrics)

    def load_measured(self) -> Measured:
        """The run's tables, each checked against the manifest and its columns' types."""
        cells, metrics = self.load_metrics()
        return Measured(cells, read_table(self.rows, self.remedy(self.rows), ROWS), metrics)

    def load_metrics(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The run's cells, and what training logged; the rows, which may be millions, are only checked against the manifest."""
        self.check(self.cells, self.rows, self.phases)
        tables = ((self.cells, CELLS), (self.phases, METRICS))
        cells, metrics = (read_table(path, self.remedy(path), columns) for path, columns in tables)
        return cells, metrics

    def load_series(self) -> pd.DataFrame:
        """series.parquet, checked against the manifest and its columns' types."""
        self.check(self.series)
        series = read_table(self.series, self.remedy(self.series), SERIES, formats=(1, FORMAT))
        return series.astype({name: str for name, kind in SERIES.items() if kind is str})

    def shown_transcripts(self) -> list[Path]:
        """The transcript files that the report shows: those in the manifest, and any others in the folder."""
        folder = self.transcripts.name
        written = {self.path / name for name in self._entries() if name.startswith(f"{folder}/") and name.count("/") == 1}
        return sorted(written | set(self.transcripts.glob("*.jsonl")))

    def training_texts(self) -> list[Path]:
        """The files of training texts that gates compare, one per arm."""
        return sorted((self.transcripts / "training").glob("*.jsonl"))

    # --- the manifest: which verb wrote which bytes ---

    def record(self, paths: Iterable[Path], made_from: Mapping[str, str] | None = None, whole: Path | None = None) -> None:
        """Enter files that this process has just written into the manifest. `made_from` maps the name of each thing that their
        content follows from (files of the run under their own names) to its digest. Other entries of the folder `whole` go."""
        try:
            entries = self._entries()
        except UserError:  # no manifest yet, or a damaged one: files that are not entered again have to be written again
            entries = {}
        if whole is not None:
            entries = {name: entry for name, entry in entries.items() if not name.startswith(f"{self._name(whole)}/")}
        entries |= {self._name(path): {"sha256": file_digest(path), "made_from": dict(made_from or {})} for path in paths}
        write_json(self.manifest, {"files": entries})

    def check(self, *paths: Path) -> None:
        """Raises UserError for a file whose content is not what exante wrote."""
        entries = self._entries()
        for path in paths:
            name, remedy = self._name(path), self.remedy(path)
            if not path.is_file():
                raise UserError(f"{path} is missing; {remedy}")
            if name not in entries:
                raise UserError(f"{path} is not in {self.manifest}, so exante did not finish writing it; {remedy}")
            if file_digest(path) != entries[name]["sha256"]:
                raise UserError(f"{path} was changed after exante wrote it (its sha256 is not the manifest's); {remedy}")

    def check_all(self) -> None:
        """Check every file in the manifest, and that the folders for transcripts and code hold no others."""
        entries = self._entries()
        self.check(*(self.path / name for name in entries))
        for path in sorted(p for folder in (self.transcripts, self.code) for p in folder.rglob("*") if p.is_file()):
            if self._name(path) not in entries:
                raise UserError(f"{path} was not written by exante; move it out of the run's directory")

    def copy_to(self, target: Path) -> RunDirectory:
        """Copy all that `verify` needs: registration, plan, tables, series, verdicts, and training texts that gates compare. The
        copy has a manifest of its own, which lists these alone."""
        files = [self.registration, self.plan, self.cells, self.rows, self.phases, self.series, self.verdicts]
        files += self.training_texts()
        self.check(*files)
        entries = self._entries()
        names = [self._name(path) for path in files]
        for name in names:
            write_atomic(target / name, (self.path / name).read_bytes())
        write_json(target / "manifest.json", {"files": {name: entries[name] for name in names}})
        return RunDirectory(target)

    def is_current(self, path: Path, made_from: Mapping[str, str]) -> bool:
        """Whether a file is unchanged since it was written, and was made from exactly this."""
        try:
            entry = self._entries().get(self._name(path), {})
            return entry.get("made_from") == made_from and file_digest(path) == entry.get("sha256")
        except (UserError, OSError):
            return False

    def transcripts_are_current(self, made_from: Mapping[str, str]) -> bool:
        """Whether all transcripts are unchanged, were made from exactly this, and there are no others."""
        try:
            folder = f"{self.transcripts.name}/"
            written = [self.path / name for name in self._entries() if name.startswith(folder)]
        except UserError:
            return False
        existing = [path for path in self.transcripts.rglob("*") if path.is_file()]
        return set(existing) == set(written) and all(self.is_current(path, made_from) for path in written)

    def digests(self, paths: Iterable[Path]) -> dict[str, str]:
        """The digests of files by name, as the manifest has them; "" for a file that it does not list."""
        entries = self._entries()
        return {name: entries.get(name, {}).get("sha256", "") for name in map(self._name, paths)}

    def check_follows(self, path: Path) -> None:
        """Raises UserError where a file was made from an earlier state of another file of the run."""
        entries = self._entries()
        for name, sha256 in entries.get(self._name(path), {}).get("made_from", {}).items():
            if name in entries and entries[name]["sha256"] != sha256:
                raise UserError(f"{path} was made from an earlier {name}; write it again with 'exante analyse {self.path}'")

    def _name(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    def _entries(self) -> dict[str, dict[str, Any]]:
        remedy = self.remedy(self.manifest)
        entries = read_json(self.manifest, remedy, (FORMAT,)).get("files")
        if not isinstance(entries, dict) or not all(_is_entry(name, entry) for name, entry in entries.items()):
            raise UserError(f"{self.manifest} is not a manifest of this version of exante; {remedy}")
        return entries


def _is_entry(name: str, entry: Any) -> bool:
    if name.startswith("/") or ".." in name.split("/") or not isinstance(entry, dict) or set(entry) != {"sha256", "made_from"}:
        return False
    made_from = entry["made_from"]
    texts = [entry["sha256"], *made_from.values()] if isinstance(made_from, dict) else [None]
    return all(isinstance(text, str) for text in texts)


def _seal(sha256: str, stamps: dict[str, Any]) -> str:
    return digest([sha256, stamps])
