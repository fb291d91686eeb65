"""The report: one self-contained HTML page made from the files of a run directory.

It computes nothing: verdicts, intervals and everything the figures draw were written by `analyse`; here they are picked,
ordered and formatted. Does not know about torch, engines or how a verdict is reached.
"""

from __future__ import annotations

from pathlib import Path

from exante.report.load import load_run
from exante.report.page import render_page
from exante.storage.directory import RunDirectory
from exante.storage.files import write_atomic
from exante.storage.identity import digest
from exante.storage.sources import package_digest


def write_report(directory: Path) -> Path:
    """Write `report.html` from the run directory's files, unless it stands, and return its path."""
    files = RunDirectory(directory)
    run = load_run(directory)
    entries = (files.plan, files.cells, files.phases, files.verdicts, files.series)
    frozen = digest([run.registration.sha256, run.stamps])
    made_from = files.digests((*entries, *files.shown_transcripts())) | {"registration": frozen, "exante": package_digest()}
    if not files.is_current(files.report, made_from):
        write_atomic(files.report, render_page(run))
        files.record([files.report], made_from)
    return files.report
