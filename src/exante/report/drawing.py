"""How figures are drawn: SVG by Altair and vl-convert, the arms' styles, and the house style.

Every figure is an image with a text alternative and two renderings, wide and narrow. It goes into the page as a `data:` URI,
so that nothing inside an SVG can reach the page. Does not know what is drawn; `figures.py` does.
"""

from __future__ import annotations

import base64
import hashlib
import textwrap
from dataclasses import dataclass
from typing import Any

import altair as alt
from altair.utils.mimebundle import spec_to_mimebundle

from exante.report import words

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours without yellow, which is too pale for lines on white."""
DASHES = ([1, 0], [7, 3], [2, 2])
SHAPES = ("circle", "square", "triangle-up")
"""The eighth arm has the first one's colour, another dash and another mark."""
OUTLINES = {
    "circle": "M11,6a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z",
    "square": "M11,2h8v8h-8Z",
    "triangle-up": "M15,1.5l4.5,8.5h-9Z",
}
"""The marks of Vega's names as paths around the middle of a swatch."""
SPLIT_LABEL = "split(datum.label, '\\n')"
"""Vega's axis labels break where the name does."""
INK, FAINT, REGION = "#20242a", "#d9dce1", "#dcebe4"
WIDE, NARROW = 800, 330
FACET = 430
LONGEST_DRAWN = 400
"""Characters of a text in a figure; the page around it has the whole."""


@dataclass(frozen=True)
class Figure:
    """One image. `wide` and `narrow` are data URIs (the same one where the figure is small anyway)."""

    title: str
    alt: str
    wide: str
    narrow: str


@dataclass(frozen=True)
class Style:
    """How an arm looks everywhere: colour, dash and mark by its place in the registration."""

    arm: str
    colour: str
    dash: list[int]
    shape: str
    index: int


def styles(arms: list[str]) -> dict[str, Style]:
    return {
        arm: Style(arm, PALETTE[i % len(PALETTE)], DASHES[turn], SHAPES[turn], i)
        for i, arm in enumerate(arms)
        for turn in (i // len(PALETTE) % len(DASHES),)
    }


def swatch(style: Style) -> str:
    """A short line in an arm's colour and dash with its mark, for the legend."""
    dash = ",".join(str(length) for length in style.dash)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="30" height="12">'
        f'<line x1="0" y1="6" x2="30" y2="6" stroke="{style.colour}" stroke-width="3" stroke-dasharray="{dash}"/>'
        f'<path d="{OUTLINES[style.shape]}" fill="#fff" stroke="{style.colour}" stroke-width="1.6"/></svg>'
    )
    return encoded(svg)


def encoded(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def data_uri(chart: alt.TopLevelMixin) -> str:
    with alt.data_transformers.enable("default", max_rows=None):
        spec = drawable(chart.to_dict(validate=False, context={"pre_transform": False}))
    bundle = spec_to_mimebundle(spec, format="svg", mode="vega-lite")
    assert isinstance(bundle, dict), "only a PNG comes with its size"
    return encoded(bundle["image/svg+xml"])


def drawable(value: Any, key: str = "") -> Any:
    """A chart's specification with texts that the renderer can take: it aborts the whole process at a character that XML has
    not, raises at a lone surrogate and at a line break or backslash in a title, and needs a millisecond for each character.

    The same text becomes the same text everywhere, so that scales still find their values. Expressions are ours and stay.
    """
    if isinstance(value, dict):
        return {drawable(name): drawable(held, name) for name, held in value.items()}
    if isinstance(value, list):
        return [drawable(held, key) for held in value]
    if not isinstance(value, str) or key.lower().endswith("expr") or key == "$schema":
        return value
    text = words.spelled(value)
    if key == "title":  # the renderer builds an expression of it, and escapes neither of these
        text = " ".join(text.split()).replace("\\", "\N{SET MINUS}")
    if len(text) <= LONGEST_DRAWN:
        return text
    return f"{text[:LONGEST_DRAWN]} … {hashlib.sha256(text.encode()).hexdigest()[:8]}"


MOST_LABELLED = 300
"""Marks of a figure up to which each has a label for screen readers."""


def themed(chart: Any, marks: int = 0) -> alt.LayerChart:
    """House style. `properties` is typed as returning any kind of chart, hence `Any`. More than `MOST_LABELLED` marks have no
    labels of their own for screen readers, which would be most of the bytes: a figure is one image with a text."""
    font = "Liberation Sans, Arial, Helvetica, sans-serif"
    axis: dict[str, Any] = {
        "labelColor": INK,
        "titleColor": INK,
        "gridColor": FAINT,
        "domainColor": "#8a9099",
        "tickColor": "#8a9099",
    }
    return (
        chart.configure(font=font, background="transparent", padding=4, **({"aria": False} if marks > MOST_LABELLED else {}))
        .configure_axis(**axis, labelFontSize=11, titleFontSize=11.5, titleFontWeight="normal", titlePadding=8)
        .configure_view(stroke=None)
    )


def colour_scales(used: list[Style]) -> tuple[alt.Scale, alt.Scale]:
    domain = [style.arm for style in used]
    colour = alt.Scale(domain=domain, range=[style.colour for style in used])
    return colour, alt.Scale(domain=domain, range=[style.dash for style in used])


def shape_channel(used: list[Style]) -> Any:
    scale = alt.Scale(domain=[style.arm for style in used], range=[style.shape for style in used])
    return alt.Shape("arm:N", legend=None).scale(scale)


def axis_title(quantity: str, unit: str) -> str:
    name = words.UNIT_NAMES.get(unit, unit)
    return f"{quantity} ({name})" if name else quantity


def padded(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    pad = (high - low) * 0.06 or 1.0
    return low - pad, high + pad


def wrapped(name: str, width: int) -> str:
    """A name in at most two lines of a label that is `width` pixels wide."""
    return "\n".join(textwrap.wrap(name, width // 5, max_lines=2, placeholder=" …"))
