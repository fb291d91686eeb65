"""The state of a run directory, for someone who did not start the run."""

from __future__ import annotations

from collections import Counter
from typing import Any

from exante.errors import UserError
from exante.running.progress import words
from exante.running.status import read_status
from exante.storage.directory import RunDirectory
from exante.storage.tables import CRASHED, DONE

Json = dict[str, Any]


def state(directory: RunDirectory) -> Json:
    """`state` and what else there is to say, in words. Raises UserError for a directory that is no run."""
    registration = directory.load_registration()
    written, running = read_status(directory.status), directory.in_use()
    described: Json = {"study": f"{registration.study.id}, registration {registration.sha256[:12]}"}
    if written is not None:
        described["state"] = "running" if running else "stopped before its end; the same 'exante run' command continues it"
        described["done"] = f"{written['finished']} of {written['phases']} phases, {100 * written['share']:.0f} % of the work"
        if running:
            described["working on"] = ", ".join(written["working_on"]) or "gathering rows"
            described["time left"] = f"about {words(written['seconds_left'])}"
        return described | {"messages": list(written["messages"])}
    if running:
        return described | {"state": "another exante is at work in it", "messages": []}
    if not directory.verdicts.exists():
        return described | {"state": "registered, nothing was run yet", "messages": []}
    return described | {"state": "finished", "done": _runs(directory), "messages": []}


def _runs(directory: RunDirectory) -> str:
    try:
        states = directory.load_measured().states()
    except UserError as error:
        return str(error)
    counts = Counter(states.values())
    crashed = f", {counts[CRASHED]} crashed" if counts[CRASHED] else ""
    return f"{counts[DONE]} of {len(states)} runs{crashed}"
