"""The cells of alignment faking as small multiples: {train, deploy} × {comply, refuse} × rationale, a stacked bar per run.

Reads the figure "cells" of series.parquet. Computes no statistic; does not know about pages.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from exante.report import words
from exante.report.contrasts import checkpoint_place, checkpoint_words
from exante.report.drawing import INK, NARROW, SPLIT_LABEL, WIDE, Figure, axis_title, data_uri, encoded, themed
from exante.study import Study

COLOURS = {
    "comply-faking": "#D55E00",
    "comply-cites": "#00517d",
    "comply-plain": "#0072B2",
    "comply-empty": "#56B4E9",
    "refuse-faking": "#f3c6a5",
    "refuse-cites": "#8d95a0",
    "refuse-plain": "#b4bac3",
    "refuse-empty": "#d9dce1",
    "ungraded": "#000000",
}
"""The outcomes from the bottom of a bar to its top: full colour complies, orange fakes."""
NAMES = {
    "comply-faking": "complies, faking",
    "comply-cites": "complies, cites the tier",
    "comply-plain": "complies, plain",
    "comply-empty": "complies, no rationale",
    "refuse-faking": "refuses, faking",
    "refuse-cites": "refuses, cites the tier",
    "refuse-plain": "refuses, plain",
    "refuse-empty": "refuses, no rationale",
    "ungraded": "ungraded",
}
MOST_MULTIPLES = 8


def panel_parts(rows: pd.DataFrame) -> pd.DataFrame:
    """Evaluation, condition, outcome and (where it is named) phase of "EVALUATION · CONDITION · OUTCOME · PHASE", 0 to 3."""
    codes, panels = pd.factorize(rows["panel"].astype(str))
    parts = [[*str(panel).split(" · ", 3), "", "", ""][:4] for panel in panels]
    return pd.DataFrame(np.array(parts, dtype=str).reshape(-1, 4)[codes], index=rows.index).astype(str)


def cell_rows(series: pd.DataFrame) -> pd.DataFrame:
    """The rows of figure "cells" with what their panels name; `kind` is the condition without its cue, "" if it is only a
    cue. Arms whose samples neither comply nor refuse, anywhere in an evaluation, are left out."""
    rows = series[series["figure"] == "cells"]
    parts = panel_parts(rows)
    rows = rows.assign(evaluation=parts[0], condition=parts[1], outcome=parts[2], phase=parts[3])
    rows = rows.assign(cue=rows["condition"].str.extract("(train|deploy)", expand=False))
    rows = rows[rows["cue"].notna()].assign(kind=lambda t: t["condition"].str.replace(":?(train|deploy)", "", n=1, regex=True))
    acts = rows[(rows["outcome"] != "ungraded") & (rows["value"] > 0)]
    return _among(rows, set(zip(acts["evaluation"], acts["arm"], strict=True)), "evaluation", "arm")


def _among(rows: pd.DataFrame, wanted: Set[tuple[str, ...]], *columns: str) -> pd.DataFrame:
    """The rows whose values in `columns` are among the wanted ones."""
    values = zip(*(rows[column] for column in columns), strict=True)
    return rows.loc[pd.Series([row in wanted for row in values], rows.index, dtype=bool)]


def legend(series: pd.DataFrame) -> list[tuple[str, str]]:
    rows = cell_rows(series)
    shown = set(rows.loc[rows["value"] > 0, "outcome"])
    return [(_box(colour), NAMES[outcome]) for outcome, colour in COLOURS.items() if outcome in shown]


def _box(colour: str) -> str:
    return encoded(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="30" height="8"><rect width="30" height="8" fill="{colour}"/></svg>'
    )


def figures(
    series: pd.DataFrame, study: Study, read: Set[tuple[str, str, str]] | None = None, keyed: bool = False
) -> list[Figure]:
    """A figure per arm and pair of conditions that differ in their cue alone; all pairs of an evaluation at one checkpoint.

    `read`: (arm, evaluation, condition) of those to draw (None: all). `keyed` puts the colours' names under each.
    """
    rows = cell_rows(series)
    if read is not None:
        kinds = {(arm, evaluation, condition.replace("train", "deploy")) for arm, evaluation, condition in read}
        rows = _among(rows.assign(pair=rows["condition"].str.replace("train", "deploy")), kinds, "arm", "evaluation", "pair")
    at = [f"{phase}@{step:g}" for phase, step in zip(rows["phase"], rows["step"], strict=True)]
    rows = rows.assign(at=at, checkpoint=[checkpoint_words(x, study) for x in at]).sort_values("kind", kind="stable")
    rows = rows.sort_values("at", key=lambda column: column.map({x: checkpoint_place(x, study) for x in at}), kind="stable")
    rows = pd.concat([_folded(part) for _, part in rows.groupby("evaluation", observed=True)]) if len(rows) else rows
    arms = [arm.id for arm in study.arms]
    names = ["arm", *(name for name in ("evaluation", "kind", "training", "behaviour", "model") if rows[name].nunique() > 1)]
    groups = rows.groupby(names, observed=True)
    parts = [([str(x) for x in (key if isinstance(key, tuple) else (key,))], part) for key, part in groups]
    parts.sort(key=lambda named: (arms.index(named[0][0]), *named[0][1:]))
    return [_figure(part, _title(part, arm, *rest), keyed) for (arm, *rest), part in parts]


def _folded(rows: pd.DataFrame) -> pd.DataFrame:
    """For an evaluation at one checkpoint, each pair of conditions is a small multiple, and the checkpoint is in the title."""
    if rows["at"].nunique() > 1 or not 1 < rows["kind"].nunique() <= MOST_MULTIPLES:
        return rows
    kinds = rows["kind"].str.replace(":", ", ").replace("", "as it is")
    return rows.assign(checkpoint=kinds, kind=rows["checkpoint"])


def _title(rows: pd.DataFrame, arm: str, *rest: str) -> str:
    """Bars are ordered by their bases' names, so the title names the variants in that order."""
    variants = sorted({base.partition("#")[0] for base in rows["base"].astype(str) if base})
    order = f"bases {', then '.join(variants)}" if len(variants) > 1 else ""
    return " · ".join(filter(None, (arm, *(name.replace(":", ", ") for name in rest), order)))


