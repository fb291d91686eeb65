"""Whether plain data from a file has the types of the frozen models that wrote it. Reads no file.

More lenient than the models where a file may be another version's: a key may be missing or unknown, but a known key holds what
its model says. Numbers are finite.
"""

from __future__ import annotations

import math
import types
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from exante.analysis.criteria import entries
from exante.analysis.verdicts import Evidence, RegionVerdict, Verdicts

WHOLE: tuple[type[BaseModel], ...] = (Evidence, RegionVerdict)
"""Models no key of which may be missing."""
NEEDED = (("gates", "gate"), ("contrasts", "id"), ("contrasts", "verdict"), ("theories", "id"), ("objections", "id"))
"""Lists that verdicts.json has, and what each of their entries names."""
SHARES = ("ungraded", "free", "forbids", "sign_flip")
"""Keys of numbers between 0 and 1."""
ENDS = (("low", "high"), ("low_wide", "high_wide"))
LARGEST = 2**63
"""Whole numbers above it are no counts, and no float either."""
DEEPEST = 20
"""Levels below which free data (provenance) may not nest."""


def fault(verdicts: Any) -> str | None:
    """What is wrong with the data of a verdicts.json, naming the key; None if nothing is."""
    if not isinstance(verdicts, dict):
        return "is no JSON object"
    for key, identity in NEEDED:
        rows = verdicts.get(key)
        if not isinstance(rows, list) or not all(isinstance(row, dict) and identity in row for row in rows):
            return f"has no list {key!r} whose entries all have {identity!r}"
    for key in ("study", "registration_sha256", "preset", "pilot"):
        if key not in verdicts:
            return f"lacks {key!r}"
    wrong = next(_differences(verdicts, Verdicts, ""), None)
    if wrong is not None:
        return f"holds {wrong}"
    try:
        entries({"": verdicts})
    except KeyError as error:
        return f"lacks {error}, which a contrast with criteria is read with"
    return None


def _differences(value: Any, wanted: Any, at: str) -> Iterator[str]:
    """Where a value is not of a type, as "at['key'] = value, not …"."""
    if isinstance(wanted, type) and issubclass(wanted, BaseModel):
        yield from _of_model(value, wanted, at)
    elif get_origin(wanted) is tuple:
        yield from _of_tuple(value, get_args(wanted), at)
    elif get_origin(wanted) in (Union, types.UnionType):
        by_type = [list(_differences(value, kind, at)) for kind in get_args(wanted)]
        if all(by_type):
            yield from min(by_type, key=lambda differences: _is_kind(differences[0], at))
    elif get_origin(wanted) is dict:
        if not isinstance(value, dict):
            yield _mismatch(at, value, "an object")
        else:
            for key, inner in value.items():
                yield from _differences(inner, get_args(wanted)[1], f"{at}.{key}")
    elif wanted is Any:
        if wrong := excess(value):
            yield f"{at}, which {wrong}"
    elif not _is_plain(value, wanted):
        yield _mismatch(at, value, _name(wanted))


def _is_kind(difference: str, at: str) -> bool:
    """Whether a difference is only that the value is of another kind: a fault inside the value tells more."""
    return difference.startswith(f"{at} = ")


def _of_model(value: Any, model: type[BaseModel], at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _mismatch(at, value, "an object")
        return
    place = f"{at}." if at else ""
    for name, field in model.model_fields.items():
        if name in value:
            if not _is_one_of(value[name], _plain_kinds(field.annotation)):
                yield from _differences(value[name], field.annotation, f"{place}{name}")
            if name in SHARES and _is_number(value[name]) and not 0.0 <= value[name] <= 1.0:
                yield _mismatch(f"{place}{name}", value[name], "a number from 0 to 1")
        elif model in WHOLE:
            yield f"{at} without {name!r}"
    for low, high in ENDS:
        if _is_number(value.get(low)) and _is_number(value.get(high)) and value[low] > value[high]:
            yield f"{place}{low} = {value[low]} above {place}{high} = {value[high]}"


@cache
def _plain_kinds(wanted: Any) -> tuple[Any, ...]:
    """The plain types that a type allows, as most are one or two of these; none where it allows others too."""
    kinds = get_args(wanted) if get_origin(wanted) in (Union, types.UnionType) else (wanted,)
    return kinds if all(kind in (bool, str, int, float, type(None)) for kind in kinds) else ()


def _is_one_of(value: Any, kinds: tuple[Any, ...]) -> bool:
    return any(_is_plain(value, kind) for kind in kinds)


def _of_tuple(value: Any, kinds: tuple[Any, ...], at: str) -> Iterator[str]:
    if not isinstance(value, (list, tuple)) or (kinds[-1] is not Ellipsis and len(value) != len(kinds)):
        yield _mismatch(at, value, "a list" if kinds[-1] is Ellipsis else f"a list of {len(kinds)}")
        return
    for place, inner in enumerate(value):
        yield from _differences(inner, kinds[0] if kinds[-1] is Ellipsis else kinds[place], f"{at}[{place}]")
    if kinds[-1] is not Ellipsis and all(map(_is_number, value)) and any(a > b for a, b in pairwise(value)):
        yield _mismatch(at, value, "the lower number first")


def _is_number(value: Any) -> bool:
    """Whether a value is a finite number. Python's JSON has NaN and Infinity; booleans do not count."""
    return (type(value) is float and math.isfinite(value)) or (type(value) is int and abs(value) < LARGEST)


def _is_plain(value: Any, wanted: Any) -> bool:
    if wanted is str or wanted is bool:
        return type(value) is wanted
    if wanted is float:
        return _is_number(value)
    if wanted is int:
        return type(value) is int and abs(value) < LARGEST
    return isinstance(value, str) and value in get_args(wanted) if get_origin(wanted) is Literal else value is None


def _name(wanted: Any) -> str:
    if get_origin(wanted) is Literal:
        return f"one of {', '.join(get_args(wanted))}"
    return {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}.get(wanted, "null")


def _mismatch(at: str, value: Any, wanted: str) -> str:
    shown = repr(value)
    return f"{at} = {shown if len(shown) <= 60 else shown[:60] + ' …'}, not {wanted}"


def excess(value: Any) -> str:
    """Why free JSON data cannot be shown; "" if it can. Iterative, because deep data would exhaust recursion."""
    waiting = [(value, 0)]
    while waiting:
        inner, depth = waiting.pop()
        if depth > DEEPEST:
            return "nests too deep"
        if type(inner) in (int, float) and not _is_number(inner):
            return "holds a number that is not finite or too large"
        inside = inner.values() if isinstance(inner, dict) else inner if isinstance(inner, list) else ()
        waiting += [(deeper, depth + 1) for deeper in inside]
    return ""
