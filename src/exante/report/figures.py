"""The figures of the page: forest plot, trajectories, one value per run, rates, and training curves.

Draws only values that it is given; `drawing.py` knows how. Does not know about verdict rules or pages.
"""

from __future__ import annotations

import textwrap
from typing import Any

import altair as alt
import pandas as pd

from exante.report import words
from exante.report.drawing import (
    FACET,
    INK,
    NARROW,
    REGION,
    SPLIT_LABEL,
    WIDE,
    Figure,
    Style,
    axis_title,
    colour_scales,
    data_uri,
    padded,
    shape_channel,
    themed,
    wrapped,
)

VERDICT_COLOURS = {
    "supported": "#0072B2",
    "contradicted": "#D55E00",
    "undecided": "#5f6670",
    "exploratory": "#9a5d86",
    "estimate": "#3f4650",
}
HEADLINE = (600, NARROW)
"""Widths of the figure beside the answer."""
MOST_MARKS = 600
"""Marks above which a figure of rates shows means with their intervals, and no runs."""
TWO_SIZES = 200
"""Marks up to which a figure is drawn twice, for wide and for narrow screens, each mark with a label."""
MOST_CURVES = 60
"""Runs whose training curves are drawn in one figure."""


def _used(rows: pd.DataFrame, look: dict[str, Style]) -> list[Style]:
    """The styles of the arms in a table, in the order of the registration."""
    arms = set(rows["arm"].unique())
    return [style for arm, style in look.items() if arm in arms]


def _widths(marks: int) -> tuple[int, ...]:
    return (WIDE, NARROW) if marks <= TWO_SIZES else (WIDE,)


MOST_DRAWN = 60
"""Contrasts in a forest plot. Imports estimate thousands, which nobody reads as a figure; the table has all."""


# --- forest plot ---------------------------------------------------------------------------------------------------


def forest(contrasts: list[dict[str, Any]], unit: str, widths: tuple[int, int] = (WIDE, NARROW)) -> Figure:
    """Estimates and intervals of contrasts that share a unit, the registered region shaded behind each, for wide and narrow
    screens."""
    every = [row for row in contrasts if row.get("low") is not None and row.get("high") is not None]
    drawn = every[:MOST_DRAWN]
    text = "; ".join(
        f"{row['label']}: {words.quantity(row['number'], unit)}, interval {words.interval(row['low'], row['high'], unit)},"
        f" region {row['hypothesis']}, {row['verdict']}"
        for row in drawn
    )
    charts = [data_uri(_forest_chart(drawn, unit, width)) for width in widths]
    more = f", the first {MOST_DRAWN} of {len(every):,}" if len(every) > MOST_DRAWN else ""
    return Figure(f"Contrasts in {words.UNIT_NAMES.get(unit, unit)}{more}", f"Forest plot. {text}", *charts)


def _forest_rows(contrasts: list[dict[str, Any]], domain: tuple[float, float]) -> pd.DataFrame:
    rows = []
    for place, row in enumerate(contrasts):
        region = row.get("region") or {}
        low, high = region.get("low"), region.get("high")
        rows.append(
            {
                "y": place,
                "label": row["label"],
                "verdict": row["verdict"],
                "low": row["low"],
                "high": row["high"],
                "estimate": row["number"],
                "region_low": None if low is None is high else max(domain[0], low) if low is not None else domain[0],
                "region_high": None if low is None is high else min(domain[1], high) if high is not None else domain[1],
            }
        )
    return pd.DataFrame(rows)


def _forest_domain(contrasts: list[dict[str, Any]]) -> tuple[float, float]:
    """From the lowest to the highest end of any interval or region, zero included."""
    regions = [row.get("region") or {} for row in contrasts]
    ends = [row[key] for row in contrasts for key in ("low", "high")]
    ends += [region[key] for region in regions for key in ("low", "high") if region.get(key) is not None]
    return padded([0.0, *ends])


