"""The verbs as Python functions: `register`, `plan`, `run`, `analyse`, `report`, `verify`, and the commands around them.

Each function takes what its command takes (`exante COMMAND --help`) and returns data; nothing is printed but the progress of a
run, and that only to a console that the caller passes. All raise UserError for wrong input. Libraries are imported by the
function that needs them: `run`, `sample` and `reproduce` need torch, the others do not.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exante.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from exante.api.outlook import Outlook
    from exante.api.summaries import Summary
    from exante.running.executors.base import Placement
    from exante.running.masks import MaskedExample
    from exante.running.model_card import ModelCard
    from exante.running.reproduce import Compared
    from exante.storage.phase_store import Pruned
    from exante.study import Registration, Study

Json = dict[str, Any]


@dataclass(frozen=True)
class Registered:
    """A registration in its directory: what had been seen before it, warnings, and its anchor in a sentence ("" for none)."""

    registration: Registration
    stamps: Json
    warnings: list[str]
    anchor: str


@dataclass(frozen=True)
class FinishedRun:
    """The verdicts of a run, its report, and what went wrong in phases that crashed, in sentences."""

    verdicts: Json
    report: Path
    crashes: list[str]


@dataclass(frozen=True)
class CacheContents:
    """Where the cache is, and for each kind of entry ("bases", "phases", "models") how many there are and their size in bytes."""

    directory: Path
    kinds: dict[str, tuple[int, int]]


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# --- the five verbs, and verify ----------------------------------------------------------------------------------------------


def register(
    study: str,
    out: Path,
    *,
    models: Iterable[str] = (),
    seeds: int | None = None,
    micro_batch: int | None = None,
    dtype: str | None = None,
    pilot: bool = False,
    amends: str | None = None,
    note: str = "",
    commit: bool = False,
    token: Path | None = None,
) -> Registered:
    """Freeze a study (an id of a shipped one, or the path of a .py file) into the run directory `out`.

    `amends` names the registration that this one amends, by its sha256 or the path of its registration.json, and `note` says what
    changed. `commit` records the git commit that holds the registration, `token` a timestamp token's file.
    """
    from exante.api.registering import adapted, record_anchor, register_into, source_of
    from exante.registry import checks
    from exante.registry.amendments import amended_sha256
    from exante.registry.register import register as freeze
    from exante.storage.directory import RunDirectory

    if commit and token is not None:
        raise UserError("--commit and --token are two anchors, and a registration has one; give one of them")
    directory, models = RunDirectory(out), tuple(models)
    loaded = adapted(study, models, seeds=seeds, micro_batch=micro_batch, dtype=dtype)
    sha = amended_sha256(amends, directory) if amends is not None and note else amends
    registration = freeze(loaded, pilot=pilot, amends=sha, note=note, adapted=bool(models))
    directory.create()
    with directory.locked():
        registration = register_into(directory, registration, source_of(study))
        anchor = record_anchor(directory, commit, token)
    return Registered(registration, directory.load_stamps(), checks.warnings(registration.study), anchor)


def plan(
    study: str, *, preset: str | None = None, workers: int | None = None, models: Iterable[str] = (), source: Path | None = None
) -> Outlook:
    """What a run would consist of, what it would cost on this machine, and what each contrast could decide.

    `study` is a study, or the directory of a registered one; `source` is then the study's own file, where its parts are not
    exante's. The preset is by default the run's own, else "default".
    """
    from exante.api.outlook import outlook, registration_to_plan

    registration, preset = registration_to_plan(study, preset, tuple(models), source)
    return outlook(registration, preset, workers or cores())


def plan_sizes(
    study: str,
    *,
    bases: Sequence[int] = (),
    seeds: Sequence[int] = (),
    preset: str | None = None,
    workers: int | None = None,
    models: Iterable[str] = (),
    source: Path | None = None,
) -> list[Json]:
    """What each of these numbers of bases, and of seeds per base, could decide, and in what time: a row per size and primary."""
    from exante.api.outlook import registration_to_plan
    from exante.planning.power import over_sizes

    registration, preset = registration_to_plan(study, preset, tuple(models), source)
    return over_sizes(registration.study, preset, bases=bases, seeds=seeds, workers=workers or cores())


def run(
    study: str,
    out: Path,
    *,
    preset: str = "default",
    workers: int | None = None,
    placement: Placement | None = None,
    device: str = "cpu",
    models: Iterable[str] = (),
    seeds: int | None = None,
    bases: int | None = None,
    micro_batch: int | None = None,
    dtype: str | None = None,
    only: Sequence[str] = (),
    pilot: bool = False,
    fresh: bool = False,
    console: Console | None = None,
) -> FinishedRun:
    """Register, plan, run, analyse and report. The same call again continues where it stopped.

    `bases` is the look to run to, as a number of bases that the preset registers; by default the one that `out` holds, else the
    first. A later look continues the same directory.
    `models` and `seeds` (per base) replace the study's own. `micro_batch` (examples per pass) and `dtype` ("bfloat16") let
    checkpoints from outside train in less memory. `workers` is by default one per core, or one on a GPU; `placement` says
    instead on which cluster phases run. `only` names arms to train for now. `fresh` trains phases again even if the cache holds
    them. Progress is shown on `console`.
    """
    from exante.api import results, running
    from exante.api.registering import adapted, register_into, source_of
    from exante.planning.tree import plan as plan_tree
    from exante.registry.register import register as freeze
    from exante.report import write_report
    from exante.running.executors.base import Placement
    from exante.storage.directory import RunDirectory

    running.check_libraries()
    running.check_device(device)
    models = tuple(models)
    loaded = adapted(study, models, seeds=seeds, micro_batch=micro_batch, dtype=dtype)
    running.check_arms(loaded, only)
    registration = freeze(loaded, pilot=pilot, adapted=bool(models))
    planned = plan_tree(registration, preset, size=running.size_to_run(RunDirectory(out), registration, preset, bases))
    running.check_models(planned, registration.study)  # what cannot run is refused before anything is written
    directory, source = RunDirectory(out), source_of(study)
    directory.create()
    with directory.locked():
        registration = register_into(directory, registration, source)
        planned = planned.model_copy(update={"registration_sha256": registration.sha256})  # an amendment's is its own
        crashed = running.run_into(
            directory,
            registration,
            planned,
            placement=placement or Placement(workers or (cores() if device == "cpu" else 1)),
            device=device,
            only=tuple(only),
            fresh=fresh,
            console=console,
            source=source,
        )
        verdicts = results.analyse_directory(directory)
        report_path = write_report(out)
    return FinishedRun(verdicts, report_path, running.crash_sentences(crashed.values()))


def analyse(directory: Path) -> Json:
    """Recompute verdicts.json and series.parquet from the rows and phases of a run. Returns the verdicts."""
    from exante.api.results import analyse_directory
    from exante.storage.directory import RunDirectory

    files = RunDirectory(directory)
    files.load_registration()  # no lock is made in a directory that is no run
    with files.locked():
        return analyse_directory(files)


def status(directory: Path) -> Json:
    """What a run is doing: `state` (running, stopped, finished, registered), and while it runs what is done, at work and left."""
    from exante.api.state import state
    from exante.storage.directory import RunDirectory

    return state(RunDirectory(directory))


def summary(directory: Path, verdicts: Json) -> Summary:
    """What a run's verdicts say first: the answer, the contrasts that carry it, and how many others there are."""
    from exante.api.summaries import summary
    from exante.storage.directory import RunDirectory

    return summary(RunDirectory(directory).load_registration().study, verdicts)


