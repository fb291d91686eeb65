"""The report: one self-contained HTML page made from the files of a run directory.

It computes nothing: verdicts, intervals and everything the figures draw were written by `analyse`; here they are picked,
ordered and formatted. Does not know about torch, engines or how a verdict is reached.
"""

from __future__ import annotations

from pathlib import Path

from exante.report.load import load_run
from exante.report.page import render_page
from exante.store import RunDirectory, write_atomic


def write_report(directory: Path) -> Path:
    """Write `report.html` from the run directory's files and return its path."""
    target = RunDirectory(directory).report
    write_atomic(target, render_page(load_run(directory)))
    return target
