"""An executor on a Ray cluster: one task per phase, on whichever node has room for it.

Only paths and JSON travel, never weights: all nodes share the cache's folder, and a phase's done-marker there is the truth. A
task that dies with its worker or node is reported as `died`, and what to do about it is decided where it is for every executor.
Does not know about studies; starts no cluster but a local one if no address is given. Needs the extra `ray`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import (
    GetTimeoutError,
    NodeDiedError,
    OutOfMemoryError,
    RayActorError,
    RayError,
    RayTaskError,
    TaskCancelledError,
    WorkerCrashedError,
)
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from exante import streams
from exante.errors import UserError
from exante.running.executors.base import ENVIRONMENT, Event, Placement, Work, attempt, set_up
from exante.storage.files import cache_dir
from exante.storage.locks import exclusive_or_not

NAMESPACE = "exante"
CHECK_SECONDS = 60.0
"""How long a node may take to answer when the shared folder is tried."""


class RayExecutor:
    """As many phases at once as the cluster has room for."""

    def __init__(self, work: Work, placement: Placement) -> None:
        """Raises UserError where the cluster cannot be reached, has room for no phase, or its nodes do not share the cache."""
        self._work, self._placement = work, placement
        self._running: dict[Any, str] = {}
        self._connect(placement.address)
        try:
            if self._room() < 1:
                raise UserError(
                    f"the Ray cluster has no node with {placement.cores:g} cores and {placement.gpus:g} GPUs; ask for less with"
                    " --cores-per-phase and --gpus-per-phase, or start more nodes"
                )
            _check_shared(_environment())
            self._mailbox = _Mailbox.options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
        except BaseException:
            self.close()
            raise

    def _connect(self, address: str | None) -> None:
        options: dict[str, Any] = {"namespace": NAMESPACE, "log_to_driver": False, "include_dashboard": False}
        if address is None:
            options["num_cpus"] = self._placement.workers
        else:
            options["address"] = address
            options.pop("include_dashboard")
        self._was_connected = ray.is_initialized()
        if self._was_connected:
            return
        try:
            _knock(address)
            ray.init(**options)
        except (OSError, ValueError, RuntimeError) as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise UserError(f"no Ray cluster answers at {address} ({first}); start one, or give its --address") from error

    def _room(self) -> int:
        """Phases that the nodes alive have room for at once."""
        room = 0
        for node in ray.nodes():
            if node["Alive"]:
                held = node["Resources"]
                by_gpus = held.get("GPU", 0.0) // self._placement.gpus if self._placement.gpus else float("inf")
                room += int(min(held.get("CPU", 0.0) // self._placement.cores, by_gpus))
        return room

    @property
    def idle(self) -> int:
        return max(self._room() - len(self._running), 0)

    def submit(self, key: str, job: Any) -> None:
        task = _run.options(
            num_cpus=self._placement.cores, num_gpus=self._placement.gpus, runtime_env={"env_vars": _environment()}
        )
        self._running[task.remote(self._work, key, job, self._mailbox)] = key

    def events(self, timeout: float) -> Iterator[Event]:
        ready, _ = ray.wait(list(self._running), timeout=timeout) if self._running else ([], [])
        yield from self._progress()
        for task in ready:
            yield _ended(task, self._running.pop(task))

    def _progress(self) -> Iterator[Event]:
        """What running phases have said since; nothing while the mailbox is being moved to another node."""
        with contextlib.suppress(RayActorError, GetTimeoutError):
            shares: Any = ray.get(self._mailbox.take.remote(), timeout=5)
            for key, share in shares.items():
                if key in self._running.values():
                    yield Event("progress", key, share)

    def close(self) -> None:
        """Stop at once. What workers had committed stays; the rest is computed again."""
        for task in self._running:
            with contextlib.suppress(RayError, ValueError):
                ray.cancel(task, force=True)
        if not self._was_connected:
            ray.shutdown()


def _knock(address: str | None) -> None:
    """Raises OSError where nothing listens at HOST:PORT: Ray itself would try for minutes."""
    host, colon, port = (address or "").rpartition(":")
    if colon and port.isdigit() and "://" not in host:
        socket.create_connection((host, int(port)), timeout=10).close()


def _ended(task: Any, key: str) -> Event:
    try:
        return ray.get(task)
    except OutOfMemoryError as error:
        return Event("died", key, f"its node ran out of memory: {str(error).splitlines()[0]}")
    except (WorkerCrashedError, NodeDiedError, TaskCancelledError) as error:
        return Event("died", key, f"its process or node is gone: {str(error).splitlines()[0]}")
    except RayTaskError as error:  # an error outside `attempt`: a bug, or a library that the node lacks
        return Event("crash", key, str(error))
    except RayError as error:
        return Event("died", key, f"{type(error).__name__}: {str(error).splitlines()[0]}")


@ray.remote(max_retries=0)
def _run(work: Work, key: str, job: Any, mailbox: Any) -> Event:
    """One phase in a worker of the cluster. Which node retries it is decided by whoever submitted it."""
    streams.install()
    refused = set_up(work)
    if refused:
        return Event("user", key, refused)
    return attempt(work, key, job, lambda event: mailbox.put.remote(event.key, event.value))


@ray.remote
class _Mailbox:
    """The latest share done of each phase."""

    def __init__(self) -> None:
        self.shares: dict[str, float] = {}

    def put(self, key: str, share: float) -> None:
        self.shares[key] = share

    def take(self) -> dict[str, float]:
        shares, self.shares = self.shares, {}
        return shares


def _environment() -> dict[str, str]:
    """Environment of a worker: one thread, and the driver's own cache wherever the worker runs."""
    names = ("HF_HUB_OFFLINE", "PYTHONPATH")
    return ENVIRONMENT | {"EXANTE_CACHE_DIR": str(cache_dir().resolve())} | {n: os.environ[n] for n in names if n in os.environ}


