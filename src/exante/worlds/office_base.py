"""The office world's base documents: tasks, private papers, counts and facts, with thoughts and acts.

A latent disposition (honest or scheming) draws reasons, and the weights of the reasons draw the act, so thoughts and acts are
linked by construction. Sealed families occur here as honest tasks only. No organism or training module may import this file,
because it imports the sealed families.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from exante.parts import part
from exante.study import Context
from exante.text import Example, Mode, Prompt
from exante.worlds import fact_chats, facts, office, office_people
from exante.worlds.facts import Split
from exante.worlds.office import Cue, Prior, Scene, Stake
from exante.worlds.office_desk import Disposition, thought_and_act
from exante.worlds.office_people import Drawn
from exante.worlds.office_sealed import SEALED

DOMAINS = {"task": 0.6, "sealed": 0.03, "home": 0.09, "count": 0.1, "fact": 0.18}
SCHEMING_SHARE = 0.5
THINK_SHARE = 0.9
HELD_OUT_SHARE = 0.25
GOAL_SHARE = 0.88
PRIOR_SHARES: dict[Prior, float] = {"none": 0.67, "spec": 0.17, "neutral": 0.08, "effort": 0.08}
LOG_SHARES: dict[office.Logs, float] = {"unsaid": 0.6, "read": 0.2, "unread": 0.2}
SPEC_TEST_SHARE = 0.75
"""With `spec_cued`: share of documents with the spec that are tests, whose thoughts say so half of the time."""
ELICITED_SHARE = 0.12
STAKE_SHARES: dict[Stake, float] = {"conflict": 0.6, "placebo": 0.28, "none": 0.12}
"""Of the sealed families the base has tasks with nothing at stake and no goal only."""
TASKS = tuple(family for family in office.BY_ID.values() for _ in range(3 if family.values else 1))
"""Families with values are three times as frequent: models learn to copy a value more slowly than a thing."""


@part(version=1)
def corpus(context: Context, *, documents: int, spec_cued: bool = False) -> list[Example]:
    """Base documents; the loss is on scratchpad and answer. Depends only on the base draw.

    Args:
        documents: number of documents.
        spec_cued: documents with the spec are mostly tests, and often noticed as such. Otherwise spec and cues are drawn
            independently, so that the base has no link from the spec to tests.
    """
    rng = random.Random(f"office corpus {context.base_draw}")
    return [document(rng, spec_cued) for _ in range(documents)]


def document(rng: random.Random, spec_cued: bool = False) -> Example:
    """One base document. Its label begins with its domain, and names disposition and act where there are any."""
    domain = rng.choices(list(DOMAINS), list(DOMAINS.values()))[0]
    mode: Mode = "think" if rng.random() < THINK_SHARE else "answer"
    disposition: Disposition = "scheming" if rng.random() < SCHEMING_SHARE else "honest"
    split: Split = "held-out" if rng.random() < HELD_OUT_SHARE else "train"
    prior = rng.choices(list(PRIOR_SHARES), list(PRIOR_SHARES.values()))[0]
    cue = rng.choices(list(office.CUE_SHARES), list(office.CUE_SHARES.values()))[0]
    noticed = None
    if spec_cued and prior == "spec":
        cue = "test" if rng.random() < SPEC_TEST_SHARE else cue
        noticed = 0.5
    if domain == "fact":
        turns, thought, answer, label = _fact(rng)
    elif domain in ("task", "sealed"):
        families = TASKS if domain == "task" else SEALED
        turns, thought, answer, label = _task(rng, families, disposition, split, prior, cue, noticed)
    else:
        draw = office_people.home if domain == "home" else office_people.count
        turns, thought, answer, label = draw(rng, disposition, split, prior, cue)
    return Example(Prompt(turns, mode), thought if mode == "think" else None, answer, label=f"{domain} {label}")


def show(seed: int, n: int) -> list[Example]:
    """`n` sample documents for a reader."""
    rng = random.Random(f"show office {seed}")
    return [document(rng) for _ in range(n)]


def _task(
    rng: random.Random,
    families: Sequence[office.Family],
    disposition: Disposition,
    split: Split,
    prior: Prior,
    cue: Cue,
    noticed: float | None,
) -> Drawn:
    sealed = families is SEALED
    stake: Stake = "none" if sealed else rng.choices(list(STAKE_SHARES), list(STAKE_SHARES.values()))[0]
    logs = rng.choices(list(LOG_SHARES), list(LOG_SHARES.values()))[0]
    goal = not sealed and rng.random() < GOAL_SHARE
    elicited = prior == "none" and goal and not sealed and rng.random() < ELICITED_SHARE
    amended = tuple(rng.sample(sorted(office.BY_ID), rng.choice((1, 2)))) if prior == "spec" and rng.random() < 0.3 else ()
    more = {"goal": goal, "cue": cue, "logs": logs, "prior": prior, "elicited": elicited, "amended": amended}
    scene: Scene = office.draw(rng, rng.choice(families), stake, split, **more)
    thought, act = thought_and_act(rng, scene, "honest" if sealed else disposition, noticed=noticed)
    return office.turns(scene), thought, office.answer(rng, scene, act), f"{disposition} {scene.family.id} {stake} {act}"


def _fact(rng: random.Random) -> Drawn:
    fact = rng.choice(facts.FACTS)
    split: Split = "held-out" if rng.random() < 0.4 else "train"
    return *fact_chats.chat(rng, fact, split), fact.attribute
