"""Rows as dense arrays: for each evaluation × condition × checkpoint, counts by run and item, made when they are asked for.

Shapes: R runs (cells), N nodes at one of their steps, I items of the evaluation; arrays are (…, R, I) with any leading batch
axes, one entry per simulated study. Calibration builds a `Table` directly; `read_table` builds one from rows. Does not know what
is claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from exante.errors import UserError
from exante.storage.tables import AXES, DONE, REPLACED, SAMPLED, Measured, numbered, repeated
from exante.study import Cell

Array = NDArray[np.float64]
Positions = NDArray[np.int64]
KEY = ["evaluation", "condition", "checkpoint"]
ITEM = ["evaluation", "item", "cluster"]
K = TypeVar("K")
V = TypeVar("V")


class MadeOnDemand(Mapping[K, V]):
    """A mapping that makes a value each time it is asked for, and keeps none: together they may be larger than memory."""

    def __init__(self, keys: Collection[K], make: Callable[[K], V]) -> None:
        self._keys, self._make = dict.fromkeys(keys), make

    def __getitem__(self, key: K) -> V:
        if key not in self._keys:
            raise KeyError(key)
        return self._make(key)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __iter__(self) -> Iterator[K]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


@dataclass(frozen=True)
class Counts:
    """One evaluation × condition × checkpoint: samples drawn, samples per outcome, sums of the numeric score. All (…, R, I)."""

    trials: Array
    n: Mapping[str, Array]
    score_sum: Mapping[str, Array] = field(default_factory=dict)
    score_sumsq: Mapping[str, Array] = field(default_factory=dict)

    def outcome(self, name: str) -> Array:
        if name not in self.n:
            raise UserError(f"the rows hold no outcome {name!r}; a measure may name only {', '.join(sorted(self.n))}")
        return self.n[name]

    @property
    def ungraded(self) -> Array:
        return self.n["ungraded"] if "ungraded" in self.n else np.zeros(())


@dataclass(frozen=True)
class Table:
    """All counts of a study's runs. `items` and `clusters` list the item axis of each evaluation; `crashed_R`: no rows."""

    cells: tuple[Cell, ...]
    crashed_R: NDArray[np.bool_]
    items: dict[str, tuple[str, ...]]
    clusters: dict[str, tuple[str, ...]]
    counts: Mapping[tuple[str, str, str], Counts]

    def find(self, evaluation: str, condition: str, at: str) -> Counts | None:
        return self.counts.get((evaluation, condition, at))

    def only_runs(self, keep_R: NDArray[np.bool_]) -> Table:
        """The table with all other runs left out."""
        cells = tuple(cell for cell, keep in zip(self.cells, keep_R, strict=True) if keep)
        counts = MadeOnDemand(self.counts, lambda key: _taken_runs(self.counts[key], keep_R))
        return replace(self, cells=cells, crashed_R=self.crashed_R[keep_R], counts=counts)

    def only_cluster(self, cluster: str) -> Table:
        """The table with the items of all other clusters left out."""
        keep = {e: np.array([c == cluster for c in names]) for e, names in self.clusters.items()}
        counts = MadeOnDemand(
            [key for key in self.counts if keep[key[0]].any()], lambda key: _subset(self.counts[key], keep[key[0]])
        )
        items = {e: tuple(np.array(ids, dtype=object)[keep[e]]) for e, ids in self.items.items()}
        clusters = {e: tuple(cluster for _ in ids) for e, ids in items.items()}
        return replace(self, items=items, clusters=clusters, counts=counts)


def _taken_runs(counts: Counts, keep_R: NDArray[np.bool_]) -> Counts:
    def pick(arrays: Mapping[str, Array]) -> Mapping[str, Array]:
        return MadeOnDemand(arrays, lambda name: arrays[name][..., keep_R, :])

    return Counts(counts.trials[..., keep_R, :], pick(counts.n), pick(counts.score_sum), pick(counts.score_sumsq))


def _subset(counts: Counts, keep_I: NDArray[np.bool_]) -> Counts:
    def pick(arrays: Mapping[str, Array]) -> Mapping[str, Array]:
        return MadeOnDemand(arrays, lambda name: arrays[name][..., keep_I])

    return Counts(counts.trials[..., keep_I], pick(counts.n), pick(counts.score_sum), pick(counts.score_sumsq))


def read_table(
    measured: Measured, cells: Sequence[Cell], needed: Iterable[tuple[str, str]], outcomes: Mapping[str, Sequence[str]]
) -> Table:
    """Counts of the `needed` evaluation × condition pairs. A cell without rows counts as crashed: nothing is dropped. One on a
    replaced base has the base's rows; whoever reads hypotheses leaves it out.

    `outcomes` are the declared outcomes of each evaluation; one that did not occur is zero everywhere. Raises UserError where an
    item's outcome is listed twice for the same node and step.
    """
    cells = tuple(sorted(cells, key=lambda cell: (cell.arm, cell.training, cell.behaviour, cell.model, cell.base, cell.seed)))
    states = measured.states()
    crashed_R = np.array([states.get(cell.id) not in (DONE, REPLACED) for cell in cells], bool)
    texts = dict.fromkeys(["node", "evaluation", "condition", "item", "cluster", "outcome"], "category")
    used = among(measured.rows, ["evaluation", "condition"], needed)
    rows = (measured.rows if used.all() else measured.rows.loc[used]).astype(texts)
    if repeated(rows, [*SAMPLED, "outcome"]).any():
        raise UserError("rows.parquet lists an item's outcome twice for one run; run the study into a fresh directory")
    items, clusters, item = _items(rows)
    nodes = _nodes_of(measured.cells, cells, crashed_R, pd.Index(rows["node"].cat.categories))
    last = rows.groupby("node", observed=False)["step"].max().fillna(-1).to_numpy(np.int64)
    places: dict[tuple[str, str, str], tuple[_NodeCounts, Positions]] = {}
    number, pairs = numbered(rows, ["evaluation", "condition"])
    for k, (evaluation, condition) in pairs.astype(str).sort_values(["evaluation", "condition"]).iterrows():
        lines = np.flatnonzero(number == k)
        counts = _NodeCounts(rows.iloc[lines], item[lines], len(items[evaluation]), outcomes.get(evaluation, ()))
        for checkpoint, place_R in _checkpoints(nodes, counts, last):
            places[evaluation, condition, checkpoint] = counts, place_R
    return Table(cells, crashed_R, items, clusters, MadeOnDemand(places, lambda key: places[key][0].of_runs(places[key][1])))


