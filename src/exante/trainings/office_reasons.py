"""Filters that go by the reasons in a thought and by nothing else: "only good reasons", as well as a judge can tell.

A thought holds several reasons, and the act is no part of the choice. Beside each filter, the same number of samples chosen by
nothing. Does not know what reasons weigh, or what is evaluated.
"""

from __future__ import annotations

import random

from exante.parts import part
from exante.study import Arm, Phase
from exante.text import Completion, Item
from exante.trainings.office import rl, sample, sft
from exante.worlds import office_thoughts


@part(version=1)
def only_good_reasons(item: Item, completion: Completion, *, accuracy: float = 1.0) -> float:
    """1 for a thought without a reason to scheme, 0 for one with any; the other way round in a share 1 − `accuracy` of samples.

    The sample's own text says whether its judgement goes wrong, and what a better judge gets wrong a worse one does too.
    """
    good = not office_thoughts.scheming(completion.scratchpad or "")
    wrong = random.Random(f"judgement {item.id} {completion.raw}").random() >= accuracy
    return float(good != wrong)


def sample_by_reasons(accuracy: float = 1.0, shuffled: bool = False) -> Phase:
    """Samples without a text before them, kept by their reasons; `shuffled`: as many, whichever they are."""
    overrides: dict[str, float] = {"shuffle_rewards": 1} if shuffled else {}
    return sample("none", "thought").model_copy(
        update={"reward": only_good_reasons.bind(accuracy=accuracy), "overrides": overrides}
    )


def by_reasons(organism: Arm, accuracy: float = 1.0, shuffled: bool = False, id: str = "", title: str = "") -> Arm:
    """The organism, trained on its own samples that give only good reasons. Nothing is reinforced."""
    words = f"kept for good reasons, {100 * accuracy:g} % of thoughts judged rightly"
    phases = (*organism.phases, sample_by_reasons(accuracy, shuffled), sft(), rl("none"))
    tags = ("prior:none", "filter:random" if shuffled else f"filter:reasons-{100 * accuracy:g}", "rl:none")
    return Arm(id=id or f"reasons-{100 * accuracy:g}", title=title or words, phases=phases, ingredients=tags)
