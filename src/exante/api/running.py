"""A registered study's plan on the workers of this machine, and some of its phases trained again.

Does not register or analyse anything.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from exante.api.registering import load_registered
from exante.errors import UserError
from exante.planning import cost as forecast
from exante.planning.lengths import check_lengths
from exante.planning.tree import Plan, Size, pairs_by_node, plan, preset_of
from exante.profiles import directory_of
from exante.registry.plan_file import PlanFile, load_plan_file, save_plan_file
from exante.registry.seen import SeenStore
from exante.running.executors.base import Executor, Placement, Work
from exante.storage.directory import RunDirectory
from exante.storage.phase_store import PhaseStore
from exante.study import Registration, Study

if TYPE_CHECKING:
    from exante.running.progress import TimeLeft
    from exante.running.reproduce import Compared

WORK = ("exante.running.worker", "work")
"""Module and function that a worker process calls for each phase."""


def check_libraries() -> None:
    """Raises UserError where the libraries that train are not installed."""
    if any(importlib.util.find_spec(name) is None for name in ("torch", "transformers")):
        raise UserError("running a study needs torch and transformers; install them with: pip install 'exante[train]'")


def check_device(device: str) -> None:
    """Raises UserError for a device that torch cannot use here."""
    if device != "cpu":
        from exante.running.worker import check_device

        check_device(device)


def check_arms(study: Study, only: Iterable[str]) -> None:
    """Raises UserError for an arm that the study does not have."""
    arms = [arm.id for arm in study.arms]
    for name in only:
        if name not in arms:
            raise UserError(f"study {study.id!r} has no arm {name!r}; it has {', '.join(arms)}")


def check_models(planned: Plan, study: Study) -> None:
    """Raises UserError for an outside checkpoint of a plan that cannot be loaded, or a file's question that does not fit a model,
    before anything is trained."""
    used = {node.model for node in planned.nodes.values()}
    outside = [profile for profile in study.profiles if profile.id in used and directory_of(profile.id) is not None]
    if outside:
        from exante.running.worker import check_models

        check_models(outside)
    check_lengths(planned, study)


def run_into(
    directory: RunDirectory,
    registration: Registration,
    planned: Plan,
    *,
    placement: Placement,
    device: str = "cpu",
    only: tuple[str, ...] = (),
    fresh: bool = False,
    console: Console | None = None,
    source: Path | None = None,
) -> dict[str, str]:
    """Run a registered study's plan. Returns crashed node id → log. Workers import the study file `source`, if there is one."""
    from exante.running.bases import replaced_sentence, with_replacements
    from exante.running.progress import Display, words
    from exante.running.scheduler import run
    from exante.running.status import StatusFile

    console = console or Console(quiet=True)
    _check_preset(directory, planned.preset)
    SeenStore().first_seen()  # a damaged store is named before hours of work, not after them
    if not directory.plan.exists():
        save_plan_file(directory, PlanFile(**planned.model_dump(include=set(PlanFile.model_fields))))
    for sentence in planned.left_out:
        console.print(f"left out: {sentence}", highlight=False)

    def train_bases(bases: Plan) -> dict[str, str]:
        return _train_bases(bases, registration, directory, placement, device, console, source)

    def plan_of(size: Size) -> Plan:
        return plan(registration, planned.preset, size=size)

    planned, replaced = with_replacements(registration, planned, plan_of, train_bases)
    for draw, gates in replaced.items():
        console.print(replaced_sentence(planned, draw, gates), highlight=False)
    executor, status = _executor(placement, registration, source), StatusFile(directory.status)
    estimate = _time_left(planned, registration.study, executor.idle)
    display = Display(estimate, console, status)
    console.print(
        f"{len(planned.cells)} runs, {len(planned.nodes)} phases; about {words(estimate.wall(set()))} if nothing is cached",
        highlight=False,
    )
    discarded = [node.id for node in planned.nodes.values() if fresh and not node.is_base]
    try:
        with PhaseStore().leased(planned.nodes, alone=discarded):
            crashed = run(planned, registration, directory, executor, display, device=device, fresh=fresh, only=only)
    finally:
        display.close()
    status.close()
    forecast.remember(planned, registration.study, PhaseStore())
    return crashed


