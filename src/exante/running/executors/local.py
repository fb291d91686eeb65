"""An executor on this machine: one process per core, one thread each. Workers die with their parent.

Does not know about studies or files; a job is opaque to it. Not the standard library's process pool or loky's: there one killed
worker fails all running jobs, and workers outlive a killed parent (measured in docs/journal/2026-11-27.md).
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from exante.running.executors.base import Event, Work, attempt, prepare, worker_environment


class LocalExecutor:
    """`workers` spawned processes. A worker that dies is replaced and its job reported as `died`."""

    def __init__(self, workers: int, work: Work) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._work = work
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
            free = _Worker(self._context, self._work)
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
    def __init__(self, context: Any, work: Work) -> None:
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_loop, args=(theirs, os.getpid(), work), daemon=True)
        # A Ctrl-C at a terminal reaches every process. The child must not die of one before it can ignore it, so it starts with
        # the signal blocked; to the parent a signal that comes meanwhile is only late. Starting multiprocessing's own helper
        # process would unblock the signal again, so that is done before.
        resource_tracker.ensure_running()
        unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with worker_environment():
                self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
        theirs.close()
        self.key: str | None = None


def _loop(connection: Connection, parent: int, work: Work) -> None:
    refused = prepare(work, parent)
    while True:
        try:
            key, job = connection.recv()
        except EOFError:
            return
        connection.send(Event("user", key, refused) if refused else attempt(work, key, job, connection.send))
