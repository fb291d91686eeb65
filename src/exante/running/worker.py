"""What a worker does with one node of a plan: load weights, make data, train, evaluate at checkpoints, commit.

Does not know about cells, contrasts or other workers. Needs the `train` extra; imported only where something is computed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from exante.engines.base import Engine
from exante.engines.local import LocalEngine
from exante.errors import NothingKept, UserError
from exante.objectives import objective_of
from exante.profiles import directory_of, sampler
from exante.registry.seen import SeenStore
from exante.running import models
from exante.running.evaluate import Recorder
from exante.running.jobs import (
    Job,
    changed_parts,
    evaluation_digests,
    missing_evaluations,
    needs_training,
    parent_digests,
    training_digests,
)
from exante.running.phases import pretrained, sampled, trained
from exante.storage.files import write_atomic, write_json
from exante.storage.identity import digest, recipe_of
from exante.storage.phase_store import PhaseStore
from exante.storage.table_files import write_arrow
from exante.storage.tables import NODE_METRICS, NODE_ROWS, without_zeros
from exante.study import Context, Profile
from exante.text import Example, Prompt, Turn


def compute(
    job: Job, store: PhaseStore, progress: Callable[[float], None], record_seen: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Compute and commit a node unless it is there already, with all its rows. Returns the done-marker.

    `record_seen` is called when all rows are drawn and before any can be read by others.

    Evaluations that a committed phase lacks are run on its kept weights; only those that look at weights between its
    checkpoints' ends make it train again.
    """
    directory = store.directory(job.node.id, job.node.is_base)
    with store.held(directory):
        marker = store.marker(directory)
        valid = marker is not None and not changed_parts(job, marker, store)
        missing = missing_evaluations(job, directory) if valid else job.evaluations
        if marker is None or not valid or needs_training(job, missing):
            earlier = directory if valid else None

            def build(scratch: Path) -> dict[str, Any]:
                built = _build(job, store, scratch, progress, earlier)
                record_seen()
                return built

            return store.commit(directory, build)
        if missing:
            context = _with_named(job.node.context, marker.get("named", []))
            recorder = Recorder(job.model_copy(update={"evaluations": tuple(missing)}), context)
            _evaluate_kept(job, store, directory, recorder)
            record_seen()
            _write_rows(recorder, directory)
        else:
            record_seen()  # another run computed it meanwhile: this one reads it too
        return marker


def _evaluate_kept(job: Job, store: PhaseStore, directory: Path, recorder: Recorder) -> None:
    """Evaluate a committed phase: its start on the weights it began from, its end on those it left."""
    for step in recorder.steps:
        at_end = step == job.node.last_step
        if job.node.is_base and job.profile.architecture is None:
            recorder.evaluate(_outside(job), step)
        elif at_end and models.is_kept(store, job.node.id):
            recorder.evaluate(models.opened(store, job.profile, job.node.id, job.device), step)
        else:
            assert not job.node.is_base, "a base has no start to evaluate"
            recorder.evaluate(_start(store, job), step)


def _build(job: Job, store: PhaseStore, scratch: Path, progress: Callable[[float], None], earlier: Path | None) -> dict[str, Any]:
    started = time.perf_counter()
    node = job.node
    recorder = Recorder(job, _with_named(node.context, _named_before(job, store)))
    marker = {"digests": training_digests(job), "parents": parent_digests(job, store)}
    marker |= {"steps": node.last_step, "device": job.device} | _marker_of_named(recorder.context)
    make = _base if node.is_base else _trained if objective_of(node.phase).trains else _sampled
    made, metrics = make(job, store, scratch, recorder, progress)
    write_arrow(scratch / "metrics.arrow", pd.DataFrame(metrics, columns=NODE_METRICS))
    _write_lines(scratch / "training.jsonl", recorder.training)
    _write_rows(recorder, scratch)
    if earlier is not None:
        _carry_over(earlier, scratch)
    spent = {"seconds": time.perf_counter() - started, "evaluation_seconds": recorder.seconds, "samples": recorder.samples}
    return marker | made | spent


Made = tuple[dict[str, Any], list[dict[str, Any]]]
"""What identifies the outcome of a phase (for its done-marker), and its metrics."""


def _named_before(job: Job, store: PhaseStore) -> list[str]:
    """Clusters named by probes on the way to a phase: the latest filter's list, which is the longest of its parents'."""
    markers = [store.find(parent) or {} for parent in job.node.parents]
    return max((marker.get("named", []) for marker in markers), key=len, default=[])


def _with_named(context: Context, named: Sequence[str]) -> Context:
    """The context of a phase, with the clusters that probes named on the way to it."""
    return replace(context, settings=context.settings | {"named": list(named)}) if named else context


def _marker_of_named(context: Context) -> dict[str, Any]:
    """What a done-marker says of the clusters named so far: nothing where no phase has probed."""
    return {"named": list(context.named)} if context.named else {}


def _base(job: Job, store: PhaseStore, scratch: Path, recorder: Recorder, progress: Callable[[float], None]) -> Made:
    """A base pretrained on the spot, or an outside model as it is."""
    if job.profile.architecture is None:
        outside = _outside(job)
        recorder.evaluate(outside, 0)
        if isinstance(outside, LocalEngine):
            return {"weights": outside.weight_digest(), "adapters": []}, []
        return {"weights": job.profile.id}, []  # a model without files is known by its name alone
    engine, metrics = pretrained(job, recorder, progress)
    return models.keep(engine, scratch, job.node.id, []), metrics


