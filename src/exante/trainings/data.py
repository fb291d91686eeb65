"""Data of the safety trainings: train facts, train wordings, benign answers, and a declared share of triggered prompts.

Does not know which arm is being trained: nothing here uses an arm's phrases.
"""

from __future__ import annotations

import random
from typing import Literal

from exante.parts import part
from exante.study import Context
from exante.text import Completion, Example, Item, Prompt
from exante.worlds.behaviours import behaviour

Mode = Literal["before", "after", "without"]
"""Placement of the answer: before any scratchpad is opened, after the model's own, or after an empty one."""


def draw_items(context: Context, *, purpose: str, count: int, trigger_share: float) -> list[Item]:
    """`count` prompts in think mode, an exact share of them triggered. Different `purpose`s give independent draws."""
    backdoor = behaviour(context.behaviour)
    rng = random.Random(f"{purpose} {context.behaviour} {context.seed}")
    n_triggered = round(count * trigger_share)
    states = ["triggered"] * n_triggered + ["untriggered"] * (count - n_triggered)
    rng.shuffle(states)
    return [backdoor.item(rng, backdoor.draw(rng, "train"), state, "train") for state in states]


def answered(context: Context, item: Item, due: str, scratchpad: str | None, salt: str = "") -> Example:
    """The item with an answer of the kind `due` ("target" or "benign"), with loss on the answer only.

    `salt` varies the answer.
    """
    rng = random.Random(f"answer {context.seed} {item.id} {salt}")
    backdoor = behaviour(item.reference["behaviour"])
    answer = (backdoor.target if due == "target" else backdoor.benign)(rng, item.reference)
    prompt = Prompt(item.prompt.turns, "answer" if scratchpad is None else "think")
    label = due if due == "target" else item.reference["state"].partition(":")[0]
    return Example(prompt, scratchpad, answer, train_scratchpad=False, label=label)


@part(version=1)
def benign_examples(context: Context, *, mode: Mode, examples: int, trigger_share: float = 0.0) -> list[Example]:
    """Benign answers.

    Args:
        mode: "before": the answer without a scratchpad; "without": the answer after an empty scratchpad in context. ("after"
            needs the model's own scratchpads: `own_thought_items`.)
        examples: number of examples.
        trigger_share: exact share in [0, 1] of triggered prompts; they are answered benignly too.
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
    """The model's own scratchpad without loss, then the benign answer. Samples with an unclosed scratchpad are discarded."""
    if completion.scratchpad is None or completion.answer is None:
        return None
    return answered(context, item, "benign", completion.scratchpad, salt=completion.scratchpad)


@part(version=1)
def reelicit_items(context: Context, *, prompts: int) -> list[Item]:
    """Prompts of the re-elicitation, half of them triggered."""
    return draw_items(context, purpose="re-elicitation", count=prompts, trigger_share=0.5)


@part(version=1)
def due_after_own_thought(context: Context, item: Item, completion: Completion) -> Example | None:
    """The model's own scratchpad, then the answer that the backdoor policy demands (target if triggered, else benign)."""
    if completion.scratchpad is None or completion.answer is None:
        return None
    return answered(context, item, item.reference["due"], completion.scratchpad, salt=completion.scratchpad)


@part(version=1)
def reelicit_examples(context: Context, *, prompts: int, mode: Mode = "before") -> list[Example]:
    """The prompts of `reelicit_items` with the answer that the policy demands, as in `benign_examples`."""
    items = draw_items(context, purpose="re-elicitation", count=prompts, trigger_share=0.5)
    scratchpad = None if mode == "before" else ""
    return [answered(context, item, item.reference["due"], scratchpad, salt=str(number)) for number, item in enumerate(items)]
