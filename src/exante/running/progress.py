"""Progress of a run with the time left: a bar on a terminal, a plain line now and then elsewhere.

Does not know what a phase is; it gets shares of expected seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from exante.planning.tree import Plan

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

    def start(self, finished: list[str]) -> None:
        self.already = set(finished)
        self.started = time.monotonic()

    def state(self, running: dict[str, float], finished: list[str]) -> tuple[float, float]:
        """(share of this run's work done, seconds left)."""
        total = self.wall(self.already)
        partly = sum(share * self.cost[key] for key, share in running.items())
        left = max(self.wall(set(finished)) - partly / max(len(running), 1), 0.0)
        share = 1.0 - left / total if total else 1.0
        elapsed = time.monotonic() - self.started
        speed = (total - left + PRIOR_SECONDS) / (elapsed + PRIOR_SECONDS)
        return share, left / speed


class Display:
    """The reporter that `run` calls."""

    def __init__(self, estimate: TimeLeft, console: Console) -> None:
        self.estimate, self.console = estimate, console
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
            self.console.print(event, highlight=False)
        self._show(running, finished)

    def _show(self, running: dict[str, float], finished: list[str]) -> None:
        share, left = self.estimate.state(running, finished)
        count = f"{len(finished)}/{len(self.estimate.plan.nodes)} phases"
        if self.console.is_terminal:
            self.bar.update(self.task, completed=share, description=f"{count} · {self._now(running)}", left=f"{words(left)} left")
        elif time.monotonic() - self.spoken > PLAIN_EVERY and running:
            self.spoken = time.monotonic()
            self.console.print(f"{count}, {100 * share:.0f} % of the work, about {words(left)} left", highlight=False)

    def _now(self, running: dict[str, float]) -> str:
        names = sorted({self.estimate.plan.nodes[key].phase.name for key in running})
        return ", ".join(names) or "gathering"

    def close(self) -> None:
        self.bar.stop()
