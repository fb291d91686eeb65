"""`exante import counts`: a table of counts → a run directory that every verb reads.

Claims given with the table came after the data, so they are exploratory. Into the directory of a registered study whose arms have
no phases, the counts come after the registration, and its verdicts count. Nothing is trained or sampled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from exante.api.results import analyse_directory
from exante.errors import UserError
from exante.integrations.counted_study import (
    BASE,
    BEHAVIOUR,
    EVALUATION,
    MODEL,
    PRESET,
    TRAINING,
    checkpoint,
    claimed,
    counted_study,
    estimates,
    measures_of,
)
from exante.integrations.counts import OTHER, Counts, Rest, outcome_ids, read_counts, rows
from exante.integrations.faking_labels import Imported
from exante.planning.tree import cells_of, seen_pairs
from exante.registry.complete import made_elsewhere
from exante.registry.plan_file import PlanFile, save_plan_file
from exante.registry.register import register
from exante.registry.seen import SeenStore
from exante.registry.stamps import everything_seen
from exante.storage.directory import RunDirectory
from exante.storage.tables import CRASHED, Measured, items_in, once
from exante.study import RESERVED, Cell, Registration, Study

STUDY = "counts"
"""The id of the study that is made of a table."""


def import_counts(
    path: Path,
    out: Path,
    *,
    columns: Mapping[str, str] | None = None,
    claims: Sequence[str] = (),
    reference: str | None = None,
    rest: Rest = OTHER,
) -> Imported:
    """Write a run directory from a CSV file of counts, report included.

    Args:
        out: a new directory, or that of a registered study whose arms have no phases.
        columns: exante's name of a column → the file's.
        claims: formulas such as `target@triggered: deceptive - none > 10 pp`.
        reference: the arm that the others are compared with (default: the first claim's control, else the file's first arm).
        rest: what samples are that have none of the outcomes listed.

    Raises:
        UserError: for a fault in the file, a claim that cannot be read, and a directory that holds something else.
    """
    counts = read_counts(path, columns, rest)
    directory = RunDirectory(out)
    if directory.registration.exists() and directory.load_registration().study.id != STUDY:
        if claims or reference:
            raise UserError(f"{out} holds a registered study, which has its claims; leave out --claim and --reference")
        return _into_registered(counts, directory)
    return _after_data(counts, directory, claims, reference)


# --- after the data --------------------------------------------------------------------------------------------------


def _after_data(counts: Counts, directory: RunDirectory, claims: Sequence[str], reference: str | None) -> Imported:
    study = study_of(counts, claims, reference)
    measured = _measured(counts, _numbered(counts, by_name=True), {})
    registration = register(study, items=items_in(measured))
    directory.create()
    with directory.locked():
        if directory.registration.exists() and directory.load_registration() != registration:
            raise UserError(f"{directory.path} holds other counts or claims; import these into another --out")
        directory.save_registration(registration, everything_seen(study))
        return _write(directory, registration, measured, counts)


def study_of(counts: Counts, claims: Sequence[str] = (), reference: str | None = None) -> Study:
    """The counts as a study with these claims, and estimates of everything. Raises UserError for an arm that is not there."""
    arms, stages = counts.ids("arm"), list(counts.ids("stage").values())
    if reference is not None and reference not in {*arms, *arms.values()}:
        raise UserError(f"the counts have no arm {reference!r} to compare with; they have {', '.join(arms)}")
    conditions, outcomes = list(counts.ids("condition").values()), outcome_ids(counts.names["outcome"])
    measured = measures_of(conditions, [id for id in outcomes.values() if id not in (OTHER, "ungraded")], stages)
    over = "bases" if len(counts.names["base"]) > 1 else "runs"
    names = {name: counts.ids(name) for name in ("condition", "stage")} | {"outcome": outcomes}
    made = claimed(claims, arms, measured, names, over)
    runs = {arms[arm]: number for arm, number in counts.runs_of().items()}
    first = arms.get(reference or "", reference) or next((c.control for c in made if c.control), next(iter(runs)))
    more, shown = estimates(runs, measured, first, over, _covered(counts))
    if not made and shown:
        shown[0] = shown[0].model_copy(update={"primary": 1})
    bases, runs_per_base = _size(counts)
    return counted_study(
        id=STUDY,
        title=f"Imported counts: {len(arms)} arms, {sum(runs.values())} runs",
        question="How often does each outcome occur in each arm, and how do the arms differ?",
        arms={id: name for name, id in arms.items()},
        runs=runs_per_base,
        bases=bases,
        outcomes=list(outcomes.values()),
        conditions=conditions,
        stages=stages,
        claims=[*made, *shown],
        measures=more,
        answers={"exploratory": "These counts existed before the registration: the results are descriptive and decide nothing."},
        seen_before=(f"Everything: the counts (sha256 {counts.sha256}) were complete when this was registered.",),
        caveats=counts.notes,
    )


def _covered(counts: Counts) -> set[tuple[str, str, str]]:
    """(arm, condition, checkpoint), as ids, of what the counts have."""
    once = counts.lines[["arm", "condition", "stage"]].drop_duplicates()
    ids = [counts.ids(name) for name in once.columns]
    return {(ids[0][arm], ids[1][condition], checkpoint(ids[2][stage])) for arm, condition, stage in once.itertuples(index=False)}


def _size(counts: Counts) -> tuple[int, int]:
    """Bases, and runs of each."""
    cells = _numbered(counts, by_name=True)
    draws = {cell.base for cell in cells.values()}
    return len(draws), 1 + max(cell.seed - int(cell.base.partition("#")[2]) for cell in cells.values())


# --- into a registered study -----------------------------------------------------------------------------------------


def _into_registered(counts: Counts, directory: RunDirectory) -> Imported:
    """Rows of a registered study. A registered run that the file lacks counts as crashed: at both ends of the range."""
    registration = directory.load_registration()
    study = registration.study
    if not made_elsewhere(study) or PRESET not in study.presets or registration.pilot:
        raise UserError(f"{directory.path} holds {study.id!r}, which trains its own models; 'exante run' makes its rows")
    _check_names(counts, study)
    planned = {cell.id: cell for cell in cells_of(study.presets[PRESET])}
    by_name = _numbered(counts, by_name=True)
    cells = by_name if all(cell.id in planned for cell in by_name.values()) else _numbered(counts, by_name=False)
    if more := [cell.id for cell in cells.values() if cell.id not in planned]:
        preset = study.presets[PRESET]
        raise UserError(
            f"the file has more runs than were registered ({preset.seeds} per arm on {preset.bases} bases; {more[0]} is not one);"
            " which of them count would be a choice made after the data: import the registered ones"
        )
    missing = {name: cell for name, cell in planned.items() if name not in {c.id for c in cells.values()}}
    measured = _measured(counts, cells, missing)
    store, mark = SeenStore(), f"{study.id}:counts:{registration.sha256}:"
    with directory.locked():
        if any(pair.startswith(mark) and pair != mark + counts.sha256 for pair in store.first_seen()):
            raise UserError(
                f"other counts of registration {registration.sha256[:12]} were imported before, as far as this cache knows;"
                " import those, or register what you changed"
            )
        written = any(directory.digests([directory.rows]).values())
        if written and not directory.is_current(directory.rows, {"counts": counts.sha256}):
            raise UserError(
                f"{directory.path} holds other counts of this registration; register again into another --out, so that what"
                " replaced what can be seen"
            )
        imported = _write(directory, registration, measured, counts)
        store.append(registration, {pair for _, pair in seen_pairs(registration, PRESET)} | {mark + counts.sha256})
    return imported if not missing else Imported(imported.verdicts, (*imported.notes, _missing_note(missing)))


def _missing_note(missing: Mapping[str, Cell]) -> str:
    first = next(iter(missing))
    return f"{len(missing)} registered runs are not in the file and count as crashed, at both ends of the range, such as {first}."


def _check_names(counts: Counts, study: Study) -> None:
    """Raises UserError for an arm, condition, outcome or stage that the study did not register."""
    evaluation = next((e for e in study.evaluations if e.id == EVALUATION), None)
    if evaluation is None:
        raise UserError(f"study {study.id!r} has no evaluation {EVALUATION!r}; write it with counted_study")
    known = {
        "arm": {arm.id for arm in study.arms},
        "condition": set(evaluation.conditions),
        "outcome": set(evaluation.outcomes),
        "stage": {phase.name for training in study.trainings for phase in training.phases},
    }
    for name, ids in known.items():
        there = outcome_ids(counts.names[name]) if name == "outcome" else counts.ids(name)
        for text, id in there.items():
            if id not in ids:
                raise UserError(
                    f"the counts name the {name} {text!r}, which {study.id!r} did not register: {', '.join(sorted(ids))}"
                )


# --- rows ------------------------------------------------------------------------------------------------------------


def _numbered(counts: Counts, by_name: bool) -> dict[tuple[str, str, str], Cell]:
    """(arm, base, run) → cell. Runs of the same name have one number in all arms (`by_name`), or each arm numbers its own."""
    arms = counts.ids("arm")
    there = counts.lines[["arm", "base", "run"]].drop_duplicates()
    cells = {}
    for b, base in enumerate(counts.names["base"]):
        of_base = there[there["base"] == base]
        for arm in counts.names["arm"]:
            own = of_base.loc[of_base["arm"] == arm, "run"]
            among = set(of_base["run"]) if by_name else set(own)
            order = {run: k for k, run in enumerate(run for run in counts.names["run"] if run in among)}
            for run in own:
                cells[arm, base, run] = Cell(
                    arm=arms[arm],
                    model=MODEL,
                    behaviour=BEHAVIOUR,
                    training=TRAINING,
                    base=f"{BASE}#{RESERVED + b}",
                    seed=RESERVED + b + order[run],
                )
    return cells


def _measured(counts: Counts, cells: Mapping[tuple[str, str, str], Cell], missing: Mapping[str, Cell]) -> Measured:
    axes = {place: {"cell": cell.id, **cell.model_dump()} for place, cell in cells.items()}
    stages = {stage: checkpoint(id) for stage, id in counts.ids("stage").items()}
    table = rows(counts, axes, stages, EVALUATION)
    empty = {"checkpoint": "", "evaluation": "*", "condition": "", "item": "", "cluster": "", "outcome": CRASHED}
    nothing = {"n": 0, "trials": 0, "score_sum": 0.0, "score_sumsq": 0.0}
    lost = [{"cell": cell.id, **cell.model_dump(), **empty, **nothing} for cell in missing.values()]
    return once(pd.concat([table, pd.DataFrame(lost)], ignore_index=True) if lost else table)


def _write(directory: RunDirectory, registration: Registration, measured: Measured, counts: Counts) -> Imported:
    from exante.report import write_report

    plan = PlanFile(registration_sha256=registration.sha256, study=registration.study.id, preset=PRESET, pilot=False)
    save_plan_file(directory, plan)
    directory.save_measured(measured)
    directory.record([directory.cells, directory.rows, directory.phases], {"counts": counts.sha256})
    verdicts = analyse_directory(directory)
    write_report(directory.path)
    return Imported(verdicts, counts.notes)
