"""What a run is doing, in a file that another terminal can read while it runs.

The file stands in the run directory, is no part of what was measured, and goes when the run ends by itself. Does not know what a
phase is.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from exante.errors import UserError
from exante.storage.files import write_json

EVERY = 2.0
"""Seconds between two writes."""
MOST_MESSAGES = 20


class StatusFile:
    """Written at most every `EVERY` seconds, and at once for a message."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.messages: list[str] = []
        self.written = 0.0

    def message(self, sentence: str) -> None:
        self.messages = [*self.messages, sentence][-MOST_MESSAGES:]
        self.written = 0.0

    def write(self, finished: int, phases: int, share: float, left: float, working: Sequence[str]) -> None:
        """`share` of the work is done, and `left` seconds are expected."""
        if time.monotonic() - self.written < EVERY:
            return
        self.written = time.monotonic()
        state = {
            "phases": phases,
            "finished": finished,
            "share": round(share, 4),
            "seconds_left": round(left),
            "working_on": list(working),
            "messages": self.messages,
        }
        with contextlib.suppress(UserError):  # a run does not end because nobody can look at it
            write_json(self.path, state)

    def close(self) -> None:
        self.path.unlink(missing_ok=True)


def read_status(path: Path) -> Mapping[str, Any] | None:
    """The state that a run wrote last; None where there is none, or where it cannot be read."""
    try:
        state = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    numbers = ("phases", "finished", "share", "seconds_left")
    texts = ("working_on", "messages")
    if not isinstance(state, dict) or not all(isinstance(state.get(name), int | float) for name in numbers):
        return None
    if not all(isinstance(state.get(name), list) and all(isinstance(x, str) for x in state[name]) for name in texts):
        return None
    return state
