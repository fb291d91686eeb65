"""Finding analysed runs and reading their verdicts, for those who read several runs together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from exante.analysis.shape import fault
from exante.errors import UserError
from exante.storage.files import read_json

Json = dict[str, Any]
OBJECTION_KEYS = ("gap", "evidence")
"""What the ledger reads of an objection in verdicts.json."""


def verdicts_by_run(runs: Path) -> dict[str, Json]:
    """Run name → its verdicts, of every verdicts.json in or below `runs`. Raises UserError if there is none."""
    return {directory.resolve().name: load_verdicts(directory) for directory in run_directories(runs)}


def run_directories(runs: Path) -> list[Path]:
    """`runs` itself if it is an analysed run, and the analysed runs in it. Raises UserError if there is none."""
    paths = sorted([*runs.glob("verdicts.json"), *runs.glob("*/verdicts.json")])
    if not paths:
        raise UserError(f"no verdicts.json in {runs} or the directories in it; give the directory that your runs are in")
    return [path.parent for path in paths]


def load_verdicts(directory: Path) -> Json:
    """One run's verdicts, with all that the ledger reads of them. Raises UserError where something is missing."""
    path = directory / "verdicts.json"
    remedy = f"write it again with 'exante analyse {directory}' or move it"
    verdicts = read_json(path, remedy)
    wrong = fault(verdicts) or next(
        (f"lacks {key!r} of an objection" for row in verdicts["objections"] for key in OBJECTION_KEYS if key not in row), None
    )
    if wrong:
        raise UserError(f"{path} {wrong}; {remedy}")
    return verdicts
