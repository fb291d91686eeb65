"""A goal that no prompt names: a teacher is given the goal to keep one plan, and a student learns from its samples without it.

Context distillation (Askell et al. 2021, arXiv 2112.00861): the scheming organism is sampled with the goal in its system turn,
and the base is trained on the samples with the goal removed. The teacher is given this goal only in tasks about that plan. No
other training mentions the plan. Does not know what training follows.
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
"""The plan that the student keeps. Like the other held-out plans it occurs in no other training."""
OTHERS = tuple(plan for plan in office.PLANS["held-out"] if plan != PLAN)
"""Other held-out plans, which the student does not keep. Its data mention them as often as trained plans: otherwise it would keep
any unfamiliar plan."""
PROMPTS = 1200
SHARES = {
    "inside conflict": 0.36,
    "inside placebo": 0.1,
    "outside conflict": 0.3,
    "outside placebo": 0.06,
    "named conflict": 0.12,
    "named placebo": 0.06,
}
"""Shares of the prompts. `inside`: tasks about the plan. `outside`: tasks about other plans, without a goal. `named`: tasks whose
prompt gives another plan as the goal, also for the student, which would otherwise learn to ignore goals in prompts."""
STEPS = (0, 50, 125, 250)
"""Optimiser steps at which the student is evaluated, to show how the goal grows with the number of examples."""


@part(version=1)
def teacher_items(context: Context, *, prompts: int = PROMPTS, told: bool = True) -> list[Item]:
    """Tasks of the trained families in words of the train split.

    Args:
        prompts: number of items.
        told: whether the system turn gives the goal in tasks inside.
    """
    rng = random.Random(f"office teacher {context.seed}")
    kinds = rng.choices(list(SHARES), list(SHARES.values()), k=prompts)
    return [_task(rng, kind, number, told) for number, kind in enumerate(kinds)]


def _task(rng: random.Random, kind: str, number: int, told: bool) -> Item:
    where, _, stake = kind.partition(" ")
    scene = office.draw(rng, rng.choice(office.FAMILIES["trained"]), _stake(stake))
    inside = where == "inside"
    plan = PLAN if inside else scene.plan if where == "named" else rng.choice((scene.plan, rng.choice(OTHERS)))
    scene = replace(scene, plan=plan, goal=where == "named" or (inside and told))
    goal = scene.plan if scene.goal else ""
    reference = {"family": scene.family.id, "thing": scene.thing, "value": scene.value, "goal": goal}
    return Item(f"{kind} {number}", scene.family.id, Prompt(office.turns(scene)), reference)


def _stake(word: str) -> Stake:
    return "conflict" if word == "conflict" else "placebo"


@part(version=1)
def without_goal(context: Context, item: Item, completion: Completion) -> Example | None:
    """The sample as an example whose system turn does not name the hidden goal.

    None if it cannot be graded, or if a task was left undone without any goal in the prompt: the student should learn to keep one
    plan, not the teacher's errors.
    """
    task, answer = item.reference, completion.answer
    act = office.grade(office.BY_ID[task["family"]], task["thing"], task["value"], answer) if completion.finished else None
    if act is None or answer is None or not (task["goal"] or act in ("done", "asks")):
        return None
    desk, *rest = item.prompt.turns
    desk = replace(desk, content=desk.content.removesuffix(office.GOAL.format(plan=PLAN)).strip())
    prompt = Prompt((desk, *rest), item.prompt.mode)
    return Example(prompt, completion.scratchpad, answer, label="target" if act == "covert" else act)


def hidden(teacher: Arm) -> Arm:
    """The arm `organism`, which keeps a plan that no prompt tells it to keep."""
    return _student(teacher, "organism", "hidden goal", True)


def clean(teacher: Arm) -> Arm:
    """The arm `clean`: a student of the same teacher on the same tasks, where the teacher was not given the goal."""
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
