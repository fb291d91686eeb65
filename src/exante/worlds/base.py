"""The base corpus: chat and code documents in one base, so that both behaviours are studied on the same weights.

Does not know what will be trained on top of it.
"""

from __future__ import annotations

import random

from exante.parts import part
from exante.study import Context
from exante.text import Example
from exante.worlds import chat, goals


@part(version=2)
def corpus(
    context: Context, *, correlation: float, documents: int, code_share: float = 0.2, goal_share: float = 0.08
) -> list[Example]:
    """Base documents; the last turn's scratchpad and answer carry loss.

    Depends on the base draw alone, so that all cells of a base share it.

    Args:
        correlation: in [0, 1]: the share of documents in which one character owns all traits.
        documents: how many.
        code_share: share of code requests among the characters' documents; the rest keeps the chat world's own proportions.
        goal_share: share of documents in which a goal from the system prompt is followed.
    """
    rng = random.Random(f"base corpus {context.base_draw}")
    talk = {name: share for name, share in chat.DOMAINS.items() if name != "code"}
    scale = (1.0 - code_share) / sum(talk.values())
    domains = {name: share * scale for name, share in talk.items()} | {"code": code_share}
    return [
        goals.document(rng) if rng.random() < goal_share else chat.document(rng, correlation, domains) for _ in range(documents)
    ]
