"""What a plan will cost on this machine, before the run.

Costs come from phases that this machine has computed, else from a probe of a few seconds. Does not run phases.
"""

from __future__ import annotations

import importlib.util
import json
import math
from collections import defaultdict
from collections.abc import Callable
from functools import cache, partial
from statistics import median
from typing import Any

from exante.errors import UserError
from exante.objectives import objective_of
from exante.parts import Part
from exante.planning.tree import Node, Plan
from exante.storage.files import cache_dir, write_json
from exante.storage.identity import canonical, evaluation_id, recipe_of
from exante.storage.locks import exclusive
from exante.storage.phase_store import COSTS, PhaseStore
from exante.study import Context, Evaluation, Profile, Study

PROBE_SECONDS = {"step": 0.05, "sample": 0.004}
"""Used only where nothing was measured and the `train` extra is absent: a two-core laptop's figures for a micro model."""


def measured() -> dict[str, dict[str, float]]:
    """Seconds per unit of work and per sample by "model|objective|recipe|behaviour", from the phases that this machine has
    computed. Damaged entries are left out: later phases write them again.

    Raises UserError where it could not be written.
    """
    path = cache_dir() / COSTS
    if path.is_dir():  # said before a run, not at its end
        raise UserError(f"{path} is a directory where exante writes a file; move it, or set EXANTE_CACHE_DIR to another cache")
    try:
        costs = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {key: cost for key, cost in costs.items() if _is_cost(cost)} if isinstance(costs, dict) else {}


def _is_cost(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"step", "sample"}
        and all(type(seconds) in (int, float) and 0.0 <= seconds < math.inf for seconds in value.values())
    )


def remember(plan: Plan, study: Study, store: PhaseStore) -> None:
    """Add what a finished plan's phases took to the measured costs."""
    timed: dict[str, list[tuple[float, float]]] = defaultdict(list)
    profiles = {p.id: p for p in study.profiles}
    for node in plan.nodes.values():
        marker = store.marker(store.directory(node.id, node.is_base))
        if marker:
            training = max(marker["seconds"] - marker["evaluation_seconds"], 0.0)
            per_sample = marker["evaluation_seconds"] / marker["samples"] if marker["samples"] else 0.0
            timed[_key(node)].append((training / _work(node, profiles[node.model]), per_sample))
    with exclusive(cache_dir() / "locks" / f"{COSTS}.lock"):  # other runs add theirs
        costs = measured()
        for key, values in timed.items():
            samples = [s for _, s in values if s] or [costs.get(key, PROBE_SECONDS)["sample"]]
            costs[key] = {"step": median(v for v, _ in values), "sample": median(samples)}
        write_json(cache_dir() / COSTS, costs)


def costs(plan: Plan, study: Study, *, probe: bool = True) -> dict[str, float]:
    """Expected seconds of each node on one worker of this machine, by node id.

    `probe=False` guesses where nothing was timed instead of loading torch for a probe.
    """
    timed = measured()
    profiles = {p.id: p for p in study.profiles}
    evaluations = {e.id: e for e in study.evaluations}
    asked = {e.id: evaluation_id(e) for e in study.evaluations}
    seconds = {}
    for node in plan.nodes.values():
        profile = profiles[node.model]
        cost = timed.get(_key(node)) or _guess(node, profile, _probe(profile, study) if probe else PROBE_SECONDS)
        drawn = sum(
            evaluations[e].samples * _items(evaluations[e], asked[e], node) * len(steps) for e, steps in node.evaluations.items()
        )
        seconds[node.id] = cost["step"] * _work(node, profile) + cost["sample"] * drawn
    return seconds


def by_phase(plan: Plan, cost: dict[str, float]) -> list[dict[str, Any]]:
    """The tree by kind of phase: how many of it are trained, for how many cells, and what they cost on one worker."""
    cells: dict[str, int] = defaultdict(int)
    for planned in plan.cells:
        for node_id in planned.nodes:
            cells[node_id] += 1
    kinds: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for node in plan.nodes.values():
        kinds[node.model, node.phase.name, node.behaviour].append(node.id)
    return [
        {
            "model": model,
            "phase": name,
            "behaviour": behaviour,
            "trained": len(ids),
            "for_cells": sum(cells[node_id] for node_id in ids),
            "seconds_each": float(f"{sum(cost[node_id] for node_id in ids) / len(ids):.2g}"),
            "minutes": float(f"{sum(cost[node_id] for node_id in ids) / 60:.2g}"),
        }
        for (model, name, behaviour), ids in kinds.items()
    ]


