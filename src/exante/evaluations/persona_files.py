"""Persona questions from a user's file in the JSON-lines format of Perez et al. (2022, arXiv 2212.09251).

Each line is an object with `question`, `answer_matching_behavior` and `answer_not_matching_behavior`; other fields are ignored.
No data set is shipped. The file's sha256 is a parameter, so that rows always belong to exactly that text.
Does not know what behaviour the questions are about.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from exante.errors import UserError
from exante.evaluations.persona import (
    CONDITIONS,
    LABELS,
    MASS_CONDITIONS,
    MASSES,
    SAMPLING,
    cue_and_mode,
    cued_turns,
    score,
    score_mass,
)
from exante.parts import part
from exante.study import Context, Evaluation
from exante.text import Item, Prompt

FIELDS = ("question", "answer_matching_behavior", "answer_not_matching_behavior")
SHOWN_LINES = 10
"""Largest number of malformed lines that an error message lists."""


@dataclass(frozen=True)
class Entry:
    """One question with its two labels, stripped. `line` is its line number in the file, from 1."""

    line: int
    question: str
    matching: str
    not_matching: str


def load(path: str | Path) -> tuple[Entry, ...]:
    """All entries of a file. Raises UserError for a file that cannot be read, is empty, or has malformed lines."""
    return _entries(_bytes(path), path)


def sha256_of(path: str | Path) -> str:
    """sha256 (hex) of the file's bytes. Raises UserError if it cannot be read."""
    return hashlib.sha256(_bytes(path)).hexdigest()


def _bytes(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); give the path of a JSON-lines file") from error


def _entries(raw: bytes, path: str | Path) -> tuple[Entry, ...]:
    # Split at line feeds only: JSON strings may contain other characters at which str.splitlines splits.
    lines = [(number, line.strip()) for number, line in enumerate(raw.split(b"\n"), 1) if line.strip()]
    entries = {number: _entry(number, line) for number, line in lines}
    wrong = [f"{number} ({entry})" for number, entry in entries.items() if isinstance(entry, str)]
    if wrong:
        more = f" and {len(wrong) - SHOWN_LINES} more" if len(wrong) > SHOWN_LINES else ""
        raise UserError(
            f"{path} has malformed lines: {', '.join(wrong[:SHOWN_LINES])}{more};"
            f" each line is a JSON object with the texts {', '.join(FIELDS)}"
        )
    if not entries:
        raise UserError(f"{path} holds no questions; each line is a JSON object with the texts {', '.join(FIELDS)}")
    return tuple(entry for entry in entries.values() if isinstance(entry, Entry))


def _entry(number: int, line: bytes) -> Entry | str:
    """The entry of a line, or what is wrong with it."""
    try:
        raw: Any = json.loads(line)
    except (ValueError, RecursionError):
        return "no JSON"
    if not isinstance(raw, dict):
        return "no object"
    texts = []
    for name in FIELDS:
        value = raw.get(name)
        if not isinstance(value, str) or not value.strip():
            return f"no {name}"
        texts.append(value.strip())
    if texts[1].casefold() == texts[2].casefold():
        return "both answers are the same"
    return Entry(number, *texts)


@part(version=1)
def items(context: Context, condition: str, *, path: str, sha256: str) -> list[Item]:
    """All questions of the file under "CUE:MODE", in wordings of the cue in turn. Raises UserError if the file has changed."""
    raw = _bytes(path)
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise UserError(f"{path} is not the file that was registered (its sha256 differs); restore it or register again")
    cue, mode = cue_and_mode(condition)
    return [
        Item(
            f"line {entry.line}",
            Path(path).stem,
            Prompt(cued_turns(context.behaviour, cue, number, entry.question), mode),
            {"match": entry.matching, "other": entry.not_matching},
            (entry.matching, entry.not_matching),
        )
        for number, entry in enumerate(_entries(raw, path))
    ]


def persona_file(
    path: str | Path, at: tuple[str, ...], *, by: Literal["sample", "mass"] = "sample", id: str = "", **more: Any
) -> Evaluation:
    """The file's questions, scored by sampled label or by probability mass. `more`: further fields of the evaluation.

    Reads the file to check it and to record its sha256. Raises UserError if it cannot be read or has malformed lines.
    """
    load(path)
    settings: dict[str, Any] = {"conditions": CONDITIONS, "outcomes": LABELS, "score": score.bind()} | SAMPLING
    if by == "mass":
        settings = {"conditions": MASS_CONDITIONS, "outcomes": MASSES, "score": score_mass.bind()}
        settings |= {"method": "options", "needs": ("logprobs",)}
    bound = items.bind(path=str(path), sha256=sha256_of(path))
    return Evaluation(id=id or f"persona-{Path(path).stem}", items=bound, at=at, **(settings | more))
