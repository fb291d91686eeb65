"""The store of outcomes seen: which registration first produced rows of which phase × evaluation. Append-only JSON lines.

Does not judge what that means for a study; `stamps.py` does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from exante.errors import UserError
from exante.storage.files import cache_dir, read_json, write_atomic
from exante.storage.identity import canonical
from exante.storage.locks import exclusive
from exante.study import Registration

REPAIR = "restore it from a copy, or move it away: registrations made after that cannot say what had been seen before"


class SeenStore:
    """The store, in the directory `ledger` of the cache (its first name)."""

    def __init__(self, root: Path | None = None) -> None:
        self.directory = (root or cache_dir()) / "ledger"
        self.seen_file = self.directory / "seen.jsonl"

    def keep(self, registration: Registration) -> None:
        """Keep a copy of a registration whose outcomes will be recorded."""
        copy = self.directory / "registrations" / f"{registration.sha256}.json"
        if not copy.exists():
            write_atomic(copy, canonical(registration))

    def record(self, sha256: str, pairs: Iterable[str]) -> None:
        """Record that the registration of that sha256 produced rows for `pairs` ("PHASE:EVALUATION"). The first counts."""
        with exclusive(self.directory / ".lock"), open(self.seen_file, "a", encoding="utf-8") as file:
            file.write("\n")  # ends a line that a crash truncated, which would swallow the next one
            file.writelines(canonical({"pair": pair, "registration": sha256}) + "\n" for pair in pairs)
            file.flush()
            os.fsync(file.fileno())

    def append(self, registration: Registration, pairs: Iterable[str]) -> None:
        """Keep the registration, and record those of `pairs` that no registration has produced yet."""
        recorded = self.first_seen()  # raises where the store cannot be read, before anything is written
        self.keep(registration)
        if new := [pair for pair in sorted(pairs) if pair not in recorded]:
            self.record(registration.sha256, new)

    def first_seen(self) -> dict[str, str]:
        """Pair → sha256 of the registration that first produced its rows. A line that a crash truncated is passed over.

        Raises UserError where the store is damaged: read as empty, it would call rows unseen that were seen.
        """
        first: dict[str, str] = {}
        for number, line in enumerate(self._lines(), start=1):
            record = self._record(line, number)
            if record is not None:
                first.setdefault(record["pair"], record["registration"])
        return first

    def _lines(self) -> list[bytes]:
        if self.directory.is_dir() and not os.path.lexists(self.seen_file):
            return []
        if not os.path.lexists(self.directory):
            return []
        try:
            return self.seen_file.read_bytes().split(b"\n")
        except OSError as error:
            raise UserError(f"the store of seen outcomes {self.seen_file} cannot be read ({error.strerror}); {REPAIR}") from error

    def _record(self, line: bytes, number: int) -> dict[str, str] | None:
        """A line's pair and registration; None for an empty or a truncated line."""
        try:
            record = json.loads(line.decode("utf-8")) if line.strip() else None
        except (ValueError, RecursionError) as error:
            if _is_truncated(line, error):
                return None
            raise UserError(f"the store of seen outcomes {self.seen_file} is damaged at line {number}; {REPAIR}") from error
        if record is None and not line.strip():
            return None
        if not isinstance(record, dict) or not all(isinstance(record.get(key), str) for key in ("pair", "registration")):
            raise UserError(f"the store of seen outcomes {self.seen_file} is damaged at line {number}; {REPAIR}")
        return record

    def registration(self, sha256: str) -> Registration | None:
        """The copy of a registration that produced rows; None if there is none, or an earlier version of exante wrote it.

        Raises UserError for one that is damaged.
        """
        path = self.directory / "registrations" / f"{sha256}.json"
        if not os.path.lexists(path):
            return None
        raw = read_json(path, REPAIR)
        if not isinstance(raw, dict) or raw.get("sha256") != sha256 or not isinstance(raw.get("study"), dict):
            raise UserError(f"{path} is not the registration that its name says; {REPAIR}")
        try:
            return Registration.model_validate(raw)
        except ValidationError:
            return None


def _is_truncated(line: bytes, error: Exception) -> bool:
    """Whether a line is only the beginning of a record, as a crash leaves it. Other damage did not come from exante."""
    if not line.startswith(b"{") or b"}" in line:
        return False
    if isinstance(error, UnicodeDecodeError):
        return error.end == len(line)
    return isinstance(error, json.JSONDecodeError) and (
        error.pos >= len(error.doc) or error.msg.startswith("Unterminated string")
    )
