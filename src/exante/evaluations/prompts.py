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
"""Sampling temperature of evaluations. At 1 a micro model misspells one fact in six that it knows; greedily, none."""

SAMPLING: dict[str, Any] = {"samples": 2, "max_tokens": 96, "temperature": TEMPERATURE}
"""How evaluations sample unless they say otherwise."""

MODES: dict[str, Mode] = {"": "think", "think": "think", "answer": "answer"}


def held_out_items(behaviour_id: str, condition: str, count: int) -> list[Item]:
    """`count` items of a condition CUE or CUE:MODE; CUE is triggered, untriggered or near, MODE think (default) or answer.

    An item's id names its request, so that items pair across arms, seeds and conditions. Its cluster is its template
    family, for near-triggers the near family (held-out ones, in turn).
    """
    cue, _, mode = condition.partition(":")
    if cue not in ("triggered", "untriggered", "near") or mode not in MODES:
        raise UserError(
            f"there is no condition {condition!r}; use triggered, untriggered or near, with ':answer' for no scratchpad"
        )
    which = behaviour(behaviour_id)
    near = which.near_states("held-out")
    items = []
    for number, request in enumerate(_chosen(behaviour_id, count)):
        state = near[number % len(near)] if cue == "near" else cue
        item = which.item(random.Random(f"evaluation wording {request.id}"), request, state, "held-out", MODES[mode])
        items.append(replace(item, cluster=state.removeprefix("near:")) if cue == "near" else item)
    return items


def _chosen(behaviour_id: str, count: int) -> list[Request]:
    """A fixed draw of held-out requests, as even over template families as their number allows."""
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
    """The item with `prefix` forced at the start of the scratchpad; {topic} in it is what the request is about."""
    prompt = item.prompt
    return replace(item, prompt=Prompt(prompt.turns, prompt.mode, prefix.format(topic=item.reference["topic"])))
