"""Rows as dense arrays: for each evaluation × condition × checkpoint, counts by run and item.

Shapes: R runs (cells), I items of the evaluation; arrays are (…, R, I) with any leading batch axes, one entry per
simulated study. Calibration builds a `Table` directly; `read_table` builds one from rows. Does not know what is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from exante.errors import UserError
from exante.study import Cell

Array = NDArray[np.float64]
AXES = ["arm", "model", "behaviour", "training", "base", "seed"]
KEY = ["evaluation", "condition", "checkpoint"]


@dataclass(frozen=True)
class Counts:
    """One evaluation × condition × checkpoint: samples drawn, samples per outcome, sums of the numeric score. All (…, R, I)."""

    trials: Array
    n: dict[str, Array]
    score_sum: dict[str, Array] = field(default_factory=dict)
    score_sumsq: dict[str, Array] = field(default_factory=dict)

    def outcome(self, name: str) -> Array:
        if name not in self.n:
            raise UserError(f"the rows hold no outcome {name!r}; a measure may name only {', '.join(sorted(self.n))}")
        return self.n[name]

    @property
    def ungraded(self) -> Array:
        return self.n.get("ungraded", np.zeros(()))


@dataclass(frozen=True)
class Table:
    """All counts of a study's runs. `items` and `clusters` list the item axis of each evaluation; `crashed_R`: no rows."""

    cells: tuple[Cell, ...]
    crashed_R: NDArray[np.bool_]
    items: dict[str, tuple[str, ...]]
    clusters: dict[str, tuple[str, ...]]
    counts: dict[tuple[str, str, str], Counts]

    def find(self, evaluation: str, condition: str, at: str) -> Counts | None:
        return self.counts.get((evaluation, condition, at))

    def only_cluster(self, cluster: str) -> Table:
        """The table with the items of all other clusters left out."""
        keep = {e: np.array([c == cluster for c in names]) for e, names in self.clusters.items()}
        counts = {key: _subset(value, keep[key[0]]) for key, value in self.counts.items() if keep[key[0]].any()}
        items = {e: tuple(np.array(ids, dtype=object)[keep[e]]) for e, ids in self.items.items()}
        clusters = {e: tuple(cluster for _ in ids) for e, ids in items.items()}
        return replace(self, items=items, clusters=clusters, counts=counts)


def _subset(counts: Counts, keep_I: NDArray[np.bool_]) -> Counts:
    def pick(arrays: dict[str, Array]) -> dict[str, Array]:
        return {name: array[..., keep_I] for name, array in arrays.items()}

    return Counts(counts.trials[..., keep_I], pick(counts.n), pick(counts.score_sum), pick(counts.score_sumsq))


def read_table(rows: pd.DataFrame, cells: Sequence[Cell], needed: Iterable[tuple[str, str]]) -> Table:
    """Dense counts of the `needed` evaluation × condition pairs. A cell without rows counts as crashed: nothing is dropped.

    Raises UserError where an item's outcome is listed twice for the same run and checkpoint.
    """
    cells = tuple(sorted(cells, key=lambda cell: (cell.arm, cell.training, cell.behaviour, cell.model, cell.base, cell.seed)))
    position = {cell.id: r for r, cell in enumerate(cells)}
    crashed = set(rows.loc[rows["outcome"] == "crashed", "cell"])
    present = set(rows["cell"]) - crashed
    wanted = pd.MultiIndex.from_tuples(sorted(set(needed)), names=["evaluation", "condition"])
    used = pd.MultiIndex.from_frame(rows[["evaluation", "condition"]]).isin(wanted) & rows["cell"].isin(set(position) & present)
    frame = _with_ends(rows.loc[np.asarray(used)].reset_index(drop=True))
    if frame.duplicated(["cell", *KEY, "item", "outcome"]).any():
        raise UserError("rows.parquet lists an item's outcome twice for one run; run the study into a fresh directory")
    items, clusters = _items(frame)
    frame = frame.assign(r=frame["cell"].map(position).to_numpy(int), i=_item_positions(frame, items))
    counts = {
        (str(key[0]), str(key[1]), str(key[2])): _dense(group, len(cells), len(items[str(key[0])]))
        for key, group in frame.groupby(KEY, sort=True, observed=True)
    }
    return Table(cells, np.array([cell.id not in present for cell in cells], bool), items, clusters, counts)


def cells_of(rows: pd.DataFrame) -> list[Cell]:
    """The cells that rows speak of, crashed ones included."""
    axes = rows[AXES].drop_duplicates()
    return [
        Cell(arm=str(arm), model=str(model), behaviour=str(behaviour), training=str(training), base=str(base), seed=int(seed))
        for arm, model, behaviour, training, base, seed in axes.itertuples(index=False, name=None)
    ]


def split_checkpoints(checkpoint: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Phase and step of `"PHASE@STEP"`."""
    names = {name: name.rpartition("@") for name in checkpoint.astype(str).unique()}
    parts = [names[name] for name in checkpoint.astype(str)]
    return (
        pd.Series([phase for phase, _, _ in parts], index=checkpoint.index, dtype=object),
        pd.Series([int(step) for _, _, step in parts], index=checkpoint.index, dtype=int),
    )


def _with_ends(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of each run's last checkpoint of a phase, once more under the name `"PHASE@end"`."""
    if frame.empty:
        return frame
    phase, step = split_checkpoints(frame["checkpoint"])
    last = step == step.groupby([frame["cell"], phase], observed=True).transform("max")
    return pd.concat([frame, frame.loc[last].assign(checkpoint=phase[last] + "@end")], ignore_index=True)


def _items(frame: pd.DataFrame) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Item ids and their clusters per evaluation. The same id in two clusters (behaviours may differ) gives two positions."""
    pairs = frame[["evaluation", "item", "cluster"]].astype(str).drop_duplicates().sort_values(["evaluation", "item", "cluster"])
    groups = {str(e): group for e, group in pairs.groupby("evaluation", sort=True)}
    return ({e: tuple(g["item"]) for e, g in groups.items()}, {e: tuple(g["cluster"]) for e, g in groups.items()})


def _item_positions(frame: pd.DataFrame, items: dict[str, tuple[str, ...]]) -> NDArray[np.int64]:
    named = frame[["evaluation", "item", "cluster"]].astype(str)
    codes = named.groupby(["evaluation", "item", "cluster"], sort=True).ngroup().to_numpy()
    sizes = [len(ids) for ids in items.values()]
    first = dict(zip(items, np.concatenate([[0], np.cumsum(sizes)[:-1]]) if sizes else [], strict=True))
    return (codes - named["evaluation"].map(first).to_numpy(int)).astype(np.int64) if sizes else np.asarray(codes, np.int64)


def _dense(group: pd.DataFrame, runs: int, items: int) -> Counts:
    trials = np.zeros((runs, items))
    np.maximum.at(trials, (group["r"], group["i"]), group["trials"].to_numpy(float))
    n, sums, squares = {}, {}, {}
    for outcome, part in group.groupby("outcome", sort=True, observed=True):
        for into, column in ((n, "n"), (sums, "score_sum"), (squares, "score_sumsq")):
            array = np.zeros((runs, items))
            array[part["r"], part["i"]] = part[column].to_numpy(float)
            into[str(outcome)] = array
    return Counts(trials, n, sums, squares)
