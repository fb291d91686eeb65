"""A run directory written from tables made up in a test, and analysed without the check that nothing is missing."""

from __future__ import annotations

from typing import Any

from exante.api import results
from exante.planning.tree import ALL
from exante.registry.plan_file import PlanFile, save_plan_file
from exante.storage.directory import RunDirectory
from exante.storage.files import write_json
from exante.storage.table_files import write_table
from exante.storage.tables import Measured
from exante.study import Registration

STAMPS = {"before_data": True, "pilot": False, "seen_by": [], "changed": []}


def write_tables(
    files: RunDirectory, registration: Registration, measured: Measured, preset: str, stamps: dict[str, Any] | None = None
) -> None:
    """Registration, plan and tables, with the manifest that lists them."""
    files.create()
    files.save_registration(registration, stamps or STAMPS)
    id, pilot = registration.study.id, registration.pilot
    save_plan_file(files, PlanFile(registration_sha256=registration.sha256, study=id, preset=preset, pilot=pilot))
    files.save_measured(measured)
    files.record([files.cells, files.rows, files.phases])
    files.transcripts.mkdir(exist_ok=True)


def write_verdicts(
    files: RunDirectory, registration: Registration, measured: Measured, preset: str, stamps: dict[str, Any] | None = None
) -> None:
    """Verdicts and series of the tables."""
    made_from = files.digests([files.plan, files.cells, files.rows, files.phases])
    data = results.RunData(registration, stamps or STAMPS, preset, ALL, measured, results.run_cells(measured), {}, made_from)
    verdicts, series = results.compute_verdicts(data)
    write_json(files.verdicts, verdicts)
    write_table(files.series, series)
    files.record([files.verdicts, files.series], made_from)
