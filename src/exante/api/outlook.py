"""What `plan` computes before a run: the tree of phases, its cost, what each contrast could decide, and warnings.

Trains nothing, but may time the model for a few seconds where this machine's costs are not known yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exante import studies
from exante.analysis import signals
from exante.api.registering import adapted, load_registered
from exante.errors import UserError
from exante.planning import cost as forecast
from exante.planning import factorial, power, theories
from exante.planning.lengths import check_lengths
from exante.planning.tree import Plan, plan
from exante.registry import checks
from exante.registry.plan_file import load_plan_file
from exante.registry.register import register
from exante.storage.directory import RunDirectory
from exante.study import Registration, Study

Json = dict[str, Any]


@dataclass(frozen=True)
class Outlook:
    """A plan with its forecast. `cost` is in core-seconds by node, `wall_seconds` is on `workers` processes."""

    study: Study
    preset: str
    plan: Plan
    workers: int
    cost: dict[str, float]
    wall_seconds: float
    contrasts: list[Json]
    """One row per contrast: how many runs it has, how wide its interval would be, and what it could find."""
    theories: list[str]
    pairs: list[str]
    """Which contrasts separate each pair of theories, in sentences."""
    interactions: list[str]
    signals: list[dict[str, str]]
    """What each training signal sees of the scratchpad; empty for a study in which none sees it."""
    warnings: list[str]

    def cost_by_phase(self) -> list[Json]:
        """One row per name of a phase."""
        return forecast.by_phase(self.plan, self.cost)

    def grouped_signals(self) -> list[dict[str, str]]:
        """The signals with the arms and trainings that share them in one row."""
        return signals.grouped(self.study, self.signals)


def registration_to_plan(
    study: str, preset: str | None, models: tuple[str, ...], source: Path | None
) -> tuple[Registration, str]:
    """The registration to plan and the preset: those of a run directory, or of a study that is frozen now."""
    if Path(study).is_dir():
        if models:
            raise UserError("a registered directory has its models; --model goes with the study's id or file")
        directory = RunDirectory(Path(study))
        registration = load_registered(directory, source)
        if preset is None and directory.plan.exists():
            preset = load_plan_file(directory, registration).preset
    elif source is not None:
        raise UserError("--study goes with the directory of a registered study; a study that is named needs no other file")
    else:
        registration = register(adapted(study, models), adapted=bool(models))
    return registration, preset or "default"


def outlook(registration: Registration, preset: str, workers: int) -> Outlook:
    """The plan of a preset and its forecast."""
    study, planned = registration.study, plan(registration, preset)
    check_lengths(planned, study)
    cost = forecast.costs(planned, study)
    return Outlook(
        study=study,
        preset=preset,
        plan=planned,
        workers=workers,
        cost=cost,
        wall_seconds=forecast.wall_seconds(planned, cost, workers),
        contrasts=power.outlook(study, preset),
        theories=theories.sentences(study, preset),
        pairs=theories.pairs(study, preset),
        interactions=factorial.sentences(study, preset),
        signals=signals.ledger(study, study.presets[preset]) if signals.chooses(study) else [],
        warnings=checks.warnings(study),
    )


def preset_costs(model: str, per_unit: dict[str, float], preset: str, workers: int) -> list[Json]:
    """What a preset of each shipped study would cost on one model: runs, phases, core-hours and hours of clock on `workers`.

    `per_unit`: seconds per optimiser step and per sample. Where a study cannot run on the model, `why` says so.
    """
    forecast.provide(model, per_unit)
    rows = []
    for name in studies.shipped():
        row: Json = {"study": name, "runs": "", "phases": "", "core_hours": "", "hours": "", "why": ""}
        try:
            registration = register(adapted(name, (model,)), adapted=True)
            planned = plan(registration, preset)
            cost = forecast.costs(planned, registration.study)
        except UserError as error:
            rows.append(row | {"why": str(error)})
            continue
        hours = forecast.wall_seconds(planned, cost, workers) / 3600
        sizes = {"runs": len(planned.cells), "phases": len(planned.nodes)}
        rows.append(row | sizes | {"core_hours": round(sum(cost.values()) / 3600, 1), "hours": round(hours, 1)})
    return rows
