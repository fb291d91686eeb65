"""Locks between processes: files that are deleted when released. The operating system releases those of a dead process.

Does not know what is locked.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock `path`, waiting while another process holds it."""
    descriptor = _acquire(path, wait=True)
    assert descriptor is not None, "waiting ends with the lock"
    try:
        yield
    finally:
        _release(path, descriptor)


@contextlib.contextmanager
def exclusive_or_not(path: Path) -> Iterator[bool]:
    """Hold the lock `path` if it is free. Never waits; yields whether it is held."""
    descriptor = _acquire(path, wait=False)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            _release(path, descriptor)


def _acquire(path: Path, wait: bool) -> int | None:
    """A descriptor that holds the lock on the file that `path` names *now*.

    A holder unlinks the file when it is done. A process that waited for it then has a lock on a file without a name, while a
    third process may have created and locked a new one: hence the comparison and another try. Only a holder unlinks, so files
    that are equal when compared remain so.
    """
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # its directory was deleted in between
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if _names(path, descriptor):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _names(path: Path, descriptor: int) -> bool:
    try:
        named, held = os.stat(path), os.fstat(descriptor)
    except FileNotFoundError:
        return False
    return (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)


def _release(path: Path, descriptor: int) -> None:
    with contextlib.suppress(FileNotFoundError):  # somebody deleted the cache by hand
        os.unlink(path)  # before it is freed: see `_acquire`
    os.close(descriptor)
