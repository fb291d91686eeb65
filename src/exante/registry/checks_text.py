"""What register checks of the texts in a study: ids that are file names, texts that can be printed and drawn, fields in range.

Every sentence names the row ("contrast 'same-end'") and the field. Does not know what a study means.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from exante.errors import UserError
from exante.study import Study

LONGEST_ID = 100
LONGEST_STEM = 220
"""Bytes of ARM--TRAINING--BEHAVIOUR: with its ending and a temporary prefix it must fit the 255 of a file name."""

_ROWS = {
    "arms": "arm",
    "trainings": "training",
    "evaluations": "evaluation",
    "measures": "measure",
    "gates": "gate",
    "contrasts": "contrast",
    "theories": "theory",
    "objections": "objection",
    "profiles": "model",
    "presets": "preset",
    "bases": "base variant",
    "phases": "phase",
    "predictions": "prediction",
    "recipes": "recipe",
}
_ONE_LINE = ("id", "title", "name")
# Newlines and tabs are text. Other control characters, and code points that are no characters, break terminals, SVG and UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_FILE_NAME = re.compile(r"\w(?:[\w.+ -]*[\w+-])?")


def check_texts(study: Study) -> Study:
    """The study with every field in its range, also where `model_copy` bypassed the types. Raises UserError."""
    dumped = study.model_dump(warnings=False)  # values of the wrong type are refused below, in a sentence
    for path, text in _texts(dumped, ()):
        _check_text(dumped, path, text)
    try:
        return Study.model_validate(dumped)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{place(dumped, first['loc'])} is {first['input']!r}: {_lowered(first['msg'])}; correct it") from error


def first_error(error: ValidationError) -> str:
    """The first fault of a model outside a study: its field, value and what is wrong."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))} is {first['input']!r}: {_lowered(first['msg'])}"


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _texts(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every text in plain data with its path, the keys of dictionaries among them."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key), str(key)
            yield from _texts(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def _check_text(study: Any, path: tuple[Any, ...], text: str) -> None:
    where = place(study, path)
    match = _UNPRINTABLE.search(text)
    if match is not None:
        code = f"U+{ord(match[0]):04X}"
        if 0xD800 <= ord(match[0]) <= 0xDFFF:
            raise UserError(
                f"{where} holds {code}, half of a surrogate pair, which is not a character; write the character itself"
            )
        raise UserError(f"{where} holds the control character {code}; remove it")
    if "params" in path:
        return
    if path[-1] in _ONE_LINE and any(c in text for c in "\n\r\t"):
        raise UserError(f"{where} has a line break or a tab in it; write it on one line")
    if path[-1] == "id" and not text.strip():
        raise UserError(f"{where} is empty; name it")


def place(study: Any, path: Sequence[Any]) -> str:
    """A path into a study's plain data in words: "arm 'none', phase 'organism', recipe"."""
    words: list[str] = []
    here, kind = study, ""
    for step in path:
        here = _inside(here, step)
        if step in _ROWS and not kind:
            kind = step
        elif kind:
            words.append(f"{_ROWS[kind]} {_name(here, step)!r}")
            kind = ""
        else:
            words.append(str(step))
    named = ", ".join([*words, kind] if kind else words)
    return named if path and path[0] in _ROWS else f"the study's {named}"


def _inside(here: Any, step: Any) -> Any:
    try:
        return here[step]
    except (LookupError, TypeError):
        return None


def _name(row: Any, step: Any) -> Any:
    """What a row is called: its id, or its place or key where it has none."""
    if isinstance(row, str):
        return row
    named = (row[key] for key in ("id", "name", "contrast") if isinstance(row, dict) and isinstance(step, int) and key in row)
    return next(named, step)


# --- ids that become file names -----------------------------------------------------------------------------------


def check_file_names(study: Study) -> None:
    """Ids that become names of files or cells. Two that differ only in capitals would be one file on some machines."""
    trained = any(profile.capabilities for profile in study.profiles)
    phases = [phase.name for owner in (*study.arms, *study.trainings) for phase in owner.phases] if trained else []
    groups = {
        "study": [study.id],
        "arm": [arm.id for arm in study.arms],
        "training": [training.id for training in study.trainings],
        "behaviour": [name for preset in study.presets.values() for name in preset.behaviours],
        "evaluation": [evaluation.id for evaluation in study.evaluations],
        "base variant": list(study.bases),
        "preset": list(study.presets),
        "phase": phases,
    }
    for kind, names in groups.items():
        for name in names:
            check_file_name(kind, name)
        _check_alike(kind, dict.fromkeys(names))
    if "base" in phases:
        raise UserError("a phase is called 'base', which is the name of the phase that makes the base; give it another name")
    _check_transcripts(study)


def check_file_name(kind: str, name: str) -> None:
    if len(name) > LONGEST_ID:
        raise UserError(f"the id of {kind} '{name[:40]}…' has {len(name)} characters; use at most {LONGEST_ID}")
    if not _FILE_NAME.fullmatch(name):
        raise UserError(
            f"the {kind} {name!r} has no id that can be a file name; use letters, digits, '-', '_', '+', '.' and spaces,"
            " and begin and end with a letter or digit"
        )


def _check_alike(kind: str, names: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if other != name:
            raise UserError(
                f"the {kind}s {other!r} and {name!r} are the same file name on machines that do not tell capitals apart;"
                " rename one"
            )


def _check_transcripts(study: Study) -> None:
    """Each arm × training × behaviour has a transcript file of its own, whose name a file system accepts."""
    seen: dict[str, tuple[str, str, str]] = {}
    for preset in study.presets.values():
        for names in itertools.product(preset.arms, preset.trainings, preset.behaviours):
            stem = "--".join(names)
            if len(stem.encode()) > LONGEST_STEM:
                raise UserError(f"the file name {stem[:40]!r}… of arm, training and behaviour is too long; use shorter ids")
            if seen.setdefault(stem, names) != names:
                raise UserError(
                    f"{' × '.join(seen[stem])} and {' × '.join(names)} would share the transcript file {stem}.jsonl;"
                    " use no '--' in ids"
                )
