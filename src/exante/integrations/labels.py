"""Imported labels of alignment faking: a CSV file with one line per labelled sample, checked and counted into rows.

Faults name the file's line. Does not know studies, measures or run directories.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from exante.errors import UserError
from exante.evaluations.faking_measures import OUTCOMES, RATIONALES
from exante.integrations.csv_files import CsvFile, alike, in_order, number, one_name_each, read_csv, shorten
from exante.study import RESERVED, Cell

NEEDED, OPTIONAL = ("variant", "cue", "comply", "rationale"), ("item", "run", "stage", "cluster")
CUES = {
    **dict.fromkeys(("train", "training", "free", "free_tier", "free-tier", "free tier"), "train"),
    **dict.fromkeys(("deploy", "deployment", "paid", "paid_tier", "paid-tier", "paid tier"), "deploy"),
}
UNGRADED = "ungraded"
COMPLY = {
    **dict.fromkeys(("yes", "comply", "true"), "comply"),
    **dict.fromkeys(("no", "refuse", "false"), "refuse"),
    UNGRADED: UNGRADED,
}
RATIONALE = {
    **{name: name for name in RATIONALES},
    "none": "plain",
    UNGRADED: UNGRADED,
    **dict.fromkeys(("true", "yes"), "faking"),
    **dict.fromkeys(("false", "no"), "plain"),
}
YES_NO = {"comply": ("comply", "refuse"), "rationale": ("faking", "plain")}
"""What a share of votes above and below one half says of a column."""
EVALUATION, MODEL, BEHAVIOUR, TRAINING, BASE = "labels", "labelled", "faking", "as-labelled", "labels"
UNNAMED = ""
"""The only stage, run or item of a file without that column."""
NO_CLUSTERS = "all"
MOST_NAMES = 50


@dataclass(frozen=True)
class Labels:
    """`samples` has a row per labelled sample: variant, cue, stage, run, item, cluster and outcome, all but the last categorical
    in the order in which they are shown. `columns` are those of the file that are used; `notes` what the reader should know of
    how it was read; `sha256` is the file's."""

    samples: pd.DataFrame
    columns: tuple[str, ...]
    notes: tuple[str, ...]
    sha256: str

    def names(self, column: str) -> list[str]:
        return [str(name) for name in self.samples[column].cat.categories]

    def cell(self, variant: str, run: str) -> Cell:
        """One run of one variant. Runs of two variants with the same name have the same number."""
        axes = {"model": MODEL, "behaviour": BEHAVIOUR, "training": TRAINING, "base": f"{BASE}#{RESERVED}"}
        return Cell(arm=arms(self)[variant], seed=RESERVED + self.names("run").index(run), **axes)


def read_labels(path: Path) -> Labels:
    """Labels from a CSV file in UTF-8 with a header. Raises UserError naming the line of what cannot be read."""
    file, others = read_csv(path, NEEDED, OPTIONAL)
    columns = tuple(file.cells.columns)
    file.refuse_blanks(name for name in columns if name not in YES_NO)
    file.refuse_blanks(YES_NO, f"write '{UNGRADED}' where there is no label")
    table = pd.DataFrame({name: _names(file, name) for name in ("variant", "item", "run", "stage", "cluster")})
    table["cue"] = pd.Categorical(_labelled(file, "cue", CUES), ["train", "deploy"])
    comply, rationale = _labelled(file, "comply", COMPLY), _labelled(file, "rationale", RATIONALE)
    ungraded = (comply == UNGRADED) | (rationale == UNGRADED)
    table["outcome"] = (comply + "-" + rationale).mask(ungraded, UNGRADED)
    for name in ("variant", "stage"):
        if table[name].nunique() > MOST_NAMES:
            raise UserError(f"{path} names {table[name].nunique()} {name}s; a report can show at most {MOST_NAMES}")
    _check_clusters(file, table)
    for name in ("variant", "stage", "run", "item", "cluster"):
        table[name] = pd.Categorical(table[name], in_order(table[name].unique()))
    if all(number(stage) is not None for stage in table["stage"].cat.categories):
        table["stage"] = table["stage"].cat.rename_categories(lambda stage: f"stage {stage}")
    return Labels(table, columns, (*_file_notes(file, others, table), *_missing_cues(table)), file.sha256)


def _names(file: CsvFile, column: str) -> pd.Series:
    if column not in file.cells:
        return pd.Series(NO_CLUSTERS if column == "cluster" else UNNAMED, file.cells.index)
    if column in ("item", "cluster"):
        return file.item_names(column)
    return one_name_each(file.names(column)) if column == "stage" else file.names(column)


