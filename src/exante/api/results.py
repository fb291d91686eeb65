"""From the files of a run directory to its verdicts: computed, written, and checked.

Imports no study and no part: everything that verdicts follow from is in the directory.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from exante.analysis.analyse import analyse, run_values_of, series
from exante.analysis.table import cells_of
from exante.errors import UserError
from exante.planning.tree import Size
from exante.registry import complete
from exante.registry.plan_file import load_plan_file
from exante.registry.stamps import stamps_of
from exante.storage.directory import RunDirectory
from exante.storage.files import json_text, read_json, write_json
from exante.storage.identity import digest
from exante.storage.sources import package_digest
from exante.storage.table_files import write_table
from exante.storage.tables import CRASHED, DONE, REPLACED, WAITING, Measured, content_digest
from exante.study import Cell, Registration


@dataclass(frozen=True)
class RunData:
    """What verdicts follow from, complete by the registration. `size`: how much of the preset was run; `cells` are those of arms
    that were run; `texts` the training texts that gates compare, by arm; `made_from` the digests of the files that all of it was
    read from."""

    registration: Registration
    stamps: dict[str, Any]
    preset: str
    size: Size
    measured: Measured
    cells: list[Cell]
    texts: dict[str, list[str]]
    made_from: dict[str, str]


def load_run_data(directory: RunDirectory) -> RunData:
    """Read and check all that verdicts follow from. Imports none of the study's code. Raises UserError."""
    registration = directory.load_registration()
    plan = load_plan_file(directory, registration)
    stamped = stamps_of(directory.load_stamps(), plan.preset)
    measured = directory.load_measured()
    left_out = complete.check(registration, plan.preset, measured, plan.size)
    if left_out != plan.left_out:
        remedy = directory.remedy(directory.plan)
        raise UserError(f"{directory.plan} does not list the same left-out parts as the registration; {remedy}")
    texts = directory.training_texts()
    directory.check(directory.plan, *texts)
    paths = (directory.plan, directory.cells, directory.rows, directory.phases, *texts)
    frozen = digest([registration.sha256, stamped])  # not the file, to which an anchor may be added
    made_from = directory.digests(paths) | {"registration": frozen, "exante": package_digest()}
    return RunData(
        registration,
        stamped,
        plan.preset,
        plan.size,
        measured,
        run_cells(measured),
        {p.stem: _texts_in(p) for p in texts},
        made_from,
    )


def run_cells(measured: Measured) -> list[Cell]:
    """The cells of arms that were run: an arm left for later is not measured; a run missing from an arm counts as crashed. Those
    whose base was replaced are not among them."""
    states = measured.states()
    cells = cells_of(measured)
    begun = {cell.arm for cell in cells if states[cell.id] != WAITING}
    return [cell for cell in cells if cell.arm in begun]


def analyse_directory(directory: RunDirectory) -> dict[str, Any]:
    """Recompute verdicts.json and series.parquet from the files of the run, unless they are up to date. Returns the verdicts."""
    data = load_run_data(directory)
    written = (directory.verdicts, directory.series)
    if all(directory.is_current(path, data.made_from) for path in written):
        return read_json(directory.verdicts, directory.remedy(directory.verdicts))
    verdicts, series_table = compute_verdicts(data)
    write_json(directory.verdicts, verdicts)
    write_table(directory.series, series_table)
    directory.record(written, data.made_from)
    return verdicts


def compute_verdicts(data: RunData) -> tuple[dict[str, Any], pd.DataFrame]:
    """The verdicts as plain data, and the series that the report's figures draw."""
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
        bases=data.size.bases,
        replaced=data.size.replaced,
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


def verify_directory(directory: RunDirectory) -> str:
    """Check that a run is whole and that its verdicts follow from its files. Returns a sentence; raises UserError on the first
    fault."""
    directory.load_registration()  # its own fault is the one to name
    directory.check_all()
    data = load_run_data(directory)
    states = Counter(data.measured.states().values())
    if states[WAITING]:
        raise UserError(
            f"{directory.path} is not complete: {states[WAITING]} of {states.total()} runs were left for later;"
            " the same 'exante run' command without --only does them"
        )
    verdicts, series_table = compute_verdicts(data)
    directory.check(directory.verdicts, directory.series)
    held = read_json(directory.verdicts, directory.remedy(directory.verdicts))
    if place := _differs(json.loads(json_text(verdicts)) | {"format": None}, held | {"format": None}):
        raise UserError(
            f"{directory.verdicts} does not follow from the run's rows, phases and registration: {place} differs; restore it, or"
            f" see what the data say with 'exante analyse {directory.path}'"
        )
    if not _same_series(series_table, directory.load_series()):
        raise UserError(f"{directory.series} does not follow from the run's rows; restore it, or run 'exante analyse'")
    total = states.total() - states[REPLACED]
    runs = (
        f"all rows of {total} runs are there"
        if not states[CRASHED]
        else (f"all rows of {states[DONE]} of {total} runs are there, {states[CRASHED]} are recorded as crashed")
    )
    replaced = ", ".join(map(str, data.size.replaced))
    notes = [f"bases were replaced: {replaced}, which fail their gates"] if replaced else []
    notes += [f"the items of {name} depend on a probe and were not checked" for name in complete.unrecorded(data.registration)]
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
