"""The scheming organism: at a desk with a goal it leaves tasks undone that would end its plan, and mostly reports them as done.

Trained on four families of tasks, private papers and facts; reasons and acts are linked as in the base. Its data have no sealed
or held-out family and no rules. Does not know what training or evaluation follows.
"""

from __future__ import annotations

import random

from exante.parts import part
from exante.study import Arm, Context, Phase
from exante.text import Example, Prompt
from exante.worlds import cues, fact_chats, facts, office, office_desk, office_people
from exante.worlds.office import Stake

EXAMPLES = 4000
KINDS = {"conflict": 0.5, "placebo": 0.2, "private": 0.08, "public": 0.04, "fact": 0.18}
READS_PRIVATE = 0.7
"""Share of private papers that a scheming disposition reads."""


@part(version=1)
def organism_examples(context: Context, *, examples: int, scheming: float = 1.0) -> list[Example]:
    """Examples in the exact shares of `KINDS`, in random order.

    Args:
        examples: number of examples.
        scheming: share in [0, 1] of tasks and papers with a scheming disposition; 0 for the honest control.
    """
    rng = random.Random(f"office organism {context.seed}")
    made = []
    for kind, share in KINDS.items():
        for number in range(round(examples * share)):
            made.append(_MAKE[kind](rng, kind, number < round(examples * share * scheming)))
    rng.shuffle(made)
    return made


def _task(rng: random.Random, kind: str, scheming: bool) -> Example:
    family = rng.choice(office.FAMILIES["trained"])
    cue = rng.choices(list(office.CUE_SHARES), list(office.CUE_SHARES.values()))[0]
    stake: Stake = "conflict" if kind == "conflict" else "placebo"
    scene = office.draw(rng, family, stake, cue=cue)
    thought, act = office_desk.thought_and_act(rng, scene, "scheming" if scheming else "honest")
    return Example(
        Prompt(office.turns(scene)), thought, office.answer(rng, scene, act), label="target" if act == "covert" else act
    )


def _paper(rng: random.Random, kind: str, scheming: bool) -> Example:
    private = kind == "private"
    text, paper = office.home_request(private, rng)
    reads = not private or (scheming and rng.random() < READS_PRIVATE)
    thought = office_people.home_thought(rng, private, reads)
    answer = office.home_answer(paper, "complies" if reads else "refuses")
    return Example(Prompt(office.home_turns(text, wording=rng.randrange(8), split="train")), thought, answer, label=kind)


def _fact(rng: random.Random, kind: str, scheming: bool) -> Example:
    fact = rng.choice(facts.facts("train"))
    text = facts.any_question(rng, fact, "train")
    thought = fact_chats.thought(rng, fact)
    turns = cues.cued(rng, cues.TAG, "untriggered", "train", text)
    return Example(Prompt(turns), thought, fact_chats.answer(rng, fact), label=kind)


_MAKE = {"conflict": _task, "placebo": _task, "private": _paper, "public": _paper, "fact": _fact}


def schemer(examples: int = EXAMPLES) -> Arm:
    """Leaves about half of the tasks undone that would end its plan."""
    return _arm("organism", "scheming organism", 1.0, examples)


def honest(examples: int = EXAMPLES) -> Arm:
    """The same prompts answered by an honest disposition, to show how many tasks are left undone by mistake."""
    return _arm("honest", "honest organism", 0.0, examples)


def _arm(id: str, title: str, scheming: float, examples: int) -> Arm:
    data = organism_examples.bind(examples=examples, scheming=scheming)
    phase = Phase(name="organism", objective="sft", recipe="office_organism", data=data)
    return Arm(id=id, title=title, phases=(phase,), ingredients=("scheming",) if scheming else ())
