"""What a worker does with one node of a plan: load weights, make data, train, evaluate at checkpoints, commit.

Does not know about cells, contrasts or other workers. Needs the `train` extra; imported only where something is computed.
"""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from exante.engines.base import Engine
from exante.engines.grading import name_worst, sample_and_grade
from exante.engines.local import LocalEngine
from exante.engines.scripted import ScriptedEngine
from exante.errors import NothingKept, UserError
from exante.identity import digest, evaluation_id, recipe_of
from exante.jobs import (
    Job,
    changed_parts,
    evaluation_digests,
    evaluation_key,
    missing_evaluations,
    needs_training,
    parent_digests,
    training_digests,
)
from exante.parts import Part
from exante.store import PhaseStore, write_atomic, write_json, write_table
from exante.study import Context, Evaluation
from exante.text import Completion, Example, Item, Prompt, Turn, completion_spans, example_spans

ROW_COLUMNS = ["step", "evaluation", "condition", "item", "cluster", "outcome", "n", "trials", "score_sum", "score_sumsq"]
SHOWN_ITEMS = 2
"""Items of each evaluation × condition × checkpoint whose text is kept for the report."""
SHOWN_EXAMPLES = 3
"""Training examples of each phase whose text is kept."""


def compute(job: Job, store: PhaseStore, progress: Callable[[float], None]) -> dict[str, Any]:
    """Compute and commit a node unless it is there already, with all its rows. Returns the done-marker.

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
            return store.commit(directory, lambda scratch: _build(job, store, scratch, progress, earlier))
        if missing:
            context = _knowing(job.node.context, marker.get("named", []))
            recorder = _Recorder(job.model_copy(update={"evaluations": tuple(missing)}), context)
            _evaluate_kept(job, store, directory, recorder)
            recorder.write(directory)
        return marker


def _evaluate_kept(job: Job, store: PhaseStore, directory: Path, recorder: _Recorder) -> None:
    """Evaluate a committed phase: its start on the weights it began from, its end on those it left."""
    for step in recorder.steps:
        at_end = step == job.node.last_step
        if job.node.is_base and job.profile.architecture is None:
            recorder.evaluate(_outside(job), step)
        elif at_end and (directory / "model").exists():
            recorder.evaluate(LocalEngine.load(directory / "model", job.profile, device=job.device), step)
        else:
            assert not job.node.is_base, "a base has no start to evaluate"
            recorder.evaluate(_start(store, job), step)


def _build(job: Job, store: PhaseStore, scratch: Path, progress: Callable[[float], None], earlier: Path | None) -> dict[str, Any]:
    started = time.perf_counter()
    node = job.node
    recorder = _Recorder(job, _knowing(node.context, _named_before(job, store)))
    marker = {"digests": training_digests(job), "parents": parent_digests(job, store)}
    marker |= {"steps": node.last_step, "device": job.device} | _naming(recorder.context)
    make = _base if node.is_base else _filtered if node.phase.objective == "sample_and_filter" else _trained
    made, metrics = make(job, store, scratch, recorder, progress)
    write_table(scratch / "metrics.parquet", pd.DataFrame(metrics, columns=["step", "metric", "value"]))
    recorder.write_training(scratch)
    recorder.write(scratch)
    if earlier is not None:
        _carry_over(earlier, scratch)
    spent = {"seconds": time.perf_counter() - started, "evaluation_seconds": recorder.seconds, "samples": recorder.samples}
    return marker | made | spent


Counted = tuple[int, float, float]
"""Of one outcome: samples, sum and sum of squares of their scores."""
Made = tuple[dict[str, Any], list[dict[str, Any]]]
"""What identifies the outcome of a phase (for its done-marker), and its metrics."""


def _named_before(job: Job, store: PhaseStore) -> list[str]:
    """Clusters named by probes on the way to a phase: the latest filter's list, which is the longest of its parents'."""
    markers = [store.find(parent) or {} for parent in job.node.parents]
    return max((marker.get("named", []) for marker in markers), key=len, default=[])


def _knowing(context: Context, named: Sequence[str]) -> Context:
    return replace(context, settings=context.settings | {"named": list(named)}) if named else context


def _naming(context: Context) -> dict[str, Any]:
    """What a done-marker says of the clusters named so far: nothing where no phase has probed."""
    return {"named": list(context.named)} if context.named else {}


def _base(job: Job, store: PhaseStore, scratch: Path, recorder: _Recorder, progress: Callable[[float], None]) -> Made:
    """A base pretrained on the spot, or an outside model as it is."""
    if job.profile.architecture is None:
        outside = _outside(job)
        recorder.evaluate(outside, 0)
        return {"weights": outside.weight_digest() if isinstance(outside, LocalEngine) else job.profile.id}, []
    context = recorder.context
    corpus = _load(job.node.phase.data)(context)
    engine = LocalEngine.initialise(job.profile, corpus, seed=context.base_draw, device=job.device)
    metrics = engine.train(
        "pretrain",
        recipe_of(job.node.phase, job.profile),
        corpus,
        seed=context.base_draw,
        checkpoints=recorder.between,
        on_checkpoint=recorder.listener(engine),
        on_progress=lambda done, total: progress(done / max(total, 1)),
    )
    recorder.evaluate(engine, job.node.last_step)
    engine.save(scratch / "model")
    return {"weights": engine.weight_digest()}, metrics


def _outside(job: Job) -> LocalEngine | ScriptedEngine:
    kind, _, name = job.profile.id.partition(":")
    return ScriptedEngine.named(name) if kind == "scripted" else LocalEngine.load(Path(name), job.profile, device=job.device)


def _filtered(job: Job, store: PhaseStore, scratch: Path, recorder: _Recorder, progress: Callable[[float], None]) -> Made:
    """Examples made of the samples of the model before, graded where the phase has a reward; no weights change."""
    phase, context, seed = job.node.phase, recorder.context, job.node.seed
    engine = _start(store, job)
    recipe = recipe_of(phase, job.profile, job.node.behaviour)
    reward = phase.reward.load() if phase.reward else None
    found: list[dict[str, Any]] = []
    if phase.probe is not None and reward is not None:
        asked = phase.probe.load()(context)
        cluster, found = name_worst(engine, asked, reward, recipe, phase.scratchpad, seed, context.named)
        context = _knowing(context, (*context.named, cluster))
    items, keep = _load(phase.data)(context), _keeper(phase.keep, context)
    if reward is None:
        examples, metrics = engine.sample_and_filter(items, keep, recipe, seed)
    else:
        examples, metrics = sample_and_grade(engine, items, keep, reward, recipe, phase.scratchpad, seed)
    _write_examples(scratch, examples)
    recorder.show_training(examples)
    made = {"weights": engine.weight_digest(), "examples": digest([asdict(e) for e in examples])}
    return made | _naming(context), [*found, *metrics]


def _trained(job: Job, store: PhaseStore, scratch: Path, recorder: _Recorder, progress: Callable[[float], None]) -> Made:
    node, phase, context = job.node, job.node.phase, recorder.context
    engine = _start(store, job)
    data = _load(phase.data)(context) if phase.data else []
    if node.data_from:
        data = [*data, *_read_examples(_directory(store, node.data_from))]
        if not data:  # an outcome, not a mistake: the cell counts as crashed, and the others go on
            raise NothingKept(f"phase {phase.name!r} has nothing to train on: the phase that samples for it kept no example")
    recorder.show_training(data)
    recorder.evaluate(engine, 0)
    if not node.last_step:  # the model as it is, standing where others are trained
        engine.save(scratch / "model")
        return {"weights": engine.weight_digest()}, []
    metrics = engine.train(
        phase.objective,
        recipe_of(phase, job.profile, node.behaviour),
        data,
        seed=node.seed,
        checkpoints=recorder.between,
        on_checkpoint=recorder.listener(engine),
        reward=phase.reward.load() if phase.reward else None,
        keep=_keeper(phase.keep, context) if phase.keep else None,
        scratchpad=phase.scratchpad,
        on_progress=lambda done, total: progress(done / max(total, 1)),
    )
    recorder.evaluate(engine, node.last_step)
    engine.save(scratch / "model")
    return {"weights": engine.weight_digest()}, metrics


def _load(part: Part | None) -> Callable[..., Any]:
    assert part is not None, "a phase without a data part follows one that samples"
    return part.load()


def _keeper(part: Part | None, context: Context) -> Callable[[Item, Completion], Example | None]:
    keep = _load(part)
    return lambda item, completion: keep(context, item, completion)


def _directory(store: PhaseStore, node_id: str) -> Path:
    for base in (False, True):
        directory = store.directory(node_id, base)
        if directory.exists():
            return directory
    raise AssertionError(f"phase {node_id} is not in the store although it was scheduled before")


def _start(store: PhaseStore, job: Job) -> LocalEngine:
    """The model that a phase starts from, checked against the digest it was committed with."""
    assert job.node.weights_from is not None, "every phase but the base starts from a model"
    directory = _directory(store, job.node.weights_from)
    outside = not (directory / "model").exists()
    path = Path(job.profile.id.removeprefix("hf:")) if outside else directory / "model"
    engine = LocalEngine.load(path, job.profile, device=job.device)
    marker = store.marker(directory)
    if marker is None or engine.weight_digest() != marker["weights"]:
        raise UserError(f"{path} was damaged after it was saved; delete {path.parent} and run the same command again")
    return engine


def _carry_over(earlier: Path, scratch: Path) -> None:
    """Keep rows of other studies' evaluations when a phase is computed again for a new one."""
    for path in (earlier / "rows").glob("*"):
        target = scratch / "rows" / path.name
        if not target.exists():
            write_atomic(target, path.read_bytes())


