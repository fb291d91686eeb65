"""Checks that a run's tables hold exactly what its registration says: every cell, node, item and sample.

What is expected follows from the registration alone, without the study's code or models. Detects damage,
omission and inconsistency; rows that were invented as a whole look like any others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from exante.analysis.bases import failing_draws
from exante.errors import UserError
from exante.planning.tree import ALL, Node, Plan, Size, plan, replaced_draws
from exante.storage.identity import ID_SCHEMA
from exante.storage.tables import AXES, CRASHED, DONE, REPLACED, SAMPLED, WAITING, Measured, numbered, repeated
from exante.study import Evaluation, ItemSet, Registration, Study

AGAIN = "restore it, or let the same 'exante run' command write it again"


def made_elsewhere(study: Study) -> bool:
    """Whether nothing of a study is trained or sampled here: its rows were imported."""
    return not any(profile.capabilities for profile in study.profiles)


def check(registration: Registration, preset: str, measured: Measured, size: Size = ALL) -> tuple[str, ...]:
    """Raise UserError naming the first thing that is missing or does not belong. Returns what the models cannot do, in words.
    `size`: how much of the preset the run says that it holds.

    Phases' ids are recomputed where the registration made them as they are made today; else each must only stand for one phase.
    """
    _check_states(measured)
    if made_elsewhere(registration.study):
        _check_rows(registration, measured, _imported(registration, measured))
        return ()
    expected = plan(registration, preset, size=size)
    nodes = _nodes(expected, measured.cells, recomputed=registration.id_schema == ID_SCHEMA)
    _check_cells(expected, measured)
    _check_rows(registration, measured, nodes)
    _check_metrics(measured, nodes)
    _check_replaced(registration, expected, measured)
    return expected.left_out


def unrecorded(registration: Registration) -> list[str]:
    """Evaluations whose items the registration does not hold, because they depend on what a probe names."""
    return [e.id for e in registration.study.evaluations if registration.items and e.id not in registration.items and e.at]


# --- cells ---------------------------------------------------------------------------------------------------------------


def _check_states(measured: Measured) -> None:
    states = measured.cells.drop_duplicates(["cell", "state"])
    if not states["state"].isin([DONE, CRASHED, WAITING, REPLACED]).all() or states["cell"].duplicated().any():
        raise UserError(f"cells.parquet gives a cell no state, or two; {AGAIN}")


def _check_cells(expected: Plan, measured: Measured) -> None:
    """Every planned cell is there with its phases in their order, and no other."""
    planned = {planned_cell.cell.id: planned_cell for planned_cell in expected.cells}
    axes = {name: tuple(str(getattr(planned_cell.cell, axis)) for axis in AXES) for name, planned_cell in planned.items()}
    phases: dict[str, list[str]] = defaultdict(list)
    wrong_axes: set[str] = set()
    for name, phase, *values in measured.cells[["cell", "phase", *AXES]].astype(str).itertuples(index=False, name=None):
        phases[name].append(phase)
        if axes.get(name) != tuple(values):
            wrong_axes.add(name)
    for name in planned.keys() ^ phases.keys():
        what = "lacks the cell" if name in planned else "holds the unknown cell"
        raise UserError(f"cells.parquet {what} {name}, by the registration's preset {expected.preset!r}; {AGAIN}")
    for name in wrong_axes:
        raise UserError(f"cells.parquet describes the cell {name} by other axes than its id; {AGAIN}")
    for name, there in phases.items():
        if tuple(there) != planned[name].names:
            raise UserError(f"cells.parquet gives the cell {name} other phases than {', '.join(planned[name].names)}; {AGAIN}")
    states = measured.states()
    for name in expected.replaced_cells ^ {cell for cell, state in states.items() if state == REPLACED}:
        if states[name] in (DONE, REPLACED):
            raise UserError(f"cells.parquet and plan.json do not agree whether the base of {name} was replaced; {AGAIN}")


def _check_replaced(registration: Registration, expected: Plan, measured: Measured) -> None:
    """The replaced bases are those that failed their gates, in the order of their numbers."""
    preset = registration.study.presets[expected.preset]
    if not preset.replacements:
        return
    failing = failing_draws(registration.study, measured)
    if replaced_draws(preset, registration.pilot, expected.bases, failing) != expected.replaced:
        raise UserError(
            f"plan.json replaces the bases {list(expected.replaced)}, but those that fail the gates on bases are {list(failing)};"
            f" {AGAIN}"
        )


def _nodes(expected: Plan, cells: pd.DataFrame, recomputed: bool) -> dict[str, Node]:
    """The run's node ids → what each must hold. Ids are matched one to one, and are the ones that the registration gives if these
    can be `recomputed`."""
    places = {
        (planned_cell.cell.id, name): node
        for planned_cell in expected.cells
        for name, node in zip(planned_cell.names, planned_cell.nodes, strict=True)
    }
    matched: dict[str, str] = {}
    columns = (cells[name].astype(str) for name in ("cell", "phase", "node"))
    for cell, phase, node in zip(*columns, strict=True):
        expected_node = places.get((cell, phase))
        if expected_node is None:
            raise UserError(f"cells.parquet holds the phase {phase!r} of {cell}, which the registration does not plan; {AGAIN}")
        if matched.setdefault(node, expected_node) != expected_node or (recomputed and node != expected_node):
            raise UserError(f"cells.parquet gives the phase {phase!r} of {cell} a node that belongs to another phase; {AGAIN}")
    if len(set(matched.values())) < len(matched):
        raise UserError(f"cells.parquet gives a phase that cells share two nodes; {AGAIN}")
    return {node: expected.nodes[expected_node] for node, expected_node in matched.items()}


# --- rows ----------------------------------------------------------------------------------------------------------------

Asked = Mapping[str, Mapping[str, tuple[int, ...]]]
"""Node → evaluation → steps."""


def _check_rows(registration: Registration, measured: Measured, nodes: Mapping[str, Node]) -> None:
    study = registration.study
    evaluations = {e.id: e for e in study.evaluations}
    rows = measured.rows
    _check_names(rows, evaluations)
    _check_counts(rows, evaluations, imported=made_elsewhere(study))
    by = ["node", "evaluation", "step", "condition"]
    group, asked_for = numbered(rows, by)
    keys = [(str(n), str(e), int(s), str(c)) for n, e, s, c in asked_for.itertuples(index=False, name=None)]
    # Others' labels may lack a condition; the registered items say what they hold.
    asked = dict.fromkeys(keys) if made_elsewhere(study) else _asked(nodes, evaluations)
    _check_asked(keys, asked, _needed(measured))
    if registration.items:
        _check_items(registration, rows, group, keys, nodes)


def _needed(measured: Measured) -> set[str]:
    """Nodes that must have their rows: those of cells that are done, and the bases that were replaced."""
    return set(measured.cells.loc[measured.cells["state"].isin([DONE, REPLACED]), "node"].astype(str))


def _asked(nodes: Mapping[str, Node], evaluations: Mapping[str, Evaluation]) -> dict[tuple[str, str, int, str], None]:
    return {
        (node, name, step, condition): None
        for node, planned_node in nodes.items()
        for name, steps in planned_node.evaluations.items()
        for step in steps
        for condition in evaluations[name].conditions
    }


def _check_asked(
    keys: Iterable[tuple[str, str, int, str]], asked: Mapping[tuple[str, str, int, str], None], needed: set[str]
) -> None:
    """Everything asked of a done cell has rows, and nothing else does."""
    there = set(keys)
    for node, evaluation, step, condition in there - asked.keys():
        raise UserError(
            f"rows.parquet holds {evaluation!r} under {condition!r} at step {step} of phase {node},"
            f" which the registration does not ask; {AGAIN}"
        )
    with_rows = {key[0] for key in there}
    for key in asked.keys() - there:
        node, evaluation, step, condition = key
        if node in needed or node in with_rows:
            raise UserError(f"rows.parquet lacks {evaluation!r} under {condition!r} at step {step} of phase {node}; {AGAIN}")


def _check_names(rows: pd.DataFrame, evaluations: Mapping[str, Evaluation]) -> None:
    _, pairs = numbered(rows, ["evaluation", "outcome"])
    for name, outcome in pairs.astype(str).itertuples(index=False, name=None):
        if name not in evaluations or outcome not in evaluations[name].outcomes:
            raise UserError(f"rows.parquet holds the outcome {outcome!r} of {name!r}, which is not registered; {AGAIN}")
    if repeated(rows, [*SAMPLED, "outcome"]).any():
        raise UserError(f"rows.parquet lists an item's outcome twice; {AGAIN}")


def _check_counts(rows: pd.DataFrame, evaluations: Mapping[str, Evaluation], imported: bool) -> None:
    """Samples of an item add up to those drawn, and as many were drawn as were registered."""
    item, _ = numbered(rows, SAMPLED)
    trials, n = rows["trials"].to_numpy(), rows["n"].to_numpy()
    codes, names = pd.factorize(rows["evaluation"])
    drawn = np.array([_drawn(evaluations[str(name)]) for name in names], int)[codes]
    sampled = np.array([evaluations[str(name)].method == "samples" for name in names], bool)[codes]
    total = np.bincount(item, n)[item]
    wrong = (n < 0) | (n > trials) | (trials < 1) | (sampled & (total != trials))
    if not imported:
        wrong |= trials != drawn
    _refuse(rows, wrong, "counts other samples than were drawn")
    _refuse(rows, (rows["score_sumsq"] < 0).to_numpy() & (n >= 0), "has a negative sum of squares")


def _drawn(evaluation: Evaluation) -> int:
    return evaluation.samples if evaluation.method == "samples" else 1


def _refuse(rows: pd.DataFrame, wrong: NDArray[np.bool_], why: str) -> None:
    if wrong.any():
        row = rows.iloc[int(np.argmax(wrong))]
        where = f"item {row['item']!r} of {row['evaluation']!r} under {row['condition']!r}, step {row['step']} of {row['node']}"
        raise UserError(f"rows.parquet {why}: {where}; {AGAIN}")


def _check_items(
    registration: Registration,
    rows: pd.DataFrame,
    group: NDArray[np.int64],
    keys: list[tuple[str, str, int, str]],
    nodes: Mapping[str, Node],
) -> None:
    """The items of every node × evaluation × step × condition are one of the registered sets.

    Sets are compared by sums of random 64-bit numbers, one per (item, cluster): millions of rows in a second.
    """
    codes, pairs = numbered(rows, ["item", "cluster"])
    names = (pairs["item"].astype(str) + "\0" + pairs["cluster"].astype(str)).to_numpy()
    weights = np.random.default_rng(0).integers(1, 2**63, len(names), dtype=np.uint64)
    number = {str(name): weights[k] for k, name in enumerate(names)}
    once = pd.unique(group * len(names) + codes)
    seen = pd.DataFrame({"group": once // max(len(names), 1), "code": once % max(len(names), 1)})
    sums = np.zeros(len(keys), np.uint64)
    with np.errstate(over="ignore"):
        np.add.at(sums, seen["group"].to_numpy(), weights[seen["code"].to_numpy()])
    counts = np.bincount(seen["group"], minlength=len(keys))
    allowed: dict[tuple[str, str, str], set[tuple[int, int]]] = {}
    for k, (node, evaluation, step, condition) in enumerate(keys):
        if evaluation not in registration.items:  # what it asks hangs on what a probe named
            continue
        place = (evaluation, condition, nodes[node].behaviour)
        if place not in allowed:
            allowed[place] = {_sum(items, number) for items in _sets(registration, place)}
        if (int(counts[k]), int(sums[k])) not in allowed[place]:
            there = {str(pair).partition("\0")[0] for pair in names[seen.loc[seen["group"] == k, "code"]]}
            raise UserError(_item_fault(_sets(registration, place), there, node, evaluation, step, condition))


def _sum(items: ItemSet, number: Mapping[str, np.uint64]) -> tuple[int, int]:
    """Size and sum of an item set; (−1, 0), which no rows have, where rows never hold one of the items."""
    names = [f"{name}\0{cluster}" for name, cluster in items]
    if not all(name in number for name in names):
        return -1, 0
    return len(names), sum(int(number[name]) for name in names) % 2**64


def _sets(registration: Registration, place: tuple[str, str, str]) -> tuple[ItemSet, ...]:
    evaluation, condition, behaviour = place
    conditions = registration.items.get(evaluation, {})
    return conditions.get(condition, {}).get(behaviour, ())


def _item_fault(sets: tuple[ItemSet, ...], there: set[str], node: str, evaluation: str, step: int, condition: str) -> str:
    where = f"in {evaluation!r} under {condition!r} at step {step} of phase {node}"
    for items in sets:
        missing = sorted({name for name, _ in items} - there)
        if missing:
            return f"rows.parquet lacks {len(missing)} of {len(items)} items {where}, such as {missing[0]!r}; {AGAIN}"
    return f"rows.parquet holds items {where} that were not registered; {AGAIN}"


# --- imported rows, and what training logged ------------------------------------------------------------------------------


def _imported(registration: Registration, measured: Measured) -> dict[str, Node]:
    """Nodes of imported rows, which are checked against the registered items only."""
    study = registration.study
    phases = {phase.name: phase for group in (*study.arms, *study.trainings) for phase in group.phases}
    steps: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for node, evaluation, step in (
        measured.rows[["node", "evaluation", "step"]].drop_duplicates().itertuples(index=False, name=None)
    ):
        steps[str(node)][str(evaluation)].add(int(step))
    nodes = {}
    for _, row in measured.cells.loc[measured.cells["state"] != CRASHED].drop_duplicates("node").iterrows():
        node = str(row["node"])
        if str(row["phase"]) not in phases:
            raise UserError(f"cells.parquet holds the phase {row['phase']!r}, which is not registered; {AGAIN}")
        nodes[node] = Node(
            id=node,
            phase=phases[str(row["phase"])],
            model=str(row["model"]),
            behaviour=str(row["behaviour"]),
            seed=int(row["seed"]),
            base_draw=0,
            weights_from=None,
            data_from=None,
            evaluations={name: tuple(sorted(at)) for name, at in steps[node].items()},
            last_step=0,
        )
    return nodes


def _check_metrics(measured: Measured, nodes: Mapping[str, Node]) -> None:
    """Every phase of a done cell that trained has logged to its last step, and nothing else has."""
    reached = measured.metrics.groupby("node", observed=True)["step"].max()
    there = {str(node) for node, step in reached.items() if str(node) not in nodes or step >= nodes[str(node)].last_step}
    if unknown := there - nodes.keys():
        raise UserError(f"phases.parquet holds the unknown phase {min(unknown)}; {AGAIN}")
    if missing := {node for node in _needed(measured) if nodes[node].last_step > 0} - there:
        raise UserError(f"phases.parquet lacks the phase {min(missing)}, or its last step; {AGAIN}")
