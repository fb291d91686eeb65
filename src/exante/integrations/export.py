"""`export rows`: a run's rows as one joined table, a line per cell × checkpoint × item × outcome, zeros included.

Does not analyse anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from exante.analysis.analyse import outcomes_of
from exante.errors import UserError
from exante.storage.directory import RunDirectory
from exante.storage.tables import Measured
from exante.study import Study

CELLS_AT_ONCE = 100
"""Cells joined at a time: the whole table of a large matrix does not fit into memory."""


def export_rows(directory: RunDirectory, out: Path) -> int:
    """Write the joined rows of a run as CSV or parquet, by the ending of `out`. Returns the number of lines. Raises UserError."""
    if out.suffix not in (".csv", ".parquet"):
        raise UserError(f"{out} ends in neither .csv nor .parquet; name a file that does")
    registration, measured = directory.load_registration(), directory.load_measured()
    parts = _joined(measured, registration.study)
    partial = out.with_name(f".{out.name}.part")
    try:
        lines = (_to_csv if out.suffix == ".csv" else _to_parquet)(parts, partial)
        partial.replace(out)
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror}); choose another --out") from error
    finally:
        partial.unlink(missing_ok=True)
    return lines


def _joined(measured: Measured, study: Study) -> Iterator[pd.DataFrame]:
    cells = measured.cells["cell"].astype(str)
    names = list(dict.fromkeys(cells))
    for start in range(0, len(names), CELLS_AT_ONCE):
        part = measured.cells[cells.isin(names[start : start + CELLS_AT_ONCE])]
        rows = measured.rows[measured.rows["node"].astype(str).isin(set(part["node"].astype(str)))]
        yield replace(measured, cells=part, rows=rows).joined(outcomes_of(study))


def _to_csv(parts: Iterator[pd.DataFrame], path: Path) -> int:
    lines = 0
    with open(path, "w", encoding="utf-8", newline="") as file:
        for part in parts:
            part.to_csv(file, index=False, header=lines == 0)
            lines += len(part)
    return lines


def _to_parquet(parts: Iterator[pd.DataFrame], path: Path) -> int:
    first = pa.Table.from_pandas(next(parts), preserve_index=False)
    lines = first.num_rows
    with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for part in parts:
            writer.write_table(pa.Table.from_pandas(part, schema=first.schema, preserve_index=False))
            lines += len(part)
    return lines