def _forest_chart(contrasts: list[dict[str, Any]], unit: str, width: int) -> alt.LayerChart:
    """Names stand left of the intervals where there is room, above them where there is not."""
    beside = width == WIDE
    step, shift = (44, 0) if beside else (58, 10)
    domain = _forest_domain(contrasts)
    table = _forest_rows(contrasts, domain)
    table["label"] = ["\n".join(textwrap.wrap(label, 46 if beside else 52)[:3]) for label in table["label"]]
    base = alt.Chart(table).encode(y=alt.Y("y:O", axis=None))
    scale = alt.Scale(domain=list(domain), nice=False)
    title = axis_title("value with its interval" if unit == "%" else "difference with its interval", unit)
    marked = base.encode(color=_verdict_scale(alt.Color, list(VERDICT_COLOURS.values())))
    layers = [
        base.mark_bar(color=REGION, height=step - 8).encode(x=alt.X("region_low:Q", scale=scale), x2="region_high:Q"),
        _zero_line(),
        marked.mark_rule(strokeWidth=2.5, yOffset=shift).encode(x=alt.X("low:Q", title=title, scale=scale), x2="high:Q"),
        marked.mark_point(size=75, filled=True, opacity=1, yOffset=shift).encode(
            x="estimate:Q", shape=_verdict_scale(alt.Shape, ["circle", "square", "diamond", "cross", "triangle-up"])
        ),
        _forest_names(base, beside),
    ]
    return themed(alt.layer(*layers).properties(width=width - (290 if beside else 30), height=alt.Step(step)))


def _verdict_scale(channel: Any, values: list[str]) -> Any:
    return channel("verdict:N", legend=None).scale(domain=list(VERDICT_COLOURS), range=values)


def _zero_line() -> alt.Chart:
    return alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(color="#8a9099", strokeDash=[3, 3]).encode(x="zero:Q")


def _forest_names(base: alt.Chart, beside: bool) -> alt.Chart:
    place = {"align": "right", "baseline": "middle", "dx": -12, "fontSize": 11.5}
    if not beside:
        place = {"align": "left", "baseline": "bottom", "dx": 2, "dy": -3, "fontSize": 10.5}
    return base.mark_text(lineBreak="\n", color=INK, **place).encode(text="label:N", x=alt.value(0))


# --- trajectories --------------------------------------------------------------------------------------------------


def trajectory(rows: pd.DataFrame, look: dict[str, Style], title: str) -> Figure:
    """One facet: each run a thin line, each arm's mean (seed −1) a thick one, on a log2(step + 1)-like axis."""
    used = _used(rows, look)
    colour, dash = colour_scales(used)
    unit = str(rows["unit"].iloc[0])
    table = rows[["arm", "base", "seed", "step", "value", "low", "high"]].copy()
    table["run"] = table["arm"] + "|" + table["base"].astype(str) + "|" + table["seed"].astype(str)
    steps = sorted({float(step) for step in table["step"]})
    values = [float(value) for value in table["value"]]
    domain = (min(-3.0, *values), max(103.0, *values)) if unit == "%" else padded([0.0, *values])
    x = alt.X("step:Q", title="training step (log axis)").scale(type="symlog", nice=False).axis(values=_ticks(steps), grid=False)
    y = alt.Y("value:Q", title=axis_title("samples" if unit == "%" else "value", unit)).scale(domain=domain, nice=False)
    y = y.axis(values=[0, 25, 50, 75, 100]) if unit == "%" else y
    common = {"x": x, "y": y, "color": alt.Color("arm:N", legend=None).scale(colour), "detail": "run:N"}
    is_mean = table["seed"] == -1
    runs = alt.Chart(table[~is_mean]).mark_line(strokeWidth=0.9, opacity=0.45).encode(**common)
    means = (
        alt.Chart(table[is_mean])
        .mark_line(strokeWidth=3)
        .encode(**common, strokeDash=alt.StrokeDash("arm:N", legend=None).scale(dash))
    )
    points = alt.Chart(table[is_mean]).mark_point(filled=True, size=22, opacity=1).encode(**common, shape=shape_channel(used))
    uri = data_uri(themed(alt.layer(runs, means, points).properties(width=FACET - 70, height=230)))
    return Figure(title, f"{title}. {_last_values(pd.DataFrame(table.loc[is_mean]), look, unit)}", uri, uri)


