"""run: walk a plan's tree on an executor, then gather what was measured into the run directory. Resumes.

Does not train (`worker.py`) or read what was measured. Interrupting it anywhere loses only phases under way.
"""

from __future__ import annotations

import os
import platform
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from exante.errors import DiskFull, UserError
from exante.planning.tree import Plan, pairs_by_node
from exante.registry.plan_file import PlanFile, save_plan_file
from exante.registry.seen import SeenStore
from exante.running.executors.base import Event, Executor
from exante.running.gather import gather
from exante.running.jobs import Job, changed_parts, changed_rows, is_done, jobs_of
from exante.storage.directory import RunDirectory
from exante.storage.files import read_json, write_atomic, write_json
from exante.storage.phase_store import PhaseStore
from exante.storage.tables import CRASHED, DONE, REPLACED, WAITING
from exante.study import Registration, Study

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
    only: Collection[str] = (),
) -> dict[str, str]:
    """Compute what is missing, then write rows, phases and transcripts. Returns crashed node id → path of its log.

    `fresh` ignores phases computed before the run directory was registered. `only` names the arms to compute for now; whatever
    else is finished is gathered too.
    """
    store = PhaseStore()
    jobs = jobs_of(plan, registration, device)
    if fresh:
        _discard_older(jobs, store, directory)
    began = {"started": time.time(), "workers": executor.idle}
    wanted = {node for planned in plan.cells if not only or planned.cell.arm in only for node in planned.nodes}
    seen = {} if plan.pilot else pairs_by_node(plan, registration.study)
    walk = _Walk(plan, {key: jobs[key] for key in plan.nodes if key in wanted}, store, executor, directory, report, seen)
    # This run reads rows that are in the cache already, so they count as seen; a worker records the new ones that it writes.
    if not plan.pilot:
        SeenStore().append(registration, {pair for key in walk.finished for pair in seen.get(key, ())})
    crashed = walk.walk()
    finished = set(walk.finished) | {key for key, job in jobs.items() if key not in wanted and is_done(job, store)}
    states = _states(plan, finished, crashed)
    if DONE not in states.values() and not crashed:
        raise UserError("the code of all finished phases was changed while they ran; run the same command again")
    # Only now: until here the directory holds what was run before, which may be fewer bases.
    save_plan_file(directory, PlanFile(**plan.model_dump(include=set(PlanFile.model_fields))))
    gather(plan, states, jobs, crashed, compared_arms(registration.study), directory, store)
    if walk.computed:
        _write_timings(jobs, store, directory, began)
    return crashed


def train(
    plan: Plan,
    jobs: dict[str, Job],
    store: PhaseStore,
    executor: Executor,
    directory: RunDirectory,
    report: Reporter,
    seen: Mapping[str, list[str]] | None = None,
) -> dict[str, str]:
    """Compute a plan's phases into the store. `seen`: what to record of each in the store of outcomes seen; nothing by default.
    Returns crashed node id → path of its log."""
    return _Walk(plan, jobs, store, executor, directory, report, seen or {}).walk()


def compared_arms(study: Study) -> set[str]:
    """Arms whose training texts a gate compares."""
    return {arm for gate in study.gates if gate.kind == "text" for arm in gate.arms or ()}


def _discard_older(jobs: Mapping[str, Job], store: PhaseStore, directory: RunDirectory) -> None:
    since = directory.registration.stat().st_mtime
    for job in jobs.values():
        if not job.node.is_base:
            store.discard(store.directory(job.node.id, False), before=since)


def _states(plan: Plan, finished: Collection[str], crashed: Collection[str]) -> dict[str, str]:
    """Cell id → done, crashed, waiting for a later run, or replaced because its base failed a gate."""
    replaced = plan.replaced_cells

    def state(cell: str, nodes: Iterable[str]) -> str:
        nodes = list(nodes)
        if any(node in crashed for node in nodes):
            return CRASHED
        if not all(node in finished for node in nodes):
            return WAITING
        return REPLACED if cell in replaced else DONE

    return {planned.cell.id: state(planned.cell.id, planned.nodes) for planned in plan.cells}


class _Walk:
    """Keeps workers busy with nodes whose parents are done. What descends from a node that crashed counts as crashed."""

    def __init__(
        self,
        plan: Plan,
        jobs: dict[str, Job],
        store: PhaseStore,
        executor: Executor,
        directory: RunDirectory,
        report: Reporter,
        seen: Mapping[str, list[str]],
    ) -> None:
        self.plan, self.jobs, self.store, self.executor = plan, jobs, store, executor
        self.directory, self.report, self.seen = directory, report, seen
        self.computed = 0
        self.finished: list[str] = []
        done: set[str] = set()
        for key, job in jobs.items():  # parents come before children; what follows a phase computed again is looked at later
            if all(parent in done for parent in job.node.parents) and is_done(job, store):
                done.add(key)
                self.finished.append(key)
        self.waiting = [key for key in jobs if key not in done]
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
                seen = {"registration": self.plan.registration_sha256, "pairs": self.seen.get(key, [])}
                self.executor.submit(key, {"job": self.jobs[key].model_dump(mode="json"), "seen": seen})

    def _take(self, event: Event) -> None:
        if event.kind == "progress":
            self.running[event.key] = event.value
            return
        self.running.pop(event.key)
        if event.kind == "done":
            self.finished.append(event.key)
            self.computed += 1
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
            name, last = self.jobs[event.key].node.phase.name, event.value.strip().splitlines()[-1]
            self.report(f"phase {name!r} crashed: {last}; its log is {log}", self.running, self.finished)


def _write_timings(jobs: Mapping[str, Job], store: PhaseStore, directory: RunDirectory, began: dict[str, Any]) -> None:
    markers = {key: store.marker(store.directory(key, job.node.is_base)) for key, job in jobs.items()}
    nodes = {key: {"phase": jobs[key].node.phase.name, "seconds": m["seconds"]} for key, m in markers.items() if m}
    now = began | {"wall_seconds": time.time() - began["started"], "host": platform.node(), "cores": os.cpu_count()}
    runs = [*_earlier_runs(directory), now]
    write_json(directory.timings, {"runs": runs, "phases": nodes, "compute_seconds": sum(n["seconds"] for n in nodes.values())})
    directory.record([directory.timings])


def _earlier_runs(directory: RunDirectory) -> list[Any]:
    """Timings of the runs before; none where the file is missing or damaged, as nothing follows from them."""
    try:
        return list(read_json(directory.timings, "")["runs"])
    except (UserError, KeyError, TypeError):
        return []
