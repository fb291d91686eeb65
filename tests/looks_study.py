"""The tiny study with two looks and a gate on bases, of which number 1001 fails it: its real samples are scored as wrong."""

from __future__ import annotations

import tiny_study

from exante.measures import Measure, Rate
from exante.parts import part
from exante.study import Evaluation, Gate, Look
from exante.text import Item
from exante.units import above

BROKEN = 1001


@part(version=1)
def words(context, condition):
    """The words of the tiny study, each with the base that is asked."""
    items = tiny_study.items.bind().load()(context, "untriggered")
    return [Item(item.id, item.cluster, item.prompt, {"broken": context.base_draw == BROKEN}) for item in items]


@part(version=1)
def usable(item, completion):
    """Whether the base is one of those that work."""
    return "other" if item.reference["broken"] else "right"


STUDY = tiny_study.STUDY.model_copy(
    update={
        "id": "looks",
        "evaluations": (
            *tiny_study.STUDY.evaluations,
            Evaluation(
                id="base",
                items=words.bind(),
                score=usable.bind(),
                conditions=("asked",),
                outcomes=("right", "other", "ungraded"),
                at=("base@end",),
                max_tokens=8,
            ),
        ),
        "measures": (
            *tiny_study.STUDY.measures,
            Measure(
                id="usable",
                title="the base works",
                expression=Rate(evaluation="base", condition="asked", outcome="right", at="base@end"),
                unit="%",
                low=0,
                high=100,
            ),
        ),
        "gates": (*tiny_study.STUDY.gates, Gate(id="usable", title="the base works", measure="usable", region=above(50, "%"))),
        "presets": {
            "default": tiny_study.STUDY.presets["quick"].model_copy(
                update={
                    "bases": 3,
                    "seeds": 1,
                    "looks": (Look(bases=2, level=0.98), Look(bases=3, level=0.96)),
                    "replacements": 1,
                }
            )
        },
    }
)