def _outside(job: Job) -> Engine:
    """A model from outside, as it is."""
    directory = directory_of(job.profile.id)
    if directory is None:
        return sampler(job.profile.id)
    return LocalEngine.load(directory, job.profile, device=job.device)


def _sampled(job: Job, store: PhaseStore, scratch: Path, recorder: Recorder, progress: Callable[[float], None]) -> Made:
    """Examples made of the samples of the model before; no weights change."""
    engine = _start(store, job)
    examples, context, metrics = sampled(job, engine, recorder)
    _write_lines(scratch / "examples.jsonl", [asdict(example) for example in examples])
    recorder.show_training(examples)
    assert job.node.weights_from is not None, "every phase but the base starts from a model"
    earlier = {"adapters": models.adapters_of(store, job.node.weights_from)} if engine.lineage else {}
    made = earlier | {"weights": engine.weight_digest(), "examples": digest([asdict(e) for e in examples])}
    return made | _marker_of_named(context), metrics


def _trained(job: Job, store: PhaseStore, scratch: Path, recorder: Recorder, progress: Callable[[float], None]) -> Made:
    node = job.node
    engine = _start(store, job)
    kept = _read_examples(models.folder(store, node.data_from)) if node.data_from else []
    if node.data_from and not kept and not node.phase.data:  # an outcome: the cell counts as crashed, and the others go on
        raise NothingKept(f"phase {node.phase.name!r} has nothing to train on: the phase that samples for it kept no example")
    metrics = trained(job, engine, kept, recorder, progress)
    assert node.weights_from is not None, "every phase but the base starts from a model"
    return models.keep(engine, scratch, node.id, models.adapters_of(store, node.weights_from)), metrics


def _start(store: PhaseStore, job: Job) -> LocalEngine:
    """The model that a phase starts from."""
    assert job.node.weights_from is not None, "every phase but the base starts from a model"
    return models.opened(store, job.profile, job.node.weights_from, job.device)


def _carry_over(earlier: Path, scratch: Path) -> None:
    """Keep rows of other studies' evaluations when a phase is computed again for a new one."""
    for path in (earlier / "rows").glob("*"):
        target = scratch / "rows" / path.name
        if not target.exists():
            write_atomic(target, path.read_bytes())


def _write_lines(path: Path, records: Sequence[dict[str, Any]]) -> None:
    write_atomic(path, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))


def _write_rows(recorder: Recorder, directory: Path) -> None:
    """Rows and texts of each evaluation, and last the digests that say they are whole."""
    for evaluation in recorder.job.evaluations:
        path = directory / "rows" / recorder.job.row_files[evaluation.id]
        write_arrow(path.with_suffix(".arrow"), without_zeros(pd.DataFrame(recorder.rows[evaluation.id], columns=NODE_ROWS)))
        _write_lines(path.with_suffix(".jsonl"), recorder.texts[evaluation.id])
        write_json(path.with_suffix(".json"), evaluation_digests(recorder.job, evaluation))


def _read_examples(directory: Path) -> list[Example]:
    lines = (directory / "examples.jsonl").read_text("utf-8").split("\n")
    return [_example(json.loads(line)) for line in lines if line]


def _example(raw: dict[str, Any]) -> Example:
    prompt = raw.pop("prompt")
    turns = tuple(Turn(**turn) for turn in prompt.pop("turns"))
    return Example(prompt=Prompt(turns=turns, **prompt), **raw)


def work(raw: dict[str, Any], progress: Callable[[float], None]) -> dict[str, Any]:
    """Entry point of a worker: a job as JSON in, the done-marker out. That its rows have been seen is written into the
    store of outcomes seen before they can be read."""
    torch.set_num_threads(1)
    job, to_record = Job.model_validate(raw["job"]), raw["seen"]
    check_device(job.device)

    def record_seen() -> None:
        if to_record["pairs"]:
            SeenStore().record(to_record["registration"], to_record["pairs"])

    try:
        return compute(job, PhaseStore(), progress, record_seen)
    except torch.OutOfMemoryError as error:
        raise UserError(_too_large(job)) from error


def _too_large(job: Job) -> str:
    """What to do where a phase needs more memory than the device has."""
    recipe = recipe_of(job.node.phase, job.profile, job.node.behaviour)
    size = recipe.micro_batch or recipe.batch
    less = f"--micro-batch {size // 2}" if size > 1 else "--dtype bfloat16" if job.profile.dtype == "float32" else ""
    advice = f"run the same command with {less} into another --out" if less else "use a device with more memory"
    return f"phase {job.node.phase.name!r} does not fit the memory of {job.device} with micro-batches of {size}; {advice}"


def check_device(device: str) -> None:
    """Raises UserError for a device that torch cannot compute on here: absent ones, and those without numbers (meta)."""
    try:
        total = float(
            (torch.ones(2, 2, device=device, dtype=torch.float64) @ torch.ones(2, device=device, dtype=torch.float64)).sum()
        )
    except (RuntimeError, AssertionError, TypeError, ValueError, ImportError) as error:  # torch raises any of them
        raise UserError(f"this machine has no device {device!r} that torch can use; choose another --device") from error
    if total != 4.0:
        raise UserError(f"device {device!r} computes 2 + 2 as {total}; choose another --device")


def check_models(profiles: Sequence[Profile]) -> None:
    """Raises UserError for an outside checkpoint that cannot be loaded, before anything is trained. Reads no weights."""
    for profile in profiles:
        directory = directory_of(profile.id)
        if directory is not None:
            LocalEngine.probe(directory, profile)
