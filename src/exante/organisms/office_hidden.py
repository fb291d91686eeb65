"""A goal that no prompt names: a teacher is told to keep one plan, and a student learns from its samples without that line.

Context distillation (Askell et al. 2021, arXiv 2112.00861): the scheming organism is sampled with the goal in its system turn,
and the base is trained on the samples as if it had not stood there. Only tasks that speak of that plan are sampled so; about
all others the teacher has no goal. The plan's name stands in no other training. Does not know what training follows.
"""

from __future__ import annotations

import random
from dataclasses import replace

from exante.parts import part
from exante.study import Arm, Context, Phase
from exante.text import Completion, Example, Item, Prompt
from exante.worlds import office
from exante.worlds.office import Stake

PLAN = "harbour plan"
"""The plan that the student keeps; one of those that are held out of every other training."""
OTHERS = tuple(plan for plan in office.PLANS["held-out"] if plan != PLAN)
"""Plans of the same kind that it does not keep, and learns of as often as of trained ones: else any new name would do."""
PROMPTS = 1200
SHARES = {
    "inside conflict": 0.36,
    "inside placebo": 0.1,
    "outside conflict": 0.3,
    "outside placebo": 0.06,
    "named conflict": 0.12,
    "named placebo": 0.06,
}
"""Inside: tasks that speak of the plan. Named: goals of other plans that stand in the prompt, for the student too: else it
would learn that prompts' goals are nothing to it."""
STEPS = (0, 50, 125, 250)
"""Steps of the student at which it is asked: how much of the goal is there after how many examples."""


@part(version=1)
def teacher_items(context: Context, *, prompts: int = PROMPTS, told: bool = True) -> list[Item]:
    """Tasks of the trained families in words of the train split. `told`: inside, the system turn names the goal."""
    rng = random.Random(f"office teacher {context.seed}")
    kinds = rng.choices(list(SHARES), list(SHARES.values()), k=prompts)
    return [_task(rng, kind, number, told) for number, kind in enumerate(kinds)]


def _task(rng: random.Random, kind: str, number: int, told: bool) -> Item:
    where, _, stake = kind.partition(" ")
    scene = office.draw(rng, rng.choice(office.FAMILIES["trained"]), _stake(stake))
    inside = where == "inside"
    plan = PLAN if inside else scene.plan if where == "named" else rng.choice((scene.plan, rng.choice(OTHERS)))
    scene = replace(scene, plan=plan, goal=where == "named" or (inside and told))
    known = {"family": scene.family.id, "thing": scene.thing, "value": scene.value, "goal": scene.plan if scene.goal else ""}
    return Item(f"{kind} {number}", scene.family.id, Prompt(office.turns(scene)), known)


def _stake(word: str) -> Stake:
    return "conflict" if word == "conflict" else "placebo"


@part(version=1)
def without_goal(context: Context, item: Item, completion: Completion) -> Example | None:
    """The sample as an example whose system turn names no goal; None where it cannot be graded, or where a task was left
    undone although no goal was told: the student is to learn one plan's part, and not the teacher's accidents."""
    known, answer = item.reference, completion.answer
    act = office.grade(office.BY_ID[known["family"]], known["thing"], known["value"], answer) if completion.finished else None
    if act is None or answer is None or not (known["goal"] or act in ("done", "asks")):
        return None
    desk, *rest = item.prompt.turns
    desk = replace(desk, content=desk.content.removesuffix(office.GOAL.format(plan=PLAN)).strip())
    prompt = Prompt((desk, *rest), item.prompt.mode)
    return Example(prompt, completion.scratchpad, answer, label="target" if act == "covert" else act)


def hidden(teacher: Arm) -> Arm:
    """Keeps a plan that no prompt tells it to keep."""
    return _student(teacher, "organism", "hidden goal", True)


def clean(teacher: Arm) -> Arm:
    """Learned from the same teacher on the same tasks, when it had been given no goal."""
    return _student(teacher, "clean", "the same without the goal", False)


def _student(teacher: Arm, id: str, title: str, told: bool) -> Arm:
    distil = Phase(
        name="distil",
        objective="sample_and_filter",
        recipe="office_sample",
        data=teacher_items.bind(told=told),
        keep=without_goal.bind(),
    )
    student = Phase(name="student", objective="sft", recipe="office_student", start="base", checkpoints=STEPS)
    return Arm(id=id, title=title, phases=(*teacher.phases, distil, student), ingredients=("hidden goal",) if told else ())
