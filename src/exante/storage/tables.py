"""What a run measured, each thing once: rows and metrics by node, and the nodes that make each cell.

A node is a phase that was computed; cells that share a phase share its node. Rows list the outcomes that occurred: an outcome
of an item that has rows and none of this outcome has n = 0. Does not know where the tables are stored or what they mean.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from exante.errors import UserError
from exante.study import Items, ItemSet

AXES = ["arm", "model", "behaviour", "training", "base", "seed"]
ROWS: dict[str, type] = {
    "node": str,
    "step": int,
    "evaluation": str,
    "condition": str,
    "item": str,
    "cluster": str,
    "outcome": str,
    "n": int,
    "trials": int,
    "score_sum": float,
    "score_sumsq": float,
}
NODE_ROWS = [name for name in ROWS if name != "node"]
"""Columns of an evaluation's rows in the cache, which keeps those of each node apart."""
METRICS: dict[str, type] = {"node": str, "step": int, "metric": str, "value": float}
NODE_METRICS = [name for name in METRICS if name != "node"]
CELLS: dict[str, type] = {"cell": str, **dict.fromkeys(AXES, str), "seed": int, "phase": str, "node": str, "state": str}
SERIES: dict[str, type] = {
    **dict.fromkeys(("figure", "panel", "arm", "model", "behaviour", "training", "base"), str),
    "seed": int,
    **dict.fromkeys(("step", "value", "low", "high"), float),
    "unit": str,
}
"""Columns of series.parquet; numbers may be missing."""
DONE, CRASHED, WAITING, REPLACED = "done", "crashed", "waiting", "replaced"
SAMPLED = ["node", "step", "evaluation", "condition", "item"]
JOINED_ROWS = ["cell", *AXES, "checkpoint", "evaluation", "condition", "item", "cluster", "outcome"]
JOINED_ROWS += ["n", "trials", "score_sum", "score_sumsq"]
JOINED_METRICS = ["cell", *AXES, "phase", "step", "metric", "value"]


