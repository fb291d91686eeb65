"""Executors: run jobs of a plan in other processes. The local one keeps one process per core, one thread each.

Does not know about studies or files; a job is opaque to it. Workers die with their parent.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from exante import streams

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


class LocalExecutor:
    """`workers` spawned processes. A worker that dies is replaced and its job reported as `died`."""

    def __init__(self, workers: int, function: Function, setup: Function | None = None, setup_args: tuple[Any, ...] = ()) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._start = (function, setup, setup_args)
        self._size = workers
        self._workers: list[_Worker] = []

    @property
    def idle(self) -> int:
        return self._size - sum(w.key is not None for w in self._workers)

    def submit(self, key: str, job: Any) -> None:
        """Give a job to an idle worker, starting one if need be."""
        free = next((w for w in self._workers if w.key is None and w.process.is_alive()), None)
        if free is None:
            self._workers = [w for w in self._workers if w.key is not None]  # idle workers that died are let go
            free = _Worker(self._context, self._start)
            self._workers.append(free)
        free.key = key
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its death is an event of its own
            free.connection.send((key, job))

    def events(self, timeout: float) -> Iterator[Event]:
        busy = [w for w in self._workers if w.key is not None]
        ready = wait([w.connection for w in busy], timeout)
        for worker in [w for w in busy if w.connection in ready]:
            try:
                event = worker.connection.recv()
            except (EOFError, ConnectionResetError):
                worker.process.join()
                event = Event("died", worker.key or "", f"its process ended with exit code {worker.process.exitcode}")
                self._workers.remove(worker)
            if event.kind != "progress":
                worker.key = None
            yield event

    def close(self) -> None:
        """Stop at once. What workers had committed stays; the rest is computed again."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
        self._workers.clear()


class _Worker:
    def __init__(self, context: Any, start: tuple[Any, ...]) -> None:
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_loop, args=(theirs, os.getpid(), *start), daemon=True)
        saved = {name: os.environ.get(name) for name in ENVIRONMENT}
        os.environ.update(ENVIRONMENT | {"GLIBC_TUNABLES": saved["GLIBC_TUNABLES"] or ENVIRONMENT["GLIBC_TUNABLES"]})
        # A Ctrl-C goes to all processes of a terminal: the child blocks it from the start; the parent gets it a moment later.
        resource_tracker.ensure_running()
        heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, heard)
            for name, value in saved.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        theirs.close()
        self.key: str | None = None


def _loop(connection: Connection, parent: int, function: Function, setup: Function | None, setup_args: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    streams.install()  # what a study's own code prints must not crash its phase where nobody reads it
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    failed = _prepare(setup, setup_args)
    work = _find(function)
    while True:
        try:
            key, job = connection.recv()
        except EOFError:
            return
        connection.send(Event("user", key, failed) if failed else _attempt(work, key, job, connection))


def _prepare(setup: Function | None, setup_args: tuple[Any, ...]) -> str:
    """Run the setup. Returns the sentence with which it refused, which the first job is answered with."""
    from exante.errors import UserError

    try:
        if setup is not None:
            _find(setup)(*setup_args)
    except UserError as error:
        return str(error)
    return ""


def _attempt(work: Callable[..., Any], key: str, job: Any, connection: Connection) -> Event:
    from exante.errors import UserError, is_disk_full

    last = [0.0]

    def progress(share: float) -> None:
        if time.monotonic() - last[0] > 0.3:
            last[0] = time.monotonic()
            connection.send(Event("progress", key, share))

    try:
        return Event("done", key, work(job, progress))
    except UserError as error:
        return Event("user", key, str(error))
    except Exception as error:
        return Event("disk", key, str(error)) if is_disk_full(error) else Event("crash", key, traceback.format_exc())


def _find(function: Function) -> Callable[..., Any]:
    return getattr(importlib.import_module(function[0]), function[1])


def _die_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.25)
    print("exante: the parent process is gone, this worker stops", file=sys.stderr)
    os._exit(1)
