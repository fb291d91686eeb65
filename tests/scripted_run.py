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

from exante import studies, verbs
from exante.plan import Plan, cells_of, plan
from exante.register import register
from exante.store import RunDirectory, write_json, write_table
from exante.study import Study


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
    files.create()
    files.save_registration(registration, {"before_data": True, "pilot": False, "seen_by": [], "changed": []})
    write_json(files.plan, planned.model_dump(mode="json"))
    write_table(files.rows, simulated_rows(study, theory, preset))
    write_table(files.phases, simulated_phases(study, preset))
    one = {"cores": 2, "host": "scripted", "started": 1.75e9, "wall_seconds": 312.4}
    seconds = {key: {"phase": node.phase.name, "seconds": 2.0} for key, node in planned.nodes.items()}
    write_json(files.timings, {"compute_seconds": 2.0 * len(seconds), "runs": [one], "phases": seconds})
    files.transcripts.mkdir()
    verbs.analyse_directory(files)
    return planned