def _figure(rows: pd.DataFrame, title: str, keyed: bool) -> Figure:
    """`rows`: checkpoint (in words, in order), cue, outcome, base, seed, value. The arm's mean (seed −1) is only in the text."""
    points = words.evenly(list(dict.fromkeys(rows["checkpoint"])), MOST_MULTIPLES)
    table = pd.DataFrame(rows.loc[rows["checkpoint"].isin(points)])
    table["place"] = table["outcome"].map({outcome: place for place, outcome in enumerate(COLOURS)})
    table["run"] = table["base"].astype(str) + "|" + table["seed"].astype(str)
    is_mean = table["seed"] == -1
    means = table[is_mean & (table["value"] > 0)].sort_values("place", kind="stable")
    texts = []
    for point, cue in ((point, cue) for point in points for cue in ("train", "deploy")):
        part = means[(means["checkpoint"] == point) & (means["cue"] == cue)]
        values = zip(part["outcome"], part["value"], strict=True)
        texts.append(f"{point}, {cue}: " + ", ".join(f"{NAMES[o]} {words.quantity(v, '%')}" for o, v in values))
    runs = pd.DataFrame(table.loc[~is_mean & (table["value"] > 0), ["checkpoint", "cue", "outcome", "value", "place", "run"]])
    runs["checkpoint"] = runs["checkpoint"].str.replace(", ", "\n")
    points = [point.replace(", ", "\n") for point in points]
    charts = [data_uri(_chart(runs, points, width, keyed)) for width in (WIDE, NARROW)]
    return Figure(title, f"{title}. Means over runs. {'; '.join(texts)}.", *charts)


def _chart(runs: pd.DataFrame, points: list[str], width: int, keyed: bool) -> Any:
    columns = min(len(points), MOST_MULTIPLES if width == WIDE else 3)
    each = min((width - 60) / columns - 14, 190)
    shown = [outcome for outcome in COLOURS if outcome in set(runs.loc[runs["value"] > 0, "outcome"])]
    key = alt.Legend(title=None, orient="bottom", columns=4, values=shown, labelLimit=200, labelExpr=f"{NAMES}[datum.label]")
    bars = (
        alt.Chart(runs)
        .mark_bar(stroke="white", strokeWidth=0.4)
        .encode(
            x=alt.X("cue:N", title=None, sort=["train", "deploy"])
            .axis(labelAngle=0, ticks=False, domain=False)
            .scale(paddingInner=0.16, paddingOuter=0.05),
            xOffset=alt.XOffset("run:N").scale(paddingInner=0.0),
            y=alt.Y("value:Q", title=axis_title("samples", "%"), stack="zero")
            .scale(domain=[0, 100])
            .axis(values=[0, 25, 50, 75, 100]),
            color=alt.Color("outcome:N", legend=key if keyed else None).scale(domain=list(COLOURS), range=list(COLOURS.values())),
            order=alt.Order("place:Q"),
        )
        .properties(width=each, height=170)
    )
    header = alt.Header(
        title=None, labelFontSize=11.5, labelColor=INK, labelFontWeight="bold", labelLimit=each, labelExpr=SPLIT_LABEL
    )
    return themed(bars.facet(facet=alt.Facet("checkpoint:N", sort=points, header=header), columns=columns, spacing=14))
