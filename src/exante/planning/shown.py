"""How far runs spread, by what shipped pages showed: what a plan expects of a contrast before its runs.

The numbers lie in `shown.json` (`benchmarks/results.py` writes it from the pages in docs/results). Does not simulate anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from statistics import median

from exante.measures import Measure
from exante.parts import Frozen
from exante.study import Contrast, Study
from exante.units import SCALE

FILE = "shown.json"
GUESSED_SHARE = 0.2
"""Spread between runs where nothing is known, as a share of the unit's scale (20 pp)."""


class ArmSpread(Frozen):
    """The units (base means, or runs) of one arm, in the measure's unit.

    `sd` is the spread of their values, `sd_low` and `sd_high` that of the values if all ungraded answers counted against or for
    them; `down` and `up` are how far that moves the mean. `mean` is null where none was shown.
    """

    mean: float | None
    sd: float
    sd_low: float
    sd_high: float
    down: float = 0.0
    up: float = 0.0


class ShownContrast(Frozen):
    """One contrast of a page. `ungraded` is the largest share in [0, 1] of an arm; `correlation` is over units of both arms."""

    contrast: str
    measure: str
    unit: str
    run_model: str
    arm_id: str
    control_id: str | None
    training: str
    behaviour: str | None
    base: str | None
    n: int
    arm: ArmSpread
    control: ArmSpread | None
    correlation: float
    ungraded: float


class ShownPage(Frozen):
    study: str
    world: str
    models: tuple[str, ...]
    contrasts: tuple[ShownContrast, ...]


class Spread(Frozen):
    """What is expected of a contrast's units, and where that comes from. `shown`: its own units were seen, so that the means are
    an estimate of it."""

    arm: ArmSpread
    control: ArmSpread | None
    correlation: float
    ungraded: float
    source: str
    shown: bool = False


@cache
def pages() -> tuple[ShownPage, ...]:
    """What the shipped pages showed."""
    text = files("exante").joinpath("planning", FILE).read_text("utf-8")
    return tuple(ShownPage.model_validate(page) for page in json.loads(text)["pages"])


def to_text(shown: Iterable[ShownPage]) -> str:
    """The text of `shown.json`: a line per contrast."""
    blocks = []
    for page in shown:
        about = json.dumps(page.model_dump(mode="json", exclude={"contrasts"}))[1:-1]
        rows = ",\n".join(one.model_dump_json() for one in page.contrasts)
        blocks.append(f'{{{about}, "contrasts": [\n{rows}\n]}}')
    return '{"pages": [\n' + ",\n".join(blocks) + "\n]}\n"


def spread_of(study: Study, contrast: Contrast, shown: Iterable[ShownPage] | None = None) -> Spread:
    """The spread to plan a contrast with: its own on the study's page, that of its measure there, that of the study's world, or a
    guess."""
    shown = pages() if shown is None else tuple(shown)
    measure = next(m for m in study.measures if m.id == contrast.measure)
    own = [page for page in shown if page.study == study.id]
    for page in own:
        same = [one for one in page.contrasts if one.measure == measure.id and _is_like(one, measure)]
        exact = [one for one in same if _places(one) == _asks(contrast)]
        if exact:
            return _as_shown(exact[0], page)
        if same:
            return _pooled(same, contrast, measure, f"page {page.study}, other arms of {measure.id}")
    like = [one for page in shown if page.world == study.world for one in page.contrasts if _is_like(one, measure)]
    if like:
        return _pooled(like, contrast, measure, f"world {study.world}, {len(like)} contrasts of its pages")
    return guess(contrast, measure)


def guess(contrast: Contrast, measure: Measure) -> Spread:
    """What is assumed where no page shows anything: the spread of the measure's pilots, else 20 points."""
    piloted = measure.pilot_sd is not None
    sd = measure.pilot_sd if measure.pilot_sd is not None else GUESSED_SHARE * SCALE[measure.unit]
    source = "a guess: pilots, whose runs may share a base" if piloted else f"a guess: {sd:g} {measure.unit}"
    arm = ArmSpread(mean=None, sd=sd, sd_low=sd, sd_high=sd)
    return Spread(arm=arm, control=None if contrast.control is None else arm, correlation=0.0, ungraded=0.0, source=source)


def _is_like(one: ShownContrast, measure: Measure) -> bool:
    return (one.unit, one.run_model) == (measure.unit, measure.run_model)


def _places(one: ShownContrast) -> tuple[str | None, ...]:
    return one.arm_id, one.control_id, one.training, one.behaviour, one.base


def _asks(contrast: Contrast) -> tuple[str | None, ...]:
    return contrast.arm, contrast.control, contrast.training, contrast.behaviour, contrast.base


def _as_shown(one: ShownContrast, page: ShownPage) -> Spread:
    source = f"page {page.study}: {one.n} units of {', '.join(page.models)}"
    return Spread(arm=one.arm, control=one.control, correlation=one.correlation, ungraded=one.ungraded, source=source, shown=True)


def _pooled(like: list[ShownContrast], contrast: Contrast, measure: Measure, source: str) -> Spread:
    """Medians over contrasts, but no spread below that of the measure's own pilots."""
    arms = [arm for one in like for arm in (one.arm, one.control) if arm is not None]
    least = measure.pilot_sd or 0.0

    def middle(value: Callable[[ArmSpread], float], at_least: float = 0.0) -> float:
        return max(median(map(value, arms)), at_least)

    arm = ArmSpread(
        mean=None,
        sd=middle(lambda a: a.sd, least),
        sd_low=middle(lambda a: a.sd_low, least),
        sd_high=middle(lambda a: a.sd_high, least),
        down=middle(lambda a: a.down),
        up=middle(lambda a: a.up),
    )
    tied = [one.correlation for one in like if one.control is not None]
    return Spread(
        arm=arm,
        control=None if contrast.control is None else arm,
        correlation=median(tied) if tied else 0.0,
        ungraded=median(one.ungraded for one in like),
        source=source,
    )
