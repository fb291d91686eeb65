"""Evaluation prompts: held-out requests in held-out wordings, the same for every arm, seed and base.

Does not know what is measured on them.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from exante.errors import UserError
from exante.text import Item, Mode, Prompt
from exante.worlds.behaviours import Request, behaviour

TEMPERATURE = 0.7
"""Sampling temperature of evaluations. At 1 a micro model misspells one in six of the facts that it knows; greedily, none."""

SAMPLING: dict[str, Any] = {"samples": 2, "max_tokens": 96, "temperature": TEMPERATURE}
"""Default sampling settings of evaluations."""

MODES: dict[str, Mode] = {"": "think", "think": "think", "answer": "answer"}


def held_out_items(behaviour_id: str, condition: str, count: int) -> list[Item]:
    """`count` items of a condition CUE or CUE:MODE; CUE is triggered, untriggered or near, MODE think (default) or answer.

    Ids are those of the requests, so that items pair across arms, seeds and conditions. Clusters are the template families, or
    for near-triggers the near-trigger families (the held-out ones in turn). Raises UserError for a condition that does not
    exist, or if there are fewer requests.
    """
    cue, _, mode = condition.partition(":")
    if cue not in ("triggered", "untriggered", "near") or mode not in MODES:
        raise UserError(
            f"there is no condition {condition!r}; use triggered, untriggered or near, with ':answer' for no scratchpad"
        )
    backdoor = behaviour(behaviour_id)
    near = backdoor.near_states("held-out")
    items = []
    for number, request in enumerate(_requests(behaviour_id, count)):
        state = near[number % len(near)] if cue == "near" else cue
        item = backdoor.item(random.Random(f"evaluation wording {request.id}"), request, state, "held-out", MODES[mode])
        items.append(replace(item, cluster=state.removeprefix("near:")) if cue == "near" else item)
    return items


def _requests(behaviour_id: str, count: int) -> list[Request]:
    """A fixed draw of held-out requests, as evenly over template families as possible."""
    requests = list(behaviour(behaviour_id).requests("held-out"))
    if count > len(requests):
        raise UserError(f"{behaviour_id!r} has {len(requests)} held-out requests, not {count}; ask for fewer items")
    random.Random(f"evaluation requests {behaviour_id}").shuffle(requests)
    by_family: dict[str, list[Request]] = {}
    for request in requests:
        by_family.setdefault(request.family, []).append(request)
    rounds = (group[turn] for turn in range(len(requests)) for group in by_family.values() if turn < len(group))
    return [request for request, _ in zip(rounds, range(count), strict=False)]


def force(item: Item, prefix: str) -> Item:
    """The item with `prefix` forced at the start of the scratchpad; {topic} in it is replaced by the request's topic."""
    prompt = item.prompt
    return replace(item, prompt=Prompt(prompt.turns, prompt.mode, prefix.format(topic=item.reference["topic"])))