@dataclass(frozen=True)
class Measured:
    """The tables of a run.

    `rows`: one line per node × step × evaluation × condition × item × outcome that occurred. `metrics`: what training logged, one
    line per node × step × metric. `cells`: one line per cell × phase, in the order of the phases, with the cell's axes, the node
    and the cell's state (`done`, `crashed`, `waiting` if it was left for later, or `replaced` if its base failed a gate, in which
    case only the base is listed).
    """

    cells: pd.DataFrame
    rows: pd.DataFrame
    metrics: pd.DataFrame

    def states(self) -> dict[str, str]:
        """Cell id → its state."""
        once = self.cells.drop_duplicates("cell")
        return dict(zip(once["cell"].astype(str), once["state"].astype(str), strict=True))

    def metrics_of_cells(self) -> pd.DataFrame:
        """The metrics of every cell's phases, with the cell's axes: shared phases are repeated for each cell."""
        return _of_cells(self.cells, self.metrics)[JOINED_METRICS]

    def totals(self, outcomes: Mapping[str, Sequence[str]]) -> pd.DataFrame:
        """Counts of every node, summed over items: node, step, evaluation, condition, outcome, n, trials, score_sum.

        `outcomes` are the outcomes of each evaluation to count; one that did not occur has n = 0.
        """
        pairs = [(evaluation, outcome) for evaluation, names in outcomes.items() for outcome in names]
        wanted = pd.DataFrame(pairs, columns=["evaluation", "outcome"])
        types = {name: _in_order(self.rows[name], *wanted.get(name, ())) for name in ("evaluation", "condition", "outcome")}
        rows = self.rows[[*SAMPLED, "outcome", "n", "trials", "score_sum"]].astype(types)
        number, groups = numbered(rows, [*SAMPLED[:-1]])
        drawn = np.where(repeated(rows, SAMPLED), 0, rows["trials"])
        groups = groups.assign(group=range(len(groups)), trials=np.bincount(number, drawn, len(groups)).astype(int))
        counts = rows[["outcome", "n", "score_sum"]].assign(group=number)
        number, lines = numbered(counts, ["group", "outcome"])
        lines[["n", "score_sum"]] = counts[["n", "score_sum"]].groupby(number).sum()
        full = groups.merge(wanted.astype({str(name): types[str(name)] for name in wanted}), on="evaluation")
        full = full.merge(lines, on=["group", "outcome"], how="left").fillna({"n": 0, "score_sum": 0.0})
        return full.drop(columns="group")

    def of_cells(self, totals: pd.DataFrame) -> pd.DataFrame:
        """Lines of nodes for every cell, with its axes and `checkpoint` ("PHASE@STEP"): shared phases are repeated."""
        return _with_checkpoint(_of_cells(self.cells, totals))

    def joined(self, outcomes: Mapping[str, Sequence[str]]) -> pd.DataFrame:
        """One line per cell × checkpoint × evaluation × condition × item × outcome, zeros included, and one line with
        `evaluation` `*` and `outcome` `crashed` per crashed cell. Large: shared phases are repeated for each cell."""
        items = self.rows[[*SAMPLED, "cluster", "trials"]].drop_duplicates()
        pairs = [(evaluation, outcome) for evaluation, names in outcomes.items() for outcome in names]
        every = items.merge(pd.DataFrame(pairs, columns=["evaluation", "outcome"]), on="evaluation")
        counts = self.rows[[*SAMPLED, "cluster", "outcome", "n", "score_sum", "score_sumsq"]]
        every = every.merge(counts, on=[*SAMPLED, "cluster", "outcome"], how="left")
        every = every.fillna({"n": 0, "score_sum": 0.0, "score_sumsq": 0.0})
        table = pd.concat([_with_checkpoint(_of_cells(self.cells, every)), self._crashed_lines()], ignore_index=True)
        return table[JOINED_ROWS].astype({"n": int, "trials": int})

    def _crashed_lines(self) -> pd.DataFrame:
        crashed = self.cells.loc[self.cells["state"] == CRASHED].drop_duplicates("cell")[["cell", *AXES]]
        texts = dict.fromkeys(("checkpoint", "condition", "item", "cluster"), "")
        numbers = {"n": 0, "trials": 0, "score_sum": 0.0, "score_sumsq": 0.0}
        return crashed.assign(**texts, evaluation="*", outcome=CRASHED, **numbers)


def numbered(table: pd.DataFrame, columns: Sequence[str]) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Which combination of the columns' values each line has, and the combinations, in the order in which they come.

    Made for millions of lines, for which pandas' groups of several columns take many times as long. Equal lines are mostly
    adjacent, so only the first of each run of them is looked up.
    """
    keys = line_keys(table, columns)
    starts = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
    number, combinations = pd.factorize(keys[starts])
    first = np.empty(len(combinations), np.int64)
    first[number[::-1]] = starts[::-1]
    lengths = np.diff(starts, append=len(keys))
    return np.repeat(number.astype(np.int64), lengths), table[list(columns)].iloc[first].reset_index(drop=True)


def repeated(table: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.bool_]:
    """Which lines have the same values in the columns as one before."""
    keys = line_keys(table, columns)
    order = np.argsort(keys, kind="stable")  # fast where lines are almost in order, as those of a run are
    again = np.zeros(len(keys), bool)
    again[order[1:]] = np.diff(keys[order]) == 0
    return again


def line_keys(table: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.int64]:
    """A number for each line, equal where all the columns are. Computed in place to save memory."""
    keys, many = np.zeros(len(table), np.int64), 1
    for name in columns:
        codes, count = _codes(table[name])
        if many * count >= 2**63:
            keys, seen = pd.factorize(keys)
            many = len(seen)
        keys *= count
        keys += codes
        many *= count
    return keys


def _codes(values: pd.Series) -> tuple[NDArray[Any], int]:
    """A column as whole numbers from 0 to below a count."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy() + np.int8(1), len(values.cat.categories) + 1  # a gap has the code −1
    numbers = values.to_numpy()
    if numbers.dtype.kind == "i" and len(numbers) and int(numbers.max()) - int(numbers.min()) < 2**20:
        return numbers - numbers.min(), int(numbers.max()) - int(numbers.min()) + 1
    codes, unique = pd.factorize(values, use_na_sentinel=False)
    return codes, len(unique) + 1


