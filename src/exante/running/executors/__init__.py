"""The executors that run phases: the one place that names them."""

from __future__ import annotations

import importlib.util

from exante.errors import UserError
from exante.running.executors.base import Executor, Placement, Work
from exante.running.executors.local import LocalExecutor

NAMES = ("local", "ray")


def executor(work: Work, placement: Placement) -> Executor:
    """What a placement asks for. Raises UserError for an executor there is not, and where Ray is missing or cannot be used."""
    if placement.executor == "local":
        return LocalExecutor(placement.workers, work)
    if placement.executor != "ray":
        raise UserError(f"there is no executor {placement.executor!r}; there are {' and '.join(NAMES)}")
    if importlib.util.find_spec("ray") is None:
        raise UserError("the executor ray needs the package ray; install it with: pip install 'exante[ray]'")
    from exante.running.executors.ray import RayExecutor

    return RayExecutor(work, placement)