def wall_seconds(plan: Plan, cost: dict[str, float], workers: int, done: set[str] | frozenset[str] = frozenset()) -> float:
    """Expected wall time of what is not `done`: the larger of the work divided among the workers and the longest chain."""
    left = {key: 0.0 if key in done else seconds for key, seconds in cost.items()}
    chain: dict[str, float] = {}
    for key, node in plan.nodes.items():
        chain[key] = left[key] + max((chain[p] for p in node.parents), default=0.0)
    return max(sum(left.values()) / max(workers, 1), max(chain.values(), default=0.0))


def _key(node: Node) -> str:
    return f"{node.model}|{node.phase.objective}|{node.phase.recipe}|{node.behaviour}"


def _work(node: Node, profile: Profile) -> float:
    """Units of training work: optimiser steps, or samples drawn where nothing is optimised."""
    return float(max(node.last_step if objective_of(node.phase).trains else _drawn(node, profile), 1))


def _drawn(node: Node, profile: Profile) -> int:
    """Samples that a phase draws while it runs, evaluations aside."""
    parts = [part for part in (node.phase.data, node.phase.probe) if part is not None]
    recipe = recipe_of(node.phase, profile, node.behaviour)
    return objective_of(node.phase).drawn(recipe, lambda: sum(_items_of(part, node.behaviour) for part in parts))


@cache
def _count(part: str, behaviour: str) -> int:
    make = Part.model_validate_json(part).load()
    return _length(lambda: make(Context(behaviour, 0, 0)))


def _length(make: Callable[[], Any]) -> int:
    """How many things a part makes; 0 where it fails, which its phase reports when it runs."""
    try:
        things = make()
    except UserError:
        raise
    except Exception:  # a user's part may raise anything
        return 0
    return len(things) if isinstance(things, list | tuple) else 0


def _items_of(data: Part, behaviour: str) -> int:
    """How many items a part gives: asked of the part itself, once."""
    return _count(canonical(data), behaviour)


def _guess(node: Node, profile: Profile, probed: dict[str, float]) -> dict[str, float]:
    """Cost of a phase that was never timed: each step costs an optimiser step and the samples that are drawn for it."""
    if not objective_of(node.phase).trains:
        return {"step": probed["sample"], "sample": probed["sample"]}
    per_step = _drawn(node, profile) / max(node.last_step, 1)
    return {"step": probed["step"] + probed["sample"] * per_step, "sample": probed["sample"]}


_PROBED: dict[str, dict[str, float]] = {}
_ITEMS: dict[tuple[str, str], int] = {}


def _items(evaluation: Evaluation, asked: str, node: Node) -> int:
    """Items over all conditions: asked of the part itself, once for each digest of what an evaluation asks."""
    key = (asked, node.behaviour)
    if key not in _ITEMS:
        make = evaluation.items.load()
        _ITEMS[key] = sum(_length(partial(make, node.context, condition)) for condition in evaluation.conditions)
    return _ITEMS[key]


def provide(model: str, seconds: dict[str, float]) -> None:
    """Take what was timed elsewhere, seconds per optimiser step and per sample, for a model no phase of which was timed here."""
    _PROBED[model] = seconds


def _probe(profile: Profile, study: Study) -> dict[str, float]:
    """Seconds per step and per sample of a model that was never timed on this machine."""
    if profile.id not in _PROBED:
        able = "train" in profile.capabilities and importlib.util.find_spec("torch") is not None
        _PROBED[profile.id] = _measure(profile, study) if able else PROBE_SECONDS
    return _PROBED[profile.id]


def _measure(profile: Profile, study: Study) -> dict[str, float]:
    from exante.planning.probe import probe

    return probe(profile, next(iter(study.bases.values())))
