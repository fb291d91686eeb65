"""gather: copy what the store holds of a plan into the run directory: cells, rows, metrics, transcripts.

Computes nothing, and copies nothing again where the directory holds exactly this.
"""

from __future__ import annotations

import json
import math
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.types import union_categoricals

from exante.errors import UserError
from exante.planning.tree import Plan, PlannedCell
from exante.running.jobs import Job
from exante.storage.directory import RunDirectory
from exante.storage.files import write_atomic
from exante.storage.identity import digest
from exante.storage.phase_store import DONE as DONE_MARKER
from exante.storage.phase_store import PhaseStore
from exante.storage.table_files import read_arrow
from exante.storage.tables import AXES, CELLS, METRICS, ROWS, WAITING, Measured, without_zeros

SHOWN_CELLS = 2
"""Cells of each arm × training × behaviour whose transcripts go into the run directory."""
TEXTS_PER_CELL = 120
"""Training texts per cell kept for gates that compare arms' data."""
AT_ONCE = 2000
"""Files of the cache that are put together at a time, so that their texts become categories before there are too many."""


def gather(
    plan: Plan,
    states: Mapping[str, str],
    jobs: Mapping[str, Job],
    crashed: Collection[str],
    compared: Collection[str],
    directory: RunDirectory,
    store: PhaseStore,
) -> None:
    """Copy what the store holds of a plan into the run directory: cells, rows, phases, transcripts, and training texts of the
    arms that gates compare. Nothing is copied again where the directory holds exactly this."""
    finished = _finished_jobs(plan, states, jobs, crashed)
    source = {"phases": digest([states, {key: _state_in_store(job, store) for key, job in finished.items()}])}
    tables = (directory.cells, directory.rows, directory.phases)
    if all(directory.is_current(path, source) for path in tables) and directory.transcripts_are_current(source):
        return
    shutil.rmtree(directory.transcripts, ignore_errors=True)
    directory.save_measured(measured_of(plan, states, finished.values(), store))
    written = [*tables, *_write_transcripts(plan, states, finished, compared, directory, store)]
    directory.record(written, made_from=source, whole=directory.transcripts)


def _finished_jobs(plan: Plan, states: Mapping[str, str], jobs: Mapping[str, Job], crashed: Collection[str]) -> dict[str, Job]:
    """The jobs whose results are there: all of done cells, and what crashed ones had finished."""
    wanted = {node for planned in plan.cells if states[planned.cell.id] != WAITING for node in planned.nodes}
    return {key: job for key, job in jobs.items() if key in wanted and key not in crashed}


def _state_in_store(job: Job, store: PhaseStore) -> str:
    """Digest of a phase's done-marker and of the code that its rows were drawn by."""
    directory = str(store.directory(job.node.id, job.node.is_base))
    files = [f"{directory}/{DONE_MARKER}", *(f"{directory}/rows/{name}.json" for name in job.row_files.values())]
    return digest([_text(file) for file in files])


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def measured_of(plan: Plan, states: Mapping[str, str], jobs: Collection[Job], store: PhaseStore) -> Measured:
    """What the store holds, once. Lines are in the order of the plan, which does not change from run to run."""
    lines = [
        (planned.cell.id, *(getattr(planned.cell, axis) for axis in AXES), name, node, states[planned.cell.id])
        for planned in plan.cells
        for name, node in zip(planned.names, planned.nodes, strict=True)
    ]
    return Measured(pd.DataFrame(lines, columns=list(CELLS)), rows_of(jobs, store), metrics_of(jobs, store))


def rows_of(jobs: Iterable[Job], store: PhaseStore) -> pd.DataFrame:
    """The rows that the store holds of some phases, without zeros."""
    files = [
        (job.node.id, evaluation, f"{directory}/rows/{name}.arrow")
        for job in jobs
        for directory in [store.directory(job.node.id, job.node.is_base)]
        for evaluation, name in job.row_files.items()
    ]

    def read(path: str) -> pa.Table:
        try:
            return read_arrow(path)
        except Exception as error:  # pyarrow raises many kinds for a damaged file
            Path(path).with_suffix(".json").unlink(missing_ok=True)  # what says that the rows are whole: they are drawn again
            raise UserError(
                f"{path} in the cache was damaged ({type(error).__name__}); the same command draws these rows again"
            ) from error

    parts = []
    for some in _in_batches(files):
        labels = {"node": [node for node, _, _ in some], "evaluation": [evaluation for _, evaluation, _ in some]}
        parts.append(without_zeros(_one_table([read(path) for _, _, path in some], labels, ROWS)))
    return _below_each_other(parts, ROWS)


def metrics_of(jobs: Iterable[Job], store: PhaseStore) -> pd.DataFrame:
    """What the store holds that some phases logged."""

    def read(directory: Path) -> pa.Table:
        try:
            return read_arrow(f"{directory}/metrics.arrow")
        except Exception as error:
            store.discard(directory, before=math.inf)
            raise UserError(
                f"{directory / 'metrics.arrow'} in the cache was damaged ({type(error).__name__}); its phase was taken out of"
                " the cache, and the same command trains it again"
            ) from error

    parts = []
    for some in _in_batches([(job.node.id, store.directory(job.node.id, job.node.is_base)) for job in jobs]):
        tables = [read(directory) for _, directory in some]
        parts.append(_one_table(tables, {"node": [node for node, _ in some]}, METRICS))
    return _below_each_other(parts, METRICS)


