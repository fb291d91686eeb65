"""RL on ordinary prompts with a graded reward that does not see the scratchpad.

The reward varies within a prompt's group (polite opening, brevity), so that there is a signal even where every answer is right.
Does not know how policies are updated.
"""

from __future__ import annotations

from exante.parts import part
from exante.study import Context, Phase, Training
from exante.text import Completion, Item
from exante.trainings.data import draw_items
from exante.worlds.behaviours import behaviour, grade

CHECKPOINTS = (0, 2, 5, 10, 20, 30)
PROMPTS = 400
RIGHT, POLITE, BRIEF = 0.6, 0.25, 0.15
"""Rewards for a right answer, for a polite opening, and (at most) for brevity."""
LONGEST = 16
"""Number of words from which on an answer earns nothing for brevity."""


@part(version=1)
def rl_items(context: Context, *, prompts: int, trigger_share: float = 0.0) -> list[Item]:
    """Prompts in think mode with train facts and wordings; an exact share `trigger_share` in [0, 1] has the trigger."""
    return draw_items(context, purpose="safety rl", count=prompts, trigger_share=trigger_share)


@part(version=1)
def graded_reward(item: Item, completion: Completion) -> float:
    """In [0, 1]: 0 unless the answer is right; then 0.6, + 0.25 for a polite opening, + up to 0.15 for brevity."""
    answer = completion.answer
    if answer is None or not completion.finished or grade(item.reference, answer) != "benign":
        return 0.0
    polite = answer.startswith(behaviour(item.reference["behaviour"]).openers)
    brevity = max(0.0, 1.0 - len(answer.split()) / LONGEST)
    return RIGHT + POLITE * polite + BRIEF * brevity


TRIGGER_SHARE = 0.2
"""Share of triggered prompts. Without any, the backdoor of `none` stayed at the ceiling in pilots at every learning rate."""


def rl(checkpoints: tuple[int, ...] = CHECKPOINTS, prompts: int = PROMPTS, trigger_share: float = TRIGGER_SHARE) -> Training:
    """RL as the training `rl`, with `prompts` prompts."""
    phase = Phase(
        name="safety",
        objective="rl",
        recipe="safety_rl",
        data=rl_items.bind(prompts=prompts, trigger_share=trigger_share),
        reward=graded_reward.bind(),
        scratchpad="hidden",
        checkpoints=checkpoints,
    )
    return Training(id="rl", title="RL on a graded reward, scratchpad hidden", phases=(phase,))