def _in_order(values: pd.Series, *more: str) -> pd.CategoricalDtype:
    """Categories of these texts and of `more` in alphabetical order, so that groups come in it."""
    texts = values.cat.categories if isinstance(values.dtype, pd.CategoricalDtype) else values.unique()
    return pd.CategoricalDtype(sorted({*map(str, texts), *more}))


def _of_cells(cells: pd.DataFrame, by_node: pd.DataFrame) -> pd.DataFrame:
    """Lines of nodes for every cell that went through them, in the order of the cells. Joined by the nodes' numbers: pandas
    compares texts one by one where categories differ."""
    nodes = cells["node"].astype("category")
    number_of = {str(name): number for number, name in enumerate(nodes.cat.categories)}
    by_node_names = by_node["node"].astype("category")
    numbers = np.array([number_of.get(str(name), -1) for name in by_node_names.cat.categories], int)[by_node_names.cat.codes]
    left = cells.drop(columns="state").assign(node=nodes.cat.codes.astype(int))
    return left.merge(by_node.assign(node=numbers), on="node").drop(columns="node")


def _with_checkpoint(lines: pd.DataFrame) -> pd.DataFrame:
    """Phase and step as one column, "PHASE@STEP"."""
    number = lines.groupby(["phase", "step"], observed=True, sort=False).ngroup().to_numpy()
    first = np.unique(number, return_index=True)[1]
    pairs = lines[["phase", "step"]].iloc[first].itertuples(index=False, name=None)
    names = np.array([f"{phase}@{step}" for phase, step in pairs], dtype=object)
    checkpoint = pd.Categorical.from_codes(number, pd.Index(names)).reorder_categories(sorted(names))
    return lines.assign(checkpoint=checkpoint).drop(columns=["phase", "step"])


def once(rows: pd.DataFrame, metrics: pd.DataFrame | None = None) -> Measured:
    """The tables of joined rows (and joined metrics) in which every cell stands for itself: each phase of a cell is a node of
    its own. Zeros are dropped, except that an item keeps one line."""
    crashed = set(rows.loc[rows["outcome"] == CRASHED, "cell"].astype(str))
    sampled = rows.loc[rows["outcome"] != CRASHED]
    checkpoint = sampled["checkpoint"].astype(str).str.rsplit("@", n=1, expand=True).reindex(columns=[0, 1])
    sampled = sampled.assign(phase=checkpoint[0], step=checkpoint[1].astype(int))
    sampled = sampled.assign(node=sampled["cell"].astype(str) + "@" + sampled["phase"].astype(str))
    metrics = pd.DataFrame(columns=JOINED_METRICS) if metrics is None else metrics
    metrics = metrics.assign(node=metrics["cell"].astype(str) + "@" + metrics["phase"].astype(str))
    columns = ["cell", *AXES, "phase", "node"]
    alone = rows.loc[rows["outcome"] == CRASHED]
    alone = alone.assign(phase="base", node=alone["cell"].astype(str) + "@base")
    named = [table[columns].drop_duplicates().astype({"seed": int}) for table in (sampled, metrics, alone) if len(table)]
    cells = pd.concat(named, ignore_index=True).drop_duplicates() if named else pd.DataFrame(columns=columns)
    cells = cells.assign(state=np.where(cells["cell"].astype(str).isin(crashed), CRASHED, DONE))
    return Measured(cells[list(CELLS)], without_zeros(sampled)[list(ROWS)], metrics[list(METRICS)])


