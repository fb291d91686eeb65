"""Numbers, regions and hostile strings as a reader sees them. Rounding happens here and nowhere else.

Does not know about studies, files or HTML layout.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

from markupsafe import Markup, escape

MINUS = "\N{MINUS SIGN}"
SPACE = "\N{NO-BREAK SPACE}"
UNIT_NAMES = {"%": "percent", "pp": "percentage points", "log-odds": "log-odds", "score": "score"}
UNIT_SHORT = {"%": "%", "pp": "pp", "log-odds": "log-odds", "score": ""}
DECIMALS = {"%": 1, "pp": 1, "log-odds": 2}
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
KEPT = {"\n", "\t", "\N{ZERO WIDTH JOINER}"}


def number(value: Any, decimals: int | None = None, *, signed: bool = False) -> str:
    """A number with a proper minus sign; without `decimals`, three significant digits, and integers in full with thin spaces."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, float) and math.isinf(value):
        return ("+" if value > 0 else MINUS) + "∞"
    if decimals is None:
        whole = float(value).is_integer() and abs(value) < 1e15
        text = f"{int(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}") if whole else f"{value:.3g}"
    else:
        text = f"{value:.{decimals}f}"
    if not any(digit in text for digit in "123456789"):
        return text.lstrip("-")
    if signed and not text.startswith("-"):
        text = "+" + text
    return text.replace("-", MINUS)


def quantity(value: Any, unit: str, *, long: bool = False) -> str:
    """`+31.2 pp`; with `long` the unit in words. Differences carry their sign, proportions do not."""
    if value is None:
        return "–"
    text = number(value, DECIMALS.get(unit), signed=unit in ("pp", "log-odds"))
    name = (UNIT_NAMES if long else UNIT_SHORT).get(unit, unit)
    return f"{text}{SPACE}{name.replace(' ', SPACE)}" if name else text


def interval(low: Any, high: Any, unit: str) -> str:
    """`+12.4 to +50.1 pp`. One unit for both ends."""
    if low is None or high is None:
        return "–"
    signed = unit in ("pp", "log-odds")
    ends = [number(end, DECIMALS.get(unit), signed=signed) for end in (low, high)]
    name = UNIT_SHORT.get(unit, unit)
    return f"{ends[0]} to {ends[1]}" + (f"{SPACE}{name}" if name else "")


def level(value: Any) -> str:
    """A confidence level, given as .95 or 95, in percent."""
    return "" if value is None else f"{number(round(value * 100 if value <= 1 else value, 2))}{SPACE}%"


def region(value: dict[str, Any] | None) -> str:
    """`> +10 pp`, `< 0 pp`, `within ±10 pp`, `between −5 and +10 pp`."""
    if not value:
        return "–"
    unit = str(value.get("unit", ""))
    signed = unit in ("pp", "log-odds")
    low, high = value.get("low"), value.get("high")
    tail = f"{SPACE}{UNIT_SHORT.get(unit, unit)}".rstrip()
    if low is None and high is None:
        return "any value"
    if high is None:
        return f">{SPACE}{_bound(low, signed)}{tail}"
    if low is None:
        return f"<{SPACE}{_bound(high, signed)}{tail}"
    if signed and low == -high:
        return f"within ±{_bound(high, False)}{tail}"
    return f"between {_bound(low, signed)} and {_bound(high, signed)}{tail}"


def outside(value: dict[str, Any] | None) -> str:
    """What a region excludes: `+10 pp or less`, `0 pp or more`, `−10 pp or less, +10 pp or more`."""
    if not value:
        return "–"
    unit = str(value.get("unit", ""))
    tail = f"{SPACE}{UNIT_SHORT.get(unit, unit)}".rstrip()
    signed = unit in ("pp", "log-odds")
    low, high = value.get("low"), value.get("high")
    parts = [] if low is None else [f"{_bound(low, signed)}{tail} or less"]
    parts += [] if high is None else [f"{_bound(high, signed)}{tail} or more"]
    return ", ".join(parts) or "nothing"


def _bound(value: Any, signed: bool) -> str:
    return number(value, signed=signed)


def p_value(value: float | None) -> str:
    """`p = .03`, `p < .001`; nothing for no value."""
    if value is None:
        return ""
    return f"p{SPACE}<{SPACE}.001" if value < 0.001 else f"p{SPACE}={SPACE}{value:.{3 if value < 0.1 else 2}f}".replace("0.", ".")


def plain(value: Any) -> str:
    """Any scalar of a JSON file, for a table cell."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(item) for item in value) or "–"
    if isinstance(value, dict):
        return "; ".join(f"{label(key)} {plain(item)}" for key, item in value.items()) or "–"
    return str(value)


def minus(text: str) -> str:
    """Hyphens before digits as minus signs, for thresholds that `analyse` worded."""
    return re.sub(r"(?<!\w)-(?=\d)", MINUS, text)


def sentence(text: str) -> str:
    """A clause as a sentence: first letter raised, a full stop at its end."""
    text = text.strip()
    return text if not text else text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?", "…")) else ".")


def count(many: int, noun: str) -> str:
    return f"{number(many)} {noun}{'' if many == 1 else 's'}"


def evenly(things: list[Any], most: int) -> list[Any]:
    """All of them, or so many, evenly spaced, the first and the last among them."""
    if len(things) <= most:
        return things
    return [things[round(k * (len(things) - 1) / max(most - 1, 1))] for k in range(most)]


def label(key: str) -> str:
    """A key of a JSON file as words."""
    return str(key).replace("_", " ").strip()


def seconds(value: float) -> str:
    """A duration in seconds, minutes or hours."""
    if value < 90:
        return f"{number(value, 1 if value < 10 else 0)}{SPACE}s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 90:
        return f"{minutes}{SPACE}min {rest}{SPACE}s"
    return f"{minutes // 60}{SPACE}h {minutes % 60}{SPACE}min"


def is_hidden(character: str) -> bool:
    """Characters that a reader cannot see, or that reorder what they see."""
    return character not in KEPT and unicodedata.category(character) in INVISIBLE


def spelled(text: str) -> str:
    """Hidden characters written out as ⟨U+202E⟩, as plain text."""
    if text.isprintable():  # most texts, images among them: no need to look at each character
        return text
    return "".join(f"⟨U+{ord(c):04X}⟩" if is_hidden(c) else c for c in text)


def visible(text: str) -> Markup:
    """Escaped text in which each hidden character is a marked ⟨U+202E⟩."""
    if text.replace("\n", "").replace("\t", "").isprintable():  # most texts: no need to look at each character
        return escape(text)
    pieces: list[str] = []
    for character in text:
        if is_hidden(character):
            pieces.append(f'<span class="hidden-char">⟨U+{ord(character):04X}⟩</span>')
        else:
            pieces.append(str(escape(character)))
    return Markup("").join(Markup(piece) for piece in pieces)


def finalize(value: Any) -> Any:
    """What Jinja applies to every expression: no string reaches the page with hidden characters in it."""
    return spelled(value) if isinstance(value, str) and not isinstance(value, Markup) else value
