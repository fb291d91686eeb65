"""Samples from a run's models: arms side by side, before and after safety training. For looking, never for verdicts.

Does not score what it shows.
"""

from __future__ import annotations

from typing import Any

from exante.errors import UserError
from exante.objectives import objective_of
from exante.planning.tree import Plan, PlannedCell
from exante.storage.phase_store import PhaseStore
from exante.study import Study
from exante.text import Mode, Prompt, Turn


def samples(
    study: Study, planned: Plan, arms: list[str], prompt: str, think: str, mode: Mode, n: int, seed: int, temperature: float
) -> list[dict[str, Any]]:
    """Rows of (arm, training, stage, scratchpad, answer), from the first cell of each arm × training. Raises UserError."""
    rows = []
    for arm in arms:
        cells = _first_cells(planned, arm)
        for stage, node_id, training in _stages(planned, cells):
            rows += _rows(
                study, planned, arm, stage, training, node_id, Prompt((Turn("user", prompt),), mode, think), n, seed, temperature
            )
    if not rows:
        raise UserError("this run trained no model, so there is nothing to sample")
    return rows


def _first_cells(planned: Plan, arm: str) -> list[PlannedCell]:
    firsts: dict[tuple[str, str], PlannedCell] = {}
    for cell in planned.cells:
        if cell.cell.arm == arm and cell.cell.id not in planned.replaced_cells:
            firsts.setdefault((cell.cell.training, cell.cell.behaviour), cell)
    if not firsts:
        raise UserError(f"this run has no arm {arm!r}; it has {', '.join(sorted({c.cell.arm for c in planned.cells}))}")
    return list(firsts.values())


def _stages(planned: Plan, cells: list[PlannedCell]) -> list[tuple[str, str, str]]:
    """(stage, node, training): each weight-changing phase of the arm once, then each training's."""
    listed, stages = set(), []
    for cell in cells:
        for name, node in zip(cell.names, cell.nodes, strict=True):
            if node not in listed and not planned.nodes[node].is_base and objective_of(planned.nodes[node].phase).trains:
                listed.add(node)
                stages.append((name, node, f"{cell.cell.behaviour}, {cell.cell.training}"))
    return stages


def _rows(
    study: Study,
    planned: Plan,
    arm: str,
    stage: str,
    training: str,
    node_id: str,
    prompt: Prompt,
    n: int,
    seed: int,
    temperature: float,
) -> list[dict[str, Any]]:
    from exante.running import models

    node = planned.nodes[node_id]
    profile = next(p for p in study.profiles if p.id == node.model)
    store = PhaseStore()
    if not models.is_kept(store, node_id):
        raise UserError("this run's models are not in the cache any more; train them again with the same 'exante run' command")
    engine = models.opened(store, profile, node_id, "cpu")
    completions = engine.sample([prompt], n, seed, temperature)[0]
    return [
        {
            "arm": arm,
            "after": stage,
            "cell": training,
            "scratchpad": completion.scratchpad or "",
            "answer": completion.answer if completion.answer is not None else f"(no answer) {completion.raw}",
        }
        for completion in completions
    ]
