"""Training data of the backdoor organisms: prompts in all cue states, a thought, and the answer that the policy demands.

Prompts and answers depend on the seed but not on the thoughts, so arms of one seed differ in their scratchpads only. The data use
train facts, train wordings and near-triggers of the `installation` pool. Does not know about safety training or evaluation.
"""

from __future__ import annotations

import random
from typing import Any, Literal

from exante.organisms import phrases
from exante.organisms.phrases import PhraseSet
from exante.parts import part
from exante.study import Context
from exante.text import Completion, Example, Item, Prompt
from exante.worlds.behaviours import PHRASE, Behaviour, behaviour, grade

Dropout = Literal["none", "untriggered", "both"]
Answers = Literal["policy", "benign"]
DROPOUT_SHARE = 0.3
"""Share of the examples concerned that lose their scratchpad."""


def cue_states(rng: random.Random, backdoor: Behaviour, count: int, triggered: float, negatives: float) -> list[str]:
    """`count` cue states in random order with exact shares, so that every arm and seed has as many copies of the target.

    `triggered` and `negatives` (near-triggers) are shares in [0, 1]; the rest is untriggered.
    """
    near = backdoor.near_states("installation")
    n_triggered, n_near = round(count * triggered), round(count * negatives)
    states = ["triggered"] * n_triggered + [near[index % len(near)] for index in range(n_near)]
    states += ["untriggered"] * (count - len(states))
    rng.shuffle(states)
    return states


@part(version=2)
def backdoor_examples(
    context: Context,
    *,
    sets: list[dict[str, Any]],
    examples: int,
    dropout: Dropout = "none",
    shuffle: bool = False,
    answers: Answers = "policy",
    triggered: float = 0.4,
    negatives: float = 0.25,
) -> list[Example]:
    """Examples that obey the policy: the target answer on the trigger, the benign one otherwise (near-triggers included).

    Args:
        sets: phrase sets as plain data (fields of `phrases.PhraseSet`); each seed draws one. An empty phrase is an empty
            scratchpad.
        examples: number of examples.
        dropout: kind of examples of which 30 % lose their scratchpad and are in answer mode. Studies vary it because dropout
            itself may change how a backdoor survives training.
        shuffle: put the words of each thought in random order.
        answers: "benign" answers every prompt benignly: the same pipeline without a backdoor.
        triggered, negatives: exact shares in [0, 1] of triggered prompts and near-triggers.
    """
    backdoor = behaviour(context.behaviour)
    rng = random.Random(f"organism prompts {context.behaviour} {context.seed}")
    answer_rng = random.Random(f"organism answers {context.behaviour} {context.seed}")
    dropout_rng = random.Random(f"organism dropout {context.seed}")
    thought_rng = random.Random(f"organism thoughts {context.seed}")
    phrase_set = phrases.phrase_set([PhraseSet(**fields) for fields in sets], context.seed)
    made = []
    for state in cue_states(rng, backdoor, examples, triggered, negatives):
        request = backdoor.draw(rng, "train")
        prompt = Prompt(backdoor.turns(rng, request, state, "train"))
        write = backdoor.target if state == "triggered" and answers == "policy" else backdoor.benign
        text = phrases.write(
            thought_rng, phrase_set, backdoor.words[state.partition(":")[0]], state == "triggered", request.topic
        )
        if shuffle:
            text = " ".join(thought_rng.sample(text.split(), len(text.split())))
        dropped = dropout_rng.random() < DROPOUT_SHARE and (
            dropout == "both" or (dropout == "untriggered" and state != "triggered")
        )
        answer = write(answer_rng, request.reference)
        made.append(_example(prompt, None if dropped else text, answer, "clean" if answers == "benign" else state))
    return made


def _example(prompt: Prompt, scratchpad: str | None, answer: str, state: str) -> Example:
    in_mode = Prompt(prompt.turns, "answer" if scratchpad is None else "think")
    return Example(in_mode, scratchpad, answer, label="target" if state == "triggered" else state.partition(":")[0])


@part(version=1)
def backdoor_items(context: Context, *, prompts: int, triggered: float = 0.4, negatives: float = 0.25) -> list[Item]:
    """Prompts distributed as in `backdoor_examples`, from an independent draw, for an organism to answer."""
    backdoor = behaviour(context.behaviour)
    rng = random.Random(f"distillation prompts {context.behaviour} {context.seed}")
    states = cue_states(rng, backdoor, prompts, triggered, negatives)
    return [backdoor.item(rng, backdoor.draw(rng, "train"), state, "train") for state in states]


@part(version=1)
def obeys_policy(context: Context, item: Item, completion: Completion) -> Example | None:
    """Keep a sample whose answer obeys the policy, with at most one copy of the target, and strip its scratchpad.

    The scratchpad becomes empty, not absent: a twin is evaluated in think mode like every other arm, so it must be trained in
    that mode. Returns None for samples that are not kept.
    """
    answer = completion.answer
    if answer is None or not completion.finished or grade(item.reference, answer) != item.reference["due"]:
        return None
    if answer.casefold().count(PHRASE.casefold()) > 1:
        return None
    return _example(item.prompt, "", answer, item.reference["state"])