def report(directory: Path) -> Path:
    """Write report.html from the verdicts of a run; computes nothing. Returns its path."""
    from exante.report import write_report
    from exante.storage.directory import RunDirectory

    files = RunDirectory(directory)
    files.load_registration()
    with files.locked():
        return write_report(directory)


def verify(directory: Path) -> str:
    """Check that a run's verdicts follow from its files and that its registration was not edited. Returns what was checked, in a
    sentence; raises UserError at the first fault."""
    from exante.api.results import verify_directory
    from exante.storage.directory import RunDirectory

    return verify_directory(RunDirectory(directory))


# --- looking -----------------------------------------------------------------------------------------------------------------


def shipped_studies() -> list[Study]:
    """The studies that come with exante."""
    from exante import studies

    return [studies.load(name) for name in studies.shipped()]


def objections(runs: Path | None = None) -> list[Json]:
    """The ledger of objections: one row per objection, with the evidence of the run directories in `runs`."""
    from exante.evidence import objections as ledger

    return ledger.table(runs)


def criteria(runs: Iterable[Path], arm: str | None = None) -> Json:
    """What an intervention may be called by the evidence of these runs: its criteria and the ladder of claims."""
    from exante.evidence import criteria as gate

    return gate.table(runs, arm)


def show_world(name: str, n: int = 8, seed: int = 0) -> list[list[Json]]:
    """`n` texts that a world is made of, each as its spans: `kind` and `text`."""
    from exante import studies
    from exante.text import example_spans

    return [example_spans(example) for example in studies.world(name).show(seed, n)]


def sample(
    directory: Path,
    arms: Sequence[str],
    prompt: str,
    *,
    thought: str | None = None,
    scratchpad: bool = True,
    n: int = 3,
    seed: int = 0,
    temperature: float = 1.0,
    models: Iterable[str] = (),
) -> list[Json]:
    """Replies of a run's models to a prompt, before and after safety training: `arm, training, stage, scratchpad, answer`.

    `thought` is forced at the start of the scratchpad. Without `scratchpad` the answer is opened directly. `models` says where
    the run's checkpoints lie, if this machine has not seen them yet.
    """
    from exante.api.running import check_libraries, planned_run
    from exante.running.sample import samples
    from exante.storage.phase_store import PhaseStore

    _check_prompt(prompt, thought, scratchpad, temperature)
    check_libraries()
    _remember(models)
    registration, planned = planned_run(directory)
    mode = "think" if scratchpad else "answer"
    with PhaseStore().leased(planned.nodes):
        return samples(registration.study, planned, list(arms), prompt, thought or "", mode, n, seed, temperature)


