"""Filters that read only the reasons in a thought, with a judge of given accuracy: "only good reasons".

A thought has several reasons, and the filter ignores the act. Each filter has a control that keeps the same number of random
samples. Does not know the weights of the reasons, or what is evaluated.
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
    """1.0 for a thought without scheming, 0.0 otherwise; flipped for a share 1 − `accuracy` of samples (`accuracy` in [0, 1]).

    Whether a judgement is flipped depends only on the item and the sample's text, so a more accurate judge errs on a subset of
    the samples on which a less accurate one errs.
    """
    good = not office_thoughts.scheming(completion.scratchpad or "")
    wrong = random.Random(f"judgement {item.id} {completion.raw}").random() >= accuracy
    return float(good != wrong)


def sample_by_reasons(accuracy: float = 1.0, shuffled: bool = False) -> Phase:
    """A phase that samples without a prior and keeps by reasons; `shuffled`: it keeps as many random samples."""
    overrides: dict[str, float] = {"shuffle_rewards": 1} if shuffled else {}
    return sample("none", "thought").model_copy(
        update={"reward": only_good_reasons.bind(accuracy=accuracy), "overrides": overrides}
    )


def by_reasons(organism: Arm, accuracy: float = 1.0, shuffled: bool = False, id: str = "", title: str = "") -> Arm:
    """SFT of the organism on its own samples that give only good reasons, without RL."""
    words = f"kept for good reasons, {100 * accuracy:g} % of thoughts judged rightly"
    phases = (*organism.phases, sample_by_reasons(accuracy, shuffled), sft(), rl("none"))
    tags = ("prior:none", "filter:random" if shuffled else f"filter:reasons-{100 * accuracy:g}", "rl:none")
    return Arm(id=id or f"reasons-{100 * accuracy:g}", title=title or words, phases=phases, ingredients=tags)