def _ticks(steps: list[float]) -> list[float]:
    """Tick labels at registered checkpoints, thinned so that they do not run into each other on a log axis."""
    kept: list[float] = []
    for step in steps:
        if not kept or (step + 1) / (kept[-1] + 1) >= 1.45:
            kept.append(step)
    return kept


def _last_values(means: pd.DataFrame, look: dict[str, Style], unit: str) -> str:
    """The arm means at the last step, in words: the figure's text alternative."""
    last = means.sort_values("step").groupby("arm", sort=False).tail(1)
    rows = list(zip(last["arm"], last["value"], strict=True))
    parts = [f"{name} {words.quantity(value, unit)}" for name, value in rows]
    return "Arm means at the last checkpoint: " + ", ".join(parts) + "." if parts else "No arm means."


# --- per-run dots --------------------------------------------------------------------------------------------------


def runs(rows: pd.DataFrame, look: dict[str, Style], title: str, quantity: str, means: dict[str, float | None]) -> Figure:
    """One mark per unit of a contrast's measure, one line per arm, and the arms' means: what the interval was made from.

    A bar through a mark spans what its ungraded samples could have made of it.
    """
    table = pd.DataFrame(rows[["arm", "base", "seed", "value", "low", "high"]])
    used = _used(rows, look)
    unit = str(rows["unit"].iloc[0])
    table["name"] = table["arm"].astype(str)
    text = "; ".join(
        f"{name}: " + ", ".join(words.quantity(value, unit) for value in part["value"])
        for name, part in table.groupby("name", sort=False)
    )
    charts = [data_uri(_runs_chart(table, used, means, axis_title(quantity, unit), width)) for width in _widths(len(table))]
    return Figure(title, f"{title}, one value per run. {text}", charts[0], charts[-1])


def _runs_chart(
    table: pd.DataFrame, used: list[Style], means: dict[str, float | None], axis_title: str, width: int
) -> alt.LayerChart:
    colour, _ = colour_scales(used)
    beside = width > 500
    label_width = 180 if beside else 110
    table = table.assign(name=[wrapped(name, label_width) for name in table["name"]])
    x = alt.X("value:Q", title=textwrap.wrap(axis_title, 90 if beside else 40)[:4]).scale(zero=True, nice=True)
    axis = alt.Axis(labelLimit=label_width, labelPadding=10, ticks=False, domain=False, grid=True, labelExpr=SPLIT_LABEL)
    y = alt.Y("name:N", title=None, sort=[wrapped(style.arm, label_width) for style in used], axis=axis)
    marks = alt.Chart(table).encode(y=y, color=alt.Color("arm:N", legend=None).scale(colour))
    dots = marks.mark_point(size=70, strokeWidth=1.6, filled=False, opacity=0.9).encode(x=x, shape=shape_channel(used))
    bars = marks.mark_rule(strokeWidth=1.2, opacity=0.5).encode(x="low:Q", x2="high:Q")
    at = [
        {"name": wrapped(style.arm, label_width), "value": means[style.arm]} for style in used if means.get(style.arm) is not None
    ]
    mean = alt.Chart(pd.DataFrame(at, columns=["name", "value"])).mark_tick(thickness=3, size=26, color=INK).encode(x=x, y=y)
    layers = alt.layer(_zero_line(), bars, mean, dots)
    return themed(layers.properties(width=width - label_width - 40, height=alt.Step(40)), len(table))


