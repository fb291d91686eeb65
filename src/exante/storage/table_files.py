"""Tables as files: parquet in run directories, Arrow in the cache, written like any other file and with a format number.

Does not know what the tables mean.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from exante.errors import UserError
from exante.storage.files import FORMAT, check_format, write_atomic
from exante.storage.tables import typed

FORMAT_KEY = b"exante.format"


def write_table(path: Path, table: pd.DataFrame) -> None:
    """A parquet file of plain numbers and texts (also where these are categories), with the format number in its metadata."""
    content = pa.Table.from_pandas(table, preserve_index=False)
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, content.schema, store_schema=False, compression="zstd", compression_level=9) as writer:
        writer.add_key_value_metadata({FORMAT_KEY.decode(): str(FORMAT)})
        writer.write_table(content)
    write_atomic(path, buffer.getvalue())


def write_arrow(path: Path, table: pd.DataFrame) -> None:
    """A small table as an uncompressed Arrow file: the cache holds thousands, and parquet takes six times as long to open."""
    content = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata({FORMAT_KEY: str(FORMAT)})
    buffer = io.BytesIO()
    with pa.ipc.new_file(buffer, content.schema) as writer:
        writer.write_table(content)
    write_atomic(path, buffer.getvalue())


def read_arrow(path: str) -> pa.Table:
    """A table that `write_arrow` wrote, or the parquet file beside it of an earlier version. Raises what pyarrow raises."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return pq.ParquetFile(f"{path.removesuffix('.arrow')}.parquet").read()
    return pa.ipc.open_file(content).read_all()


def read_table(path: Path, hint: str, columns: Mapping[str, type], formats: Collection[int] = (FORMAT,)) -> pd.DataFrame:
    """The given columns of a parquet file, texts as categories. Raises UserError, which ends with the `hint` what to do, if
    it is missing, truncated, of another format, without one of the columns, or with values of another type in one."""
    try:
        file = pq.ParquetFile(path, read_dictionary=[name for name, kind in columns.items() if kind is str])
        number = int((file.schema_arrow.metadata or {}).get(FORMAT_KEY, b"1"))
        names = [name for name in columns if name in file.schema_arrow.names]
        table = pd.DataFrame({name: _column(file, name) for name in names}, copy=False)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; {hint}") from error
    except Exception as error:  # pyarrow raises many kinds for a truncated file
        raise UserError(f"{path} is truncated or not a table ({error.__class__.__name__}); {hint}") from error
    check_format(path, number, formats, hint)
    return typed(table, columns, str(path), hint)


def _column(file: pq.ParquetFile, name: str) -> pd.Series:
    """One column, read by itself: a table may be large. Categories get the smallest codes that tell them apart."""
    values = file.read([name]).column(0).to_pandas()
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return values
    codes = values.cat.codes.astype(np.min_scalar_type(-1 - len(values.cat.categories)))
    return pd.Series(pd.Categorical.from_codes(codes, values.cat.categories))