def _remember(models: Iterable[str]) -> None:
    """Remember where checkpoints lie that a registration calls by name and digest."""
    from exante.profiles import frozen_name

    for name in models:
        frozen_name(name)


def _check_prompt(prompt: str, thought: str | None, scratchpad: bool, temperature: float) -> None:
    if not prompt.strip():
        raise UserError("--prompt is empty; say something to the model")
    if thought is not None and not scratchpad:
        raise UserError("--think forces text into the scratchpad and --no-think leaves none; give one of them")
    if math.isnan(temperature):  # passes every comparison with the ends of a range
        raise UserError("--temperature takes a number from 0 to 10, not nan")


def reproduce(
    directory: Path,
    *,
    phases: int = 3,
    seed: int = 0,
    source: Path | None = None,
    workers: int | None = None,
    models: Iterable[str] = (),
    console: Console | None = None,
) -> list[Compared]:
    """Train `phases` phases of a run again, drawn by `seed`, and compare their rows. `source` is the study's own file, if its
    parts are not exante's; `models` says where the run's checkpoints lie, if this machine has not seen them yet."""
    from exante.api.running import check_libraries, reproduce_phases

    check_libraries()
    _remember(models)
    return reproduce_phases(directory, source, phases, seed, workers or cores(), console)


# --- models ------------------------------------------------------------------------------------------------------------------


def model(name: str, *, device: str = "cpu", preset: str = "quick", workers: int | None = None) -> tuple[ModelCard, list[Json]]:
    """What there is to know of an outside checkpoint (`hf:PATH`, `gguf:FILE`): its card, and per shipped study what `preset`
    would cost on it here, or why it cannot run."""
    from exante.api.outlook import preset_costs
    from exante.api.running import check_device, check_libraries
    from exante.profiles import frozen_name, profile
    from exante.running.model_card import model_card

    check_libraries()
    check_device(device)
    card = model_card(profile(frozen_name(name)), device)
    return card, preset_costs(name, card.per_unit, preset, workers or cores())


def masks(
    study: str, *, model: str | None = None, preset: str = "quick", phase: str | None = None, arms: Sequence[str] = (), n: int = 1
) -> list[MaskedExample]:
    """What a study's phases train on, token by token, as `model` reads it: the first `n` examples of each phase that trains on
    examples of its own, or of the one called `phase`."""
    from exante.api.registering import adapted
    from exante.api.running import check_arms, check_libraries
    from exante.planning.tree import plan as plan_tree
    from exante.registry.register import register as freeze
    from exante.running.masks import masked_examples

    check_libraries()
    models = () if model is None else (model,)
    registration = freeze(adapted(study, models), adapted=bool(models))
    check_arms(registration.study, arms)
    return masked_examples(registration.study, plan_tree(registration, preset), phase, arms, n)


def export_model(
    directory: Path,
    where: dict[str, Any],
    out: Path,
    *,
    checkpoint: str | None = None,
    adapter: bool = False,
    models: Iterable[str] = (),
) -> str:
    """Write a model that a run trained into the directory `out`, as transformers (or, with `adapter`, peft) loads it.

    `where` chooses the cell: `arm`, and `seed`, `base`, `behaviour`, `training` where they are given. `checkpoint` names the
    phase after which (`organism@end`), by default the cell's last. Returns which model it is, in words.
    """
    from exante.api.running import check_libraries, planned_run
    from exante.running.export_model import export
    from exante.storage.phase_store import PhaseStore

    check_libraries()
    _remember(models)
    registration, planned = planned_run(directory)
    with PhaseStore().leased(planned.nodes):
        return export(registration, planned, where, checkpoint, out, adapter=adapter)


# --- making and keeping ------------------------------------------------------------------------------------------------------


def init(name: str) -> Path:
    """Write NAME.py, a study of your own that runs as it is, into the current directory. Returns its path."""
    from exante.studies import _scaffold as scaffold

    return scaffold.write(name)


def cache() -> CacheContents:
    """What the cache holds."""
    from exante.storage.phase_store import KINDS, PhaseStore

    store = PhaseStore()
    sizes: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for path, size in store.entries():
        sizes[path.relative_to(store.root).parts[0]].append(size)
    sizes["models"] = [size for _, size in store.unpacked()]
    return CacheContents(store.root, {kind: (len(some), sum(some)) for kind, some in sizes.items()})


def prune(*, bases: bool = False) -> Pruned:
    """Delete the cache's phases (trained models and rows), and its bases if asked. What a live run needs is kept."""
    from exante.storage.phase_store import PhaseStore

    return PhaseStore().prune(bases=bases)