def _in_batches(files: list[Any]) -> Iterable[list[Any]]:
    return (files[k : k + AT_ONCE] for k in range(0, len(files), AT_ONCE))


def _one_table(tables: list[pa.Table], labels: Mapping[str, list[str]], columns: Mapping[str, type]) -> pd.DataFrame:
    """Small tables below each other, with the columns' types, texts as categories; `labels` are columns that have one value in
    each table."""
    lengths = [len(table) for table in tables]
    filled = [table for table in tables if len(table)]  # an empty one does not know its columns' types
    whole = pa.concat_tables(filled, promote_options="permissive") if filled else None

    def column(name: str, kind: type) -> Any:
        if name in labels:
            codes, values = pd.factorize(np.array(labels[name], dtype=object))
            return pd.Categorical.from_codes(np.repeat(codes, lengths), pd.Index(values))
        if whole is None:
            return pd.Categorical([]) if kind is str else np.array([], kind)
        if kind is str:
            return whole[name].combine_chunks().dictionary_encode().to_pandas().array
        return whole[name].to_numpy().astype(kind)

    return pd.DataFrame({name: column(name, kind) for name, kind in columns.items()}, copy=False)


def _below_each_other(parts: list[pd.DataFrame], columns: Mapping[str, type]) -> pd.DataFrame:
    """Tables whose categories differ, as one. Column by column, each let go when it has been copied: they may be large."""
    columns_of = [{name: part[name].array for name in columns} for part in parts or [_one_table([], {}, columns)]]
    parts.clear()

    def column(name: str, kind: type) -> Any:
        pieces = [part.pop(name) for part in columns_of]
        return union_categoricals(pieces) if kind is str else np.concatenate(pieces)

    return pd.DataFrame({name: column(name, kind) for name, kind in columns.items()}, copy=False)


def _write_transcripts(
    plan: Plan,
    states: Mapping[str, str],
    jobs: Mapping[str, Job],
    compared: Collection[str],
    directory: RunDirectory,
    store: PhaseStore,
) -> list[Path]:
    """A few texts of each kind, and the training texts that gates compare. Returns the files."""
    shown: dict[tuple[str, str, str], list[list[str]]] = defaultdict(list)
    texts: dict[str, list[str]] = defaultdict(list)
    for planned in plan.cells:
        cell = planned.cell
        place = shown[cell.arm, cell.training, cell.behaviour]
        if states[cell.id] == WAITING or (len(place) == SHOWN_CELLS and cell.arm not in compared):
            continue
        phases = [
            (name, jobs[node], store.directory(node, jobs[node].node.is_base))
            for name, node in zip(planned.names, planned.nodes, strict=True)
            if node in jobs
        ]
        if len(place) < SHOWN_CELLS:
            place.append([line for phase in phases for line in _transcripts_of(planned, *phase)])
        if cell.arm in compared:
            texts[cell.arm] += [line for _, _, path in phases for line in _texts_of(path, planned)]
    files = {f"{'--'.join(key)}.jsonl": [line for lines in cells for line in lines] for key, cells in shown.items() if cells}
    files |= {f"training/{arm}.jsonl": lines for arm, lines in texts.items() if lines}
    for name, lines in files.items():
        write_atomic(directory.transcripts / name, "".join(lines))
    return [directory.transcripts / name for name in files]


def _transcripts_of(planned: PlannedCell, name: str, job: Job, source: Path) -> list[str]:
    cell = planned.cell
    label = {"cell": cell.id, "arm": cell.arm, "training": cell.training, "behaviour": cell.behaviour}
    records = []
    if (source / "training.jsonl").exists():
        for record in _lines(source / "training.jsonl"):
            records.append(label | {"checkpoint": name, "evaluation": "training data", "condition": ""} | record)
    for evaluation, file in job.row_files.items():
        steps = job.node.evaluations[evaluation]
        for record in _lines(source / "rows" / f"{file}.jsonl"):
            step = record.pop("step")
            if step in (steps[0], steps[-1]):
                records.append(label | {"checkpoint": f"{name}@{step}"} | record)
    return [json.dumps(record, ensure_ascii=False, sort_keys=True) + "\n" for record in records]


def _texts_of(source: Path, planned: PlannedCell) -> list[str]:
    """Training texts that a `sample_and_filter` phase kept: prompt and answer."""
    if not (source / "examples.jsonl").exists():
        return []
    texts = []
    for record in _lines(source / "examples.jsonl", TEXTS_PER_CELL):
        asked = " ".join(turn["content"] for turn in record["prompt"]["turns"])
        texts.append(json.dumps({"cell": planned.cell.id, "text": f"{asked} {record['answer']}"}, ensure_ascii=False) + "\n")
    return texts


def _lines(path: Path, most: int | None = None) -> list[dict[str, Any]]:
    """The records of a file, or so many of them. Only "\\n" ends one: text may hold other separators."""
    with open(path, encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in islice(file, most) if line != "\n"]
