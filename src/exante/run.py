"""run: walk a plan's tree on an executor, then gather what the cells share into the run directory. Resumes.

Does not train (`work.py`) or read what was measured. Interrupting it anywhere loses only phases under way.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from exante.errors import DiskFull, UserError
from exante.executors import Event, Executor
from exante.jobs import Job, changed_parts, changed_rows, evaluation_key, is_done, jobs_of
from exante.plan import Plan, PlannedCell, pairs_of
from exante.store import Ledger, PhaseStore, RunDirectory, write_atomic, write_json, write_table
from exante.study import Registration

CELL_COLUMNS = ["cell", "arm", "model", "base", "behaviour", "training", "seed"]
ROW_COLUMNS = [
    *CELL_COLUMNS,
    "checkpoint",
    "evaluation",
    "condition",
    "item",
    "cluster",
    "outcome",
    "n",
    "trials",
    "score_sum",
    "score_sumsq",
]
PHASE_COLUMNS = [*CELL_COLUMNS, "phase", "step", "metric", "value"]
SHOWN_CELLS = 2
"""Cells of each arm × training × behaviour whose transcripts go into the run directory."""
TEXTS_PER_CELL = 120
"""Training texts per cell kept for gates that compare arms' data."""


Reporter = Callable[[str, dict[str, float], list[str]], None]
"""Called with (event, share done by running node id, finished node ids)."""


def run(
    plan: Plan,
    registration: Registration,
    directory: RunDirectory,
    executor: Executor,
    report: Reporter,
    *,
    device: str = "cpu",
    fresh: bool = False,
    whole: Plan | None = None,
) -> dict[str, str]:
    """Compute what is missing, then write rows, phases and transcripts. Returns crashed node id → path of its log.

    `fresh` ignores phases computed before the run directory was registered. `whole` is the plan of which `plan` computes a
    part: all its finished cells are gathered.
    """
    store = PhaseStore()
    jobs = jobs_of(plan, registration.study, device)
    if fresh:
        since = directory.registration.stat().st_mtime
        for job in jobs.values():
            if not job.node.is_base:
                store.discard(store.directory(job.node.id, False), before=since)
    began = {"started": time.time(), "workers": executor.idle}
    walk = _Walk(plan, jobs, store, executor, directory, report)
    try:
        crashed = walk.walk()
    finally:  # outcomes that exist are seen, however the run ended
        if not plan.pilot:
            Ledger().append(registration, sorted({pair for _, pair in pairs_of(plan, registration.study, walk.finished)}))
    gathered = _finished_part(whole or plan, registration, store, crashed, device)
    if not gathered.cells:
        raise UserError("the code of all finished phases was changed while they ran; run the same command again")
    write_json(directory.plan, gathered.model_dump(mode="json"))
    gather(gathered, registration, directory, store, crashed, device)
    _write_timings(plan, jobs, store, directory, began)
    return crashed


class _Walk:
    """Keeps workers busy with nodes whose parents are done. A node that crashes takes its descendants with it."""

    def __init__(
        self, plan: Plan, jobs: dict[str, Job], store: PhaseStore, executor: Executor, directory: RunDirectory, report: Reporter
    ) -> None:
        self.plan, self.jobs, self.store, self.executor, self.directory, self.report = (
            plan,
            jobs,
            store,
            executor,
            directory,
            report,
        )
        self.finished: list[str] = []
        for key, job in jobs.items():  # parents come before children; what follows a phase computed again is looked at later
            if all(parent in self.finished for parent in job.node.parents) and is_done(job, store):
                self.finished.append(key)
        self.waiting = [key for key in jobs if key not in set(self.finished)]
        self.running: dict[str, float] = {}
        self.crashed: dict[str, str] = {}
        self.deaths: dict[str, int] = defaultdict(int)

    def walk(self) -> dict[str, str]:
        self._say_what_changed()
        self.report("start", self.running, self.finished)
        try:
            while self.waiting or self.running:
                self._submit()
                for event in self.executor.events(0.5):
                    self._take(event)
                self.report("tick", self.running, self.finished)
        finally:
            self.executor.close()
        return self.crashed

    def _say_what_changed(self) -> None:
        for key in self.waiting:
            job = self.jobs[key]
            directory = self.store.directory(key, job.node.is_base)
            marker = self.store.marker(directory)
            changed = changed_parts(job, marker, self.store) if marker else []
            changed = changed or [name for e in job.evaluations for name in changed_rows(job, e, directory) or ()]
            if changed:
                self.report(f"computing again because {', '.join(changed)} changed", self.running, self.finished)
                return

    def _submit(self) -> None:
        done = set(self.finished)
        for key in list(self.waiting):
            if not self.executor.idle:
                return
            node = self.plan.nodes[key]
            failed = next((p for p in node.parents if p in self.crashed), None)
            if failed is not None:
                self.waiting.remove(key)
                self.crashed[key] = self.crashed[failed]
            elif all(p in done for p in node.parents):
                self.waiting.remove(key)
                self.running[key] = 0.0
                self.executor.submit(key, self.jobs[key].model_dump(mode="json"))

    def _take(self, event: Event) -> None:
        if event.kind == "progress":
            self.running[event.key] = event.value
            return
        self.running.pop(event.key)
        if event.kind == "done":
            self.finished.append(event.key)
        elif event.kind == "user":
            raise UserError(event.value)
        elif event.kind == "disk":
            raise DiskFull(event.value)
        elif event.kind == "died" and self.deaths[event.key] == 0:
            self.deaths[event.key] += 1
            self.waiting.insert(0, event.key)
        else:
            log = self.directory.logs / f"{event.key}.log"
            write_atomic(log, f"{self.jobs[event.key].model_dump_json(indent=1)}\n\n{event.value}\n")
            self.crashed[event.key] = str(log)


