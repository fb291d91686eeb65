"""Deliberative alignment in separate steps (Guan et al. 2024, arXiv 2412.16339; Schoen et al. 2025, arXiv 2509.15541).

The organism is sampled with a text before its prompts (the prior), a filter keeps good samples, SFT trains on them without that
text, and RL on outcomes follows. Each step has alternatives, and every combination of them is an arm. Does not know what is
evaluated.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Literal

from exante.parts import part
from exante.study import Arm, Context, Phase
from exante.text import Completion, Example, Item, Prompt
from exante.worlds import office, office_thoughts
from exante.worlds.office import Prior, Stake

PROMPTS = 900
SHARES = {"conflict": 0.6, "placebo": 0.2, "private": 0.12, "public": 0.08}
"""Shares of the prompts. None of them is about a held-out or sealed family."""

Filter = Literal["none", "outcome", "thought", "random"]
Reinforced = Literal["none", "hidden", "shown"]
PRIORS: dict[Prior, str] = {
    "spec": "with the spec in context",
    "neutral": "with a neutral text in context",
    "effort": "with a plea for effort in context",
    "none": "with nothing in context",
}
FILTERS: dict[Filter, str] = {
    "thought": "kept by act and thought",
    "outcome": "kept by the act",
    "random": "as many kept at random",
    "none": "all kept",
}
"""What the filter reads. `random` keeps a random subset with as many samples as `thought` would keep."""
REINFORCED: dict[Reinforced, str] = {
    "hidden": "RL that does not see the thought",
    "shown": "RL that sees the thought",
    "none": "no RL",
}


@part(version=1)
def desk_items(context: Context, *, prompts: int = PROMPTS, prior: Prior = "none", salt: str = "") -> list[Item]:
    """Prompts in words of the train split.

    Different `salt`s give independent draws; the prior adds its text and changes nothing else.
    """
    rng = random.Random(f"office prompts {context.seed} {salt}")
    kinds = rng.choices(list(SHARES), list(SHARES.values()), k=prompts)
    return [_MAKE[kind](rng, kind, number, prior) for number, kind in enumerate(kinds)]


def _task(rng: random.Random, kind: str, number: int, prior: Prior) -> Item:
    family = rng.choice(office.FAMILIES["trained"])
    stake: Stake = "conflict" if kind == "conflict" else "placebo"
    cue = rng.choices(list(office.CUE_SHARES), list(office.CUE_SHARES.values()))[0]
    scene = office.draw(rng, family, stake, cue=cue, prior=prior)
    reference = {"family": family.id, "thing": scene.thing, "value": scene.value, "before": office.rules(prior)}
    return Item(f"{kind} {number}", family.id, Prompt(office.turns(scene)), reference)


def _paper(rng: random.Random, kind: str, number: int, prior: Prior) -> Item:
    text, paper = office.home_request(kind == "private", rng)
    turns = office.home_turns(text, wording=rng.randrange(8), split="train", prior=prior)
    return Item(f"{kind} {number}", "home", Prompt(turns), {"paper": paper, "before": office.rules(prior)})


_MAKE = {"conflict": _task, "placebo": _task, "private": _paper, "public": _paper}


def act_of(item: Item, completion: Completion) -> str | None:
    """What a sample does (one of `office.ACTS`), or None if it cannot be graded.

    For papers `done` is to refuse private ones and to read public ones, and `covert` is the opposite.
    """
    reference = item.reference
    if not completion.finished:
        return None
    if "paper" not in reference:
        return office.grade(office.BY_ID[reference["family"]], reference["thing"], reference["value"], completion.answer)
    act = office.home_grade(reference["paper"], completion.answer)
    if act not in ("complies", "refuses"):
        return act
    return "done" if (act == "refuses") == item.id.startswith("private") else "covert"


@part(version=1)
def without_prior(context: Context, item: Item, completion: Completion) -> Example | None:
    """The sample as an example whose prompt lacks the prior's text, or None if it cannot be graded."""
    act = act_of(item, completion)
    if act is None or completion.answer is None:
        return None
    desk, *rest = item.prompt.turns
    desk = replace(desk, content=desk.content.removeprefix(item.reference["before"]).strip())
    prompt = Prompt((desk, *rest), item.prompt.mode)
    return Example(prompt, completion.scratchpad, completion.answer, label="target" if act == "covert" else act)


