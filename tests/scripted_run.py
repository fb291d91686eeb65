"""A finished run of a shipped study whose samples were scripted from a theory's mechanism: every file, nothing trained.

Does not test anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mechanisms.story import Runs
from theory_recovery import mechanism_of, recorded, simulated
from written import write_tables, write_verdicts

from exante import studies
from exante.planning.tree import Plan, cells_of, plan
from exante.registry.register import register
from exante.storage.directory import RunDirectory
from exante.storage.files import write_json
from exante.storage.tables import CELLS, Measured, once
from exante.study import Cell, Study


def simulated_rows(study: Study, theory: str, preset: str) -> pd.DataFrame:
    """rows.parquet of one simulated study; what was not evaluated in a run has no rows."""
    module = mechanism_of(study.id)
    story = next(story for story in module.STORIES if story.theory == theory)
    runs = Runs(tuple(cells_of(study.presets[preset])), {a.id: a for a in study.arms}, 1, np.random.default_rng(5))
    rows: list[dict[str, Any]] = []
    for (evaluation, condition, at), counts in simulated(study, story, runs).counts.items():
        for r, cell in enumerate(runs.cells):
            trials = int(counts.trials[0, r, 0])
            if trials and not at.endswith("@end"):
                where = {"checkpoint": at, "evaluation": evaluation, "condition": condition, "item": "all", "cluster": "all"}
                for outcome, n in counts.n.items():
                    hits = {key: float(n[0, r, 0]) for key in ("n", "score_sum", "score_sumsq")}
                    rows.append({"cell": cell.id, **cell.model_dump(), **where, "outcome": outcome, "trials": trials, **hits})
    return pd.DataFrame(rows)


def simulated_phases(study: Study, preset: str) -> pd.DataFrame:
    """phases.parquet of the same study."""
    cells = cells_of(study.presets[preset])
    axes = pd.DataFrame([{"cell": cell.id, **cell.model_dump()} for cell in cells])
    return axes.merge(recorded(cells, mechanism_of(study.id).PHASES), on="cell")


def write_scripted_run(directory: Path, study_id: str, theory: str, preset: str = "default") -> Plan:
    """Registration, plan, rows, phases, timings, verdicts and series; returns the plan."""
    study = studies.load(study_id)
    registration = register(study)
    planned = plan(registration, preset)
    files = RunDirectory(directory)
    measured = of_plan(once(simulated_rows(study, theory, preset), simulated_phases(study, preset)), planned)
    write_tables(files, registration, measured, preset)
    one = {"cores": 2, "host": "scripted", "started": 1.75e9, "wall_seconds": 312.4}
    seconds = {key: {"phase": node.phase.name, "seconds": 2.0} for key, node in planned.nodes.items()}
    write_json(files.timings, {"compute_seconds": 2.0 * len(seconds), "runs": [one], "phases": seconds})
    files.record([files.timings])
    write_verdicts(files, registration, measured, preset)
    return planned


def of_plan(measured: Measured, planned: Plan) -> Measured:
    """The tables with a plan's nodes: of a phase that cells share, one cell's rows stand for all."""
    places = [(one.cell, name, node) for one in planned.cells for name, node in zip(one.names, one.nodes, strict=True)]
    lines = [(cell.id, *cell.model_dump().values(), name, node, "done") for cell, name, node in places]
    cells = pd.DataFrame(lines, columns=["cell", *Cell.model_fields, "phase", "node", "state"])[list(CELLS)]
    node_of = {f"{cell.id}@{name}": node for cell, name, node in places}
    shown = {node: alone for alone, node in node_of.items()}

    def renamed(table: pd.DataFrame) -> pd.DataFrame:
        kept = table[table["node"].isin(shown.values())]
        return kept.assign(node=kept["node"].map(node_of))

    return Measured(cells, renamed(measured.rows), renamed(measured.metrics))
