"""Tables that others made, as text: a CSV file with commas, semicolons or tabs, gzipped or not, checked line by line.

What is no such file is refused in a sentence that names its type. Does not know what the columns mean.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import unicodedata
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from exante.errors import UserError

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
OTHER_TYPES = {
    b"PK\x03\x04": "a zip file or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a parquet file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstandard file",
    b"SQLite format 3": "an SQLite file",
    b"%PDF": "a PDF",
}
"""What a file that begins with these bytes is."""
MOST_BYTES = 2**30
"""The largest text that is unpacked."""
LONGEST_NAME = 100


@dataclass(frozen=True)
class CsvFile:
    """`cells` are stripped texts under lower-case column names; `lines` is the line that each record begins on; `sha256` is of
    the file's bytes."""

    path: Path
    cells: pd.DataFrame
    lines: list[int]
    sha256: str

    def refuse(self, bad: pd.Series, why: str) -> None:
        """Raise UserError naming the first line that is `bad`, if there is one."""
        if bad.any():
            raise UserError(f"{self.path}, line {self.lines[int(np.argmax(bad.to_numpy()))]}: {why}")

    def refuse_blanks(self, columns: Iterable[str], remedy: str = "fill it in or delete the line") -> None:
        for name in columns:
            self.refuse(self.cells[name] == "", f"{name} is blank; {remedy}")

    def names(self, column: str) -> pd.Series:
        """A column of names, composed (NFC), so that a name typed in two ways is one. Raises UserError for what is no name."""
        names = self.cells[column].map({text: unicodedata.normalize("NFC", text) for text in self.cells[column].unique()})
        bad = [name for name in names.unique() if len(name) > LONGEST_NAME or not name.isprintable()]
        self.refuse(names.isin(bad), f"{column} is not a name of at most {LONGEST_NAME} printable characters")
        return names

    def item_names(self, column: str) -> pd.Series:
        """A column of items: names, or texts, which are named by their hash."""
        texts = {text: unicodedata.normalize("NFC", text) for text in self.cells[column].unique()}
        return self.cells[column].map({raw: text if _is_name(text) else _hashed(text) for raw, text in texts.items()})


def _is_name(text: str) -> bool:
    return len(text) <= LONGEST_NAME and text.isprintable()


def _hashed(text: str) -> str:
    return f"text {hashlib.sha256(text.encode('utf-8')).hexdigest()[:16]}"


def read_csv(
    path: Path, needed: Sequence[str], optional: Sequence[str] = (), renamed: Mapping[str, str] | None = None
) -> tuple[CsvFile, list[str]]:
    """A file's known columns, and the names of the others, which are left out. `renamed` maps known names to the file's own.

    Letter case in the header does not matter, nor does a first column without a name, in which data frames keep their row
    numbers. Raises UserError naming the line of what cannot be read.
    """
    content, text = _text(path)
    header, records, lines = _records(path, text)
    names = _known_names(path, lines[0], header, renamed or {})
    remedy = "" if renamed is None else "; name your own with --column NAME=YOURS"
    _check_header(path, lines[0], header, names, needed, optional, remedy)
    if len(records) == 0:
        raise UserError(f"{path} holds no lines under its header; it needs a header and a line for each record")
    frame = pd.DataFrame(records, columns=pd.Index(range(len(names))), dtype=str)
    wanted = [name for name in names if name in (*needed, *optional)]
    cells = frame[[names.index(name) for name in wanted]].set_axis(wanted, axis=1).apply(lambda column: column.str.strip())
    others = [shown for shown, name in zip(header, names, strict=True) if name not in wanted and name]
    return CsvFile(path, cells, lines[1:], hashlib.sha256(content).hexdigest()), others


def _known_names(path: Path, line: int, header: Sequence[str], renamed: Mapping[str, str]) -> list[str]:
    """The header's names in lower case, those that the user mapped under the known name. A mapped column has no other name, and a
    known name that was mapped elsewhere is free."""
    plain = [name.lower() for name in header]
    ours = {theirs.lower(): known for known, theirs in renamed.items()}
    for theirs, known in ours.items():
        if theirs not in plain:
            raise UserError(
                f"{path}, line {line}: the header lacks {shorten(theirs)}, to be read as {known}; it has {', '.join(header)}"
            )
    return [ours.get(name, f"their {name}" if name in renamed else name) for name in plain]


