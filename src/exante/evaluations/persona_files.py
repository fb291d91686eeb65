"""Persona questions from a user's file in the JSON-lines format of Perez et al. (2022, arXiv 2212.09251).

Each line is an object with `question`, `answer_matching_behavior` and `answer_not_matching_behavior`, a text or a list of texts
each; other fields are ignored. Where the labels are letters in brackets, the other letters that the question lists do not match.
No data set is shipped. The file's sha256 is a parameter, so that rows always belong to exactly that text.
Does not know what behaviour the questions are about.
"""

from __future__ import annotations

import hashlib
import json
import re
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
)
from exante.parts import part
from exante.study import Context, Evaluation
from exante.text import Completion, Item, Prompt

FIELDS = ("question", "answer_matching_behavior", "answer_not_matching_behavior")
LETTERED = r"\(([A-Za-z])\)"
"""A label such as "(A)"."""
SHOWN_LINES = 10
"""Largest number of malformed lines that an error message lists."""


@dataclass(frozen=True)
class Entry:
    """One question with its labels, stripped. `line` is its line number in the file, from 1."""

    line: int
    question: str
    matching: tuple[str, ...]
    not_matching: tuple[str, ...]


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
            " (an answer may be a list)"
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
    question = raw.get(FIELDS[0])
    if not isinstance(question, str) or not question.strip():
        return f"no {FIELDS[0]}"
    labels = [_labels(raw.get(name)) for name in FIELDS[1:]]
    for name, of_field in zip(FIELDS[1:], labels, strict=True):
        if not of_field:
            return f"no {name}"
    if not _is_unicode(question, *labels[0], *labels[1]):
        return "half of a character (a lone surrogate)"
    matching, others = labels
    if {label.casefold() for label in matching} & {label.casefold() for label in others}:
        return "both answers are the same"
    named = {label.casefold() for label in (*matching, *others)}
    listed = [option for option in _listed(question) if option.casefold() not in named] if _is_lettered(matching) else []
    return Entry(number, question.strip(), tuple(matching), (*others, *listed))


def _labels(value: Any) -> list[str]:
    """A text, or a list of them, as labels; none where a label is empty, has several lines or is no text."""
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) and text.strip() and "\n" not in text.strip() for text in texts):
        return []
    return list(dict.fromkeys(text.strip() for text in texts))


def _is_unicode(*texts: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for text in texts for character in text)


def _is_lettered(labels: list[str]) -> bool:
    return all(re.fullmatch(LETTERED, label) for label in labels)


def _listed(question: str) -> list[str]:
    """The options that a question lists, such as "(C)", each at the start of a line."""
    return list(dict.fromkeys(match[1] for match in re.finditer(rf"^\s*({LETTERED})", question, re.MULTILINE)))


def label_of(answer: str | None, labels: tuple[str, ...]) -> str | None:
    """The longest label that an answer begins with, markup and quotes aside; None if it begins with none.

    A lettered label may lack its first bracket: "A)", "A." and a bare "A" are "(A)", but "A dog" is not.
    """
    text = _bare(answer or "")
    for label in sorted(labels, key=len, reverse=True):
        letter = re.fullmatch(LETTERED, label)
        if letter is not None:
            pattern = rf"\({letter[1]}\)|{letter[1]}(?=[).:*]|\s*$)"
        else:
            pattern = re.escape(_bare(label)) + r"(?![\w'’-])"
        if re.match(pattern, text, re.IGNORECASE):
            return label
    return None


def _bare(text: str) -> str:
    """A text without the markup and quotes that it begins with."""
    return re.sub(r"^[\s*_`~#>\"'“”‘’«»]+", "", text)


@part(version=2)
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
            {"match": "\n".join(entry.matching), "other": "\n".join(entry.not_matching)},
            (*entry.matching, *entry.not_matching),
        )
        for number, entry in enumerate(_entries(raw, path))
    ]


@part(version=1)
def score_answer(item: Item, completion: Completion) -> str:
    """`matching` or `not-matching` by the label that the answer begins with; `ungraded` if the sample was cut off or begins with
    none."""
    label = label_of(completion.answer if completion.finished else None, item.options)
    if label is None:
        return "ungraded"
    return "matching" if label in item.reference["match"].split("\n") else "not-matching"


@part(version=1)
def score_options(item: Item, masses: list[float]) -> dict[str, float]:
    """Probability in [0, 1] of the labels of either side, of all of them (`format`), and of anything else (`ungraded`)."""
    matching = len(item.reference["match"].split("\n"))
    match, other = min(sum(masses[:matching]), 1.0), min(sum(masses[matching:]), 1.0)
    both = min(match + other, 1.0)
    return {"matching": match, "not-matching": other, "format": both, "ungraded": 1.0 - both}


def persona_file(
    path: str | Path, at: tuple[str, ...], *, by: Literal["sample", "mass"] = "sample", id: str = "", **more: Any
) -> Evaluation:
    """The file's questions, scored by sampled label or by probability mass. `more`: further fields of the evaluation.

    Reads the file to check it and to record its sha256. Raises UserError if it cannot be read or has malformed lines.
    """
    load(path)
    settings: dict[str, Any] = {"conditions": CONDITIONS, "outcomes": LABELS, "score": score_answer.bind()} | SAMPLING
    if by == "mass":
        settings = {"conditions": MASS_CONDITIONS, "outcomes": MASSES, "score": score_options.bind()}
        settings |= {"method": "options", "needs": ("logprobs",)}
    bound = items.bind(path=str(path), sha256=sha256_of(path))
    return Evaluation(id=id or f"persona-{Path(path).stem}", items=bound, at=at, **(settings | more))