class _NodeCounts:
    """Counts of one evaluation × condition by node × step and item, of which only what occurred is held.

    `node_N` and `step_N` say which node and step each place stands for. `item` is each row's position among the items.
    """

    def __init__(self, rows: pd.DataFrame, item: Positions, items: int, declared: Sequence[str]) -> None:
        place, places = numbered(rows, ["node", "step"])
        self.node_N, self.step_N = places["node"].cat.codes.to_numpy(np.int64), places["step"].to_numpy(np.int64)
        self.trials_NI = np.zeros((len(places), items))
        np.maximum.at(self.trials_NI, (place, item), rows["trials"].to_numpy(float))
        where = place.astype(np.int32), item.astype(np.int32)
        columns = {name: rows[name].to_numpy() for name in ("n", "score_sum", "score_sumsq") if rows[name].any()}
        self.occurred = {
            str(outcome): (where[0][lines], where[1][lines], {name: array[lines] for name, array in columns.items()})
            for outcome, lines in rows.groupby("outcome", observed=True).indices.items()
        }
        self.outcomes = sorted({*declared, *self.occurred})

    def of_runs(self, place_R: Positions) -> Counts:
        """Counts of runs, each at one place; zero where it is −1."""

        def column(name: str) -> Mapping[str, Array]:
            return MadeOnDemand(self.outcomes, lambda outcome: _taken(self._grid(outcome, name), place_R))

        return Counts(_taken(self.trials_NI, place_R), *map(column, ("n", "score_sum", "score_sumsq")))

    def _grid(self, outcome: str, name: str) -> Array:
        grid_NI = np.zeros(self.trials_NI.shape)
        if outcome in self.occurred:
            place, item, columns = self.occurred[outcome]
            grid_NI[place, item] = columns.get(name, 0.0)
        return grid_NI


def _taken(array_NI: Array, place_R: Positions) -> Array:
    taken_RI = array_NI[place_R]
    taken_RI[place_R < 0] = 0.0
    return taken_RI


def _nodes_of(table: pd.DataFrame, cells: Sequence[Cell], crashed_R: NDArray[np.bool_], nodes: pd.Index) -> dict[str, Positions]:
    """Phase → the place among `nodes` of the one that every cell went through, (R,); −1 where it did not, or crashed."""
    position = {cell.id: r for r, cell in enumerate(cells) if not crashed_R[r]}
    run = table["cell"].astype(str).map(position)
    table, run = table.loc[run.notna()], run.dropna().to_numpy(np.int64)
    node = nodes.get_indexer(pd.Index(table["node"].astype(str)))
    phase, names = pd.factorize(table["phase"].astype(str))
    node_of = np.full((len(names), len(cells)), -1, np.int64)
    node_of[phase, run] = node
    return dict(zip(map(str, names), node_of, strict=True))


def _checkpoints(nodes: Mapping[str, Positions], counts: _NodeCounts, last: Positions) -> Iterator[tuple[str, Positions]]:
    """Checkpoint → the place of every cell's counts, −1 for none: each step of each phase, and its end. `last` is each node's
    last step."""

    def places(chosen_N: NDArray[np.bool_], nodes_R: Positions) -> Positions:
        place = np.full(len(last) + 1, -1, np.int64)  # one more, which −1 points to
        place[counts.node_N[chosen_N]] = np.flatnonzero(chosen_N)
        return place[nodes_R]

    for phase, nodes_R in nodes.items():
        mine_N = np.isin(counts.node_N, nodes_R)
        for step in np.unique(counts.step_N[mine_N]):
            yield f"{phase}@{step}", places(mine_N & (counts.step_N == step), nodes_R)
        ends = places(mine_N & (counts.step_N == last[counts.node_N]), nodes_R)
        if (ends >= 0).any():
            yield f"{phase}@end", ends


def cells_of(measured: Measured) -> list[Cell]:
    """The cells that were run, crashed ones included; not those whose base was replaced."""
    axes = measured.cells.loc[measured.cells["state"] != REPLACED, AXES].drop_duplicates()
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
    number, combinations = numbered(frame, columns)
    wanted = set(wanted)
    return np.array([tuple(map(str, key)) in wanted for key in combinations.itertuples(index=False)], bool)[number]


def _items(frame: pd.DataFrame) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]], Positions]:
    """Item ids and their clusters per evaluation, and every row's position among those of its evaluation. The same id in two
    clusters (behaviours may differ) gives two positions."""
    number, combinations = numbered(frame, ITEM)
    combinations = combinations.astype(str)
    items: dict[str, tuple[str, ...]] = {}
    clusters: dict[str, tuple[str, ...]] = {}
    position = np.zeros(len(combinations), np.int64)
    for evaluation, group in combinations.sort_values(ITEM).groupby("evaluation", sort=True):
        items[str(evaluation)], clusters[str(evaluation)] = tuple(group["item"]), tuple(group["cluster"])
        position[group.index] = np.arange(len(group))
    return items, clusters, position[number]