def _train_bases(
    bases: Plan,
    registration: Registration,
    directory: RunDirectory,
    placement: Placement,
    device: str,
    console: Console,
    source: Path | None,
) -> dict[str, str]:
    """Train and evaluate the bases of a plan that are not in the cache. Returns crashed node id → log."""
    from exante.running.jobs import jobs_of
    from exante.running.progress import Display
    from exante.running.scheduler import train

    jobs, store = jobs_of(bases, registration, device), PhaseStore()
    seen = {} if bases.pilot else pairs_by_node(bases, registration.study)
    executor = _executor(placement, registration, source)
    display = Display(_time_left(bases, registration.study, executor.idle), console)
    try:
        with store.leased(bases.nodes):
            return train(bases, jobs, store, executor, directory, display, seen)
    finally:
        display.close()


def crash_sentences(logs: Iterable[str]) -> list[str]:
    """What went wrong in phases that crashed, each error once, with one of its logs."""
    by_error: dict[str, list[str]] = {}
    for log in sorted(set(logs)):
        lines = Path(log).read_text("utf-8").strip().splitlines() or [""]
        by_error.setdefault(lines[-1], []).append(log)
    return [
        f"a phase crashed: {error}; its log is {logs[0]}"
        if len(logs) == 1
        else f"{len(logs)} phases crashed: {error}; the first log is {logs[0]}"
        for error, logs in by_error.items()
    ]


def _time_left(planned: Plan, study: Study, workers: int) -> TimeLeft:
    from exante.running.progress import TimeLeft

    cost = forecast.costs(planned, study, probe=False)
    return TimeLeft(planned, cost, lambda done: forecast.wall_seconds(planned, cost, workers, done))


def _executor(placement: Placement, registration: Registration, source: Path | None) -> Executor:
    """Worker processes, each of which first imports the study file that the user named."""
    from exante.running.executors import executor

    work = Work(WORK)
    if source is not None:
        work = Work(WORK, ("exante.studies", "load_file"), (str(source.resolve()), registration.sources))
    return executor(work, placement)


def size_to_run(directory: RunDirectory, registration: Registration, preset: str, bases: int | None) -> Size:
    """How much of a preset to run: the look with so many bases, or without a number the one that the directory holds, else the
    first. Raises UserError where that is no registered look, or fewer bases than the directory holds."""
    looks = [look.bases for look in preset_of(registration.study, preset).readings]
    if bases is not None and bases not in looks:
        raise UserError(
            f"preset {preset!r} of study {registration.study.id!r} is read at {' and '.join(map(str, looks))} bases, not {bases};"
            " looks are registered, so give one of these, or register another study"
        )
    held = _held(directory)
    if held is None or held.preset != preset:
        return Size(bases or looks[0])
    if bases is not None and bases < (held.bases or looks[-1]):
        raise UserError(f"{directory.path} holds {held.bases or looks[-1]} bases already; looks only grow, so give no fewer")
    return Size(bases or held.bases or looks[-1], held.replaced)


def _held(directory: RunDirectory) -> PlanFile | None:
    try:
        return load_plan_file(directory, directory.load_registration())
    except UserError:  # none yet, or damaged: it is written again
        return None


def _check_preset(directory: RunDirectory, preset: str) -> None:
    held = _held(directory)
    if held is not None and held.preset != preset:
        raise UserError(
            f"{directory.path} holds preset {held.preset!r}; run preset {preset!r} into another --out, the cache serves both"
        )


def planned_run(directory: Path, source: Path | None = None) -> tuple[Registration, Plan]:
    """The registration of a run directory and the plan that it was run by."""
    files = RunDirectory(directory)
    registration = load_registered(files, source)
    held = load_plan_file(files, registration)
    return registration, plan(registration, held.preset, size=held.size)


def reproduce_phases(
    path: Path, source: Path | None, count: int, seed: int, workers: int, console: Console | None = None
) -> list[Compared]:
    """Train some phases of a run again and compare their rows. Raises UserError."""
    from exante.running.progress import Display
    from exante.running.reproduce import reproduce

    registration, planned = planned_run(path, source)
    check_models(planned, registration.study)
    executor = _executor(Placement(workers), registration, source)
    displays: list[Display] = []

    def report(part: Plan) -> Display:
        displays.append(Display(_time_left(part, registration.study, workers), console or Console(quiet=True)))
        return displays[0]

    try:
        return reproduce(RunDirectory(path), registration, planned, count, seed, executor=executor, report=report)
    finally:
        for display in displays:
            display.close()
