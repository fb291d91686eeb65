"""Standard streams that never end a command: closed, full, broken, or of an encoding that lacks a character.

What a command writes into a run directory does not depend on whether anybody reads what it prints. A write that fails is
remembered, what follows on that stream is dropped, and the command line says so at its end. Does not know about commands.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from typing import Any


class _Lasting(io.FileIO):
    """A descriptor whose first failed write is kept in `fault`; later ones are dropped."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.fault: OSError | None = None

    def write(self, data: Any, /) -> int:
        size = memoryview(data).nbytes
        while self.fault is None:
            try:
                written = super().write(data)
            except OSError as error:
                self.fault = error
            else:
                if written is not None:
                    return written
                select.select([], [self.fileno()], [])  # a terminal that another program made non-blocking is full
        return size


class Stream(io.TextIOWrapper):
    """Text on a `_Lasting` descriptor; a character that the encoding lacks is written as its escape."""

    def __init__(self, descriptor: int, like: Any) -> None:
        self.raw = _Lasting(descriptor)
        super().__init__(
            io.BufferedWriter(self.raw),
            encoding=getattr(like, "encoding", None) or "utf-8",
            errors="backslashreplace",
            line_buffering=descriptor == 2 or getattr(like, "line_buffering", False),
            write_through=getattr(like, "write_through", False),
        )

    @property
    def fault(self) -> OSError | None:
        """Why text was lost, None if none was. A reader who stopped reading, as `head` does, lost nothing that they wanted."""
        with contextlib.suppress(ValueError):  # closed already
            self.flush()
        fault = self.raw.fault
        return None if fault is None or fault.errno in (errno.EPIPE, errno.ECONNRESET) else fault


def install() -> None:
    """Make stdout and stderr of this process such streams. A closed one leads to the null device."""
    for descriptor in (0, 1, 2):
        _open(descriptor)
    sys.stdout, sys.stderr = (Stream(1, sys.stdout), Stream(2, sys.stderr))


def _open(descriptor: int) -> None:
    """A closed descriptor would be given to the next file that is opened, and a stray print would end up in that file."""
    try:
        os.fstat(descriptor)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != descriptor:
            os.dup2(null, descriptor)
            os.close(null)
        os.set_inheritable(descriptor, True)


def lost() -> str:
    """What keeps stdout from being written, "" if nothing does."""
    fault = sys.stdout.fault if isinstance(sys.stdout, Stream) else None
    return "" if fault is None else fault.strerror or type(fault).__name__
