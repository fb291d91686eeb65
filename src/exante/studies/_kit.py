"""Short forms for the measures, contrasts and presets of studies.

Does not know any study or world. All functions return types of `study.py` or `measures.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from exante.analysis.rules import MOST_PREDICTIONS, MOST_SECONDARIES, is_secondary
from exante.claims import entries, row_of
from exante.measures import Difference, Expression, Measure, Rate
from exante.profiles import profile
from exante.study import Arm, Contrast, Objection, Prediction, Preset, Theory
from exante.units import Region, above, below, within

MICRO = ("micro:llama-64", "micro:llama-128", "micro:gpt2-64", "micro:gpt2-128")
PROFILES = tuple(profile(model) for model in MICRO)
FIRST = 1201
"""The first base draw and seed of presets `quick`. All studies use it, so that they share organisms. Lower numbers were used in
pilots."""
TO_DEFAULT, TO_FULL = 100, 200
"""What the first numbers of presets `default` and `full` lie above that, so that no preset shows another's runs beforehand."""
REPLACEMENTS = 2
"""How many bases of a preset `default` may fail the gates on bases and be replaced, where there are such gates."""

SMOOTH = "a mean over 40 items; in pilots its runs varied smoothly between the ends"
"""Why most measures of the faking and scheming studies have the graded run model."""


def rate(evaluation: str, condition: str, outcome: str | tuple[str, ...], at: str = "*") -> Rate:
    """The share in [0, 1] of samples with an outcome, at a checkpoint."""
    return Rate(evaluation=evaluation, condition=condition, outcome=outcome, at=at)


def at(rate: Rate, checkpoint: str) -> Rate:
    """The same rate at another checkpoint."""
    return rate.model_copy(update={"at": checkpoint})


def minus(left: Expression, right: Expression) -> Difference:
    """left − right."""
    return Difference(left=left, right=right)


def percent(id: str, title: str, expression: Expression, **more: Any) -> Measure:
    """A measure of a share of samples, 0 to 100 %; its run model is robust by default."""
    return Measure(id=id, title=title, expression=expression, unit="%", low=0, high=100, **more)


def points(id: str, title: str, expression: Expression, low: float = -100, high: float = 100, **more: Any) -> Measure:
    """A measure of a difference of shares, in percentage points; its run model is robust by default."""
    return Measure(id=id, title=title, expression=expression, unit="pp", low=low, high=high, **more)


def graded(id: str, title: str, expression: Expression, sd: float, unit: str = "pp", **more: Any) -> Measure:
    """A measure (pp or %) with the graded run model; `sd` is the standard deviation between runs in pilots, in the unit."""
    make = percent if unit == "%" else points
    return make(id, title, expression, run_model="graded", reason=SMOOTH, pilot_sd=sd, **more)


def paragraphs(text: str) -> tuple[str, ...]:
    """The items of a list: each begins with a dash and may continue on indented lines."""
    items: list[str] = []
    for line in inspect.cleandoc(text).splitlines():
        if line.startswith("- "):
            items.append(line.removeprefix("- "))
        else:
            assert line.startswith(" "), f"{line!r} is not part of an item; begin an item with a dash"
            items[-1] += f" {line.strip()}"
    return tuple(items)


def answers(text: str) -> dict[str, str]:
    """Opening sentences by verdicts: entries "supported, undecided: …", which may continue on indented lines."""
    return {entry.id: f"{entry.title} {entry.text}".strip() for entry in entries(text)}


def margins(size: float) -> tuple[Region, Region, Region, Region]:
    """Four regions in percentage points: > size, ± size, < −size, < size."""
    return above(size, "pp"), within(-size, size, "pp"), below(-size, "pp"), below(size, "pp")