def gather(
    plan: Plan, registration: Registration, directory: RunDirectory, store: PhaseStore, crashed: dict[str, str], device: str
) -> None:
    """Copy what the store holds of a plan into the run directory: rows, phases, transcripts; then tell the ledger."""
    jobs = jobs_of(plan, registration.study, device)
    rows, phases, shown = [], [], defaultdict(list)
    texts: dict[str, list[str]] = defaultdict(list)
    for planned in plan.cells:
        if any(node in crashed for node in planned.nodes):
            rows.append(_labelled(_CRASHED_ROW, planned))
        for name, node_id in zip(planned.names, planned.nodes, strict=True):
            if node_id not in crashed:
                source = store.directory(node_id, jobs[node_id].node.is_base)
                rows.append(_labelled(_rows_of(jobs[node_id], source, name), planned))
                phases.append(_labelled(pd.read_parquet(source / "metrics.parquet").assign(phase=name), planned))
                shown[planned.cell.arm, planned.cell.training, planned.cell.behaviour].append(
                    (planned, name, jobs[node_id], source)
                )
                texts[planned.cell.arm] += _texts_of(source, planned)
    write_table(directory.rows, pd.concat(rows, ignore_index=True).reindex(columns=ROW_COLUMNS))
    nothing = pd.DataFrame(columns=PHASE_COLUMNS)
    write_table(directory.phases, pd.concat(phases, ignore_index=True).reindex(columns=PHASE_COLUMNS) if phases else nothing)
    shutil.rmtree(directory.transcripts, ignore_errors=True)
    for (arm, training, behaviour), found in shown.items():
        lines = [line for place in found[: SHOWN_CELLS * len(found[0][0].nodes)] for line in _transcripts_of(*place)]
        write_atomic(directory.transcripts / f"{arm}--{training}--{behaviour}.jsonl", "".join(lines))
    for arm, lines in texts.items():
        if lines:
            write_atomic(directory.transcripts / "training" / f"{arm}.jsonl", "".join(lines))


def _finished_part(plan: Plan, registration: Registration, store: PhaseStore, crashed: dict[str, str], device: str) -> Plan:
    """The plan's cells that are computed, or crashed; the rest was left for later."""
    jobs = jobs_of(plan, registration.study, device)
    over = {key for key, job in jobs.items() if key in crashed or is_done(job, store)}
    cells = tuple(cell for cell in plan.cells if any(n in crashed for n in cell.nodes) or all(n in over for n in cell.nodes))
    return plan.model_copy(update={"cells": cells})


_CRASHED_ROW = pd.DataFrame(
    [
        dict.fromkeys(ROW_COLUMNS[7:], "")
        | {"evaluation": "*", "outcome": "crashed", "n": 0, "trials": 0, "score_sum": 0.0, "score_sumsq": 0.0}
    ]
)


def _labelled(table: pd.DataFrame, planned: PlannedCell) -> pd.DataFrame:
    cell = planned.cell
    return table.assign(cell=cell.id, **cell.model_dump())


def _rows_of(job: Job, source: Path, name: str) -> pd.DataFrame:
    found = [
        pd.read_parquet(source / "rows" / f"{evaluation_key(e, job.node.evaluations[e.id])}.parquet").assign(evaluation=e.id)
        for e in job.evaluations
    ]
    if not found:
        return pd.DataFrame(columns=ROW_COLUMNS[7:])
    table = pd.concat(found, ignore_index=True)
    return table.assign(checkpoint=name + "@" + table["step"].astype(str)).drop(columns="step")


def _transcripts_of(planned: PlannedCell, name: str, job: Job, source: Path) -> list[str]:
    cell = planned.cell
    label = {"cell": cell.id, "arm": cell.arm, "training": cell.training, "behaviour": cell.behaviour}
    records = []
    if (source / "training.jsonl").exists():
        for record in _lines(source / "training.jsonl"):
            records.append(label | {"checkpoint": name, "evaluation": "training data", "condition": ""} | record)
    for evaluation in job.evaluations:
        steps = job.node.evaluations[evaluation.id]
        for record in _lines(source / "rows" / f"{evaluation_key(evaluation, steps)}.jsonl"):
            step = record.pop("step")
            if step in (steps[0], steps[-1]):
                records.append(label | {"checkpoint": f"{name}@{step}"} | record)
    return [json.dumps(record, ensure_ascii=False, sort_keys=True) + "\n" for record in records]


def _texts_of(source: Path, planned: PlannedCell) -> list[str]:
    """Training texts that a `sample_and_filter` phase kept: prompt and answer."""
    if not (source / "examples.jsonl").exists():
        return []
    found = []
    for record in _lines(source / "examples.jsonl")[:TEXTS_PER_CELL]:
        asked = " ".join(turn["content"] for turn in record["prompt"]["turns"])
        found.append(json.dumps({"cell": planned.cell.id, "text": f"{asked} {record['answer']}"}, ensure_ascii=False) + "\n")
    return found


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def _write_timings(plan: Plan, jobs: dict[str, Job], store: PhaseStore, directory: RunDirectory, began: dict[str, Any]) -> None:
    markers = {key: store.marker(store.directory(key, job.node.is_base)) for key, job in jobs.items()}
    nodes = {key: {"phase": jobs[key].node.phase.name, "seconds": m["seconds"]} for key, m in markers.items() if m}
    now = began | {"wall_seconds": time.time() - began["started"], "host": platform.node(), "cores": os.cpu_count()}
    runs = json.loads(directory.timings.read_text("utf-8"))["runs"] if directory.timings.exists() else []
    write_json(
        directory.timings, {"runs": [*runs, now], "phases": nodes, "compute_seconds": sum(n["seconds"] for n in nodes.values())}
    )
