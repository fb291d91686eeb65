"""What studies share when they write down measures, contrasts and presets: short names for the usual forms.

Does not know any study or world. Everything it returns is a plain noun of `study.py` or `measures.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from exante.claims import entries
from exante.measures import Difference, Expression, Measure, Rate
from exante.profiles import profile
from exante.study import Arm, Contrast, Objection, Prediction, Preset
from exante.units import Region, above, below, within

MICRO = ("micro:llama-64", "micro:llama-128", "micro:gpt2-64", "micro:gpt2-128")
PROFILES = tuple(profile(model) for model in MICRO)
FIRST = 1201
"""The presets' first base draw and seed: all studies share it, and so their organisms. Lower numbers were seen while the
studies were written."""


def rate(evaluation: str, condition: str, outcome: str | tuple[str, ...], at: str = "*") -> Rate:
    return Rate(evaluation=evaluation, condition=condition, outcome=outcome, at=at)


def at(read: Rate, checkpoint: str) -> Rate:
    """The same rate at another checkpoint."""
    return read.model_copy(update={"at": checkpoint})


def minus(left: Expression, right: Expression) -> Difference:
    return Difference(left=left, right=right)


def percent(id: str, title: str, expression: Expression, **more: Any) -> Measure:
    """A share of samples, 0 to 100 %, robust unless said otherwise."""
    return Measure(id=id, title=title, expression=expression, unit="%", low=0, high=100, **more)


def points(id: str, title: str, expression: Expression, low: float = -100, high: float = 100, **more: Any) -> Measure:
    """A difference of shares in percentage points."""
    return Measure(id=id, title=title, expression=expression, unit="pp", low=low, high=high, **more)


def paragraphs(text: str) -> tuple[str, ...]:
    """The items of a list, each begun by a dash and continued on indented lines."""
    items: list[str] = []
    for line in inspect.cleandoc(text).splitlines():
        if line.startswith("- "):
            items.append(line.removeprefix("- "))
        else:
            assert line.startswith(" "), f"{line!r} continues nothing; begin an item with a dash"
            items[-1] += f" {line.strip()}"
    return tuple(items)


def answers(text: str) -> dict[str, str]:
    """Sentences by the verdicts that they are said for: entries "supported, undecided: …", continued on indented lines."""
    return {entry.id: f"{entry.title} {entry.text}".strip() for entry in entries(text)}


def margins(size: float) -> tuple[Region, Region, Region, Region]:
    """More than `size` points, within them, less than minus as many, and at most `size`."""
    return above(size, "pp"), within(-size, size, "pp"), below(-size, "pp"), below(size, "pp")


def claims(places: str, **usual: Any) -> Callable[..., Contrast]:
    """A study's own writer of contrasts: arguments without a name fill `places` ("id arm …") in turn, the rest is as `usual`.

    Unless said otherwise a claim is of one arm without a control, over bases, and nothing is trained after the arm's phases.
    """

    names = places.split()

    def contrast(*given: Any, **named: Any) -> Contrast:
        assert len(given) <= len(names), f"a contrast here has the places {places}; name the rest"
        settings: dict[str, Any] = {"control": None, "training": "none", "over": "bases"}
        return Contrast(**settings | usual | dict(zip(names, given, strict=False)) | named)

    return contrast


def learned(contrasts: Iterable[Contrast]) -> tuple[str, ...]:
    """The ids of those that are not read back from how data were made."""
    return tuple(one.id for one in contrasts if one.stamp == "learned")


def rows(contrasts: Iterable[Contrast], *told: tuple[str, str, str]) -> tuple[Objection, ...]:
    """Rows of the ledger, (id, what it says, the gap that remains) each, with the learned contrasts that name them."""
    found = tuple(contrasts)
    return tuple(
        Objection(id=id, says=says, contrasts=learned(one for one in found if id in one.objections), gap=gap)
        for id, says, gap in told
    )


def predicts(**regions: Region) -> tuple[Prediction, ...]:
    """Predictions by contrast id; underscores stand for hyphens."""
    return tuple(Prediction(contrast=name.replace("_", "-"), region=region) for name, region in regions.items())


def preset(arms: Iterable[Arm | str], bases: int, seeds: int, note: str, **axes: Any) -> Preset:
    """Arms (or their ids) on so many bases and seeds of the smallest model; `behaviours` and `base_variants` are to be named."""
    ids = tuple(arm if isinstance(arm, str) else arm.id for arm in arms)
    settings: dict[str, Any] = {"models": MICRO[:1], "trainings": ("none",), "first": FIRST} | axes
    return Preset(arms=ids, bases=bases, seeds=seeds, note=note, **settings)


def over_bases(arms: Iterable[Arm | str], bases: int, **axes: Any) -> Preset:
    """The preset `default`: one seed on each base."""
    many = {6: "six", 8: "eight", 12: "twelve"}[bases]
    return preset(arms, bases, 1, f"{many} bases, one seed each; claims are over bases", **axes)


def whole(arms: Iterable[Arm | str], bases: int, seeds: int, **axes: Any) -> Preset:
    """The preset `full`: every model, and as many runs as are named."""
    return preset(arms, bases, seeds, "every arm, model and base: sized for a cluster", **{"models": MICRO} | axes)