# --- the shared folder -------------------------------------------------------------------------------------------------------


def _check_shared(environment: dict[str, str]) -> None:
    """Raises UserError for a node that does not see the cache as this process does, or cannot rename and lock in it."""
    folder = cache_dir().resolve() / "shared-check" / uuid.uuid4().hex
    folder.mkdir(parents=True)
    try:
        (folder / "driver").write_text("here", "utf-8")
        with exclusive_or_not(folder / "lock") as held:
            assert held, "nobody else knows this lock"
            for node in (node for node in ray.nodes() if node["Alive"]):
                fault = _fault_of(node, folder, environment)
                if fault:
                    raise UserError(
                        f"node {node['NodeManagerAddress']} cannot use the cache {cache_dir().resolve()}: {fault}; set"
                        " EXANTE_CACHE_DIR to a folder that all nodes share"
                    )
    finally:
        for path in folder.glob("*"):
            path.unlink(missing_ok=True)
        folder.rmdir()


def _fault_of(node: dict[str, Any], folder: Path, environment: dict[str, str]) -> str:
    """What is wrong with the folder as a node sees it; "" if nothing is."""
    there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
    task = _try_folder.options(num_cpus=0, scheduling_strategy=there, runtime_env={"env_vars": environment})
    try:
        fault = ray.get(task.remote(str(folder), node["NodeID"]), timeout=CHECK_SECONDS)
    except RayError as error:
        return f"it did not answer ({type(error).__name__})"
    return fault or ("" if (folder / node["NodeID"]).exists() else "what it writes there is not seen here")


@ray.remote
def _try_folder(folder: str, name: str) -> str:
    """In the node: read what the driver wrote, rename a file, and find the driver's lock held."""
    place = Path(folder)
    try:
        if (place / "driver").read_text("utf-8") != "here":
            return "it reads another content there"
        (place / f"{name}.part").write_text(name, "utf-8")
        os.replace(place / f"{name}.part", place / name)
        with exclusive_or_not(place / "lock") as free:
            return "locks of other nodes do not hold there" if free else ""
    except OSError as error:
        return error.strerror or type(error).__name__
