"""The verbs over a run directory: each reads only files that earlier verbs wrote there.

`register → plan → run → analyse → report`, and `verify`. The command line is a thin layer over these functions.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from exante import studies
from exante.analysis.table import cells_of
from exante.errors import UserError
from exante.planning import cost as forecast
from exante.planning.tree import Plan, plan
from exante.registry import complete
from exante.registry.chosen import Chosen, load_chosen, save_chosen
from exante.registry.seen import Ledger
from exante.registry.stamps import stamps, stamps_of
from exante.storage import sources
from exante.storage.checkpoints import path_of
from exante.storage.directory import RunDirectory
from exante.storage.files import json_text, read_json, write_atomic, write_json, write_table
from exante.storage.identity import digest
from exante.storage.phase_store import PhaseStore
from exante.storage.sources import package_digest
from exante.storage.tables import CRASHED, DONE, WAITING, Measured, content_digest
from exante.study import Cell, Registration, Study


def register_into(directory: RunDirectory, registration: Registration, source: Path | None) -> Registration:
    """Write a registration (and the study's own file) into a run directory, or check that it is the one already there."""
    directory.create()
    if directory.registration.exists():
        held = directory.load_registration()
        if held.study.id == registration.study.id and held.sources != registration.sources:
            raise UserError(
                f"{directory.path} was registered with other code in the study's parts ({_differing(held, registration)});"
                " restore it (a copy is in the directory code), or choose another --out"
            )
        # By hash, not as objects: what is held was read back from JSON.
        if (digest(held.study), held.pilot) != (digest(registration.study), registration.pilot):
            raise UserError(
                f"{directory.path} holds registration {held.sha256[:12]} of {held.study.id!r}, not {registration.sha256[:12]};"
                " choose another --out, or run that study with the options it was registered with"
            )
        if registration.amends and (held.amends, held.amendment_note) != (registration.amends, registration.amendment_note):
            raise UserError(f"{directory.path} is registered already; register the amendment into another --out")
        _keep_source(directory, source)
        directory.record([directory.registration])  # its own hash and seal say that it is as it was
        return held
    stamped = stamps(registration)  # first: a damaged ledger is named before anything is written
    _keep_source(directory, source)
    directory.save_registration(registration, stamped)
    if not registration.pilot:
        Ledger().keep(registration)  # so that an amendment can name it
    return registration


def _keep_source(directory: RunDirectory, source: Path | None) -> None:
    """The study's own file and the modules beside it, for those who want to run it again. Nothing imports the copies."""
    if source is not None and source.resolve().parent != directory.code.resolve():
        for name, file in sources.files_of(source).items():
            content, copy = file.read_bytes(), directory.code / name
            if not copy.exists() or copy.read_bytes() != content:
                write_atomic(copy, content)
    if directory.code.exists():
        directory.record(path for path in directory.code.rglob("*.py"))


def _differing(held: Registration, now: Registration) -> str:
    names = sorted(n for n in held.sources | now.sources if held.sources.get(n) != now.sources.get(n))
    return ", ".join("the study file" if name == studies.USER_MODULE else name for name in names)


def load_registered(directory: RunDirectory, study: Path | None = None) -> Registration:
    """The registration of a run directory. Its parts that are not exante's own are found only if the file `study`, which must
    be named by the user, has them; nothing in the directory is imported."""
    registration = directory.load_registration()
    if study is not None:
        studies.load_file(study, registration.sources)
    return registration


def check_models(planned: Plan, study: Study) -> None:
    """Raises UserError for an outside checkpoint of a plan that cannot be loaded, before anything is trained."""
    used = {node.model for node in planned.nodes.values()}
    outside = [profile for profile in study.profiles if profile.id in used and path_of(profile.id) is not None]
    if outside:
        from exante.running.worker import check_models

        check_models(outside)


def run_into(
    directory: RunDirectory,
    registration: Registration,
    planned: Plan,
    *,
    workers: int,
    device: str,
    only: tuple[str, ...],
    fresh: bool,
    console: Console,
    source: Path | None = None,
) -> dict[str, str]:
    """Run a registered study's plan. Returns crashed node id → log. Workers import the study file `source`, if there is one."""
    from exante.running.executors.local import LocalExecutor
    from exante.running.progress import Display, Meter, words
    from exante.running.scheduler import run

    _check_preset(directory, registration, planned.preset)
    Ledger().first_seen()  # a damaged ledger is named before hours of work, not after them
    save_chosen(directory, Chosen(**planned.model_dump(include=set(Chosen.model_fields))))
    for sentence in planned.left_out:
        console.print(f"left out: {sentence}", highlight=False)
    cost = forecast.costs(planned, registration.study, probe=False)
    meter = Meter(planned, cost, lambda done: forecast.wall_seconds(planned, cost, workers, done))
    executor = LocalExecutor(workers, ("exante.running.worker", "work"), *_setup(registration, source))
    display = Display(meter, console)
    console.print(
        f"{len(planned.cells)} cells, {len(planned.nodes)} phases; about {words(meter.wall(set()))} if nothing is cached",
        highlight=False,
    )
    discarded = [node.id for node in planned.nodes.values() if fresh and not node.is_base]
    try:
        with PhaseStore().leased(planned.nodes, alone=discarded):
            crashed = run(planned, registration, directory, executor, display, device=device, fresh=fresh, only=only)
    finally:
        display.close()
    forecast.remember(planned, registration.study, PhaseStore())
    return crashed


def _setup(registration: Registration, source: Path | None) -> tuple[tuple[str, str] | None, tuple[Any, ...]]:
    """What a worker does first: import the study file that the user named."""
    return (("exante.studies", "load_file"), (str(source.resolve()), registration.sources)) if source else (None, ())


def _check_preset(directory: RunDirectory, registration: Registration, preset: str) -> None:
    try:
        held = load_chosen(directory, registration).preset
    except UserError:  # none yet, or damaged: it is written again
        return
    if held != preset:
        raise UserError(
            f"{directory.path} holds preset {held!r}; run preset {preset!r} into another --out, the cache serves both"
        )


@dataclass(frozen=True)
class Given:
    """What a run directory gives for analysis, complete by its registration. `cells` are those of arms that were run."""

    registration: Registration
    stamps: dict[str, Any]
    preset: str
    measured: Measured
    cells: list[Cell]
    texts: dict[str, list[str]]
    made_from: dict[str, str]


def given(directory: RunDirectory) -> Given:
    """Read and check all that verdicts follow from. Imports none of the study's code. Raises UserError."""
    registration = directory.load_registration()
    chosen = load_chosen(directory, registration)
    stamped = stamps_of(directory.load_stamps(), chosen.preset)
    measured = directory.load_measured()
    left_out = complete.check(registration, chosen.preset, measured)
    if left_out != chosen.left_out:
        remedy = directory.remedy(directory.plan)
        raise UserError(f"{directory.plan} says that other things were left out than the registration does; {remedy}")
    texts = directory.training_texts()
    directory.check(directory.plan, *texts)
    paths = (directory.plan, directory.cells, directory.rows, directory.phases, *texts)
    frozen = digest([registration.sha256, stamped])  # not the file, to which an anchor may be added
    made_from = directory.digests(paths) | {"registration": frozen, "exante": package_digest()}
    return Given(
        registration, stamped, chosen.preset, measured, run_cells(measured), {p.stem: _texts_in(p) for p in texts}, made_from
    )


def run_cells(measured: Measured) -> list[Cell]:
    """The cells of arms that were run: an arm left for later is not measured; a run missing from an arm counts as crashed."""
    states = measured.states()
    cells = cells_of(measured)
    begun = {cell.arm for cell in cells if states[cell.id] != WAITING}
    return [cell for cell in cells if cell.arm in begun]


def analyse_directory(directory: RunDirectory) -> dict[str, Any]:
    """Recompute verdicts.json and series.parquet from the files of the run, unless they stand. Returns the verdicts as plain
    data."""
    data = given(directory)
    written = (directory.verdicts, directory.series)
    if all(directory.stands(path, data.made_from) for path in written):
        return read_json(directory.verdicts, directory.remedy(directory.verdicts))
    verdicts, series = analysed(data)
    write_json(directory.verdicts, verdicts)
    write_table(directory.series, series)
    directory.record(written, data.made_from)
    return verdicts


def analysed(data: Given) -> tuple[dict[str, Any], pd.DataFrame]:
    from exante.analysis.analyse import analyse, run_values_of, series

    registration, measured = data.registration, data.measured
    everything = [x.id for x in (*registration.study.contrasts, *registration.study.theories)]
    exploratory = everything if registration.pilot else data.stamps["changed"]
    provenance = {
        "rows_sha256": content_digest([measured.cells, measured.rows]),
        "phases_sha256": content_digest([measured.metrics]),
        "pilot": registration.pilot,
    }
    runs = run_values_of(registration.study, measured, data.preset, data.cells)
    verdicts = analyse(
        registration,
        measured,
        preset=data.preset,
        texts=data.texts,
        runs=runs,
        before_data=data.stamps["before_data"],
        exploratory=exploratory,
        provenance=provenance,
    )
    return verdicts.model_dump(mode="json"), series(registration, measured, data.preset, runs=runs)


def _texts_in(path: Path) -> list[str]:
    """Training texts of one arm that gates compare."""
    try:
        return [json.loads(line)["text"] for line in path.read_text("utf-8").split("\n") if line]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise UserError(f"{path} is truncated; the same 'exante run' command writes it again") from error


def verify(directory: RunDirectory) -> str:
    """Check that a run is whole and that its verdicts follow from its files. Returns a sentence; raises UserError on the first
    fault."""
    directory.load_registration()  # its own fault is the one to name
    directory.check_all()
    data = given(directory)
    states = Counter(data.measured.states().values())
    if states[WAITING]:
        raise UserError(
            f"{directory.path} is not complete: {states[WAITING]} of {states.total()} runs were left for later;"
            " the same 'exante run' command without --only does them"
        )
    verdicts, series = analysed(data)
    directory.check(directory.verdicts, directory.series)
    held = read_json(directory.verdicts, directory.remedy(directory.verdicts))
    if place := _differs(json.loads(json_text(verdicts)) | {"format": None}, held | {"format": None}):
        raise UserError(
            f"{directory.verdicts} does not follow from the run's rows, phases and registration: {place} differs; restore it, or"
            f" see what the data say with 'exante analyse {directory.path}'"
        )
    if not _same_series(series, directory.load_series()):
        raise UserError(f"{directory.series} does not follow from the run's rows; restore it, or run 'exante analyse'")
    total = states.total()
    runs = (
        f"all rows of {total} runs are there"
        if not states[CRASHED]
        else (f"all rows of {states[DONE]} of {total} runs are there, {states[CRASHED]} are recorded as crashed")
    )
    notes = [f"the items of {name} hang on a probe and were not checked" for name in complete.unrecorded(data.registration)]
    return f"{directory.path}: {'; '.join(['registration intact', runs, 'verdicts follow from them', *notes])}"


def _differs(new: Any, old: Any, place: str = "") -> str:
    """Where two JSON values differ; "" if nowhere. Floats may differ by rounding, as they do between processors."""
    if isinstance(new, dict) and isinstance(old, dict):
        keys = sorted(new.keys() ^ old.keys()) or sorted(new)
        return next((x for key in keys if (x := _differs(new.get(key), old.get(key), f"{place}.{key}".lstrip(".")))), "")
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        return next((x for k, pair in enumerate(zip(new, old, strict=True)) if (x := _differs(*pair, f"{place}[{k}]"))), "")
    if isinstance(new, float) and isinstance(old, float) and math.isclose(new, old, rel_tol=1e-9, abs_tol=1e-9):
        return ""
    return "" if new == old and type(new) is type(old) else place or "the whole"


def _same_series(new: pd.DataFrame, old: pd.DataFrame) -> bool:
    if len(new) != len(old):
        return False
    numbers = [name for name in new if new[name].dtype.kind in "iuf"]
    texts = [name for name in new if name not in numbers]
    alike = all((new[name].astype(str).to_numpy() == old[name].astype(str).to_numpy()).all() for name in texts)
    return alike and np.allclose(new[numbers].to_numpy(float), old[numbers].to_numpy(float), rtol=1e-9, atol=1e-9, equal_nan=True)


def reproduce_phases(path: Path, source: Path | None, count: int, seed: int, workers: int, console: Console) -> list[Any]:
    """Train some phases of a run again. Returns what was compared (`reproduce.Compared`). Raises UserError."""
    from exante.running.executors.local import LocalExecutor
    from exante.running.progress import Display, Meter
    from exante.running.reproduce import reproduce

    directory = RunDirectory(path)
    registration = load_registered(directory, source)
    planned = plan(registration, load_chosen(directory, registration).preset)
    check_models(planned, registration.study)
    executor = LocalExecutor(workers, ("exante.running.worker", "work"), *_setup(registration, source))
    displays: list[Display] = []

    def report(part: Plan) -> Display:
        cost = forecast.costs(part, registration.study, probe=False)
        displays.append(Display(Meter(part, cost, lambda done: forecast.wall_seconds(part, cost, workers, done)), console))
        return displays[0]

    try:
        return reproduce(directory, registration, planned, count, seed, executor=executor, report=report)
    finally:
        for display in displays:
            display.close()


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
