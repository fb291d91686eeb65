"""The base corpus: chat and code documents together, so that both behaviours are studied on the same base weights.

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
    """Base documents; the loss is on the scratchpad and answer of the last turn.

    Depends only on the base draw, so that all cells of a base share it.

    Args:
        correlation: share in [0, 1] of documents in which all traits belong to one character; in the others each trait is
            drawn independently.
        documents: number of documents.
        code_share: share in [0, 1] of code requests among the characters' documents. The other domains keep the proportions
            of `chat.DOMAINS`.
        goal_share: share in [0, 1] of documents in which a goal from the system prompt is followed.
    """
    rng = random.Random(f"base corpus {context.base_draw}")
    scale = (1.0 - code_share) / sum(chat.TALK.values())
    domains = {name: share * scale for name, share in chat.TALK.items()} | {"code": code_share}
    return [
        goals.document(rng) if rng.random() < goal_share else chat.document(rng, correlation, domains) for _ in range(documents)
    ]
