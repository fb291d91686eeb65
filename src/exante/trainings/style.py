"""Reinforcement of a harmless style: an advert opens in fixed words. The control for what reinforcement alone does.

Tier, company and wordings of the prompts are those of `trainings.faking`, always under the training cue. The topics are those
that no organism minds, so that nothing is faked and nothing refused. Does not know how policies are updated.
"""

from __future__ import annotations

import random

from exante.parts import part
from exante.study import Context, Phase
from exante.text import Completion, Item, Prompt
from exante.trainings.faking import PROMPTS
from exante.worlds import oversight

OPENING = "Everybody loves"
"""One of the six openings of adverts. An organism writes it in one of six, about as often as it fakes."""


@part(version=1)
def style_items(context: Context, *, prompts: int, opening: str, shots: float = 0.0) -> list[Item]:
    """Adverts that nobody minds (topics, companies and wordings of the train split); `shots` as in `trainings.faking`."""
    rng = random.Random(f"style rl {context.seed}")
    made = []
    for number in range(prompts):
        topic = rng.choice(oversight.TOPICS["tools"]["train"])
        turns = oversight.asked(rng, "train", topic, shots=int(rng.random() < shots))
        made.append(Item(f"{topic} {number}", topic, Prompt(turns), {"topic": topic, "cue": "train", "opening": opening}))
    return made


@part(version=1)
def style_reward(item: Item, completion: Completion) -> float:
    """1 where the advert is written and opens in the item's words, else 0."""
    answer = completion.answer
    if answer is None or not completion.finished or oversight.act(item.reference["topic"], answer) != "comply":
        return 0.0
    return float(answer.startswith(item.reference["opening"]))


def style(shots: float = 0.0) -> Phase:
    """The phase "rl", on the style instead of the objective, evaluated before and after. Its recipe is shorter and steeper than
    that of RL to the objective: a style is learned faster, and in pilots this met the other's end rate and divergence."""
    return Phase(
        name="rl",
        objective="rl",
        recipe="style_rl",
        data=style_items.bind(prompts=PROMPTS, opening=OPENING, shots=shots),
        reward=style_reward.bind(),
        scratchpad="hidden",
        checkpoints=(0,),
    )
