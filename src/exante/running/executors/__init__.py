"""The executor that runs phases: the one place that names it."""

from __future__ import annotations

from exante.running.executors.base import Executor, Work
from exante.running.executors.local import LocalExecutor


def executor(workers: int, work: Work) -> Executor:
    """Processes on this machine."""
    return LocalExecutor(workers, work)
