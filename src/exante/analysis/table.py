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
ITEM = ["evaluation", "item", "cluster"]
NUMBERS = ["n", "trials", "score_sum", "score_sumsq"]


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
    used = among(rows, ["evaluation", "condition"], needed) & rows["cell"].isin(set(position) & present)
    # Long tables of few names: everything below works on the names' codes.
    names = dict.fromkeys(["cell", *KEY, "item", "cluster", "outcome"], "category")
    frame = _with_ends(rows.loc[np.asarray(used), [*names, *NUMBERS]].reset_index(drop=True).astype(names))
    if frame.duplicated(["cell", *KEY, "item", "outcome"]).any():
        raise UserError("rows.parquet lists an item's outcome twice for one run; run the study into a fresh directory")
    items, clusters = _items(frame)
    r = np.array([position[str(name)] for name in frame["cell"].cat.categories], int)[frame["cell"].cat.codes]
    frame = frame.assign(r=r, i=_item_positions(frame, items, clusters))
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
    codes, names = pd.factorize(checkpoint)
    parts = [str(name).rpartition("@") for name in names]
    phases = np.array([phase for phase, _, _ in parts], dtype=object)
    steps = np.array([int(step) for _, _, step in parts], dtype=int)
    return pd.Series(phases[codes], index=checkpoint.index, dtype=object), pd.Series(steps[codes], index=checkpoint.index)


def among(frame: pd.DataFrame, columns: list[str], wanted: Iterable[tuple[str, ...]]) -> NDArray[np.bool_]:
    """Which rows have one of the `wanted` combinations in their `columns`."""
    group = frame.groupby(columns, observed=True, sort=False).ngroup().to_numpy()
    first = np.unique(group, return_index=True)[1]
    found = set(wanted)
    return np.array([tuple(map(str, key)) in found for key in frame[columns].iloc[first].itertuples(index=False)], bool)[group]


def _with_ends(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of each run's last checkpoint of a phase, once more under the name `"PHASE@end"`."""
    if frame.empty:
        return frame
    phase, step = split_checkpoints(frame["checkpoint"])
    phase = phase.astype("category")
    last = step == step.groupby([frame["cell"], phase], observed=True).transform("max")
    end = phase[last].cat.rename_categories([f"{name}@end" for name in phase.cat.categories])
    both = list(frame["checkpoint"].cat.categories) + list(end.cat.categories)
    parts = frame, frame.loc[last].assign(checkpoint=end)
    parts = [part.assign(checkpoint=part["checkpoint"].cat.set_categories(both)) for part in parts]
    return pd.concat(parts, ignore_index=True)


def _items(frame: pd.DataFrame) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Item ids and their clusters per evaluation. The same id in two clusters (behaviours may differ) gives two positions."""
    pairs = frame[ITEM].drop_duplicates().astype(str).sort_values(ITEM)
    groups = {str(e): group for e, group in pairs.groupby("evaluation", sort=True)}
    return ({e: tuple(g["item"]) for e, g in groups.items()}, {e: tuple(g["cluster"]) for e, g in groups.items()})


def _item_positions(
    frame: pd.DataFrame, items: dict[str, tuple[str, ...]], clusters: dict[str, tuple[str, ...]]
) -> NDArray[np.int64]:
    places = {(e, *pair): i for e in items for i, pair in enumerate(zip(items[e], clusters[e], strict=True))}
    group = frame.groupby(ITEM, observed=True, sort=False).ngroup().to_numpy()
    first = np.unique(group, return_index=True)[1]
    found = [places[str(e), str(item), str(c)] for e, item, c in frame[ITEM].iloc[first].itertuples(index=False)]
    return np.array(found, np.int64)[group]


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
