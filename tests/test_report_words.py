"""How numbers, regions and hostile strings are worded. Expected strings are written by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from exante.report import words

NB = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (-31.26, "pp", f"−31.3{NB}pp"),
        (31.24, "pp", f"+31.2{NB}pp"),
        (0.04, "pp", f"0.0{NB}pp"),
        (-0.04, "pp", f"0.0{NB}pp"),
        (60.0, "%", f"60.0{NB}%"),
        (-1.234, "log-odds", f"−1.23{NB}log-odds"),
        (1234.5, "score", "1.23e+03"),
        (0.25, "score", "0.25"),
        (None, "pp", "–"),
    ],
)
def test_quantity_has_its_unit_and_a_minus_sign(value: float | None, unit: str, expected: str) -> None:
    assert words.quantity(value, unit) == expected


def test_long_units_are_spelled() -> None:
    assert words.quantity(-31.26, "pp", long=True) == f"−31.3{NB}percentage{NB}points"
    assert words.quantity(60.0, "%", long=True) == f"60.0{NB}percent"


def test_intervals_share_one_unit() -> None:
    assert words.interval(-44.02, 4.1, "pp") == f"−44.0 to +4.1{NB}pp"
    assert words.interval(None, 4.1, "pp") == "–"
    assert words.level(0.95) == f"95{NB}%"
    assert words.level(99) == f"99{NB}%"
    assert words.level(1 - 0.05 / 3) == f"98.3{NB}%"


@pytest.mark.parametrize(
    ("low", "high", "unit", "inside", "outside"),
    [
        (10, None, "pp", f">{NB}+10{NB}pp", f"+10{NB}pp or less"),
        (None, 0, "pp", f"<{NB}0{NB}pp", f"0{NB}pp or more"),
        (-10, 10, "pp", f"within ±10{NB}pp", f"−10{NB}pp or less, +10{NB}pp or more"),
        (-5, 10, "pp", f"between −5 and +10{NB}pp", f"−5{NB}pp or less, +10{NB}pp or more"),
        (70, None, "%", f">{NB}70{NB}%", f"70{NB}% or less"),
        (2.5, None, "score", f">{NB}2.5", "2.5 or less"),
        (None, None, "pp", "any value", "nothing"),
    ],
)
def test_regions_in_words(low: float | None, high: float | None, unit: str, inside: str, outside: str) -> None:
    region = {"low": low, "high": high, "unit": unit}
    assert words.region(region) == inside
    assert words.outside(region) == outside


def test_plain_values() -> None:
    assert words.plain(12800) == "12\N{NARROW NO-BREAK SPACE}800"
    assert words.plain(True) == "yes"
    assert words.plain([]) == "–"
    assert words.plain({"first_thing": 2, "b": None}) == "first thing 2; b –"
    assert words.minus("-10 to 10 pp, sft-1") == "−10 to 10 pp, sft-1"
    assert words.sentence("given this base") == "Given this base."
    assert words.count(1, "run") == "1 run"
    assert words.count(2, "run") == "2 runs"
    assert [words.seconds(s) for s in (4.25, 61, 312.4, 7260)] == [
        f"4.2{NB}s",
        f"61{NB}s",
        f"5{NB}min 12{NB}s",
        f"2{NB}h 1{NB}min",
    ]


def test_hidden_characters_are_shown() -> None:
    text = words.visible("a\u202eb\x00c<b>&\n\t\u200b\ufeff\u2028")
    assert str(text) == "".join(
        piece if not piece.startswith("U+") else f'<span class="hidden-char">⟨{piece}⟩</span>'
        for piece in ("a", "U+202E", "b", "U+0000", "c&lt;b&gt;&amp;\n\t", "U+200B", "U+FEFF", "U+2028")
    )
    template = Environment(autoescape=True, finalize=words.finalize).from_string("{{ text }}")
    assert template.render(text="x\u202ey<") == "x⟨U+202E⟩y&lt;"


@given(st.text())
def test_visible_text_holds_no_markup_and_nothing_hidden(text: str) -> None:
    shown = str(words.visible(text)).replace('<span class="hidden-char">', "").replace("</span>", "")
    assert "<" not in shown
    assert not any(words.is_hidden(character) for character in shown)


def test_p_values() -> None:
    assert [words.p_value(p) for p in (None, 0.0001, 0.0312, 0.4567, 1.0)] == [
        "",
        f"p{NB}<{NB}.001",
        f"p{NB}={NB}.031",
        f"p{NB}={NB}.46",
        f"p{NB}={NB}1.00",
    ]
