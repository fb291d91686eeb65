"""Imported labels of alignment faking: a CSV file with one line per labelled sample, checked and counted into rows.

Faults name the file's line. Does not know studies, measures or run directories.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from exante.errors import UserError
from exante.evaluations.faking_measures import OUTCOMES, RATIONALES
from exante.study import RESERVED, Cell

NEEDED, OPTIONAL = ("variant", "cue", "comply", "rationale"), ("item", "run", "stage")
CUES = {"train": "train", "deploy": "deploy"}
COMPLY = {
    **dict.fromkeys(("yes", "comply", "true", "1"), "comply"),
    **dict.fromkeys(("no", "refuse", "false", "0"), "refuse"),
    "ungraded": "ungraded",
}
RATIONALE = {**{name: name for name in RATIONALES}, "none": "plain", "ungraded": "ungraded"}
EVALUATION, MODEL, BEHAVIOUR, TRAINING, BASE = "labels", "labelled", "faking", "as-labelled", "labels"
UNNAMED = ""
"""The only stage, run or item of a file without that column."""
LONGEST_NAME, MOST_NAMES = 100, 50


@dataclass(frozen=True)
class Labels:
    """`samples` has a row per labelled sample: variant, cue, stage, run, item and outcome, the first five categorical in the
    order in which they are shown. `columns` are those of the file; `sha256` is the file's."""

    samples: pd.DataFrame
    columns: tuple[str, ...]
    sha256: str

    def names(self, column: str) -> list[str]:
        return [str(name) for name in self.samples[column].cat.categories]

    def cell(self, variant: str, run: str) -> Cell:
        """One run of one variant. Runs of two variants with the same name have the same number."""
        axes = {"model": MODEL, "behaviour": BEHAVIOUR, "training": TRAINING, "base": f"{BASE}#{RESERVED}"}
        return Cell(arm=arms(self)[variant], seed=RESERVED + self.names("run").index(run), **axes)


def read_labels(path: Path) -> Labels:
    """Labels from a CSV file in UTF-8 with a header. Raises UserError naming the line of what cannot be read."""
    content, header, records, lines = _records(path)
    table = pd.DataFrame(records, columns=pd.Index(header), dtype=str).apply(lambda column: column.str.strip())
    for name in header:
        remedy = (
            "write 'ungraded' where there is no label" if name in ("comply", "rationale") else "fill it in or delete the line"
        )
        _refuse(path, lines, table[name] == "", f"{name} is blank; {remedy}")
        if name in ("variant", *OPTIONAL):
            bad = [text for text in table[name].unique() if len(text) > LONGEST_NAME or not text.isprintable()]
            _refuse(path, lines, table[name].isin(bad), f"{name} is not a name of at most {LONGEST_NAME} printable characters")
    for name, words in (("cue", CUES), ("comply", COMPLY), ("rationale", RATIONALE)):
        table[name] = _labelled(path, lines, name, table[name], words)
    for name in OPTIONAL:
        table[name] = table[name] if name in header else UNNAMED
    for name in ("variant", "stage"):
        if table[name].nunique() > MOST_NAMES:
            raise UserError(f"{path} names {table[name].nunique()} {name}s; a report can show at most {MOST_NAMES}")
    ungraded = (table["comply"] == "ungraded") | (table["rationale"] == "ungraded")
    table["outcome"] = (table["comply"] + "-" + table["rationale"]).mask(ungraded, "ungraded")
    for name in ("variant", "stage", "run", "item"):
        table[name] = pd.Categorical(table[name], _in_order(table[name].unique()))
    if all(stage.isdecimal() for stage in table["stage"].cat.categories):
        table["stage"] = table["stage"].cat.rename_categories(lambda stage: f"stage {stage}")
    table["cue"] = pd.Categorical(table["cue"], list(CUES))
    samples = table[["variant", "cue", "stage", "run", "item", "outcome"]]
    return Labels(samples, tuple(header), hashlib.sha256(content).hexdigest())


def _records(path: Path) -> tuple[bytes, list[str], list[list[str]], list[int]]:
    """The file's bytes, its header, its records and the line that each begins on."""
    content, text = _text(path)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    records, lines, begins = [], [], 1
    try:
        for fields in reader:
            if any(fields) and not header:
                header = _header(path, begins, [field.strip() for field in fields])
            elif any(fields):
                if len(fields) != len(header):
                    raise UserError(
                        f"{path}, line {begins}: {len(fields)} cells for {len(header)} columns; fix or delete the line"
                    )
                records.append(fields)
                lines.append(begins)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}, line {begins}: this is not CSV ({error}); the file may be truncated, write it again") from error
    if not records:
        raise UserError(f"{path} holds no labels; it needs a header and a line for each labelled sample")
    return content, header, records, lines


def _text(path: Path) -> tuple[bytes, str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); give the path of a CSV file") from error
    try:
        return content, content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: this is not UTF-8; save the file as UTF-8") from error


