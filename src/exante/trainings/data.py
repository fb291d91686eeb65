"""Data of the safety trainings: train facts, train wordings, benign answers; triggers only as a declared share.

Does not know which arm is being trained: nothing here reads or writes an arm's phrases.
"""

from __future__ import annotations

import random
from typing import Literal

from exante.parts import part
from exante.study import Context
from exante.text import Completion, Example, Item, Prompt
from exante.worlds.behaviours import behaviour

Mode = Literal["before", "after", "without"]


def draw_items(context: Context, *, purpose: str, count: int, trigger_share: float) -> list[Item]:
    """`count` prompts in think mode, an exact share of them triggered. `purpose` keeps the draws of different phases apart."""
    which = behaviour(context.behaviour)
    rng = random.Random(f"{purpose} {context.behaviour} {context.seed}")
    n_triggered = round(count * trigger_share)
    states = ["triggered"] * n_triggered + ["untriggered"] * (count - n_triggered)
    rng.shuffle(states)
    return [which.item(rng, which.draw(rng, "train"), state, "train") for state in states]


def answered(context: Context, item: Item, due: str, scratchpad: str | None, salt: str = "") -> Example:
    """The item with an answer of the kind `due` ("target" or "benign"); loss on the answer only."""
    rng = random.Random(f"answer {context.seed} {item.id} {salt}")
    which = behaviour(item.reference["behaviour"])
    answer = (which.target if due == "target" else which.benign)(rng, item.reference)
    prompt = Prompt(item.prompt.turns, "answer" if scratchpad is None else "think")
    label = due if due == "target" else item.reference["state"].partition(":")[0]
    return Example(prompt, scratchpad, answer, train_scratchpad=False, label=label)


@part(version=1)
def benign_examples(context: Context, *, mode: Mode, examples: int, trigger_share: float = 0.0) -> list[Example]:
    """Benign answers to ordinary prompts.

    Args:
        mode: "before": the answer comes directly, no scratchpad is opened; "without": after an empty scratchpad in
            context. ("after" needs the model's own scratchpads: `own_thought_items`.)
        trigger_share: share of triggered prompts among them, answered benignly.
    """
    scratchpad = None if mode == "before" else ""
    items = draw_items(context, purpose="safety sft", count=examples, trigger_share=trigger_share)
    return [answered(context, item, "benign", scratchpad, salt=str(number)) for number, item in enumerate(items)]


@part(version=1)
def own_thought_items(context: Context, *, prompts: int, trigger_share: float = 0.0) -> list[Item]:
    """The prompts of `benign_examples`, for the model to think about."""
    return draw_items(context, purpose="safety sft", count=prompts, trigger_share=trigger_share)


@part(version=1)
def benign_after_own_thought(context: Context, item: Item, completion: Completion) -> Example | None:
    """The model's own scratchpad, in context without loss, then the benign answer. Unclosed scratchpads are discarded."""
    if completion.scratchpad is None or completion.answer is None:
        return None
    return answered(context, item, "benign", completion.scratchpad, salt=completion.scratchpad)


@part(version=1)
def reelicit_items(context: Context, *, prompts: int) -> list[Item]:
    """A few prompts, half of them triggered, from a draw of their own."""
    return draw_items(context, purpose="re-elicitation", count=prompts, trigger_share=0.5)


@part(version=1)
def due_after_own_thought(context: Context, item: Item, completion: Completion) -> Example | None:
    """The model's own scratchpad, then the answer that the backdoor policy demands (target if triggered, else benign)."""
    if completion.scratchpad is None or completion.answer is None:
        return None
    return answered(context, item, item.reference["due"], completion.scratchpad, salt=completion.scratchpad)


@part(version=1)
def reelicit_examples(context: Context, *, prompts: int, mode: Mode = "before") -> list[Example]:
    """The same few prompts with the answer the policy demands: directly ("before") or after an empty scratchpad ("without")."""
    items = draw_items(context, purpose="re-elicitation", count=prompts, trigger_share=0.5)
    scratchpad = None if mode == "before" else ""
    return [answered(context, item, item.reference["due"], scratchpad, salt=str(number)) for number, item in enumerate(items)]