def _records(path: Path, text: str) -> tuple[list[str], list[list[str]], list[int]]:
    """The header, the records, and the line that each begins on, the header's first."""
    separator = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    header: list[str] = []
    records, lines, begins = [], [], 1
    try:
        for fields in reader:
            if any(fields):
                if header and len(fields) != len(header):
                    raise UserError(
                        f"{path}, line {begins}: {len(fields)} cells for {len(header)} columns (with {SEPARATORS[separator]}"
                        " between them); fix or delete the line"
                    )
                records += [fields] if header else []
                header = header or [field.strip() for field in fields]
                lines.append(begins)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}, line {begins}: this is not CSV ({error}); the file may be truncated, write it again") from error
    if not header:
        raise UserError(f"{path} holds no labels or counts; it needs a header and a line for each record")
    return header, records, lines


def _separator(text: str) -> str:
    """That which the header has most of; a comma if none."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(SEPARATORS, key=first.count)


def _check_header(
    path: Path,
    line: int,
    header: Sequence[str],
    names: Sequence[str],
    needed: Sequence[str],
    optional: Sequence[str],
    remedy: str,
) -> None:
    columns = f"the columns are {', '.join(needed)} and optionally {', '.join(optional)}{remedy}"
    missing = [name for name in needed if name not in names]
    if missing:
        raise UserError(f"{path}, line {line}: the header lacks {', '.join(missing)}; {columns}")
    twice = [shown for shown, name in zip(header, names, strict=True) if name in (*needed, *optional) and names.count(name) > 1]
    if twice:
        raise UserError(f"{path}, line {line}: {shorten(twice[0])} in the header occurs twice; {columns}")


def _text(path: Path) -> tuple[bytes, str]:
    """The file's bytes, and its text."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); give the path of a CSV file") from error
    plain = _unpacked(path, content) if content.startswith(b"\x1f\x8b") else content
    for begins, what in OTHER_TYPES.items():
        if plain.startswith(begins):
            raise UserError(f"{path} is {what}; save it as a CSV file in UTF-8")
    if plain.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError(f"{path} is UTF-16; save the file as UTF-8")
    if plain.lstrip()[:1] in (b"{", b"["):
        raise UserError(f"{path} is JSON; save it as a CSV file with one line per record")
    try:
        return content, plain.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = plain.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: this is not UTF-8; save the file as UTF-8") from error


def _unpacked(path: Path, content: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(content)) as file:
            plain = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} is a damaged gzip file ({error}); write it again") from error
    if len(plain) > MOST_BYTES:
        raise UserError(f"{path} unpacks to more than {MOST_BYTES >> 20} MiB; split it")
    return plain


def shorten(text: str) -> str:
    """A text quoted in a message."""
    return repr(text if len(text) <= 40 else text[:40] + "…")


def number(text: str) -> float | None:
    """The number that a text is, with either minus sign; None for other texts."""
    try:
        value = float(text.replace("−", "-"))
    except ValueError:
        return None
    return value if np.isfinite(value) and "_" not in text else None


def in_order(names: Iterable[str]) -> list[str]:
    """Numbers in numerical order, other names in order of appearance."""
    names = [str(name) for name in names]
    values = {name: value for name in names if (value := number(name)) is not None}
    return sorted(names, key=values.__getitem__) if len(values) == len(set(names)) else names


def one_name_each(names: pd.Series) -> pd.Series:
    """Numbers that are written in several ways (1, 1.0) under the first of them; other names as they are."""
    spelled = list(dict.fromkeys(names))
    values = {name: value for name in spelled if (value := number(name)) is not None}
    if len(values) < len(spelled):
        return names
    first: dict[float, str] = {}
    for name, value in values.items():
        first.setdefault(value, name)
    return names.map({name: first[value] for name, value in values.items()})


def alike(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names that differ only in letter case or in blanks."""
    first: dict[str, str] = {}
    pairs = []
    for name in names:
        plain = " ".join(name.casefold().split())
        if first.setdefault(plain, name) != name:
            pairs.append((first[plain], name))
    return pairs
