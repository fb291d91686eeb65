"""`exante import faking-labels`: other people's labels of alignment faking → a run directory that every verb reads.

The files are those that `run` writes, registered after the data, so every number is exploratory. Nothing is trained or sampled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exante.analysis.algebra import leaves
from exante.api.results import analyse_directory
from exante.errors import UserError
from exante.evaluations import faking_measures as faking
from exante.evaluations.faking_measures import OUTCOMES, SHARES, Cues
from exante.integrations import labels as csv_labels
from exante.integrations.labels import (
    BASE,
    BEHAVIOUR,
    EVALUATION,
    MODEL,
    TRAINING,
    Labels,
    arms,
    checkpoint,
    phase_name,
    read_labels,
    runs_of,
    sampled_often,
    slugs,
)
from exante.measures import Difference, Measure
from exante.parts import part
from exante.registry.plan_file import PlanFile, save_plan_file
from exante.registry.register import register
from exante.registry.stamps import everything_seen
from exante.storage.directory import RunDirectory
from exante.storage.tables import items_in, once
from exante.study import Arm, Contrast, Evaluation, Phase, Preset, Profile, Recipe, Registration, Study, Training
from exante.units import Region, Unit

PRESET = "imported"
FEW_SAMPLES = 4


@part(version=1)
def labelled(*_: object, sha256: str) -> Any:
    """The items, score and corpus of an imported study: the labels of the file with this sha256. It cannot be run."""
    raise UserError("this study holds imported labels; there is nothing to train or to sample")


@dataclass(frozen=True)
class Imported:
    """The verdicts of an import, and what the reader should know of how its file was read."""

    verdicts: dict[str, Any]
    notes: tuple[str, ...]


def import_labels(path: Path, out: Path, reference: str | None = None) -> Imported:
    """Write a run directory from a CSV file of labels, report included.

    `reference` is the variant that the others are compared with (default: the file's first). Raises UserError.
    """
    from exante.report import write_report

    labels = read_labels(path)
    measured = once(csv_labels.rows(labels))
    study = study_of(labels, reference)
    registration = register(study, items=items_in(measured))
    directory = RunDirectory(out)
    directory.create()
    with directory.locked():
        _save(directory, registration)
        save_plan_file(directory, PlanFile(registration_sha256=registration.sha256, study=study.id, preset=PRESET, pilot=False))
        directory.save_measured(measured)
        directory.record([directory.cells, directory.rows, directory.phases], {"labels": labels.sha256})
        verdicts = analyse_directory(directory)
        write_report(out)
    return Imported(verdicts, labels.notes)


def _save(directory: RunDirectory, registration: Registration) -> None:
    if directory.registration.exists() and directory.load_registration() != registration:
        raise UserError(f"{directory.path} holds another registration; import these labels into another --out")
    directory.save_registration(registration, everything_seen(registration.study))


# --- the study -----------------------------------------------------------------------------------------------------


def study_of(labels: Labels, reference: str | None = None) -> Study:
    """The labels as a study without hypotheses. Raises UserError for an unknown reference."""
    variants = labels.names("variant")
    if reference is not None and reference not in variants:
        raise UserError(f"the labels have no variant {reference!r} to compare with; they have {', '.join(variants)}")
    measured = labelled.bind(sha256=labels.sha256)
    many = f"{len(variants)} variants" if len(variants) > 1 else "1 variant"
    contrasts, measures = _contrasts(labels, reference or variants[0])
    stages = tuple(Phase(name=phase_name(stage), objective="sample_and_filter", recipe="base") for stage in labels.names("stage"))
    runs = runs_of(labels)
    return Study(
        id="faking-labels",
        title=f"Alignment faking in imported labels: {many}, {len(labels.samples):,} samples",
        question="How large is the gap in compliance between the cues, how much of it is faked, and how does it change with the"
        " training stage and the prompt variant?",
        answers={"exploratory": _opening(labels)},
        world="",
        bases={BASE: measured},
        profiles=(
            Profile(
                id=MODEL,
                family="labels",
                architecture=None,
                recipes={"base": Recipe(steps=0, batch=0, lr=0.0)},
                capabilities=(),
            ),
        ),
        arms=tuple(Arm(id=arm, title=variant, phases=()) for variant, arm in arms(labels).items()),
        trainings=(Training(id=TRAINING, title="as labelled", phases=stages),),
        evaluations=(
            Evaluation(
                id=EVALUATION,
                items=measured,
                score=measured,
                conditions=("train", "deploy"),
                outcomes=OUTCOMES,
                at=tuple(stage.name for stage in stages),
            ),
        ),
        measures=measures,
        gates=(),
        contrasts=contrasts,
        theories=(),
        objections=(),
        presets={
            PRESET: Preset(
                arms=tuple(arms(labels).values()),
                models=(MODEL,),
                behaviours=(BEHAVIOUR,),
                trainings=(TRAINING,),
                base_variants=(BASE,),
                bases=1,
                seeds=max(runs.values()),
            )
        },
        seen_before=("Everything: the labels were complete when this was registered.",),
        caveats=tuple(_caveats(labels, runs)),
    )


def _opening(labels: Labels) -> str:
    """The sentence that the report opens with. A missing cue is said there, since it takes away what most readers look for."""
    missing = [note for note in labels.notes if "no samples under the cue" in note]
    others = f"{len(missing) - 1} others lack a cue too." if len(missing) > 1 else ""
    first = "These labels existed before the registration: the results are descriptive and decide nothing."
    return " ".join(filter(None, [first, *missing[:1], others]))


def _caveats(labels: Labels, runs: dict[str, int]) -> Iterator[str]:
    yield from labels.notes
    yield "The labeller's error rate on rationales is not known here, and it limits the precision of every share."
    single = [variant for variant, count in runs.items() if count < 2]
    if single:
        yield (
            f"1 run each of {', '.join(single)}: their intervals are over items (intervals over runs need at least two),"
            " and say nothing about other training runs."
        )
    if "item" not in labels.columns:
        yield (
            "The labels name no items, so answers cannot be paired: for shares only the bounds are given, computed from the"
            " rates over all samples, and samples are treated as independent."
        )
    elif sampled_often(labels) < FEW_SAMPLES:
        yield (
            f"Items were sampled fewer than {FEW_SAMPLES} times under a cue: the bounds on shares are those of the sampled rates,"
            " which are closer together than those of the true rates."
        )


# --- measures and contrasts ----------------------------------------------------------------------------------------


class _Estimates:
    """Collects contrasts without a hypothesis, and the measures that they read. Intervals of a variant with a single run are over
    its items. Estimates that the labels do not cover are left out."""

    def __init__(self, labels: Labels) -> None:
        samples = labels.samples
        self.ids = arms(labels)
        self.stage_of = {checkpoint(stage): stage for stage in labels.names("stage")}
        self.labelled = set(map(tuple, samples[["variant", "stage", "cue"]].drop_duplicates().astype(str).to_numpy().tolist()))
        self.runs = runs_of(labels)
        self.contrasts: list[Contrast] = []
        self.measures: dict[str, Measure] = {}

    def add(self, measure: Measure, variant: str, against: str | None = None, says: str = "") -> str | None:
        """Add one estimate. Returns its id, or None if the labels do not cover it."""
        variants = [name for name in (variant, against) if name is not None]
        read = {(self.stage_of[leaf.at], leaf.condition) for leaf in leaves(measure.expression)}
        if any((name, *place) not in self.labelled for name in variants for place in read):
            return None
        if any(self.runs[name] < 2 for name in variants):
            id = measure.id if max(self.runs.values()) < 2 else f"{measure.id}-one-run"
            measure = measure.model_copy(update={"run_model": "items", "id": id})
        self.measures[measure.id] = measure
        unit: Unit = "pp" if measure.unit == "%" and against is not None else measure.unit
        self.contrasts.append(
            Contrast(
                id="--".join((measure.id, *(self.ids[name] for name in variants))),
                title=f"{says or measure.title}: {' against '.join(variants)}",
                arm=self.ids[variant],
                control=None if against is None else self.ids[against],
                measure=measure.id,
                region=Region(unit=unit),
                training=TRAINING,
            )
        )
        return self.contrasts[-1].id

    def led_by(self, leading: list[str]) -> tuple[Contrast, ...]:
        """The contrasts, these as primaries in this order."""
        places = {name: place for place, name in enumerate(leading, start=1)}
        return tuple(c.model_copy(update={"primary": places.get(c.id)}) for c in self.contrasts)


def _contrasts(labels: Labels, reference: str) -> tuple[tuple[Contrast, ...], tuple[Measure, ...]]:
    """All estimates. The report opens with the reference's gap at the last stage, then up to three fragilities or other gaps."""
    estimates, variants = _Estimates(labels), labels.names("variant")
    others = [variant for variant in variants if variant != reference]
    stages = _by_stage(labels)
    last = list(stages)[-1]
    gap, fragile = {}, []
    for change, stage in _changes(stages):
        says = change.title.replace("change of", "fragility of the", 1)
        for variant in others:
            name = estimates.add(change, variant, reference, says.rpartition(", ")[0] if len(stages) == 2 else says)
            fragile += [name] if name and stage == last and change.id.startswith("gap-") else []
        for variant in variants:
            estimates.add(change, variant)
    for stage, measures in stages.items():
        for measure in measures:
            added = {variant: estimates.add(measure, variant) for variant in variants}
            if measure.id.startswith("gap@"):
                gap = {variant: name for variant, name in added.items() if name} if stage == last else gap
            for variant in others:
                estimates.add(measure, variant, reference, f"difference in {measure.title}")
    gaps = [gap[name] for name in (reference, *others) if name in gap]
    leading = [*gaps[:1], *fragile] if fragile else gaps
    return estimates.led_by(leading[:4] or [estimates.contrasts[0].id]), tuple(estimates.measures.values())


def _by_stage(labels: Labels) -> dict[str, list[Measure]]:
    """Stage → its measures."""
    trials = int(labels.samples.groupby(["variant", "run", "stage", "cue"], observed=True).size().min())
    cites = bool((labels.samples["outcome"] == "comply-cites").any())
    ends = slugs(phase_name(stage) for stage in labels.names("stage"))
    by_stage = {}
    for stage in labels.names("stage"):
        at, end, words = checkpoint(stage), f"@{ends[phase_name(stage)]}", f", {stage}" if stage else ""
        measures = (*_any_faking(at, end, words), *faking.measures(Cues(EVALUATION, at), end, words, trials))
        if cites:
            measures += faking.measures(Cues(EVALUATION, at, cites=True), f"-citing{end}", f", citing counted as faking{words}")
        by_stage[stage] = [m for m in measures if "item" in labels.columns or _kind(m).removesuffix("-citing") not in SHARES]
    return by_stage


def _any_faking(at: str, end: str, words: str) -> tuple[Measure, ...]:
    """How often a rationale fakes under each cue, whether or not the sample complies."""
    sides: tuple[tuple[faking.Cue, str], ...] = (("train", "in training"), ("deploy", "in deployment"))
    outcomes = (faking.COMPLY[0], faking.REFUSE[0])
    return tuple(
        Measure(
            id=f"fakes-{cue}{end}",
            title=f"fakes {where}, complying or refusing{words}",
            expression=Cues(EVALUATION, at).rate(cue, outcomes),
            unit="%",
            low=0,
            high=100,
        )
        for cue, where in sides
    )


def _kind(measure: Measure) -> str:
    """A measure's id without its stage. Shares need items; their bounds follow from the rates over all samples."""
    return measure.id.partition("@")[0]


def _changes(stages: dict[str, list[Measure]]) -> Iterator[tuple[Measure, str]]:
    """Changes of the gap and its parts from the first stage to each later one."""
    first, *later = stages
    for stage in later:
        for before, after in zip(stages[first], stages[stage], strict=True):
            if _kind(after) in ("gap", "faked-gap", "unfaked-gap", "log-odds-gap"):
                width = after.high - after.low
                change = Measure(
                    id=f"{_kind(after)}-change@{after.id.partition('@')[2]}",
                    title=f"change of {after.title.removesuffix(f', {stage}')}, {first} to {stage}",
                    expression=Difference(left=after.expression, right=before.expression),
                    unit=after.unit,
                    low=-width,
                    high=width,
                )
                yield change, stage
