"""How far the runs of a finished run spread, from what its figures draw: series.parquet and verdicts.json.

Writes no file and does not know the planner; `shown.py` has the data's shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from exante.analysis.rules import FEWEST_BASES
from exante.planning.shown import ArmSpread, ShownContrast, ShownPage
from exante.study import Contrast, Registration, Study

Json = dict[str, Any]
ENDS = ["value", "low", "high"]
DIGITS = 4


def page_of(registration: Registration, verdicts: Json, series: pd.DataFrame) -> ShownPage:
    """What one run showed of each of its contrasts that has runs. `series` are those of series.parquet."""
    study = registration.study
    verdict_of = {row["id"]: row for row in verdicts["contrasts"]}
    runs = series.loc[(series["figure"] == "runs") & (series["seed"] >= 0)]
    by_contrast = {str(name): lines for name, lines in runs.groupby("panel", observed=True)}
    contrasts = [
        _contrast(study, contrast, verdict_of[contrast.id], by_contrast[contrast.id])
        for contrast in study.contrasts
        if contrast.id in by_contrast and verdict_of[contrast.id]["n_units"] > 1
    ]
    models = study.presets[verdicts["preset"]].models
    return ShownPage(study=study.id, world=study.world, models=models, contrasts=tuple(contrasts))


def _contrast(study: Study, contrast: Contrast, verdict: Json, runs: pd.DataFrame) -> ShownContrast:
    measure = next(m for m in study.measures if m.id == contrast.measure)
    over_bases = contrast.over == "bases" and verdict["n_units"] >= FEWEST_BASES
    arm = units_of(runs.loc[runs["arm"] == contrast.arm], over_bases)
    control = None if contrast.control is None else units_of(runs.loc[runs["arm"] == contrast.control], over_bases)
    return ShownContrast(
        contrast=contrast.id,
        measure=measure.id,
        unit=measure.unit,
        run_model=measure.run_model,
        arm_id=contrast.arm,
        control_id=contrast.control,
        training=contrast.training,
        behaviour=contrast.behaviour,
        base=contrast.base,
        n=verdict["n_units"],
        arm=_spread(arm),
        control=None if control is None else _spread(control),
        correlation=0.0 if control is None else _correlation(arm, control),
        ungraded=round(verdict["ungraded"] or 0.0, DIGITS),
    )


def units_of(runs: pd.DataFrame, over_bases: bool) -> pd.DataFrame:
    """Value, low and high of each unit of an arm: means over variants, models and behaviours of a run, and over the runs of a
    base if bases are the units."""
    draw = runs["base"].astype(str).str.rpartition("#")[2]
    units = runs.assign(draw=draw).groupby(["draw", "seed"], observed=True)[ENDS].mean()
    return units.groupby("draw").mean() if over_bases else units


def _spread(units: pd.DataFrame) -> ArmSpread:
    mean, low, high = (float(units[end].mean()) for end in ENDS)
    sd, sd_low, sd_high = (float(units[end].std(ddof=1)) for end in ENDS)
    numbers = {"mean": mean, "sd": sd, "sd_low": sd_low, "sd_high": sd_high, "down": mean - low, "up": high - mean}
    return ArmSpread(**{key: round(number, DIGITS) for key, number in numbers.items()})


def _correlation(arm: pd.DataFrame, control: pd.DataFrame) -> float:
    """Of the values of units that both arms have; 0 where one of them does not vary."""
    both = pd.concat([arm["value"], control["value"]], axis=1, join="inner", keys=["arm", "control"]).dropna()
    if len(both) < 3 or both.std().min() < 1e-9:
        return 0.0
    return round(float(np.corrcoef(both["arm"], both["control"])[0, 1]), DIGITS)
