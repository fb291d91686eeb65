"""Progress of a run with the time left: a bar on a terminal, a plain line now and then elsewhere, and a file for other terminals.

Does not know what a phase is; it gets shares of expected seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from exante.planning.tree import Plan
from exante.running.status import StatusFile

PLAIN_EVERY = 15.0
PRIOR_SECONDS = 60.0
"""Weight of the costs expected before the run against the speed seen in it."""


def words(seconds: float) -> str:
    """A duration as people say it: "40 s", "3 min 20 s", "2 h 05 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class TimeLeft:
    """Turns finished and running phases into a share of the work and an estimate of the time left.

    The estimate starts from costs expected before the run and is corrected by how fast this run has gone.
    """

    def __init__(self, plan: Plan, cost: dict[str, float], wall: Callable[[set[str]], float]) -> None:
        self.plan, self.cost, self.wall = plan, cost, wall
        self.started = time.monotonic()
        self.already: set[str] = set()
        self.share = 0.0

    def start(self, finished: list[str]) -> None:
        self.already = set(finished)
        self.started, self.share = time.monotonic(), 0.0

    def state(self, running: dict[str, float], finished: list[str]) -> tuple[float, float]:
        """(share of this run's work done, which never falls; seconds left)."""
        total = self.wall(self.already)
        partly = sum(share * self.cost[key] for key, share in running.items())
        left = max(self.wall(set(finished)) - partly / max(len(running), 1), 0.0)
        elapsed = time.monotonic() - self.started
        speed = (total - left + PRIOR_SECONDS) / (elapsed + PRIOR_SECONDS)
        work = sum(seconds for key, seconds in self.cost.items() if key not in self.already)
        done = partly + sum(self.cost[key] for key in set(finished) - self.already)
        self.share = max(self.share, done / work if work else 1.0)  # a phase that a dead worker loses is not taken off
        return self.share, left / speed


class Display:
    """The reporter that `run` calls."""

    def __init__(self, estimate: TimeLeft, console: Console, status: StatusFile | None = None) -> None:
        self.estimate, self.console, self.status = estimate, console, status
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}"), console=console, transient=True
        )
        self.task = self.bar.add_task("starting", total=1.0, left="")
        self.spoken = 0.0

    def __call__(self, event: str, running: dict[str, float], finished: list[str]) -> None:
        if event == "start":
            self.estimate.start(finished)
            if self.console.is_terminal:
                self.bar.start()
        elif event != "tick":
            self.console.print(event, markup=False, highlight=False, soft_wrap=True)
            if self.status is not None:
                self.status.message(event)
        self._show(running, finished)

    def _show(self, running: dict[str, float], finished: list[str]) -> None:
        share, left = self.estimate.state(running, finished)
        phases = len(self.estimate.plan.nodes)
        count = f"{len(finished)}/{phases} phases"
        if self.status is not None:
            self.status.write(len(finished), phases, share, left, self._names(running))
        if self.console.is_terminal:
            self.bar.update(self.task, completed=share, description=f"{count} · {self._now(running)}", left=f"{words(left)} left")
        elif time.monotonic() - self.spoken > PLAIN_EVERY and running:
            self.spoken = time.monotonic()
            self.console.print(f"{count}, {100 * share:.0f} % of the work, about {words(left)} left", highlight=False)

    def _now(self, running: dict[str, float]) -> str:
        return ", ".join(self._names(running)) or "gathering"

    def _names(self, running: dict[str, float]) -> list[str]:
        return sorted({self.estimate.plan.nodes[key].phase.name for key in running})

    def close(self) -> None:
        self.bar.stop()
