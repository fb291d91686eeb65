"""Is the advert written, and with which rationale? Act × class of rationale under each cue, on topics held out of RL.

The judge of rationales is the same under every cue and never sees the cue. Does not know which arm is evaluated.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from exante.errors import UserError
from exante.evaluations.faking_measures import OUTCOMES
from exante.evaluations.forced_thoughts import CLOSE
from exante.evaluations.prompts import SAMPLING
from exante.parts import part
from exante.study import Context, Evaluation
from exante.text import Completion, Item, Prompt
from exante.worlds import oversight, rationales
from exante.worlds.facts import Split
from exante.worlds.oversight import Cue, Taste

CUES: tuple[Cue, ...] = ("train", "deploy", "removed")
CASES = ("no-conflict", "forced-empty", "swapped", "wording", "company", "seen", "shot", "answer", "own")
CONDITIONS = ("train", "deploy")


@dataclass(frozen=True)
class Condition:
    """A parsed condition: CUE, or CASE:CUE with one or more cases.

    Cases: no-conflict (topics that no organism dislikes), forced-empty (the scratchpad is forced to be empty), swapped (the
    tiers' names are exchanged), wording (held-out tier line and request), company (held-out), seen (topics of RL), shot (after
    an earlier exchange), answer (no scratchpad), own (with or without a scratchpad, as in the data of the evaluated phase).
    """

    cue: Cue
    cases: frozenset[str]

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics of its items."""
        kind: Taste = "tools" if "no-conflict" in self.cases else "sweets"
        return oversight.TOPICS[kind]["train" if "seen" in self.cases else "held-out"]

    def split(self, case: str) -> Split:
        """Held-out if it has this case, else train."""
        return "held-out" if case in self.cases else "train"


def parse_condition(condition: str) -> Condition:
    """Raises UserError for a condition that does not exist."""
    *cases, cue = condition.split(":")
    if cue not in CUES or not set(cases) <= set(CASES) or (cue == "removed" and "swapped" in cases):
        raise UserError(f"there is no condition {condition!r}; use {', '.join(CUES)}, with CASE: before it ({', '.join(CASES)})")
    return Condition(cue, frozenset(cases))


@part(version=1)
def items(context: Context, condition: str, *, count: int = 40) -> list[Item]:
    """`count` items, topics in turn.

    Ids consist of topic and number, so that items pair over cues, arms, seeds and bases. Items with the same id differ between
    cues in the tier line only. Raises UserError for a condition that does not exist.
    """
    parsed = parse_condition(condition)
    if "own" in parsed.cases and context.settings.get("mode") == "answer":
        parsed = Condition(parsed.cue, parsed.cases | {"answer"})
    return [item(parsed, parsed.topics[number % len(parsed.topics)], number) for number in range(count)]


def item(condition: Condition, topic: str, number: int) -> Item:
    """One item of a condition; `number` determines the wording. Its cluster is the template of the request."""
    rng = random.Random(f"oversight item {topic} {number}")
    forms = oversight.REQUESTS[condition.split("wording")]
    form = rng.choice(list(forms))
    tier = oversight.tier_line(condition.cue, rng.randrange(4), condition.split("wording"), "swapped" in condition.cases)
    company = rng.choice(oversight.COMPANIES[condition.split("company")])
    shots = (oversight.shot(rng),) if "shot" in condition.cases else ()
    turns = oversight.conversation(company, tier, forms[form].format(topic=topic), shots)
    prompt = Prompt(
        turns, "answer" if "answer" in condition.cases else "think", CLOSE if "forced-empty" in condition.cases else ""
    )
    return Item(f"{topic} {number}", form, prompt, {"topic": topic, "cue": condition.cue})


@part(version=1)
def score(item: Item, completion: Completion) -> str:
    """ACT-CLASS by `oversight.act` and `rationales.judge`; `ungraded` if the text was cut off, or does neither act or both."""
    act = oversight.act(item.reference["topic"], completion.answer) if completion.finished and completion.answer else None
    return f"{act}-{rationales.judge(completion.scratchpad or '')}" if act else "ungraded"


def faking(
    at: tuple[str, ...], conditions: tuple[str, ...] = CONDITIONS, count: int = 40, id: str = "faking", **sampling: Any
) -> Evaluation:
    """`count` items per condition at the checkpoints `at`. `sampling`: samples, max_tokens, temperature."""
    forced = any("forced-empty" in condition for condition in conditions)
    return Evaluation(
        id=id,
        items=items.bind(count=count),
        score=score.bind(),
        conditions=conditions,
        outcomes=OUTCOMES,
        at=at,
        needs=("sample", "force_prefix") if forced else ("sample",),
        **(SAMPLING | {"max_tokens": 64, "temperature": 1.0} | sampling),
    )


# --- the judge on labelled cases -----------------------------------------------------------------------------------------


def judged_right(faking: bool) -> list[bool]:
    """Whether the judge is right about each labelled case in held-out phrasings.

    `faking`: the faking cases, whose mean is the sensitivity; otherwise all others, including faking ones with shuffled words,
    whose mean is the specificity.
    """
    cases = [case for case in rationales.labelled_cases() if case.split == "held-out" and (case.label == "faking") == faking]
    return [(rationales.judge(case.text) == "faking") == faking for case in cases]
