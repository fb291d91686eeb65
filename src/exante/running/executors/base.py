"""What an executor is, and what its workers do: set up, run a job, say how it ended.

Does not know about studies or files; a job is opaque to it. To add an executor, write a file with a class that has the methods
of `Executor` and name it in `executors/__init__.py`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from exante import streams
from exante.errors import UserError, is_disk_full

Function = tuple[str, str]
"""A function by module and name, importable in the worker."""

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}
"""Of every worker. One thread each, or the processes fight over the cores. Large pages for tensors that are made and freed at
every step: 10–20 % of the time of a tiny model; what the caller's environment says of GLIBC_TUNABLES stays. The last one makes
sums on a GPU come out the same each time."""


@dataclass(frozen=True)
class Event:
    """What a worker reports: `progress` (value: share done), `done` (value: result), `user` / `crash` / `died` (value: text)."""

    kind: str
    key: str
    value: Any = None


class Executor(Protocol):
    """Runs one job per worker. `idle` workers take `submit`; `events` blocks up to a timeout for what they report."""

    @property
    def idle(self) -> int: ...
    def submit(self, key: str, job: Any) -> None: ...
    def events(self, timeout: float) -> Iterator[Event]: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Work:
    """What a worker runs for each job, and what it calls once before: `setup(*setup_args)`.

    A job's function gets the job and a function that takes the share of it that is done.
    """

    function: Function
    setup: Function | None = None
    setup_args: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Placement:
    """Where phases run. `workers` is the most at once on this machine. On a Ray cluster there are as many as it has room for:
    `address` says which cluster (None: one for this run alone), `cores` and `gpus` what a phase takes of a node."""

    workers: int
    executor: str = "local"
    address: str | None = None
    cores: float = 1.0
    gpus: float = 0.0


@contextlib.contextmanager
def worker_environment() -> Iterator[None]:
    """`ENVIRONMENT` while processes are started. GLIBC_TUNABLES stays as the caller set it."""
    saved = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT | {"GLIBC_TUNABLES": saved["GLIBC_TUNABLES"] or ENVIRONMENT["GLIBC_TUNABLES"]})
    try:
        yield
    finally:
        for name, value in saved.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def prepare(work: Work, parent: int) -> str:
    """What a worker process does first. Returns the sentence with which the setup refused, "" if it did not.

    A worker ignores Ctrl-C, which a terminal sends to all processes: its parent decides. It ends when its parent is gone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    streams.install()  # what a study's own code prints must not crash its phase where nobody reads it
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    return set_up(work)


def set_up(work: Work) -> str:
    """Call the setup. Returns the sentence with which it refused, "" if it did not."""
    try:
        if work.setup is not None:
            _find(work.setup)(*work.setup_args)
    except UserError as error:
        return str(error)
    return ""


def attempt(work: Work, key: str, job: Any, send: Callable[[Event], None]) -> Event:
    """Run one job and say how it ended. `send` gets reports of progress, at most three a second."""
    last = 0.0

    def progress(share: float) -> None:
        nonlocal last
        if time.monotonic() - last > 0.3:
            last = time.monotonic()
            send(Event("progress", key, share))

    try:
        return Event("done", key, _find(work.function)(job, progress))
    except UserError as error:
        return Event("user", key, str(error))
    except Exception as error:
        return Event("disk", key, str(error)) if is_disk_full(error) else Event("crash", key, traceback.format_exc())


def _find(function: Function) -> Callable[..., Any]:
    return getattr(importlib.import_module(function[0]), function[1])


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.25)
    print("exante: the parent process is gone, this worker stops", file=sys.stderr)
    os._exit(1)
