"""reproduce: train some phases of a run again, from nothing, and compare their rows with those that the run holds.

For what no hash can show: that rows were measured at all. Needs the `train` extra; trains into a temporary store.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from exante.errors import UserError
from exante.planning.tree import Plan
from exante.profiles.places import carry_places
from exante.running.executors.base import Executor
from exante.running.gather import metrics_of, rows_of
from exante.running.jobs import Job, jobs_of
from exante.running.scheduler import Reporter, train
from exante.storage.directory import RunDirectory
from exante.storage.phase_store import PhaseStore
from exante.storage.tables import METRICS, ROWS, Measured
from exante.study import Registration


@dataclass(frozen=True)
class Compared:
    """One phase that was trained again: how many lines of rows the run holds of it, and how many of rows and metrics differ."""

    node: str
    phase: str
    arms: tuple[str, ...]
    lines: int
    different: int


def reproduce(
    directory: RunDirectory,
    registration: Registration,
    planned: Plan,
    count: int,
    seed: int,
    *,
    executor: Executor,
    report: Callable[[Plan], Reporter],
    device: str = "cpu",
) -> list[Compared]:
    """Train `count` phases, drawn by `seed` among those with rows, with all that comes before them. Raises UserError."""
    measured = directory.load_measured()
    held = measured.rows
    chosen = choose(planned, set(held["node"].astype(str)), count, seed)
    needed = _with_parents(planned, chosen)
    part = planned.model_copy(update={"nodes": {key: node for key, node in planned.nodes.items() if key in needed}})
    with tempfile.TemporaryDirectory(prefix="exante-") as scratch, _cache(Path(scratch)):
        jobs = jobs_of(part, registration, device)
        crashed = train(part, jobs, PhaseStore(), executor, RunDirectory(Path(scratch) / "run"), report(part))
        if crashed:
            log = Path(next(iter(crashed.values()))).read_text("utf-8").strip().splitlines()[-1]
            raise UserError(f"a phase crashed when it was trained again ({log}); the run's code or libraries are not those here")
        return [_compared(planned, jobs[key], measured, PhaseStore()) for key in chosen]


def choose(planned: Plan, with_rows: set[str], count: int, seed: int) -> list[str]:
    """Phases to train again: any that left rows, each as likely. Raises UserError if there is none."""
    candidates = [key for key in planned.nodes if key in with_rows]
    if not candidates:
        raise UserError("no phase of this run can be trained again here: its rows are of none that its registration plans")
    return sorted(random.Random(seed).sample(candidates, min(count, len(candidates))))


def _with_parents(planned: Plan, chosen: list[str]) -> set[str]:
    needed, waiting = set(), list(chosen)
    while waiting:
        key = waiting.pop()
        if key not in needed:
            needed.add(key)
            waiting += planned.nodes[key].parents
    return needed


@contextmanager
def _cache(path: Path) -> Iterator[None]:
    """Another cache for this process and the workers that it starts. It knows the places of checkpoints."""
    carry_places(path)
    before = os.environ.get("EXANTE_CACHE_DIR")
    os.environ["EXANTE_CACHE_DIR"] = str(path)
    try:
        yield
    finally:
        os.environ.pop("EXANTE_CACHE_DIR")
        if before is not None:
            os.environ["EXANTE_CACHE_DIR"] = before


def _compared(planned: Plan, job: Job, held: Measured, store: PhaseStore) -> Compared:
    key = job.node.id
    pairs = ((rows_of([job], store), held.rows, ROWS), (metrics_of([job], store), held.metrics, METRICS))
    different = sum(_different(again, before[before["node"] == key], list(columns)) for again, before, columns in pairs)
    arms = dict.fromkeys(cell.cell.arm for cell in planned.cells if key in cell.nodes)
    return Compared(key, job.node.phase.name, tuple(arms), int((held.rows["node"] == key).sum()), different)


def _different(again: pd.DataFrame, before: pd.DataFrame, columns: list[str]) -> int:
    """Lines that only one of two tables holds."""
    both = again[columns].astype(object).merge(before[columns].astype(object), on=columns, how="outer", indicator=True)
    return int((both["_merge"] != "both").sum())