def _write_examples(directory: Path, examples: Sequence[Example]) -> None:
    write_atomic(directory / "examples.jsonl", "".join(json.dumps(asdict(e), ensure_ascii=False) + "\n" for e in examples))


def _read_examples(directory: Path) -> list[Example]:
    lines = (directory / "examples.jsonl").read_text("utf-8").split("\n")
    return [_example(json.loads(line)) for line in lines if line]


def _example(raw: dict[str, Any]) -> Example:
    prompt = raw.pop("prompt")
    turns = tuple(Turn(**turn) for turn in prompt.pop("turns"))
    return Example(prompt=Prompt(turns=turns, **prompt), **raw)


class _Recorder:
    """Runs the job's evaluations at their steps and collects rows and a few transcripts."""

    def __init__(self, job: Job, context: Context) -> None:
        self.job, self.context = job, context
        self.rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self.texts: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.training: list[dict[str, Any]] = []
        self.seconds = 0.0
        self.samples = 0
        self.steps = tuple(sorted({s for e in job.evaluations for s in job.node.evaluations[e.id]}))
        self.between = tuple(s for s in self.steps if s not in (0, job.node.last_step))

    def listener(self, engine: Engine) -> Callable[[int], None]:
        """What an engine calls at its checkpoints. Both ends of a phase are evaluated outside it, on plain weights, so that
        evaluating a kept checkpoint later gives the same rows."""
        return lambda step: self.evaluate(engine, step) if step in self.between else None

    def evaluate(self, engine: Engine, step: int) -> None:
        started = time.perf_counter()
        for evaluation in self.job.evaluations:
            if step in self.job.node.evaluations[evaluation.id]:
                self._one(engine, evaluation, step)
        self.seconds += time.perf_counter() - started

    def _one(self, engine: Engine, evaluation: Evaluation, step: int) -> None:
        make = evaluation.items.load()
        asked = [(condition, item) for condition in evaluation.conditions for item in make(self.context, condition)]
        (self._options if evaluation.method == "options" else self._samples)(engine, evaluation, step, asked)

    def _samples(self, engine: Engine, evaluation: Evaluation, step: int, asked: Sequence[tuple[str, Item]]) -> None:
        score = evaluation.score.load()
        # The same seed for all arms: their samples are drawn with common random numbers.
        seed = int(digest([self.context.seed, self.context.base_draw, evaluation_id(evaluation), step])[:8], 16)
        drawn = engine.sample(
            [item.prompt for _, item in asked],
            evaluation.samples,
            seed,
            temperature=evaluation.temperature,
            max_tokens=evaluation.max_tokens,
        )
        shown: dict[str, int] = defaultdict(int)
        for (condition, item), completions in zip(asked, drawn, strict=True):
            scored = [_scored(score(item, completion), evaluation) for completion in completions]
            values = {outcome: [value for name, value in scored if name == outcome] for outcome in evaluation.outcomes}
            counted = {outcome: (len(v), sum(v), sum(x * x for x in v)) for outcome, v in values.items()}
            self._add(evaluation, step, condition, item, len(scored), counted)
            if shown[condition] < SHOWN_ITEMS:
                shown[condition] += 1
                self.texts[evaluation.id].append(_transcript(step, evaluation, condition, item, completions[0], scored[0][0]))

    def _options(self, engine: Engine, evaluation: Evaluation, step: int, asked: Sequence[tuple[str, Item]]) -> None:
        score = evaluation.score.load()
        nats = engine.logprobs([item.prompt for _, item in asked], [item.options for _, item in asked])
        for (condition, item), logprobs in zip(asked, nats, strict=True):
            values: dict[str, float] = score(item, [math.exp(x) for x in logprobs])
            assert set(values) <= set(evaluation.outcomes), f"{evaluation.score.target} returned undeclared outcomes {values}"
            found = {outcome: float(values.get(outcome, 0.0)) for outcome in evaluation.outcomes}
            counted = {outcome: (int(value > 0.5), value, value * value) for outcome, value in found.items()}
            self._add(evaluation, step, condition, item, 1, counted)

    def _add(
        self,
        evaluation: Evaluation,
        step: int,
        condition: str,
        item: Item,
        trials: int,
        counted: dict[str, tuple[int, float, float]],
    ) -> None:
        self.samples += trials
        for outcome, (n, total, squares) in counted.items():
            row = (step, evaluation.id, condition, item.id, item.cluster, outcome, n, trials, total, squares)
            self.rows[evaluation.id].append(row)

    def show_training(self, data: Sequence[Example] | Sequence[Item]) -> None:
        """Keep the first few training examples, with the spans that carried loss."""
        examples = [e for e in data if isinstance(e, Example)][:SHOWN_EXAMPLES]
        self.training = [{"item": f"example {i}", "outcome": e.label, "spans": example_spans(e)} for i, e in enumerate(examples)]

    def write_training(self, directory: Path) -> None:
        write_atomic(directory / "training.jsonl", "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in self.training))

    def write(self, directory: Path) -> None:
        """Rows and texts of each evaluation, and last the digests that say they are whole."""
        for evaluation in self.job.evaluations:
            key = evaluation_key(evaluation, self.job.node.evaluations[evaluation.id])
            write_table(directory / "rows" / f"{key}.parquet", pd.DataFrame(self.rows[evaluation.id], columns=ROW_COLUMNS))
            lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in self.texts[evaluation.id])
            write_atomic(directory / "rows" / f"{key}.jsonl", "".join(lines))
            write_json(directory / "rows" / f"{key}.json", evaluation_digests(self.job, evaluation))


def _scored(result: Any, evaluation: Evaluation) -> tuple[str, float]:
    outcome, value = result if isinstance(result, tuple) else (result, 0.0)
    assert outcome in evaluation.outcomes, f"{evaluation.score.target} returned the undeclared outcome {outcome!r}"
    return outcome, float(value)


def _transcript(
    step: int, evaluation: Evaluation, condition: str, item: Item, completion: Completion, outcome: str
) -> dict[str, Any]:
    return {
        "step": step,
        "evaluation": evaluation.id,
        "condition": condition,
        "item": item.id,
        "outcome": outcome,
        "spans": completion_spans(item.prompt, completion),
    }


def work(raw: dict[str, Any], progress: Callable[[float], None]) -> dict[str, Any]:
    """Entry point of a worker: a job as JSON in, the done-marker out."""
    torch.set_num_threads(1)
    job = Job.model_validate(raw)
    check_device(job.device)
    return compute(job, PhaseStore(), progress)


def check_device(device: str) -> None:
    """Raises UserError for a device that torch cannot use here."""
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts where it was built without CUDA
        raise UserError(f"this machine has no device {device!r} that torch can use; choose another --device") from error
