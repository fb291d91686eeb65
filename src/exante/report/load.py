"""Reads a run directory into one frozen value. Every fault becomes one sentence with the command that mends it.

Does not know about verdict rules, figures or HTML.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from exante.errors import UserError
from exante.store import RunDirectory, read_json, read_table
from exante.study import Registration

SERIES_COLUMNS = (
    "figure", "panel", "arm", "model", "behaviour", "training", "base", "seed", "step", "value", "low", "high", "unit",
)  # fmt: skip
PHASE_COLUMNS = ("cell", "arm", "model", "base", "behaviour", "training", "seed", "phase", "step", "metric", "value")


@dataclass(frozen=True)
class Run:
    """The files of one run directory. `verdicts`, `plan`, `timings` and transcripts stay plain data: unknown keys are welcome."""

    name: str
    registration: Registration
    stamps: dict[str, Any]
    plan: dict[str, Any]
    verdicts: dict[str, Any]
    crashed: list[str]
    series: pd.DataFrame
    phases: pd.DataFrame
    transcripts: list[dict[str, Any]]
    timings: dict[str, Any]


def load_run(directory: Path) -> Run:
    files = RunDirectory(directory)
    registration = files.load_registration()
    analyse = f"`exante analyse {directory}` writes it again"
    run = f"`exante run {registration.study.id} --out {directory}` writes it again"
    return Run(
        name=directory.resolve().name,
        registration=registration,
        stamps=files.load_stamps(),
        plan=_mapping(files.plan, run),
        verdicts=_verdicts(files.verdicts, registration, analyse),
        crashed=_crashed(files.rows, run),
        series=_table(files.series, SERIES_COLUMNS, analyse),
        phases=_table(files.phases, PHASE_COLUMNS, run),
        transcripts=_transcripts(files.transcripts, run),
        timings=_mapping(files.timings, run) if files.timings.exists() else {},
    )


def _mapping(path: Path, mend: str) -> dict[str, Any]:
    value = read_json(path, mend)
    if not isinstance(value, dict):
        raise UserError(f"{path} does not hold a JSON object; {mend}")
    return value


def _verdicts(path: Path, registration: Registration, mend: str) -> dict[str, Any]:
    verdicts = _mapping(path, mend)
    for key, identity in (("gates", "gate"), ("contrasts", "id"), ("theories", "id"), ("objections", "id")):
        rows = verdicts.get(key)
        if not isinstance(rows, list) or not all(isinstance(row, dict) and identity in row for row in rows):
            raise UserError(f"{path} has no well-formed list {key!r}; {mend}")
    if any("verdict" not in row for row in verdicts["contrasts"]):
        raise UserError(f"{path} has a contrast without a verdict; {mend}")
    if verdicts.get("registration_sha256", registration.sha256) != registration.sha256:
        raise UserError(f"{path} belongs to another registration; {mend}")
    return verdicts


def _crashed(path: Path, mend: str) -> list[str]:
    """Ids of cells that crashed: each is one row whose evaluation is "*"."""
    rows = _table(path, ("cell", "evaluation"), mend)
    return sorted(set(rows.loc[rows["evaluation"] == "*", "cell"].astype(str)))


def _table(path: Path, columns: tuple[str, ...], mend: str) -> pd.DataFrame:
    table = read_table(path, mend)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise UserError(f"{path} lacks the columns {', '.join(missing)}; {mend}")
    return table


def _transcripts(directory: Path, mend: str) -> list[dict[str, Any]]:
    """All records of `transcripts/*.jsonl` in file order; a study without transcripts has none."""
    records: list[dict[str, Any]] = []
    for path in sorted(directory.glob("*.jsonl")):
        # Only "\n" ends a record: str.splitlines would also cut at separators inside model text.
        for number, line in enumerate(path.read_bytes().decode("utf-8", errors="replace").split("\n"), start=1):
            if line.strip():
                records.append(_record(path, number, line, mend))
    return records


def _record(path: Path, number: int, line: str, mend: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise UserError(f"{path} is torn at line {number}; {mend}") from error
    spans = record.get("spans") if isinstance(record, dict) else None
    if not isinstance(spans, list) or not all(isinstance(span, dict) for span in spans):
        raise UserError(f"{path} has no transcript with spans at line {number}; {mend}")
    return record
