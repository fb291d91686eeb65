"""Reads a run directory into one frozen value. Every fault becomes one sentence with the command that repairs it.

Does not know about verdict rules, figures or HTML.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from exante.analysis.shape import excess, fault
from exante.errors import UserError
from exante.registry.plan_file import load_plan_file
from exante.storage.directory import RunDirectory
from exante.storage.files import read_json
from exante.storage.tables import AXES, CRASHED, REPLACED, ROWS, Measured
from exante.study import Registration
from exante.units import Unit


@dataclass(frozen=True)
class Run:
    """The files of one run directory. `verdicts`, `plan`, `timings` and transcripts are plain data and may have unknown keys."""

    name: str
    registration: Registration
    stamps: dict[str, Any]
    plan: dict[str, Any]
    verdicts: dict[str, Any]
    planned: int
    crashed: list[str]
    series: pd.DataFrame
    phases: pd.DataFrame
    transcripts: list[dict[str, Any]]
    timings: dict[str, Any]


CURVES = ("loss", "reward_mean", "red_team_success")
"""Metrics that the page draws."""


def load_run(directory: Path) -> Run:
    files = RunDirectory(directory)
    registration = files.load_registration()
    table, metrics = files.load_metrics()
    measured = Measured(table, pd.DataFrame(columns=list(ROWS)), metrics[metrics["metric"].isin(CURVES)])
    shown = files.shown_transcripts()
    files.check(files.plan, files.verdicts, *shown)
    files.check_follows(files.verdicts)
    verdicts = _verdicts(files.verdicts, registration, files.remedy(files.verdicts))
    states = measured.states()
    return Run(
        name=directory.resolve().name,
        registration=registration,
        stamps=files.load_stamps(),
        plan=load_plan_file(files, registration).model_dump(mode="json"),
        verdicts=verdicts,
        planned=sum(state != REPLACED for state in states.values()),
        crashed=sorted(cell for cell, state in states.items() if state == CRASHED),
        series=_series(files, registration),
        phases=measured.metrics_of_cells().astype(dict.fromkeys(("cell", *AXES, "phase"), str) | {"seed": int}),
        transcripts=_transcripts(shown, files.remedy(files.transcripts)),
        timings=_timings(files.timings) if files.timings.exists() else {},
    )


def _verdicts(path: Path, registration: Registration, remedy: str) -> dict[str, Any]:
    verdicts = read_json(path, remedy)
    if wrong := fault(verdicts):
        raise UserError(f"{path} {wrong}; {remedy}")
    if verdicts.get("registration_sha256", registration.sha256) != registration.sha256:
        raise UserError(f"{path} belongs to another registration; {remedy}")
    if verdicts.get("preset") not in (None, *registration.study.presets):
        raise UserError(f"{path} names the preset {verdicts['preset']!r}, which the study does not have; {remedy}")
    return verdicts


def _timings(path: Path) -> dict[str, Any]:
    """Clock times. No result depends on them, but they must be numbers to be shown."""
    remedy = "move it away and the report leaves the times out"
    timings = read_json(path, remedy)
    if wrong := excess(timings):
        raise UserError(f"{path} {wrong}; {remedy}")
    rows = timings.get("runs", [])
    for row in [timings, *(rows if isinstance(rows, list) else ())]:
        for key, value in row.items() if isinstance(row, dict) else ():
            if (key == "started" or key.endswith("seconds")) and not _is_time(value):
                raise UserError(f"{path} holds {key} = {value!r}, not a number of seconds; {remedy}")
    return timings


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1e11


def _series(files: RunDirectory, registration: Registration) -> pd.DataFrame:
    """The table of what the figures draw, with the values that they rely on."""
    table, remedy = files.load_series(), files.remedy(files.series)
    arms, units = {arm.id for arm in registration.study.arms}, set(get_args(Unit))
    for name, registered in (("arm", arms), ("unit", units)):
        if unknown := sorted(set(table[name].unique()) - registered):
            raise UserError(f"{files.series} holds the {name} {unknown[0]!r}, which the study does not have; {remedy}")
    if (table["step"] < -1).any():
        raise UserError(f"{files.series} holds a step below 0; {remedy}")
    return table


def _transcripts(paths: Iterable[Path], remedy: str) -> list[dict[str, Any]]:
    """All records of the transcripts in file order; a study without transcripts has none."""
    records: list[dict[str, Any]] = []
    for path in paths:
        try:
            text = path.read_bytes().decode("utf-8", errors="replace")
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror}); {remedy}") from error
        # Only "\n" ends a record: str.splitlines would also cut at separators inside model text.
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                records.append(_record(path, number, line, remedy))
    return records


NAMES = ("cell", "arm", "training", "behaviour", "checkpoint", "evaluation", "condition", "item", "outcome")


def _record(path: Path, number: int, line: str, remedy: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is truncated at line {number}; {remedy}") from error
    spans = record.get("spans") if isinstance(record, dict) else None
    if not isinstance(spans, list) or not all(isinstance(span, dict) for span in spans):
        raise UserError(f"{path} has no transcript with spans at line {number}; {remedy}")
    texts = [record.get(name, "") for name in NAMES] + [span.get(key, "") for span in spans for key in ("kind", "text")]
    if not all(isinstance(text, str) for text in texts):
        raise UserError(f"{path} holds something other than text at line {number}; {remedy}")
    return record
