"""Files: written to a temporary name, synced and renamed, so that a reader sees the old file or the new one.

Every file has a format number. Does not know what the files mean, or where they lie but for the cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Collection
from pathlib import Path
from typing import Any

import platformdirs

from exante.errors import UserError, is_disk_full

FORMAT = 2
"""Number of the format of every file that exante writes. It rises when a file's shape changes."""


def cache_dir() -> Path:
    """`EXANTE_CACHE_DIR`, or the platform's user cache. Raises UserError if that is not a directory that can be written to."""
    path = Path(os.environ.get("EXANTE_CACHE_DIR") or platformdirs.user_cache_dir("exante"))
    nearest = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise UserError(f"the cache {path} is not a writable directory; set EXANTE_CACHE_DIR to one")
    return path


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write by temporary file, fsync and rename, so that a reader sees the old file or the new one.

    Raises UserError where nothing can be written: a directory has the file's name, or the file system is read-only.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # O_NOFOLLOW: never through an existing link, in a directory that somebody else made.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
        with open(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if is_disk_full(error):
            raise
        raise UserError(
            f"{path} cannot be written ({error.strerror}); make sure that files can be created there and run the same command"
            " again"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # if nothing could be written, there is nothing to delete
            temporary.unlink(missing_ok=True)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Indented JSON with sorted keys and the format number, for people to read and compare."""
    write_atomic(path, json_text(value))


def json_text(value: dict[str, Any]) -> str:
    return json.dumps({"format": FORMAT} | value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path, hint: str, formats: Collection[int] = (1, FORMAT)) -> dict[str, Any]:
    """A JSON object without its format number. Raises UserError, which ends with the `hint` what to do, if the file is missing,
    truncated, no object, or not of one of the `formats` (files without a number are of format 1)."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; {hint}") from error
    except (ValueError, OSError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({error.__class__.__name__}); {hint}") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} does not hold a JSON object; {hint}")
    number = value.pop("format", 1)
    check_format(path, number, formats, hint)
    return value


def check_format(path: Path, number: object, formats: Collection[int], hint: str) -> None:
    """Raises UserError for a file of a format that is not among `formats`."""
    if number not in formats:
        age = "an older" if isinstance(number, int) and number < FORMAT else "another"
        raise UserError(f"{path} was written by {age} version of exante (its format is {number!r:.20}); {hint}")


def file_digest(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
