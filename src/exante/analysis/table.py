"""Rows as dense arrays: for each evaluation × condition × checkpoint, counts by run and item.

Shapes: R runs (cells), N nodes, I items of the evaluation; arrays are (…, R, I) with any leading batch axes, one entry per
simulated study. Calibration builds a `Table` directly; `read_table` builds one from rows. Does not know what is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from exante.errors import UserError
from exante.storage.tables import AXES, DONE, Measured
from exante.study import Cell

Array = NDArray[np.float64]
KEY = ["evaluation", "condition", "checkpoint"]
ITEM = ["evaluation", "item", "cluster"]


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


def read_table(
    measured: Measured, cells: Sequence[Cell], needed: Iterable[tuple[str, str]], outcomes: Mapping[str, Sequence[str]]
) -> Table:
    """Dense counts of the `needed` evaluation × condition pairs. A cell without rows counts as crashed: nothing is dropped.

    `outcomes` are the declared outcomes of each evaluation; one that did not occur is zero everywhere. Raises UserError where an
    item's outcome is listed twice for the same node and step.
    """
    cells = tuple(sorted(cells, key=lambda cell: (cell.arm, cell.training, cell.behaviour, cell.model, cell.base, cell.seed)))
    states = measured.states()
    crashed_R = np.array([states.get(cell.id) != DONE for cell in cells], bool)
    names = dict.fromkeys(["node", "evaluation", "condition", "item", "cluster", "outcome"], "category")
    used = among(measured.rows, ["evaluation", "condition"], needed)
    frame = measured.rows.loc[used].reset_index(drop=True).astype(names)
    if frame.duplicated(["node", "step", "evaluation", "condition", "item", "outcome"]).any():
        raise UserError("rows.parquet lists an item's outcome twice for one run; run the study into a fresh directory")
    items, clusters = _items(frame)
    frame = frame.assign(i=_item_positions(frame, items, clusters))
    nodes = _nodes_of(measured.cells, cells, crashed_R)
    last = {str(node): int(step) for node, step in frame.groupby("node", observed=True)["step"].max().items()}
    counts = {}
    for (evaluation, condition), group in frame.groupby(["evaluation", "condition"], sort=True, observed=True):
        evaluation, condition = str(evaluation), str(condition)
        places = group.groupby(["node", "step"], observed=True, sort=False).ngroup().to_numpy()
        first = np.unique(places, return_index=True)[1]
        keys = group.iloc[first][["node", "step"]]
        at = {(str(node), int(step)): k for k, (node, step) in enumerate(keys.itertuples(index=False, name=None))}
        dense = _dense(group.assign(r=places), len(first), len(items[evaluation]), outcomes.get(evaluation, ()))
        for checkpoint, index_R in _checkpoints(nodes, at, last):
            counts[evaluation, condition, checkpoint] = _taken(dense, index_R)
    return Table(cells, crashed_R, items, clusters, counts)


def _nodes_of(table: pd.DataFrame, cells: Sequence[Cell], crashed_R: NDArray[np.bool_]) -> dict[str, list[str | None]]:
    """Phase → the node that every cell went through, in the order of `cells`; None where it did not, or crashed."""
    position = {cell.id: r for r, cell in enumerate(cells) if not crashed_R[r]}
    found: dict[str, list[str | None]] = {}
    columns = (table[name].astype(str) for name in ("cell", "phase", "node"))
    for cell, phase, node in zip(*columns, strict=True):
        if cell in position:
            found.setdefault(phase, [None] * len(cells))[position[cell]] = node
    return found


def _checkpoints(
    nodes: Mapping[str, list[str | None]], at: Mapping[tuple[str, int], int], last: Mapping[str, int]
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Checkpoint → the place of every cell's counts, −1 for none: each step of each phase, and its end."""
    steps: dict[str, list[int]] = {}
    for node, step in at:
        steps.setdefault(node, []).append(step)
    for phase, nodes_R in nodes.items():
        for step in sorted({step for node in set(nodes_R) if node is not None for step in steps.get(node, ())}):
            yield f"{phase}@{step}", np.array([-1 if n is None else at.get((n, step), -1) for n in nodes_R], np.int64)
        ends = [-1 if n is None or n not in steps else at.get((n, last[n]), -1) for n in nodes_R]
        if max(ends) >= 0:
            yield f"{phase}@end", np.array(ends, np.int64)


def _taken(counts: Counts, index_R: NDArray[np.int64]) -> Counts:
    """Counts of nodes as counts of cells; zero where a cell has none."""

    def take(array_NI: Array) -> Array:
        return np.where((index_R >= 0)[:, None], array_NI[index_R], 0.0)

    parts = ({name: take(array) for name, array in part.items()} for part in (counts.n, counts.score_sum, counts.score_sumsq))
    return Counts(take(counts.trials), *parts)


def cells_of(measured: Measured) -> list[Cell]:
    """The cells that were run, crashed ones included."""
    axes = measured.cells[AXES].drop_duplicates()
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


def _dense(group: pd.DataFrame, nodes: int, items: int, outcomes: Sequence[str]) -> Counts:
    """Counts by node and item: `r` is the place of a row's node × step, `i` that of its item."""
    trials = np.zeros((nodes, items))
    np.maximum.at(trials, (group["r"], group["i"]), group["trials"].to_numpy(float))
    n, sums, squares = {}, {}, {}
    by_outcome = {str(outcome): part for outcome, part in group.groupby("outcome", sort=True, observed=True)}
    for outcome in sorted({*outcomes, *by_outcome}):
        part = by_outcome.get(outcome)
        for into, column in ((n, "n"), (sums, "score_sum"), (squares, "score_sumsq")):
            into[outcome] = np.zeros((nodes, items))
            if part is not None:
                into[outcome][part["r"], part["i"]] = part[column].to_numpy(float)
    return Counts(trials, n, sums, squares)