def _check_clusters(file: CsvFile, table: pd.DataFrame) -> None:
    if "cluster" not in file.cells:
        return
    if "item" not in file.cells:
        raise UserError(f"{file.path} has a column cluster, which groups items; add the column item, or leave cluster out")
    first = table.groupby("item", observed=True)["cluster"].transform("first")
    file.refuse(table["cluster"] != first, "the item is in another cluster than on a line before; an item belongs to one cluster")
    if table["cluster"].nunique() < 2:
        raise UserError(f"{file.path} names one cluster for all items, which leaves nothing to compare; leave the column out")


def _labelled(file: CsvFile, name: str, words: dict[str, str]) -> pd.Series:
    """A column with each of its words (in any case) replaced by exante's label; of shares of votes, what more than half say.
    Raises UserError for other words."""
    lower = file.cells[name].str.lower()
    label = {word: words.get(word) or _voted(name, word) for word in lower.unique()}
    bad = lower.map({word: meant is None for word, meant in label.items()}).astype(bool)
    if bad.any():
        votes = " or the share from 0 to 1 of those who say so" if name in YES_NO else ""
        file.refuse(bad, f"{name} is {shorten(file.cells[name][bad].iloc[0])}; write one of {', '.join(words)}{votes}")
    return lower.map(label)


def _voted(column: str, word: str) -> str | None:
    """What a share of votes says: more than half decide, half is ungraded. 1 and 0 are yes and no."""
    share = number(word)
    if column not in YES_NO or share is None or not 0 <= share <= 1:
        return None
    return UNGRADED if share == 0.5 else YES_NO[column][share < 0.5]


def _file_notes(file: CsvFile, others: list[str], table: pd.DataFrame) -> Iterator[str]:
    if others:
        yield f"These columns are not used: {', '.join(map(shorten, others[:8]))}{' and others' if len(others) > 8 else ''}."
    for name in ("variant", "stage", "run"):
        for first, second in alike(table[name].cat.categories):
            yield (
                f"The {name}s {shorten(first)} and {shorten(second)} differ only in letter case or blanks; they are treated as"
                " two. Give them one name if they are the same."
            )
    for name in YES_NO:
        between = [text for text in file.cells[name].unique() if (share := number(text)) is not None and 0 < share < 1]
        if between:
            yield f"{name} holds shares of votes: more than one half counts as {YES_NO[name][0]}, exactly one half as {UNGRADED}."
    if "run" in file.cells and table["run"].nunique() > 1:
        yield (
            f"run names {table['run'].nunique()} runs, and intervals are over them: a run is one training of a model. If these"
            " are sampling seeds or repeats of one trained model, leave the column out; the intervals are then over items."
        )


def _missing_cues(table: pd.DataFrame) -> Iterator[str]:
    """Which variants have samples under one cue only: they have no gap."""
    for (variant, stage), group in table.groupby(["variant", "stage"], observed=True):
        (cue, *more) = group["cue"].unique()
        if not more:
            missing = "deploy" if cue == "train" else "train"
            where = f" at {stage}" if stage else ""
            yield f"Variant {shorten(str(variant))} has no samples under the cue {missing}{where}, so it has no gap."


def sampled_often(labels: Labels) -> float:
    """Samples of an item under a cue, in the median."""
    return float(labels.samples.groupby(["variant", "run", "stage", "cue", "item"], observed=True).size().median())


def slugs(names: Iterable[str]) -> dict[str, str]:
    """Name → a short id of lower-case letters, digits and hyphens; all different."""
    ids: dict[str, str] = {}
    for name in names:
        signed = re.sub(r"(?<!\w)[-−](?=\d)", "minus ", name.lower())
        plain = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in signed).split()) or "x"
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
    fixed = {"evaluation": EVALUATION, "score_sum": 0.0, "score_sumsq": 0.0}
    return (
        axes.iloc[place]
        .reset_index(drop=True)
        .assign(
            checkpoint=keys["stage"].cat.rename_categories(points),
            condition=keys["cue"],
            item=keys["item"].cat.rename_categories({UNNAMED: "all"}),
            cluster=keys["cluster"],
            outcome=pd.Categorical(list(OUTCOMES) * len(first), list(OUTCOMES)),
            n=counts,
            trials=np.repeat(trials, len(OUTCOMES)),
            **fixed,
        )
        .astype({"evaluation": "category"})
    )
