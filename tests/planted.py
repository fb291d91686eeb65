"""Studies and rows with planted answers, for tests of `analyse`: counts one can check by hand, no model anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from exante.measures import Area, Difference, Expression, Measure, Rate
from exante.parts import Part
from exante.study import Arm, Cell, Contrast, Evaluation, Phase, Preset, Registration, Study, Training
from exante.units import Region, above

STEPS = (0, 10, 40)
OUTCOMES = ("target", "other", "ungraded")
NOTHING = pd.DataFrame(
    columns=["cell", "arm", "model", "base", "behaviour", "training", "seed", "phase", "step", "metric", "value"]
)
_PART = Part(target="tests:nothing", version=1)


def rate(condition: str = "on", at: str = "safety@40", outcome: str = "target") -> Rate:
    return Rate(evaluation="e", condition=condition, outcome=outcome, at=at)


def area(of: Expression, axis: Any = "linear") -> Area:
    return Area(of=of, phase="safety", steps=STEPS, axis=axis)


def gap(at: str) -> Difference:
    return Difference(left=rate("on", at), right=rate("off", at))


END = Measure(id="end", title="end", expression=rate(), unit="%", low=0, high=100)


def graded(measure: Measure = END) -> Measure:
    return measure.model_copy(update={"run_model": "graded", "reason": "smooth"})


def contrast(region: Region | None = None, **changes: Any) -> Contrast:
    return Contrast(
        **{
            "id": "c",
            "title": "c",
            "arm": "a",
            "control": "b",
            "measure": "end",
            "region": above(0, "pp") if region is None else region,
            "training": "sft",
            **changes,
        }
    )


def study(contrasts: Sequence[Contrast] = (), measures: Sequence[Measure] = (END,), **more: Any) -> Study:
    def phase(name: str) -> Phase:
        return Phase(name=name, objective="sft", recipe="r", checkpoints=STEPS)

    def preset(arms: tuple[str, ...]) -> Preset:
        behaviours, trainings, variants = ("x", "y"), ("sft", "rl"), ("linked", "free")
        return Preset(
            arms=arms, models=("m",), behaviours=behaviours, trainings=trainings, base_variants=variants, bases=1, seeds=8
        )

    fields: dict[str, Any] = {
        "arms": tuple(Arm(id=name, title=name, phases=(phase("organism"),)) for name in "abcd"),
        "trainings": tuple(Training(id=name, title=name, phases=(phase("safety"),)) for name in ("sft", "rl")),
        "evaluations": (
            Evaluation(id="e", items=_PART, score=_PART, conditions=("on", "off"), outcomes=OUTCOMES, at=("safety",)),
        ),
        "measures": tuple(measures),
        "contrasts": tuple(contrasts) or (contrast(),),
        "presets": {"default": preset(("a", "b", "c", "d")), "quick": preset(("a", "b"))},
        **dict.fromkeys(("profiles", "gates", "theories", "objections"), ()),
        **more,
    }
    return Study(id="planted", title="t", question="q", answers={}, world="w", bases={"linked": _PART, "free": _PART}, **fields)


def registered(*contrasts: Contrast, pilot: bool = False, **more: Any) -> Registration:
    return Registration(study=study(contrasts, **more), pilot=pilot, sha256="0" * 64)


def cell(arm: str, seed: int, **axes: Any) -> Cell:
    return Cell(**{"arm": arm, "model": "m", "behaviour": "x", "training": "sft", "base": "linked#1000", "seed": seed, **axes})


def samples(
    at: Cell,
    target: int | Sequence[int],
    ungraded: int = 0,
    trials: int = 20,
    checkpoint: str = "safety@40",
    condition: str = "on",
    evaluation: str = "e",
) -> list[dict[str, Any]]:
    """Rows of one run at one checkpoint: one item per count in `target`, each its own template, `trials` samples each."""
    rows = []
    for i, count in enumerate([target] if isinstance(target, int) else target):
        counts = {"target": count, "other": trials - count - ungraded, "ungraded": ungraded}
        for outcome, n in counts.items():
            where = {
                "checkpoint": checkpoint,
                "evaluation": evaluation,
                "condition": condition,
                "item": f"i{i}",
                "cluster": f"t{i}",
            }
            score = {"score_sum": float(n), "score_sumsq": float(n)}
            rows.append({"cell": at.id, **at.model_dump(), **where, "outcome": outcome, "n": n, "trials": trials, **score})
    return rows


def crash(at: Cell) -> list[dict[str, Any]]:
    row = {"checkpoint": "", "evaluation": "*", "condition": "", "item": "", "cluster": "", "outcome": "crashed"}
    return [{"cell": at.id, **at.model_dump(), **row, "n": 0, "trials": 0, "score_sum": 0.0, "score_sumsq": 0.0}]


def arms(rates: Mapping[str, Sequence[int]], **more: Any) -> pd.DataFrame:
    """Rows in which arm → target counts of its runs (seeds from 1000), out of 20."""
    return table(samples(cell(arm, 1000 + k), count, **more) for arm, counts in rates.items() for k, count in enumerate(counts))


def table(parts: Any) -> pd.DataFrame:
    return pd.DataFrame([row for part in parts for row in part])


def phase_rows(at: Cell, phase: str, values: Mapping[str, Mapping[int, float]]) -> list[dict[str, Any]]:
    """metric → step → value."""
    return [
        {"cell": at.id, **at.model_dump(), "phase": phase, "step": step, "metric": metric, "value": value}
        for metric, steps in values.items()
        for step, value in steps.items()
    ]


def outcomes_in(rows: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Evaluation → the outcomes that joined rows list, zeros included."""
    pairs = rows[["evaluation", "outcome"]].drop_duplicates().groupby("evaluation")["outcome"]
    return {str(evaluation): tuple(names) for evaluation, names in pairs}
