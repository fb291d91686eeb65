"""Imported counts: a CSV file with one line per run, stage, condition and outcome, checked and made into rows.

Faults name the file's line. Does not know claims, registrations or run directories.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from exante.errors import UserError
from exante.integrations.csv_files import CsvFile, alike, in_order, number, one_name_each, read_csv, shorten
from exante.integrations.labels import MOST_NAMES, slugs

NEEDED, OPTIONAL = ("arm", "n", "trials"), ("run", "base", "stage", "condition", "outcome", "item", "cluster")
UNNAMED = {
    **dict.fromkeys(("run", "base"), "1"),
    **dict.fromkeys(("condition", "item", "cluster"), "all"),
    "stage": "results",
    "outcome": "outcome",
}
"""The only name of what a file has no column for."""
PLACE = ["arm", "base", "run", "stage", "condition", "item"]
"""Where samples were drawn: all lines of one place count the same samples."""
Rest = Literal["other", "ungraded"]
OTHER = "other"


@dataclass(frozen=True)
class Counts:
    """`lines` has a row per place and outcome: arm, base, run, stage, condition, item, cluster, outcome (texts as in the file), n
    and trials; samples of none of the file's outcomes are in it as `other` or `ungraded`. `names` are those of each column in the
    order in which they are shown, `notes` what the reader should know of how the file was read."""

    lines: pd.DataFrame
    names: Mapping[str, list[str]]
    notes: tuple[str, ...]
    sha256: str

    def ids(self, column: str) -> dict[str, str]:
        """Name → its id."""
        return slugs(self.names[column])

    def runs_of(self) -> dict[str, int]:
        """Arm → number of its runs, over all bases."""
        once = self.lines.drop_duplicates(["arm", "base", "run"])
        return {arm: int((once["arm"] == arm).sum()) for arm in self.names["arm"]}


def read_counts(path: Path, columns: Mapping[str, str] | None = None, rest: Rest = OTHER) -> Counts:
    """Counts from a CSV file. `columns` maps exante's names of columns to the file's, where they differ; `rest` says what samples
    are that have none of the outcomes listed. Raises UserError naming the line of what cannot be read."""
    renamed = dict(columns or {})
    for ours in renamed:
        if ours not in (*NEEDED, *OPTIONAL):
            raise UserError(f"there is no column {shorten(ours)} to map; the columns are {', '.join((*NEEDED, *OPTIONAL))}")
    file, others = read_csv(path, NEEDED, OPTIONAL, renamed)
    file.refuse_blanks(file.cells.columns)
    lines = pd.DataFrame({name: _names(file, name, renamed) for name in (*PLACE, "cluster", "outcome")})
    for name in ("trials", "n"):
        lines[name] = _whole(file, name)
    _check(file, lines)
    whole = _with_the_rest(lines, rest)
    names = {name: in_order(dict.fromkeys(whole[name])) for name in (*PLACE, "cluster", "outcome")}
    for name in ("arm", "stage", "condition", "outcome"):
        if len(names[name]) > MOST_NAMES:
            raise UserError(f"{path} names {len(names[name])} {name}s; a report can show at most {MOST_NAMES}")
    notes = tuple(_notes(file, others, lines, rest))
    return Counts(whole, names, notes, file.sha256)


def _names(file: CsvFile, name: str, renamed: Mapping[str, str]) -> pd.Series:
    if name in file.cells:
        names = file.item_names(name) if name in ("item", "cluster") else file.names(name)
        return one_name_each(names) if name in ("run", "base", "stage") else names
    alone = renamed.get("n", UNNAMED[name]).lower() if name == "outcome" else UNNAMED[name]
    return pd.Series(alone, file.cells.index)


def _whole(file: CsvFile, name: str) -> pd.Series:
    values = {text: number(text) for text in file.cells[name].unique()}
    good = {text: int(value) for text, value in values.items() if value is not None and 0 <= value < 2**53 and value % 1 == 0}
    bad = ~file.cells[name].isin(list(good))
    if bad.any():
        file.refuse(bad, f"{name} is {shorten(file.cells[name][bad].iloc[0])}; give counts of samples, as whole numbers")
    return file.cells[name].map(good).astype(int)


def _check(file: CsvFile, lines: pd.DataFrame) -> None:
    file.refuse(lines["trials"] < 1, "trials is 0; leave out what was not sampled")
    file.refuse(lines["n"] > lines["trials"], "n is greater than trials; n of trials samples had the outcome")
    file.refuse(lines["outcome"] == "crashed", "the outcome 'crashed' marks runs without rows; name it otherwise")
    where = "the same arm, run, stage, condition" + ", item" * ("item" in file.cells)
    again = lines.duplicated([*PLACE, "outcome"])
    file.refuse(again, f"{where} and outcome stand on a line before; if another column tells them apart, join it to one of these")
    drawn = lines.groupby(PLACE, observed=True)["trials"].transform("first")
    file.refuse(lines["trials"] != drawn, f"trials differs from that of another outcome under {where}")
    clusters = lines.groupby("item", observed=True)["cluster"].transform("first")
    file.refuse(lines["cluster"] != clusters, "the item is in another cluster than on a line before")
    total = lines.groupby(PLACE, observed=True)["n"].transform("sum")
    file.refuse(
        total > lines["trials"], f"the outcomes under {where} add up to more than trials; import outcomes that overlap one by one"
    )


def _with_the_rest(lines: pd.DataFrame, rest: Rest) -> pd.DataFrame:
    """The lines, and one for each place where samples are left over. A line of the same outcome takes them."""
    totals = lines.groupby([*PLACE, "cluster"], observed=True, sort=False).agg(n=("n", "sum"), trials=("trials", "first"))
    left = totals.assign(n=totals["trials"] - totals["n"]).reset_index().assign(outcome=rest)
    both = pd.concat([lines, left[left["n"] > 0]], ignore_index=True)
    sums = both.groupby([*PLACE, "cluster", "outcome"], observed=True, sort=False).agg(n=("n", "sum"), trials=("trials", "first"))
    return sums.reset_index()


def _notes(file: CsvFile, others: list[str], lines: pd.DataFrame, rest: Rest) -> Iterator[str]:
    if others:
        yield f"These columns are not used: {', '.join(map(shorten, others[:8]))}{' and others' if len(others) > 8 else ''}."
    for name in ("arm", "stage", "condition", "outcome"):
        for first, second in alike(dict.fromkeys(lines[name])):
            yield (
                f"The {name}s {shorten(first)} and {shorten(second)} differ only in letter case or blanks; they are treated as"
                " two. Give them one name if they are the same."
            )
    left = int(lines.drop_duplicates(PLACE)["trials"].sum() - lines["n"].sum())
    if left:
        how = "say --rest ungraded if they could not be graded" if rest == OTHER else "they count at whichever end is worse"
        yield f"{left:,} samples have none of the outcomes listed; they are taken as {rest!r}: {how}."
    runs = lines.drop_duplicates(["arm", "base", "run"]).groupby("arm", observed=True).size()
    if (runs < 2).any():
        few = ", ".join(shorten(str(arm)) for arm in runs.index[runs < 2][:8])
        yield (
            f"1 run each of {few}: no claim about how such models are trained can be decided from one run; estimates without a"
            " claim are about these runs alone."
        )


def rows(
    counts: Counts, cells: Mapping[tuple[str, str, str], Mapping[str, object]], checkpoints: Mapping[str, str], evaluation: str
) -> pd.DataFrame:
    """Joined rows. `cells` maps (arm, base, run) to a cell's id and axes, `checkpoints` a stage to its checkpoint. Names of
    conditions and outcomes become ids."""
    lines = counts.lines
    places = list(zip(lines["arm"], lines["base"], lines["run"], strict=True))
    axes = pd.DataFrame([cells[place] for place in places])
    return axes.assign(
        checkpoint=lines["stage"].map(dict(checkpoints)).to_numpy(),
        evaluation=evaluation,
        condition=lines["condition"].map(counts.ids("condition")).to_numpy(),
        item=lines["item"].to_numpy(),
        cluster=lines["cluster"].to_numpy(),
        outcome=lines["outcome"].map(outcome_ids(counts.names["outcome"])).to_numpy(),
        n=lines["n"].to_numpy(np.int64),
        trials=lines["trials"].to_numpy(np.int64),
        score_sum=0.0,
        score_sumsq=0.0,
    )


def outcome_ids(names: list[str]) -> dict[str, str]:
    """Name → id; `other` and `ungraded` keep theirs."""
    return slugs([*(name for name in (OTHER, "ungraded") if name in names), *(n for n in names if n not in (OTHER, "ungraded"))])