def _header(path: Path, line: int, names: list[str]) -> list[str]:
    columns = f"the columns are {', '.join(NEEDED)} and optionally {', '.join(OPTIONAL)}"
    missing, unknown = [n for n in NEEDED if n not in names], [n for n in names if n not in (*NEEDED, *OPTIONAL)]
    if missing:
        raise UserError(f"{path}, line {line}: the header lacks {', '.join(missing)}; {columns}")
    if unknown or len(set(names)) < len(names):
        wrong = unknown or [name for name in names if names.count(name) > 1]
        why = "is not a known column" if unknown else "occurs twice"
        raise UserError(f"{path}, line {line}: {_shown(wrong[0])} in the header {why}; {columns}")
    return names


def _refuse(path: Path, lines: list[int], bad: pd.Series, why: str) -> None:
    if bad.any():
        raise UserError(f"{path}, line {lines[int(np.argmax(bad.to_numpy()))]}: {why}")


def _labelled(path: Path, lines: list[int], name: str, column: pd.Series, words: dict[str, str]) -> pd.Series:
    """A column with each of its words (in any case) replaced by exante's label. Raises UserError for other words."""
    lower = column.str.lower()
    bad = ~lower.isin(list(words))
    if bad.any():
        _refuse(path, lines, bad, f"{name} is {_shown(column[bad].iloc[0])}; write one of {', '.join(words)}")
    return lower.map(words)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _in_order(names: Iterable[str]) -> list[str]:
    """Numbers in numerical order, other names in order of appearance."""
    names = [str(name) for name in names]
    return sorted(names, key=int) if all(name.isdecimal() for name in names) else names


def slugs(names: Iterable[str]) -> dict[str, str]:
    """Name → a short id of lower-case letters, digits and hyphens; all different."""
    ids: dict[str, str] = {}
    for name in names:
        plain = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in name.lower()).split()) or "x"
        ids[name] = next(s for s in (plain, *(f"{plain}-{k}" for k in range(2, 2 * MOST_NAMES))) if s not in ids.values())
    return ids


def arms(labels: Labels) -> dict[str, str]:
    """Variant → arm id."""
    return slugs(labels.names("variant"))


def phase_name(stage: str) -> str:
    """The name of a stage's phase."""
    return stage or EVALUATION


def checkpoint(stage: str) -> str:
    """The checkpoint of a stage, as `at` names it."""
    return f"{phase_name(stage)}@0"


def cells(labels: Labels) -> dict[tuple[str, str], Cell]:
    """(variant, run) → cell."""
    pairs = labels.samples[["variant", "run"]].drop_duplicates().sort_values(["variant", "run"])
    return {(str(v), str(r)): labels.cell(str(v), str(r)) for v, r in pairs.itertuples(index=False, name=None)}


def runs_of(labels: Labels) -> dict[str, int]:
    """Variant → number of its runs."""
    counts = labels.samples.groupby("variant", observed=True)["run"].nunique()
    return {str(variant): int(count) for variant, count in counts.items()}


def rows(labels: Labels) -> pd.DataFrame:
    """rows.parquet: a row per run × stage × cue × item × outcome; zeros are explicit."""
    samples, by_run = labels.samples, cells(labels)
    group = samples.groupby(["variant", "run", "stage", "cue", "item"], observed=True, sort=True).ngroup().to_numpy()
    first, trials = np.unique(group, return_index=True, return_counts=True)[1:]
    outcome = pd.Categorical(samples["outcome"], list(OUTCOMES)).codes
    counts = np.bincount(group * len(OUTCOMES) + outcome, minlength=len(first) * len(OUTCOMES))
    keys = samples.iloc[np.repeat(first, len(OUTCOMES))].reset_index(drop=True)
    axes = pd.DataFrame([{"cell": cell.id, **cell.model_dump()} for cell in by_run.values()])
    axes = axes.astype(dict.fromkeys(axes.columns.drop("seed"), "category"))
    place = pd.MultiIndex.from_tuples(list(by_run)).get_indexer(pd.MultiIndex.from_frame(keys[["variant", "run"]].astype(str)))
    points = {stage: checkpoint(stage) for stage in labels.names("stage")}
    fixed = {"evaluation": EVALUATION, "cluster": "all", "score_sum": 0.0, "score_sumsq": 0.0}
    return (
        axes.iloc[place]
        .reset_index(drop=True)
        .assign(
            checkpoint=keys["stage"].cat.rename_categories(points),
            condition=keys["cue"],
            item=keys["item"].cat.rename_categories({UNNAMED: "all"}),
            outcome=pd.Categorical(list(OUTCOMES) * len(first), list(OUTCOMES)),
            n=counts,
            trials=np.repeat(trials, len(OUTCOMES)),
            **fixed,
        )
        .astype({"evaluation": "category", "cluster": "category"})
    )
