"""gather: copy what the store holds of a plan into the run directory: cells, rows, metrics, transcripts.

Computes nothing, and copies nothing again where the directory holds exactly this.
"""

from __future__ import annotations

import json
import math
import shutil
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from exante.errors import UserError
from exante.planning.tree import Plan, PlannedCell
from exante.running.jobs import Job, evaluation_key
from exante.storage.directory import RunDirectory
from exante.storage.files import write_atomic
from exante.storage.identity import digest
from exante.storage.phase_store import DONE as DONE_MARKER
from exante.storage.phase_store import PhaseStore
from exante.storage.tables import CELLS, METRICS, ROWS, WAITING, Measured, without_zeros

SHOWN_CELLS = 2
"""Cells of each arm × training × behaviour whose transcripts go into the run directory."""
TEXTS_PER_CELL = 120
"""Training texts per cell kept for gates that compare arms' data."""


def gather(
    plan: Plan,
    states: Mapping[str, str],
    jobs: Mapping[str, Job],
    crashed: Collection[str],
    directory: RunDirectory,
    store: PhaseStore,
) -> None:
    """Copy what the store holds of a plan into the run directory: cells, rows, phases, transcripts. Nothing is copied again
    where the directory holds exactly this."""
    there = _gatherable(plan, states, jobs, crashed)
    source = {"phases": digest([states, {key: _written(job, store) for key, job in there.items()}])}
    tables = (directory.cells, directory.rows, directory.phases)
    if all(directory.is_current(path, source) for path in tables) and directory.transcripts_are_current(source):
        return
    shutil.rmtree(directory.transcripts, ignore_errors=True)
    directory.save_measured(_measured(plan, states, there, store))
    written = [*tables, *_write_transcripts(plan, states, there, directory, store)]
    directory.record(written, made_from=source, whole=directory.transcripts)


def _gatherable(plan: Plan, states: Mapping[str, str], jobs: Mapping[str, Job], crashed: Collection[str]) -> dict[str, Job]:
    """The jobs whose results are there: all of done cells, and what crashed ones had finished."""
    wanted = {node for one in plan.cells if states[one.cell.id] != WAITING for node in one.nodes}
    after_crash = {key for key, job in jobs.items() if key in crashed}
    return {key: job for key, job in jobs.items() if key in wanted and key not in after_crash}


def _written(job: Job, store: PhaseStore) -> str:
    """Digest of a phase's done-marker and of the code that its rows were drawn by."""
    directory = store.directory(job.node.id, job.node.is_base)
    keys = [evaluation_key(e, job.node.evaluations[e.id]) for e in job.evaluations]
    files = [directory / DONE_MARKER, *(directory / "rows" / f"{key}.json" for key in keys)]
    return digest([path.read_text("utf-8") for path in files])


def _measured(plan: Plan, states: Mapping[str, str], there: Mapping[str, Job], store: PhaseStore) -> Measured:
    """What the store holds, once. Lines are in the order of the plan, which does not change from run to run."""
    lines = [
        (one.cell.id, *one.cell.model_dump().values(), name, node, states[one.cell.id])
        for one in plan.cells
        for name, node in zip(one.names, one.nodes, strict=True)
    ]
    order = ["cell", *plan.cells[0].cell.model_dump(), "phase", "node", "state"]
    rows, metrics = [pd.DataFrame(columns=list(ROWS))], [pd.DataFrame(columns=list(METRICS))]
    for job in there.values():
        rows.append(rows_of(job, store))
        metrics.append(metrics_of(job, store))
    return Measured(
        pd.DataFrame(lines, columns=order)[list(CELLS)],
        _stacked(rows, ROWS),
        _stacked(metrics, METRICS),
    )


def _stacked(tables: list[pd.DataFrame], columns: Mapping[str, type]) -> pd.DataFrame:
    """Tables as one, with the columns' types; the first, which is empty, gives way to any that is not."""
    filled = [table for table in tables if len(table)] or tables[:1]
    types = {name: np.dtype(kind) for name, kind in columns.items() if kind is not str}
    return pd.concat(filled, ignore_index=True)[list(columns)].astype(types)


def _cached_rows(source: Path, key: str) -> pd.DataFrame:
    try:
        return pd.read_parquet(source / f"{key}.parquet")
    except Exception as error:  # pyarrow raises many kinds for a damaged file
        (source / f"{key}.json").unlink(missing_ok=True)  # what says that the rows are whole: they are drawn again
        raise UserError(
            f"{source / key}.parquet in the cache was damaged ({type(error).__name__}); the same command draws these rows again"
        ) from error


def metrics_of(job: Job, store: PhaseStore) -> pd.DataFrame:
    """What the store holds that a phase logged."""
    directory = store.directory(job.node.id, job.node.is_base)
    try:
        table = pd.read_parquet(directory / "metrics.parquet").assign(node=job.node.id)
        return _stacked([table], METRICS)
    except Exception as error:
        store.discard(directory, before=math.inf)
        raise UserError(
            f"{directory / 'metrics.parquet'} in the cache was damaged ({type(error).__name__}); its phase was taken out of the"
            " cache, and the same command trains it again"
        ) from error


def rows_of(job: Job, store: PhaseStore) -> pd.DataFrame:
    """The rows that the store holds of a phase, without zeros."""
    source = store.directory(job.node.id, job.node.is_base) / "rows"
    keys = {e.id: evaluation_key(e, job.node.evaluations[e.id]) for e in job.evaluations}
    tables = [_cached_rows(source, key).assign(evaluation=name) for name, key in keys.items()]
    rows = _stacked([pd.DataFrame(columns=list(ROWS)), *(table.assign(node=job.node.id) for table in tables)], ROWS)
    return without_zeros(rows)


def _write_transcripts(
    plan: Plan, states: Mapping[str, str], there: Mapping[str, Job], directory: RunDirectory, store: PhaseStore
) -> list[Path]:
    """A few texts of each kind, and the training texts that gates compare. Returns the files."""
    shown: dict[tuple[str, str, str], list[list[str]]] = defaultdict(list)
    texts: dict[str, list[str]] = defaultdict(list)
    for one in plan.cells:
        if states[one.cell.id] == WAITING:
            continue
        sources = {node: store.directory(node, there[node].node.is_base) for node in one.nodes if node in there}
        place = shown[one.cell.arm, one.cell.training, one.cell.behaviour]
        names = dict(zip(one.nodes, one.names, strict=True))
        if len(place) < SHOWN_CELLS:
            place.append(
                [line for node, path in sources.items() for line in _transcripts_of(one, names[node], there[node], path)]
            )
        texts[one.cell.arm] += [line for path in sources.values() for line in _texts_of(path, one)]
    files = {f"{'--'.join(key)}.jsonl": [line for lines in cells for line in lines] for key, cells in shown.items()}
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
