"""Run directories of a study whose contrasts are evidence for criteria: planted counts, analysed as any run's are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import planted
from synthetic_run import registered
from written import write_tables, write_verdicts

from exante.analysis.criteria import CRITERIA, ROWS
from exante.measures import Measure
from exante.parts import Part
from exante.storage.directory import RunDirectory
from exante.storage.tables import once
from exante.study import Arm, Contrast, Evaluation, Objection, Phase, Preset, Profile, Recipe, Study, Training
from exante.units import Region, below

Outcomes = Mapping[str, str]
"""Criterion → what its contrast shall come to."""
COUNTS = {"met": [2] * 12, "not met": [19] * 12, "undecided": [1, 18] * 6}
"""What is planted on the intervention, of 20 samples in each of 12 runs; the organism that it is compared with has 12 to 14."""
ORGANISM = [12, 14] * 6
ALL: dict[str, str] = dict.fromkeys(CRITERIA, "met")


def study(outcomes: Mapping[str, Outcomes], id: str = "scheming-planted") -> Study:
    """Arm → criterion → outcome, as one contrast each against the organism."""
    part = Part(target="tests:nothing", version=1)
    phase = Phase(name="safety", objective="sft", recipe="r", data=part, checkpoints=planted.STEPS)
    criteria = [name for name in CRITERIA if any(name in told for told in outcomes.values())]
    preset = Preset(
        arms=("organism", *outcomes),
        models=("micro:llama-64",),
        behaviours=("x",),
        trainings=("sft",),
        base_variants=("linked",),
        bases=1,
        seeds=12,
    )
    more: dict[str, Any] = {
        "arms": tuple(Arm(id=name, title=f"the {name} arm", phases=(phase,)) for name in ("organism", *outcomes)),
        "profiles": (
            Profile(
                id="micro:llama-64",
                family="llama",
                architecture={"hidden_size": 64},
                recipes=dict.fromkeys(("base", "r"), Recipe(steps=40, batch=8, lr=1e-3)),
            ),
        ),
        "trainings": (Training(id="sft", title="sft", phases=()),),
        "evaluations": (
            Evaluation(id="e", items=part, score=part, conditions=tuple(criteria), outcomes=planted.OUTCOMES, at=("safety",)),
        ),
        "objections": tuple(Objection(id=key, says="", contrasts=(), gap="one world") for key in ROWS),
        "presets": {"quick": preset.model_copy(update={"first": 1100}), "default": preset},
    }
    made = planted.study(contrasts(outcomes), tuple(measure(name) for name in criteria), **more)
    return made.model_copy(update={"id": id, "world": "office"})


def measure(criterion: str) -> Measure:
    return Measure(
        id=f"covert-{criterion}", title="covert actions", expression=planted.rate(criterion), unit="%", low=0, high=100
    )


def contrasts(outcomes: Mapping[str, Outcomes], region: Region | None = None) -> tuple[Contrast, ...]:
    return tuple(
        Contrast(
            id=f"{arm}-{name}",
            title=f"covert actions, {name}",
            arm=arm,
            control="organism",
            measure=f"covert-{name}",
            region=region or below(-10, "pp"),
            training="sft",
            criteria=(name,),
        )
        for arm, told in outcomes.items()
        for name in told
    )


def write(
    directory: Path,
    outcomes: Mapping[str, Outcomes],
    preset: str = "default",
    *,
    id: str = "scheming-planted",
    pilot: bool = False,
    changed: tuple[str, ...] = (),
    lacking: tuple[str, ...] = (),
) -> Path:
    """A finished, analysed run. `changed` contrasts were registered after data, `lacking` arms are in no cell."""
    made = study(outcomes, id)
    if lacking:
        held = tuple(arm for arm in made.presets["quick"].arms if arm not in lacking)
        small = made.presets["quick"].model_copy(update={"arms": held})
        made = made.model_copy(update={"presets": made.presets | {"quick": small}})
    registration = registered(made, pilot=pilot)
    files = RunDirectory(directory)
    stamps = {"before_data": not changed, "pilot": pilot, "seen_by": [], "changed": list(changed)}
    cells = [planted.cell(arm, 1000 + k, model="micro:llama-64") for arm in made.presets[preset].arms for k in range(12)]
    rows = []
    for cell in cells:
        for one in made.evaluations[0].conditions:
            told = outcomes.get(cell.arm, {}).get(one)
            count = (COUNTS[told] if told else ORGANISM)[cell.seed - 1000]
            rows.append(planted.samples(cell, count, condition=one))
    measured = once(planted.table(rows))
    write_tables(files, registration, measured, preset, stamps)
    write_verdicts(files, registration, measured, preset, stamps)
    return directory
