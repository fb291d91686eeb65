"""Studies of runs that were made elsewhere and are only counted here: what can be claimed about a table of counts.

A study file may call `counted_study` to register claims before the counts exist. Reads no file, and trains nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from exante.analysis.algebra import leaves
from exante.claims import Claims, claim
from exante.errors import UserError
from exante.integrations.labels import slugs
from exante.measures import Difference, Expression, Measure, Rate
from exante.parts import part
from exante.study import Arm, Contrast, Evaluation, Phase, Preset, Profile, Recipe, Study, Training
from exante.units import Region

EVALUATION, MODEL, BEHAVIOUR, TRAINING, BASE = "counts", "counted", "all", "as-counted", "counted"
PRESET = "default"


@part(version=1)
def counted(*_: object, **__: object) -> Any:
    """The items, score and corpus of a study of counts. It cannot be run."""
    raise UserError("this study holds imported counts; there is nothing to train or to sample")


def checkpoint(stage: str) -> str:
    """The checkpoint of a stage, as `at` names it."""
    return f"{stage}@0"


def measures_of(conditions: Sequence[str], outcomes: Sequence[str], stages: Sequence[str]) -> tuple[Measure, ...]:
    """`OUTCOME@CONDITION` at the last stage, and where there are several `OUTCOME@CONDITION@STAGE`, and
    `OUTCOME@CONDITION@LATER-FIRST` for the change from the first stage to a later one. All names are ids."""
    measures = []

    def add(id: str, title: str, expression: Expression, unit: Any = "%") -> None:
        low = 0 if unit == "%" else -100
        measures.append(Measure(id=id, title=title, expression=expression, unit=unit, low=low, high=100))

    for condition in conditions:
        for outcome in outcomes:
            name, words = f"{outcome}@{condition}", outcome if condition == "all" else f"{outcome} under {condition}"
            rate = {s: Rate(evaluation=EVALUATION, condition=condition, outcome=outcome, at=checkpoint(s)) for s in stages}
            add(name, words if len(stages) == 1 else f"{words}, {stages[-1]}", rate[stages[-1]])
            for stage in stages if len(stages) > 1 else ():
                add(f"{name}@{stage}", f"{words}, {stage}", rate[stage])
            for stage in stages[1:]:
                change = Difference(left=rate[stage], right=rate[stages[0]])
                add(f"{name}@{stage}-{stages[0]}", f"change of {words}, {stages[0]} to {stage}", change, "pp")
    return tuple(measures)


def counted_study(
    *,
    id: str,
    title: str,
    question: str,
    arms: Mapping[str, str],
    runs: int,
    outcomes: Sequence[str],
    claims: Claims | Iterable[Contrast],
    conditions: Sequence[str] = ("all",),
    stages: Sequence[str] = ("results",),
    bases: int = 1,
    measures: Sequence[Measure] = (),
    answers: Mapping[str, str] | None = None,
    **more: Any,
) -> Study:
    """A study whose arms have no phases: its runs are made elsewhere, `runs` per arm (and base), and imported as counts.

    Args:
        arms: id → title.
        claims: a table of claims (`exante.claims.claims(…, training="as-counted", over="runs")`), or contrasts.
        measures: further ones beside those of `measures_of`.
        more: further fields of the study, such as `seen_before`.
    """
    said = claims.fields() if isinstance(claims, Claims) else {"contrasts": tuple(claims), "theories": (), "objections": ()}
    phases = tuple(Phase(name=stage, objective="sample_and_filter", recipe="base") for stage in stages)
    listed = tuple(dict.fromkeys([*outcomes, "other", "ungraded"]))
    asked = counted.bind()
    return Study(
        id=id,
        title=title,
        question=question,
        answers=dict(answers or {}),
        world="",
        bases={BASE: asked},
        profiles=(
            Profile(
                id=MODEL,
                family="counts",
                architecture=None,
                recipes={"base": Recipe(steps=0, batch=0, lr=0.0)},
                capabilities=(),
            ),
        ),
        arms=tuple(Arm(id=arm, title=words, phases=()) for arm, words in arms.items()),
        trainings=(Training(id=TRAINING, title="as counted", phases=phases),),
        evaluations=(
            Evaluation(id=EVALUATION, items=asked, score=asked, conditions=tuple(conditions), outcomes=listed, at=tuple(stages)),
        ),
        measures=(*measures_of(conditions, [o for o in outcomes if o not in ("other", "ungraded")], stages), *measures),
        presets={
            PRESET: Preset(
                arms=tuple(arms),
                models=(MODEL,),
                behaviours=(BEHAVIOUR,),
                trainings=(TRAINING,),
                base_variants=(BASE,),
                bases=bases,
                seeds=runs,
            )
        },
        **{"gates": (), **said, **more},
    )


def claimed(
    formulas: Sequence[str],
    arms: Mapping[str, str],
    measures: Sequence[Measure],
    names: Mapping[str, Mapping[str, str]],
    over: str,
) -> list[Contrast]:
    """Contrasts of claims that are made after the data, such as `target@triggered: deceptive - none > 10 pp`.

    `arms` maps names to ids, `names` the names of conditions, outcomes and stages; either may be typed. The first is primary.
    """
    titles = {measure.id: measure.title for measure in measures}
    contrasts = []
    ids = list(slugs(formulas).values())
    for k, formula in enumerate(formulas):
        read = claim(ids[k], formula, training=TRAINING, over=over)
        measure = _measure_id(read.measure, titles, names, formula)
        sides = [_arm_id(name, arms, formula) for name in (read.arm, read.control) if name is not None]
        title = f"{' against '.join(sides)}: {titles[measure]}"
        contrasts.append(
            read.model_copy(
                update={
                    "title": title,
                    "measure": measure,
                    "arm": sides[0],
                    "control": None if read.control is None else sides[1],
                    "primary": 1 if k == 0 else None,
                }
            )
        )
    return contrasts


def _measure_id(typed: str, titles: Mapping[str, str], names: Mapping[str, Mapping[str, str]], formula: str) -> str:
    """The measure that was meant: OUTCOME, OUTCOME@CONDITION or OUTCOME@CONDITION@STAGE, in names or ids."""
    outcome, _, place = typed.partition("@")
    condition, _, stage = place.partition("@")
    only = list(names["condition"].values())
    known = {group: {**{i: i for i in of.values()}, **of} for group, of in names.items()}
    parts = [
        known["outcome"].get(outcome, outcome),
        known["condition"].get(condition, condition) if condition else only[0] if len(only) == 1 else condition,
        "-".join(known["stage"].get(s, s) for s in stage.split(" - ")) if stage else "",
    ]
    meant = "@".join(filter(None, parts))
    if meant not in titles:
        raise UserError(f"the claim {formula!r} reads {typed!r}; the measures are {', '.join(titles)}")
    return meant


def _arm_id(typed: str, arms: Mapping[str, str], formula: str) -> str:
    meant = arms.get(typed, typed)
    if meant not in arms.values():
        raise UserError(f"the claim {formula!r} names the arm {typed!r}; the arms are {', '.join(arms.values())}")
    return meant


def estimates(
    arms: Mapping[str, int], measures: Sequence[Measure], reference: str, over: str, covered: Collection[tuple[str, str, str]]
) -> tuple[list[Measure], list[Contrast]]:
    """An estimate of every measure in every arm, and of its difference from the reference, where the counts cover them; and the
    measures that these need beside the given ones: of arms with one run the interval is over its items.

    `arms` maps ids to the number of runs, `covered` has (arm, condition, checkpoint).
    """
    of_run = {m.id: m.model_copy(update={"id": f"{m.id}-one-run", "run_model": "items"}) for m in measures}
    contrasts, used = [], {}
    for measure in measures:
        read_at = {(leaf.condition, leaf.at) for leaf in leaves(measure.expression)}
        there = [arm for arm in arms if all((arm, *place) in covered for place in read_at)]
        for arm in there:
            for control in [None, reference] if arm != reference and reference in there else [None]:
                pair = [name for name in (arm, control) if name is not None]
                read = measure if min(arms[name] for name in pair) > 1 else of_run[measure.id]
                if read is not measure:
                    used[read.id] = read
                contrasts.append(
                    Contrast(
                        id="--".join((read.id, *pair)),
                        title=f"{measure.title}: {' against '.join(pair)}",
                        arm=arm,
                        control=control,
                        measure=read.id,
                        region=Region(unit="pp" if control or measure.unit == "pp" else "%"),
                        training=TRAINING,
                        over=over,  # type: ignore[arg-type]
                    )
                )
    return list(used.values()), contrasts