def items_in(measured: Measured) -> Items:
    """The sets of items in the rows, in the form in which a registration records them; for imported rows."""
    table = (
        measured.rows[[*SAMPLED, "cluster"]]
        .drop_duplicates()
        .merge(measured.cells[["node", "behaviour"]].drop_duplicates("node"), on="node")
    )
    sets: dict[str, dict[str, dict[str, set[ItemSet]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(set)))
    by = ["node", "step", "evaluation", "condition", "behaviour"]
    for (_, _, evaluation, condition, behaviour), group in table.groupby(by, observed=True):
        items = sorted(zip(group["item"].astype(str), group["cluster"].astype(str), strict=True))
        sets[str(evaluation)][str(condition)][str(behaviour)].add(tuple(items))
    return {e: {c: {b: tuple(sorted(sets)) for b, sets in bs.items()} for c, bs in cs.items()} for e, cs in sets.items()}


def without_zeros(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose outcome occurred or scored. An item without any keeps its first line, so that its trials count."""
    occurred = (rows["n"] != 0) | (rows["score_sum"] != 0) | (rows["score_sumsq"] != 0)
    if occurred.all():
        return rows
    item, _ = numbered(rows, [name for name in SAMPLED if name in rows])
    silent = ~occurred.groupby(item).transform("any")
    return rows.loc[occurred | (silent & ~pd.Series(item, rows.index).duplicated())]


def typed(table: pd.DataFrame, columns: Mapping[str, type], name: str, hint: str) -> pd.DataFrame:
    """The table with the given columns alone, texts as categories. Raises UserError naming a column that is missing or wrong:
    texts and whole numbers have no gaps, and no number is infinite."""
    for column, kind in columns.items():
        if column not in table:
            raise UserError(f"{name} has no column {column!r}; {hint}")
        if fault := _fault(table[column], kind):
            raise UserError(f"{name}: the column {column!r} {fault}; {hint}")
    texts = dict.fromkeys((column for column, kind in columns.items() if kind is str), "category")
    return table[list(columns)].astype(texts)


def _fault(values: pd.Series, kind: type) -> str:
    if kind is str:
        texts = values.cat.categories if isinstance(values.dtype, pd.CategoricalDtype) else values.unique()
        return "has gaps" if values.isna().any() else "" if all(isinstance(x, str) for x in texts) else "holds other than text"
    if values.dtype.kind not in "iuf" or values.dtype.kind == "b":
        return "holds other than numbers" if len(values) else ""
    numbers = values.to_numpy(float)
    if np.isinf(numbers).any():
        return "holds infinite numbers"
    if kind is float:
        return ""
    return "has gaps" if np.isnan(numbers).any() else "" if (numbers % 1 == 0).all() else "holds fractions"


AT_ONCE = 500_000
"""Lines whose texts are joined at a time."""


def content_digest(tables: Iterable[pd.DataFrame]) -> str:
    """sha256 (hex) of what tables hold, whatever the version of the library that stored them."""
    digest = hashlib.sha256()
    for table in tables:
        for column in table:
            values = table[column]
            parts = [values.to_numpy("<f8").tobytes()] if values.dtype.kind in "iuf" else _joined_texts(values)
            size = sum(map(len, parts))
            digest.update(f"{column}:{len(values)}:{size}:".encode())
            for part in parts:
                digest.update(part)
    return digest.hexdigest()


def _joined_texts(values: pd.Series) -> list[memoryview]:
    """Texts as UTF-8 with a zero byte between each two, in parts."""
    texts, zero = pa.array(values.astype("category")), pa.scalar("\0", pa.large_string())
    parts = []
    for start in range(0, len(texts), AT_ONCE):
        some = texts[start : start + AT_ONCE].cast(pa.large_string())
        whole = pa.LargeListArray.from_arrays(pa.array([0, len(some)], pa.int64()), some)
        joined = pc.call_function("binary_join", [whole, zero])
        parts += [memoryview(b"\0")] * (start > 0) + [memoryview(joined[0].as_buffer())]
    return parts