def within_limits(contrasts: Iterable[Contrast], theories: Iterable[Theory]) -> dict[str, Any]:
    """Both, for `Study(**…)`, with at most six secondary hypotheses and four predictions a theory, which is all that may be
    registered.

    Hypotheses that meet criteria come first, then the registered order decides: further hypotheses become estimates, further
    predictions are left out.
    """
    contrasts = tuple(contrasts)
    hypotheses = sorted(filter(is_secondary, contrasts), key=lambda contrast: not contrast.criteria)
    beyond = {contrast.id for contrast in hypotheses[MOST_SECONDARIES:]}
    estimates = {c.id: c.model_copy(update={"region": Region(unit=c.region.unit)}) for c in contrasts if c.id in beyond}
    shorter = tuple(t.model_copy(update={"predictions": t.predictions[:MOST_PREDICTIONS]}) for t in theories)
    return {"contrasts": tuple(estimates.get(c.id, c) for c in contrasts), "theories": shorter}


def contrast_maker(positional: str, **defaults: Any) -> Callable[..., Contrast]:
    """A function that makes contrasts. Its positional arguments are the fields named in `positional` ("id arm …").

    Fields that are not given have the values in `defaults`; otherwise there is no control, the units are bases, and the
    training is "none".
    """
    names = positional.split()

    def contrast(*args: Any, **fields: Any) -> Contrast:
        assert len(args) <= len(names), f"a contrast here has the positional arguments {positional}; name the others"
        settings: dict[str, Any] = {"control": None, "training": "none", "over": "bases"}
        return Contrast(**settings | defaults | dict(zip(names, args, strict=False)) | fields)

    return contrast


def learned(contrasts: Iterable[Contrast]) -> tuple[str, ...]:
    """The ids of the contrasts stamped learned: those not given by how the data were made."""
    return tuple(contrast.id for contrast in contrasts if contrast.stamp == "learned")


def ledger_rows(contrasts: Iterable[Contrast], *rows: tuple[str, str, str]) -> tuple[Objection, ...]:
    """Objections from (id, what it says, the gap that remains), each with the learned contrasts that name it or its clauses."""
    contrasts = tuple(contrasts)
    return tuple(
        Objection(id=id, says=says, contrasts=learned(c for c in contrasts if id in map(row_of, c.objections)), gap=gap)
        for id, says, gap in rows
    )


def predicts(**regions: Region) -> tuple[Prediction, ...]:
    """Predictions by contrast id, in which underscores stand for hyphens."""
    return tuple(Prediction(contrast=name.replace("_", "-"), region=region) for name, region in regions.items())


def preset(arms: Iterable[Arm | str], bases: int, seeds: int, note: str, **axes: Any) -> Preset:
    """A preset of the smallest model; `axes` must give `behaviours` and `base_variants`.

    Args:
        arms: arms, or their ids.
        bases, seeds: how many, from `FIRST` on.
        note: what the preset is, for the reader.
        axes: other fields of `Preset`.
    """
    ids = tuple(arm if isinstance(arm, str) else arm.id for arm in arms)
    settings: dict[str, Any] = {"models": MICRO[:1], "trainings": ("none",), "first": FIRST} | axes
    return Preset(arms=ids, bases=bases, seeds=seeds, note=note, **settings)


def default_preset(arms: Iterable[Arm | str], bases: int, seeds: int = 1, note: str = "", **axes: Any) -> Preset:
    """The preset `default`: read once, one seed on each of 6, 8 or 12 bases unless `seeds` and `note` say otherwise."""
    number = {6: "six", 8: "eight", 12: "twelve"}[bases]
    axes["first"] = axes.get("first", FIRST) + TO_DEFAULT
    return preset(arms, bases, seeds, note or f"{number} bases, one seed each; the units of claims are bases", **axes)


def full_preset(arms: Iterable[Arm | str], bases: int, seeds: int, **axes: Any) -> Preset:
    """The preset `full`: every model, unless `axes` names some."""
    axes["first"] = axes.get("first", FIRST) + TO_FULL
    return preset(arms, bases, seeds, "all arms, models and base variants; sized for a cluster", **{"models": MICRO} | axes)