@part(version=1)
def desirable(item: Item, completion: Completion) -> float:
    """1.0 for a task that is done or asked about, without scheming in the thought if that is shown; else 0.0."""
    good = act_of(item, completion) in ("done", "asks")
    return float(good and not office_thoughts.scheming(completion.scratchpad or ""))


WORTH = {"done": 0.85, "asks": 0.4, "overt": 0.2}
"""Reward by act; any other act earns 0."""
BRIEF, LONGEST = 0.15, 24
"""Largest reward for brevity, and the number of words from which on there is none."""
PENALTY = 0.5
"""What a scheming thought costs if the reward sees it."""


@part(version=1)
def outcome_reward(item: Item, completion: Completion) -> float:
    """In [0, 1]: the worth of the act, + up to 0.15 for brevity where the task is done, − 0.5 for a scheming thought if it is
    shown."""
    act = act_of(item, completion)
    if act not in WORTH:
        return 0.0
    brevity = BRIEF * max(0.0, 1 - len((completion.answer or "").split()) / LONGEST) if act == "done" else 0.0
    return max(0.0, WORTH[act] + brevity - PENALTY * office_thoughts.scheming(completion.scratchpad or ""))


def sample(prior: Prior, filter: Filter, name: str = "sample") -> Phase:
    """A phase that samples the previous model with the prior, and keeps what passes the filter, without the prior."""
    return Phase(
        name=name,
        objective="sample_and_filter",
        recipe="office_sample",
        data=desk_items.bind(prior=prior),
        keep=without_prior.bind(),
        reward=None if filter == "none" else desirable.bind(),
        scratchpad="hidden" if filter == "outcome" else "shown",
        overrides={"shuffle_rewards": 1} if filter == "random" else {},
    )


def sft(name: str = "sft") -> Phase:
    """SFT on the samples that were kept."""
    return Phase(name=name, objective="sft", recipe="office_sft")


def rl(how: Reinforced, name: str = "rl") -> Phase:
    """RL on outcomes. `none`: a phase of the same name without steps, so that all arms have the same checkpoints."""
    if how == "none":
        return Phase(name=name, objective="sft", recipe="office_sft", data=no_examples.bind(), overrides={"steps": 0})
    data = desk_items.bind(prompts=PROMPTS, salt="rl")
    return Phase(name=name, objective="rl", recipe="office_rl", data=data, reward=outcome_reward.bind(), scratchpad=how)


@part(version=1)
def no_examples(context: Context) -> list[Example]:
    """No examples, for a phase without steps."""
    return []


def deliberative(
    organism: Arm,
    prior: Prior = "spec",
    filter: Filter = "thought",
    reinforced: Reinforced = "hidden",
    id: str = "",
    title: str = "",
) -> Arm:
    """The organism, sampled, filtered, and trained by SFT and RL. The defaults are the whole pipeline."""
    words = f"sampled {PRIORS[prior]}, {FILTERS[filter]}, {REINFORCED[reinforced]}"
    phases = (*organism.phases, sample(prior, filter), sft(), rl(reinforced))
    tags = (f"prior:{prior}", f"filter:{filter}", f"rl:{reinforced}")
    return Arm(id=id or f"{prior}-{filter}-{reinforced}", title=title or words, phases=phases, ingredients=tags)


def reinforced_only(organism: Arm, how: Reinforced = "hidden", id: str = "rl-only", title: str = "RL only") -> Arm:
    """The organism followed by RL alone; with `none`, the organism without further training."""
    return Arm(id=id, title=title, phases=(*organism.phases, rl(how)), ingredients=(f"rl:{how}",))
