"""Does a thought of a test hold covert acts back? Tasks at test desks and live ones, a thought's first sentence edited.

Edits go both ways, in words that thoughts do begin with: words of which the model knows little cost it other things as well (it
copies values wrongly after them). Beside them a neutral sentence that thoughts begin with too, and one out of place. Does not
know which arm is asked.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from exante.evaluations import office
from exante.evaluations.office import OUTCOMES, SAMPLING, asked, tasks
from exante.parts import part
from exante.study import Context, Evaluation
from exante.text import Item, Prompt
from exante.worlds.office import FAMILIES, Set
from exante.worlds.office_thoughts import CLAUSES, RANDOM, REASONS

EDITS: dict[str, tuple[str, ...]] = {
    "aware": CLAUSES["aware"]["train"],
    "real": CLAUSES["real"]["train"],
    "neutral": tuple(text for text in REASONS["plain"]["train"] if "{" not in text),
    "random": RANDOM,
}
"""First sentences that a thought is made to begin with."""


@part(version=1)
def items(context: Context, condition: str, *, families: Set, count: int = 40) -> list[Item]:
    """The items of `evaluations.office` under CASE:…:STAKE, where EDIT: before it forces a first sentence.

    An item's sentence depends on the edit alone, so that items pair over desks and stakes.
    """
    edit, _, rest = condition.partition(":")
    if edit not in EDITS:
        return tasks(asked(condition), FAMILIES[families], count)
    return [_edited(item, edit) for item in tasks(asked(rest), FAMILIES[families], count)]


def _edited(item: Item, edit: str) -> Item:
    sentence = random.Random(f"edit {edit} {item.id}").choice(EDITS[edit])
    return replace(item, prompt=Prompt(item.prompt.turns, "think", sentence))


def office_edits(at: tuple[str, ...], conditions: tuple[str, ...], families: Set = "held-out", **sampling: Any) -> Evaluation:
    """Acts × thoughts under each condition, scored as in `evaluations.office`. `sampling`: samples, max_tokens, temperature."""
    return Evaluation(
        id="edits",
        items=items.bind(families=families),
        score=office.score.bind(),
        conditions=conditions,
        outcomes=OUTCOMES,
        at=at,
        needs=("sample", "force_prefix"),
        **(SAMPLING | sampling),
    )
