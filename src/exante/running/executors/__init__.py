"""The executors that run phases: the one place that names them."""

from __future__ import annotations

import importlib.util

from exante.errors import UserError
from exante.running.executors.base import Executor, Resources, Work
from exante.running.executors.local import LocalExecutor

NAMES = ("local", "ray")


def executor(
    work: Work, *, name: str = "local", workers: int, address: str | None = None, resources: Resources | None = None
) -> Executor:
    """`local`: `workers` processes on this machine. `ray`: tasks on the Ray cluster at `address` (a local one by default), as
    many at once as it has room for. Raises UserError for other names, and where Ray is missing or cannot be used."""
    if name == "local":
        return LocalExecutor(workers, work)
    if name != "ray":
        raise UserError(f"there is no executor {name!r}; there are {' and '.join(NAMES)}")
    if importlib.util.find_spec("ray") is None:
        raise UserError("the executor ray needs the package ray; install it with: pip install 'exante[ray]'")
    from exante.running.executors.ray import RayExecutor

    return RayExecutor(work, address=address, resources=resources or Resources())
