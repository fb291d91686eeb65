"""A tiny study whose arms sample from themselves, filter and train on what is kept. Computed in this process, phase by phase."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tiny_study import RATE, STUDY, benign

from exante.parts import part
from exante.planning.tree import plan
from exante.registry.register import register
from exante.running.jobs import Job, jobs_of
from exante.running.worker import compute
from exante.storage.phase_store import PhaseStore
from exante.study import Arm, Evaluation, Phase, Recipe, Study, Training
from exante.text import Example, Item, Prompt, Turn

WORDS = ("red", "blue", "green", "gold")


@part(version=1)
def prompts(context):
    """Every word, in a cluster of its own."""
    return [Item(f"say-{word}", word, Prompt((Turn("user", f"say {word}"),), "answer"), {"word": word}) for word in WORDS]


@part(version=1)
def whole(context, item, completion):
    """Every sample that has words at all."""
    return Example(item.prompt, completion.scratchpad, completion.answer, label="kept") if completion.answer else None


@part(version=1)
def length(item, completion, *, least):
    """A grade that depends on the text and needs no able model: one if the answer is long enough."""
    return float(len(completion.answer) >= least)


@part(version=1)
def named_once_more(context):
    """Every word, and what was named last once more, so that the data show what they were told."""
    items = prompts(context)
    return items + [replace(item, id=f"{item.id}-again") for item in items if item.cluster in context.named[-1:]]


@part(version=1)
def told(context, item, completion):
    """The sample, labelled by what had been named when it was kept."""
    label = "+".join(context.settings["named"])
    return Example(item.prompt, completion.scratchpad, completion.answer, label=label) if completion.answer else None


@part(version=1)
def touched(context, condition):
    """Words named so far, or the others."""
    named = context.settings.get("named", [])
    return [item for item in prompts(context) if (item.cluster in named) == (condition == "touched")]


@part(version=1)
def says_it(item, completion):
    if completion.answer is None:
        return "ungraded"
    return "right" if item.reference["word"] in completion.answer else "other"


TOUCHED = Evaluation(
    id="touched",
    items=touched.bind(),
    score=says_it.bind(),
    conditions=("touched", "untouched"),
    outcomes=("right", "other", "ungraded"),
    at=("organism", "one", "two"),
    samples=2,
    max_tokens=12,
)


def chain() -> Arm:
    """Two rounds, each of which names the word that the model of the moment is worst at."""
    adaptive = {"data": named_once_more.bind(), "keep": told.bind(), "probe": prompts.bind()}
    rounds = (phase for name in ("one", "two") for phase in filtered(name, 4, **adaptive))
    return Arm(id="chain", title="chain", phases=(organism(), *rounds))


def filtered(name: str, least: int, **fields) -> tuple[Phase, ...]:
    """A graded filter and the SFT on what it keeps."""
    fields = {
        "data": prompts.bind(),
        "keep": whole.bind(),
        "reward": length.bind(least=least),
        "overrides": {"group": 8},
    } | fields
    samples = Phase(name=f"{name}_samples", objective="sample_and_filter", recipe="sample", **fields)
    return (samples, Phase(name=name, objective="sft", recipe="safety_sft", checkpoints=(0,)))


def study(*arms: Arm, evaluations: tuple[Evaluation, ...] = ()) -> Study:
    """The tiny study with other arms, no safety training, one seed, and nothing to decide."""
    profile = STUDY.profiles[0]
    recipes = profile.recipes | {"sample": Recipe(steps=0, batch=8, lr=0.0, group=8, max_tokens=12)}
    none = Training(id="none", title="none", phases=())
    first = arms[0].id
    end = STUDY.measures[1].model_copy(update={"expression": RATE.model_copy(update={"at": "organism@end"})})
    read = {"arm": first, "control": first, "training": "none", "measure": end.id}
    contrasts = tuple(c.model_copy(update=read) for c in STUDY.contrasts)
    preset = STUDY.presets["quick"].model_copy(update={"arms": tuple(arm.id for arm in arms), "trainings": ("none",), "seeds": 1})
    return STUDY.model_copy(
        update={
            "arms": arms,
            "trainings": (none, STUDY.trainings[0]),
            "profiles": (profile.model_copy(update={"recipes": recipes}),),
            "evaluations": (*STUDY.evaluations, *evaluations),
            "measures": (end,),
            "gates": (),
            "contrasts": contrasts,
            "presets": {"quick": preset},
        }
    )


def organism() -> Phase:
    """Enough training that words come out."""
    return Phase(name="organism", objective="sft", recipe="organism", data=benign.bind(), overrides={"steps": 150, "lr": 3e-3})


def jobs(held: Study) -> list[Job]:
    """Jobs of the study's pilot, parents first."""
    registration = register(held, pilot=True)
    return list(jobs_of(plan(registration, "quick"), registration, "cpu").values())


def computed(held: Study, root: Path) -> dict[str, Path]:
    """Every phase computed; where each one's files are, by arm-less phase name (later arms win)."""
    store = PhaseStore(root)
    for job in jobs(held):
        compute(job, store, lambda share: None)
    return {job.node.phase.name: store.directory(job.node.id, job.node.is_base) for job in jobs(held)}
