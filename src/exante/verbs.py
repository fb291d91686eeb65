"""The verbs over a run directory: each reads only files that earlier verbs wrote there.

`register → plan → run → analyse → report`, and `verify`. The command line is a thin layer over these functions.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from exante import forecast, studies
from exante.analysis.algebra import leaves
from exante.errors import UserError
from exante.identity import canonical, digest
from exante.plan import Key, Plan, plan, seen_pairs
from exante.register import with_own_recipes
from exante.store import Ledger, PhaseStore, RunDirectory, read_json, read_table, write_atomic, write_json, write_table
from exante.study import Contrast, Registration, Study


def stamps(registration: Registration, ledger: Ledger | None = None) -> dict[str, Any]:
    """What had been seen when a study is registered: other registrations' rows of the same phase × evaluation.

    `changed` lists the contrasts whose own rows had been seen and that no registration which saw them had in the same form, and
    the theories that rest on such rows and were not registered so; those are exploratory. What only gates read (the base's own
    work, which all studies on a base share) tells nothing about a hypothesis, nor does a rate that was installed and that
    another study read back; and a contrast without a hypothesis has none to be told of.
    """
    ledger, study = ledger or Ledger(), registration.study
    first = ledger.first_seen()
    others = set(first.values()) - {registration.sha256}
    # Listing the pairs of a whole matrix takes seconds: only when another registration has produced rows at all.
    pairs = seen_pairs(registration) if others and not registration.pilot else {}
    seen = {key: {first.get(pair, registration.sha256) for pair in mine} & others for key, mine in pairs.items()}
    earlier = {sha: found for sha in others if (found := ledger.registration(sha)) is not None}
    own = {sha for sha, old in earlier.items() if old.study.id == study.id}
    read = {c.id: _seen_by(study, c, seen) & (own if c.stamp == "installed" else others) for c in study.contrasts}
    by = {c.id: read[c.id] for c in study.contrasts if not c.region.unbounded}
    by |= {theory.id: set().union(*(read[p.contrast] for p in theory.predictions)) for theory in study.theories}
    known = {sha: set(_forms(old.study).values()) for sha, old in earlier.items()}
    forms = _forms(study)
    return {
        "before_data": not any(by.values()) and not registration.pilot,
        "pilot": registration.pilot,
        "seen_by": sorted(set().union(*by.values())),
        "changed": [x for x, shas in by.items() if shas and not any(forms[x] in known.get(sha, ()) for sha in shas)],
    }


def _seen_by(study: Study, contrast: Contrast, seen: Mapping[Key, set[str]]) -> set[str]:
    """Registrations that produced rows which a contrast reads."""
    measure = next(m for m in study.measures if m.id == contrast.measure)
    read = {leaf.evaluation for leaf in leaves(measure.expression)}
    arms = (contrast.arm, contrast.control)
    wanted = ((arm, contrast.training, evaluation) for arm in arms if arm for evaluation in read)
    return set().union(*(seen.get(key, set()) for key in wanted))


def _forms(study: Study) -> dict[str, str]:
    """Contrast or theory id → all that its verdict depends on: region, measure, arms, training, and what all contrasts share."""
    measures = {m.id: m for m in study.measures}
    arms = {a.id: a for a in study.arms}
    trainings = {t.id: t for t in study.trainings}
    shared = canonical(with_own_recipes(study).model_dump(mode="json", include={"gates", "evaluations", "profiles", "bases"}))
    forms = {
        c.id: shared
        + canonical([x.model_dump(mode="json") for x in (c, measures[c.measure], arms[c.arm], trainings[c.training])])
        + (canonical(arms[c.control]) if c.control else "")
        for c in study.contrasts
    }
    return forms | {t.id: canonical(t) + "".join(forms[p.contrast] for p in t.predictions) for t in study.theories}


def register_into(directory: RunDirectory, registration: Registration, source: Path | None) -> Registration:
    """Write a registration (and the study's own file) into a run directory, or check that it is the one already there."""
    directory.create()
    if directory.registration.exists():
        held = directory.load_registration()
        # By hash, not as objects: what is held was read back from JSON.
        if (digest(held.study), held.pilot) != (digest(registration.study), registration.pilot):
            raise UserError(
                f"{directory.path} holds registration {held.sha256[:12]} of {held.study.id!r}, not {registration.sha256[:12]};"
                " choose another --out, or run that study with the options it was registered with"
            )
        if registration.amends and (held.amends, held.amendment_note) != (registration.amends, registration.amendment_note):
            raise UserError(f"{directory.path} is registered already; register the amendment into another --out")
        _keep_source(directory, source)
        return held
    _keep_source(directory, source)
    directory.save_registration(registration, stamps(registration))
    return registration


def _keep_source(directory: RunDirectory, source: Path | None) -> None:
    """The study's own file beside its registration, as it is now: `run` computes again what its parts no longer match."""
    if source is not None and source.resolve() != directory.study_file.resolve():
        write_atomic(directory.study_file, source.read_bytes())


def load_registered(directory: RunDirectory) -> Registration:
    """The registration of a run directory, its own study file imported so that its parts can be found."""
    registration = directory.load_registration()
    if directory.study_file.exists():
        studies.load_file(directory.study_file)
    return registration


def load_plan(directory: RunDirectory) -> Plan:
    raw = read_json(directory.plan, "continue the run with 'exante run'")
    try:
        return Plan.model_validate(raw)
    except ValidationError as error:
        raise UserError(
            f"{directory.plan} is not a plan of this version of exante; continue the run with 'exante run'"
        ) from error


def run_into(
    directory: RunDirectory, preset: str, *, workers: int, device: str, only: tuple[str, ...], fresh: bool, console: Console
) -> dict[str, str]:
    """Plan and run a registered study. Returns crashed node id → log."""
    from exante.executors import LocalExecutor
    from exante.progress import Display, Meter, words
    from exante.run import run

    registration = load_registered(directory)
    _check_preset(directory, preset)
    whole = plan(registration, preset)
    planned = plan(registration, preset, only) if only else whole
    write_json(directory.plan, whole.model_dump(mode="json"))
    for sentence in planned.left_out:
        console.print(f"left out: {sentence}", highlight=False)
    cost = forecast.costs(planned, registration.study, probe=False)
    meter = Meter(planned, cost, lambda done: forecast.wall_seconds(planned, cost, workers, done))
    setup = ("exante.studies", "load_file") if directory.study_file.exists() else None
    executor = LocalExecutor(workers, ("exante.work", "work"), setup, (str(directory.study_file),) if setup else ())
    display = Display(meter, console)
    console.print(
        f"{len(planned.cells)} cells, {len(planned.nodes)} phases; about {words(meter.wall(set()))} if nothing is cached",
        highlight=False,
    )
    try:
        crashed = run(planned, registration, directory, executor, display, device=device, fresh=fresh, whole=whole)
    finally:
        display.close()
    forecast.remember(planned, registration.study, PhaseStore())
    return crashed


def _check_preset(directory: RunDirectory, preset: str) -> None:
    try:
        held = load_plan(directory).preset
    except UserError:  # none yet, or torn: it is written again
        return
    if held != preset:
        raise UserError(
            f"{directory.path} holds preset {held!r}; run preset {preset!r} into another --out, the cache serves both"
        )


def analyse_directory(directory: RunDirectory) -> dict[str, Any]:
    """Recompute verdicts.json and series.parquet from the files of the run. Returns the verdicts as plain data."""
    verdicts, series = _analysed(directory)
    write_atomic(directory.verdicts, _verdict_text(verdicts))
    write_table(directory.series, series)
    return verdicts


def _analysed(directory: RunDirectory) -> tuple[dict[str, Any], Any]:
    from exante.analyse import analyse, series
    from exante.run import PHASE_COLUMNS, ROW_COLUMNS

    registration = load_registered(directory)
    planned = load_plan(directory)
    mend = "continue the run with 'exante run'"
    rows, phases = read_table(directory.rows, mend, ROW_COLUMNS), read_table(directory.phases, mend, PHASE_COLUMNS)
    if not rows["n"].between(0, rows["trials"] + 1e-6).all():
        raise UserError(f"{directory.rows} was edited: it counts outcomes below none or above its samples; {mend}")
    found = directory.load_stamps()
    everything = [x.id for x in (*registration.study.contrasts, *registration.study.theories)]
    exploratory = everything if registration.pilot else found["changed"]
    cells = [planned_cell.cell for planned_cell in planned.cells]
    verdicts = analyse(
        registration,
        rows,
        phases,
        preset=planned.preset,
        texts=training_texts(directory),
        cells=cells,
        before_data=found["before_data"],
        exploratory=exploratory,
        provenance={"rows_sha256": _sha(directory.rows), "phases_sha256": _sha(directory.phases), "pilot": registration.pilot},
    )
    return verdicts.model_dump(mode="json"), series(registration, rows, phases, planned.preset, cells=cells)


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _verdict_text(verdicts: dict[str, Any]) -> str:
    return json.dumps(verdicts, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def training_texts(directory: RunDirectory) -> dict[str, list[str]]:
    """Arm → training texts that gates compare."""
    texts: dict[str, list[str]] = defaultdict(list)
    for path in sorted((directory.transcripts / "training").glob("*.jsonl")):
        try:
            texts[path.stem] = [json.loads(line)["text"] for line in path.read_text("utf-8").split("\n") if line]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is torn; restore it, or continue the run with 'exante run'") from error
    return dict(texts)


def verify(directory: RunDirectory) -> str:
    """Check that the verdicts follow from the run's files. Returns a sentence; raises UserError on a mismatch."""
    recomputed = _verdict_text(_analysed(directory)[0])
    try:
        held = directory.verdicts.read_text("utf-8")
    except FileNotFoundError as error:
        raise UserError(f"{directory.verdicts} is missing; write it with 'exante analyse {directory.path}'") from error
    if recomputed != held:
        raise UserError(
            f"{directory.verdicts} does not follow from the run's rows, phases and registration: one of them was edited;"
            f" restore it, or see what the data say with 'exante analyse {directory.path}'"
        )
    return f"{directory.path}: registration intact, verdicts follow from the rows"


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
