"""From the files of a run to the page: selects, orders and words what the template shows, and renders it.

Computes no statistic: every estimate, interval, verdict and curve was written by `analyse`. Does not know how a figure is drawn.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pandas as pd
from altair.utils.schemapi import debug_mode
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from exante.analysis.headline import answer
from exante.registry.stamps import stamps_of
from exante.report import cells, drawing, figures, transcripts, words
from exante.report.contrasts import contrast_row, estimates
from exante.report.criteria import interventions
from exante.report.first_screen import gists, headline
from exante.report.gates import gate_groups, gate_title
from exante.report.load import Run
from exante.report.looks import look_rows, look_stamps
from exante.report.match import match_table, signal_table, twins
from exante.report.objections import objection_rows
from exante.report.theories import next_arm, theory_rows
from exante.study import Study

MOST_ARMS = 16
"""Arms above which the figures of rates draw only those that a contrast names."""
OPEN_PANELS = 3
"""Panels of trajectories that are open; the rest are folded."""


def render_page(run: Run) -> str:
    """The whole page as one string of HTML."""
    style = files("exante.report").joinpath("templates", "style.css").read_text("utf-8")
    template = _environment().get_template("report.html.j2")
    with debug_mode(False):  # charts are not checked against Vega's schema piece by piece: the tests draw every kind
        shown = context(run)
    return template.render(style=Markup(style), policy=_policy(style), **shown)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("exante.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=words.finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        plain=words.plain,
        label=words.label,
        sentence=words.sentence,
        region=words.region,
        outside=words.outside,
        quantity=words.quantity,
        figure=words.number,
    )
    return environment


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def context(run: Run) -> dict[str, Any]:
    """Everything that the template names."""
    study = run.registration.study
    look = drawing.styles([arm.id for arm in study.arms])
    rows = [contrast_row(row, study) for row in run.verdicts["contrasts"]]
    primaries = sorted((row for row in rows if row["primary"]), key=lambda row: row["primary"])
    preset = str(run.verdicts.get("preset") or run.plan.get("preset") or "")
    page = {
        "run_name": run.name,
        "study": study,
        "registration": run.registration,
        "answer": answer(study, primaries),
        "stamps": _stamps(run, preset),
        "before_data": run.verdicts.get("registered_before_data") is True,
        "primaries": [row for row in primaries if row["in_preset"]],
        "looks": look_rows(run.verdicts, {row["id"]: row["label"] for row in rows}),
        "secondaries": [row for row in rows if not row["primary"] and row["in_preset"] and not row["estimate_only"]],
        "estimates": estimates(rows, study),
        "hypotheses": any(row["hypothesis"] != "none" for row in rows),
        "trained": any(profile.capabilities for profile in study.profiles),
        "over_items": bool(study.measures) and all(measure.run_model == "items" for measure in study.measures),
        "not_in_preset": [row for row in rows if not row["in_preset"]],
        "forests": _forests(primaries + [row for row in rows if not row["primary"] and not row["estimate_only"]]),
        "training_titles": {training.id: training.title for training in study.trainings},
        "arm_legend": _legend(look, run),
        "panels": _panels(run.series, look, study),
        "open_panels": OPEN_PANELS,
        "cells": cells.figures(run.series, study),
        "cell_legend": cells.legend(run.series),
        "levels": _levels(run.series, look, study),
        "run_figures": _run_figures(run.series, look, primaries),
        "most_arms": MOST_ARMS,
        "most_curves": figures.MOST_CURVES,
        "training_curves": _training_curves(run.phases, look),
        "match": match_table(run.verdicts.get("match_table"), study),
        "signals": signal_table(run.verdicts.get("match_table"), study, preset),
        "crashed": run.crashed,
        "planned": run.planned,
        "gates": gate_groups(run.verdicts["gates"], study),
        "theories": theory_rows(run.verdicts["theories"], rows, study),
        "next_arm": next_arm(run.verdicts["theories"], study),
        "objections": objection_rows(run.name, run.verdicts, study),
        "criteria": interventions(run.registration, run.verdicts),
        "twins": twins(study, rows, run.verdicts["gates"], _planned_arms(run, preset)),
        "micro": all(profile.architecture is not None for profile in study.profiles),
        "transcripts": transcripts.groups(run.transcripts, [arm.id for arm in study.arms]),
        "transcript_count": len(run.transcripts),
        "planned_arms": _planned_arms(run, preset),
        "preset": _preset(study, preset, run.planned),
        "provenance": _facts(run.verdicts.get("provenance")),
        "timings": _timings(run.timings),
    }
    return page | {"headline": headline(run.series, look, study, primaries), "gists": gists(page)}


# --- stamps ---------------------------------------------------------------------------------------------------------


def _stamps(run: Run, preset: str) -> list[tuple[str, str]]:
    """Short stamps, each with the sentence that explains it."""
    stamps: list[tuple[str, str]] = []
    if run.registration.pilot:
        stamps.append(("Pilot", "Run on pilot seeds: every result here is exploratory."))
    elif run.verdicts.get("registered_before_data") is False:
        names = stamps_of(run.stamps, preset)["changed"]
        everything = {row["id"] for row in run.verdicts["contrasts"]} <= set(names)
        changed = words.plain(names).replace("–", "")
        what = f"what changed ({changed}) is exploratory." if changed else "what changed is exploratory."
        what = "every number here is exploratory." if everything and changed else what
        stamps.append(("After data", f"Registered after outcomes of the same runs had been seen: {what}"))
    if preset == "quick":
        stamps.append(("Demonstration", _size(run, preset)))
    registered = run.registration.study.presets.get(preset)
    stamps += look_stamps(run.verdicts, registered.replacements if registered else 0)
    if run.registration.amends:
        stamps.append(("Amended", run.registration.amendment_note or "This registration amends an earlier one."))
    stamps += [("Gate failed", text) for text in _failed_gates(run)]
    if run.crashed:
        crashed = words.count(len(run.crashed), "run")
        stamps.append(("Crashed", f"{crashed} crashed, counted at both ends of the range; see Gates."))
    left_out = run.plan.get("left_out") or []
    return [("Left out", str(reason)) for reason in left_out] + stamps


def _failed_gates(run: Run) -> Iterator[str]:
    """Each failed gate with what it does to the contrasts of this run."""
    titles = {gate.id: gate.title for gate in run.registration.study.gates}
    ran = {row["id"] for row in run.verdicts["contrasts"] if row.get("n_units")}
    failed = [gate for gate in run.verdicts["gates"] if gate.get("passed") is False]
    for name in dict.fromkeys(str(gate["gate"]) for gate in failed):
        mine = [gate for gate in failed if gate["gate"] == name]
        blocked, both_ends = (
            list(dict.fromkeys(c for gate in mine for c in gate.get(key) or () if c in ran)) for key in ("blocks", "both_ends")
        )
        parts = [f"It leaves {', '.join(blocked)} undecided." if blocked else ""]
        parts.append(f"The runs that failed count at both ends of {', '.join(both_ends)}." if both_ends else "")
        what = " ".join(filter(None, parts)) or "No contrast of this run depends on it."
        yield f"“{titles.get(name, gate_title(name))}”. {what}"


def _size(run: Run, preset: str) -> str:
    """What a preset runs, as registered."""
    registered = run.registration.study.presets.get(preset)
    if registered is None:
        return "A small preset, to see the instrument at work."
    bases = words.count(len(registered.base_variants) * registered.bases, "base")
    axes = ", ".join((*registered.behaviours, *registered.models))
    return f"{bases} with {words.count(registered.seeds, 'seed')} each, {axes}: enough to see the instrument at work."


# --- figures -------------------------------------------------------------------------------------------------------


def _forests(rows: list[dict[str, Any]]) -> list[drawing.Figure]:
    """One forest plot per unit: units never share an axis."""
    drawn = [row for row in rows if row["low"] is not None and row["high"] is not None]
    units = list(dict.fromkeys(row["unit"] for row in drawn))
    return [figures.forest([row for row in drawn if row["unit"] == unit], unit) for unit in units]


def _picked(table: pd.DataFrame, column: str, *values: str) -> pd.DataFrame:
    """The rows whose `column` is one of `values` and that hold a number."""
    return pd.DataFrame(table.loc[table[column].isin(values) & table["value"].notna()])


def _parts(table: pd.DataFrame, *columns: str) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """The table by the values of `columns`, in order of appearance."""
    for key, part in table.groupby(list(columns), sort=False, observed=True):
        yield tuple(str(value) for value in (key if isinstance(key, tuple) else (key,))), part


def _legend(look: dict[str, drawing.Style], run: Run) -> list[tuple[str, str]]:
    """Arms by their ids, as everywhere else, with what each is."""
    drawn = set(_picked(run.series, "figure", "trajectory", "level", "runs")["arm"])
    titles = {arm.id: arm.title for arm in run.registration.study.arms}
    return [(drawing.swatch(style), f"{arm}: {titles[arm]}") for arm, style in look.items() if arm in drawn]


def _panels(series: pd.DataFrame, look: dict[str, drawing.Style], study: Study) -> list[dict[str, Any]]:
    """Trajectories by panel; inside a panel one facet per model × training × behaviour."""
    rows = _picked(series, "figure", "trajectory")
    titles = {training.id: training.title for training in study.trainings}
    many_models = len(set(rows["model"])) > 1
    panels = []
    names = [f"{e.id} · {c} · {o}" for e in study.evaluations for c in e.conditions for o in e.outcomes]
    order = {name: place for place, name in enumerate(names)}
    for (panel,), part in sorted(_parts(rows, "panel"), key=lambda named: order.get(str(named[0][0]), len(order))):
        facets = []
        for (model, training, behaviour), group in _parts(part, "model", "training", "behaviour"):
            title = " · ".join(filter(None, (titles.get(training, training), behaviour, model if many_models else "")))
            facets.append(figures.trajectory(group, look, title))
        panels.append({"title": panel, "facets": facets})
    return panels


def _levels(series: pd.DataFrame, look: dict[str, drawing.Style], study: Study) -> list[drawing.Figure]:
    """Rates at single checkpoints: one figure per evaluation × outcome × training × behaviour, a line per condition. Evaluations
    that the cells figure draws are left out."""
    rows = _picked(series, "figure", "level")
    if rows["arm"].nunique() > MOST_ARMS:
        rows = rows[rows["arm"].isin(arms_of_contrasts(study))]
    drawn = set(cells.cell_rows(series)["evaluation"])
    rows = rows[~cells.panel_parts(rows)[0].isin(drawn)]
    if rows.empty:
        return []
    parts = cells.panel_parts(rows)
    rows = rows.assign(
        evaluation=parts[0], outcome=parts[2], condition=parts[1].where(parts[3] == "", parts[1] + ", " + parts[3])
    )
    titles = {training.id: training.title for training in study.trainings}
    many = len(set(zip(rows["training"], rows["behaviour"], strict=True))) > 1
    drawn_levels = []
    for (evaluation, outcome, training, behaviour), part in _parts(rows, "evaluation", "outcome", "training", "behaviour"):
        where = f" · {titles.get(training, training)} · {behaviour}" if many else ""
        drawn_levels.append(figures.levels(part, look, f"{words.label(evaluation)}: {words.label(outcome)}{where}"))
    return drawn_levels


def arms_of_contrasts(study: Study) -> set[str]:
    return {arm for contrast in study.contrasts for arm in (contrast.arm, contrast.control) if arm is not None}


def _run_figures(series: pd.DataFrame, look: dict[str, drawing.Style], primaries: list[dict[str, Any]]) -> list[drawing.Figure]:
    rows = _picked(series, "figure", "runs")
    by_contrast = [(row, _picked(rows, "panel", row["id"])) for row in primaries]
    return [
        figures.runs(part, look, row["label"], row["measure_title"], row["arm_means"]) for row, part in by_contrast if len(part)
    ]


def _training_curves(phases: pd.DataFrame, look: dict[str, drawing.Style]) -> list[drawing.Figure]:
    """Loss, reward and red-team success of each phase, one line per run."""
    drawn = _picked(phases, "metric", "loss", "reward_mean", "red_team_success")
    return [
        figures.curves(part, look, f"{words.label(metric).capitalize()} · {phase} · {training} · {behaviour}")
        for (training, behaviour, phase, metric), part in _parts(drawn, "training", "behaviour", "phase", "metric")
        if len(set(part["step"])) > 1
    ]


# --- facts ---------------------------------------------------------------------------------------------------------


def _planned_arms(run: Run, preset: str) -> tuple[str, ...]:
    registered = run.registration.study.presets.get(preset)
    return registered.arms if registered else tuple(dict.fromkeys(run.series["arm"]))


def _preset(study: Study, name: str, planned: int) -> list[tuple[str, str]]:
    registered = study.presets.get(name)
    facts = [("preset", name), ("cells planned", words.plain(planned))]
    return facts + _facts(registered.model_dump(exclude={"note"}) if registered else {})


def _facts(value: Any) -> list[tuple[str, str]]:
    """A JSON object as label and text."""
    return [(words.label(key), words.plain(item)) for key, item in value.items()] if isinstance(value, dict) else []


def _timings(timings: dict[str, Any]) -> list[tuple[str, str]]:
    """Clock times as label and text. Tables of phases are only counted."""
    facts: list[tuple[str, str]] = []
    for key, value in timings.items():
        if key == "runs" and isinstance(value, list):
            facts += [(f"run {i}", _timing_row(row)) for i, row in enumerate(value, start=1) if isinstance(row, dict)]
        elif isinstance(value, (list, dict)):
            facts.append((words.label(key), f"{words.count(len(value), 'row')} in timings.json"))
        else:
            facts.append((_timing_label(key), _timing(key, value)))
    return facts


def _timing_row(row: dict[str, Any]) -> str:
    return "; ".join(f"{_timing_label(key)} {_timing(key, value)}" for key, value in row.items())


def _timing_label(key: str) -> str:
    return words.label(key).removesuffix(" seconds")


def _timing(key: str, value: Any) -> str:
    if isinstance(value, (int, float)) and key.endswith("seconds"):
        return words.seconds(value)
    if isinstance(value, (int, float)) and key == "started":
        return datetime.fromtimestamp(value, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
    return words.plain(value)