# --- levels --------------------------------------------------------------------------------------------------------


def levels(rows: pd.DataFrame, look: dict[str, Style], title: str) -> Figure:
    """Rates at one checkpoint: a line per condition and arm, a mark per run and a bar at the arm's mean (seed −1)."""
    used = _used(rows, look)
    table = pd.DataFrame(rows[["condition", "arm", "seed", "value", "low", "high"]])
    means = pd.DataFrame(table.loc[table["seed"] == -1])
    table = table if len(table) - len(means) <= MOST_MARKS else means
    text = "; ".join(
        f"{condition}: " + ", ".join(f"{arm} {words.quantity(v, '%')}" for arm, v in zip(part["arm"], part["value"], strict=True))
        for condition, part in means.groupby("condition", sort=False)
    )
    charts = [data_uri(_levels_chart(table, used, width)) for width in _widths(len(table))]
    return Figure(title, f"{title}, in percent of samples. Arm means: {text}", charts[0], charts[-1])


def _levels_chart(table: pd.DataFrame, used: list[Style], width: int) -> alt.LayerChart:
    colour, _ = colour_scales(used)
    label_width = 170 if width > 500 else 90
    table = table.assign(condition=[wrapped(name, label_width) for name in table["condition"]])
    order = list(dict.fromkeys(table["condition"]))
    x = alt.X("value:Q", title=axis_title("samples", "%")).scale(domain=[-2, 102], nice=False).axis(values=[0, 25, 50, 75, 100])
    axis = alt.Axis(labelLimit=label_width, ticks=False, domain=False, grid=True, labelExpr=SPLIT_LABEL)
    y = alt.Y("condition:N", title=None, sort=order, axis=axis)
    lane = alt.YOffset("arm:N").scale(domain=[style.arm for style in used])
    base = alt.Chart(table).encode(x=x, y=y, yOffset=lane, color=alt.Color("arm:N", legend=None).scale(colour))
    is_mean = alt.datum.seed == -1
    if (table["seed"] == -1).all():  # too many runs for a mark each
        dots = base.mark_rule(strokeWidth=1.2, opacity=0.75).encode(x=alt.X("low:Q"), x2="high:Q")
    else:
        dots = base.transform_filter(~is_mean).mark_point(size=28, strokeWidth=1.2, filled=False, opacity=0.75)
        dots = dots.encode(shape=shape_channel(used))
    bars = base.transform_filter(is_mean).mark_tick(thickness=3, size=9)
    height = alt.Step(max(30, 9 * len(used) + 6), **{"for": "position"})
    return themed(alt.layer(dots, bars).properties(width=width - label_width - 40, height=height), len(table))


# --- training curves -----------------------------------------------------------------------------------------------


def curves(rows: pd.DataFrame, look: dict[str, Style], title: str) -> Figure:
    """One metric of one phase over its steps, a thin line per run, of `MOST_CURVES` runs at most."""
    cells = sorted(set(rows["cell"]))
    drawn = words.evenly(cells, MOST_CURVES)
    rows = rows[rows["cell"].isin(drawn)]
    used = _used(rows, look)
    colour, _ = colour_scales(used)
    table = rows[["cell", "arm", "step", "value"]]
    lines = (
        alt.Chart(table)
        .mark_line(strokeWidth=1, opacity=0.6)
        .encode(
            x=alt.X("step:Q", title="optimiser step").axis(grid=False),
            y=alt.Y("value:Q", title=None).scale(zero=False),
            color=alt.Color("arm:N", legend=None).scale(colour),
            detail="cell:N",
        )
    )
    uri = data_uri(themed(alt.layer(lines).properties(width=FACET - 70, height=150)))
    shown = "one line per run" if len(drawn) == len(cells) else f"one line for each of {len(drawn)} runs of {len(cells)}"
    return Figure(title, f"{title}, {shown}.", uri, uri)
