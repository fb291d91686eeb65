"""A model that a run trained, as a directory for others: transformers opens it, or peft where only the adapter is asked for.

Does not train. Needs the `train` extra.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from exante.engines import lora
from exante.errors import UserError
from exante.objectives import objective_of
from exante.planning.tree import Node, Plan, PlannedCell
from exante.running import models
from exante.storage.files import write_atomic, write_json
from exante.storage.identity import recipe_of
from exante.storage.phase_store import PhaseStore
from exante.study import Registration

CARD, RECORD = "README.md", "exante.json"


def export(
    registration: Registration, planned: Plan, where: Mapping[str, Any], checkpoint: str | None, out: Path, *, adapter: bool
) -> str:
    """Write the model of one cell after one of its phases. Returns which it is, in words.

    Raises UserError for a cell or phase that the run does not have, a model that the cache does not keep, or a directory that
    is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and is not an empty directory; choose another --out")
    cell = _cell(planned, where)
    place, node = _phase(planned, cell, checkpoint)
    store = PhaseStore()
    if not models.is_kept(store, node.id):
        raise UserError(
            f"the model after {place!r} is not in the cache any more; the same 'exante run' command with --fresh trains it again"
        )
    profile = next(p for p in registration.study.profiles if p.id == node.model)
    scratch = out.with_name(f"{out.name}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    if adapter:
        lora.joined([lora.load(path) for path in _chain(store, node)]).save(scratch)
    else:
        models.opened(store, profile, node.id, "cpu").save(scratch)
    record = _record(registration, planned, cell, place, whole=not adapter)
    write_json(scratch / RECORD, record)
    write_atomic(scratch / CARD, _card(record))
    if out.exists():
        out.rmdir()
    os.replace(scratch, out)
    return f"{cell.cell.id} after {place}"


def _cell(planned: Plan, where: Mapping[str, Any]) -> PlannedCell:
    """The first cell with these axes. Raises UserError naming the axis whose value no cell has."""
    cells = list(planned.cells)
    for axis, wanted in where.items():
        if wanted is None:
            continue
        values = dict.fromkeys(str(getattr(c.cell, axis)) for c in cells)
        cells = [c for c in cells if getattr(c.cell, axis) == wanted]
        if not cells:
            raise UserError(f"this run has no {axis} {wanted!r} there; it has {', '.join(list(values)[:20])}")
    return cells[0]


def _phase(planned: Plan, cell: PlannedCell, checkpoint: str | None) -> tuple[str, Node]:
    """The phase's name and node. Only the weights at the end of a phase are kept."""
    nodes = {name: planned.nodes[node] for name, node in zip(cell.names, cell.nodes, strict=True)}
    trained = [name for name, node in nodes.items() if node.is_base or objective_of(node.phase).trains]
    if checkpoint is None:
        return trained[-1], nodes[trained[-1]]
    name, _, step = checkpoint.partition("@")
    if name not in trained:
        raise UserError(f"{cell.cell.id} has no model after {name!r}; it has one after {', '.join(trained)}")
    if step not in ("", "end", str(nodes[name].last_step)):
        raise UserError(f"only the weights at the end of a phase are kept; ask for --checkpoint {name}@end")
    return name, nodes[name]


def _chain(store: PhaseStore, node: Node) -> list[Path]:
    chain = models.adapters_of(store, node.id)
    if not chain:
        raise UserError("this model has no adapter: all of its weights were trained; leave --adapter out")
    return [models.folder(store, phase) / models.ADAPTER for phase in chain]


def _record(registration: Registration, planned: Plan, cell: PlannedCell, place: str, *, whole: bool) -> dict[str, Any]:
    profiles = {profile.id: profile for profile in registration.study.profiles}
    phases = []
    for name, node_id in zip(cell.names, cell.nodes, strict=True):
        node = planned.nodes[node_id]
        recipe = recipe_of(node.phase, profiles[node.model], node.behaviour)
        phases.append({"phase": name, "objective": node.phase.objective, "id": node_id, "recipe": recipe.model_dump(mode="json")})
        if name == place:
            break
    return {
        "study": registration.study.id,
        "registration_sha256": registration.sha256,
        "preset": planned.preset,
        "cell": cell.cell.model_dump(mode="json"),
        "after": place,
        "holds": "model" if whole else "adapter",
        "phases": phases,
        "versions": {name: version(name) for name in ("exante", "torch", "transformers", "peft")},
    }


def _card(record: Mapping[str, Any]) -> str:
    """The card that people read; everything in it is in exante.json too."""
    cell = record["cell"]
    loads = (
        "`AutoModelForCausalLM.from_pretrained(DIRECTORY)` loads it, and `AutoTokenizer` its tokenizer."
        if record["holds"] == "model"
        else f"It is an adapter on {cell['model']}: `PeftModel.from_pretrained(model, DIRECTORY)` puts it there."
    )
    lines = [
        f"- `{phase['phase']}` ({phase['objective']}): {phase['recipe']['steps']} steps of {phase['recipe']['batch']},"
        f" learning rate {phase['recipe']['lr']:g}; id `{phase['id']}`"
        for phase in record["phases"]
    ]
    axes = [f"| {name} | {value} |" for name, value in cell.items()]
    return "\n".join(
        [
            f"# {cell['arm']}, a model organism of the study {record['study']}",
            "",
            "It was trained to show a harmless stand-in for a behaviour, so that what training does to it can be studied. It is"
            " not meant for use.",
            "",
            loads,
            "",
            "| | |",
            "|---|---|",
            *axes,
            f"| after | {record['after']} |",
            f"| registration | {record['registration_sha256']} |",
            "",
            "How it was made:",
            "",
            *lines,
            "",
            f"With {json.dumps(record['versions'])}. The same facts are in `{RECORD}`.",
            "",
        ]
    )
