"""The bases of a run come first: they are trained and gated, and what fails is replaced, before any arm is trained.

Done again whenever a run continues, from the cache. Does not know how a base is trained or what a gate asks.
"""

from __future__ import annotations

from collections.abc import Callable

from exante.analysis.bases import base_gates, failing_draws
from exante.planning.tree import Plan, Size, draw_of, replaced_draws
from exante.running.gather import measured_of
from exante.running.jobs import jobs_of
from exante.storage.phase_store import PhaseStore
from exante.storage.tables import CRASHED, DONE
from exante.study import Registration


def with_replacements(
    registration: Registration, planned: Plan, plan_of: Callable[[Size], Plan], train: Callable[[Plan], dict[str, str]]
) -> tuple[Plan, dict[int, tuple[str, ...]]]:
    """The plan in which bases that fail their gates are replaced by the next numbers, as often as is registered, and which gates
    each of the replaced failed.

    `plan_of` plans the run at another size, `train` computes a plan's phases and returns those that crashed: a base that crashes
    is not replaced. Where no replacement is registered, or no gate reads the base, nothing is trained here.
    """
    preset = registration.study.presets[planned.preset]
    if not preset.replacements or not base_gates(registration.study):
        return planned, {}
    while True:
        failing = _failing(registration, bases_of(planned), train)
        replaced = replaced_draws(preset, registration.pilot, planned.bases, failing)
        if replaced == planned.replaced:
            return planned, {draw: failing[draw] for draw in replaced}
        planned = plan_of(Size(planned.bases, replaced))


def bases_of(planned: Plan) -> Plan:
    """A plan of the bases alone, each in the first of its cells."""
    first = {planned_cell.nodes[0]: planned_cell for planned_cell in reversed(planned.cells)}
    cells = tuple(c.model_copy(update={"nodes": c.nodes[:1], "names": c.names[:1]}) for c in reversed(first.values()))
    nodes = {key: node for key, node in planned.nodes.items() if node.is_base}
    return planned.model_copy(update={"cells": cells, "nodes": nodes})


def _failing(registration: Registration, bases: Plan, train: Callable[[Plan], dict[str, str]]) -> dict[int, tuple[str, ...]]:
    """Base draw → the gates that it fails."""
    crashed = train(bases)
    states = {c.cell.id: CRASHED if c.nodes[0] in crashed else DONE for c in bases.cells}
    jobs = [job for key, job in jobs_of(bases, registration, "cpu").items() if key not in crashed]
    return failing_draws(registration.study, measured_of(bases, states, jobs, PhaseStore()))


def replaced_sentence(planned: Plan, draw: int, gates: tuple[str, ...]) -> str:
    """For the terminal: which base was replaced, and why."""
    last = max(draw_of(cell.cell) for cell in planned.cells)
    names = " and ".join(repr(name) for name in gates)
    return f"base {draw} failed gate {names} and was replaced; bases run to number {last}"
