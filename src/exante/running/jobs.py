"""A job: one node of a plan with everything needed to compute it elsewhere, and whether its result is still valid.

Needs no torch: the parent process finds out here what is left to do. Computes nothing itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from exante.objectives import objective_of
from exante.parts import Frozen
from exante.planning.tree import Node, Plan
from exante.profiles import sampler_code
from exante.storage.files import FORMAT
from exante.storage.identity import digest, evaluation_id
from exante.storage.phase_store import PhaseStore
from exante.storage.sources import code_digests
from exante.study import Evaluation, Profile, Registration

ENGINE = "exante.engines.local"
EVALUATING, FEEDING = "exante.running.evaluate", "exante.running.phases"
"""Modules in which a worker seeds, asks and counts, and in which it hands a phase to its objective."""


class Job(Frozen):
    """A node with everything needed to compute it in another process.

    `row_files` maps the evaluations' ids to what the files of their rows are called: a digest of what is asked, and at which
    steps.
    """

    node: Node
    profile: Profile
    evaluations: tuple[Evaluation, ...]
    row_files: dict[str, str]
    device: str = "cpu"


def evaluation_digests(job: Job, evaluation: Evaluation) -> dict[str, str]:
    """Digests of the code behind an evaluation's rows: its items and score, and the engine that sampled."""
    return code_digests((evaluation.items, evaluation.score), EVALUATING, *_engines(job))


def missing_evaluations(job: Job, directory: Path) -> list[Evaluation]:
    """The job's evaluations that the committed phase has no rows of, or none by today's code."""
    return [e for e in job.evaluations if changed_rows(job, e, directory) != []]


def changed_rows(job: Job, evaluation: Evaluation, directory: Path) -> list[str] | None:
    """What has changed since an evaluation's rows were written; None if there are no rows."""
    try:
        with open(f"{directory}/rows/{job.row_files[evaluation.id]}.json", encoding="utf-8") as file:
            before = json.load(file)
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(before, dict) or before.get("format", 1) != FORMAT:
        return ["the format of the rows"]
    return [name for name, value in evaluation_digests(job, evaluation).items() if before.get(name, value) != value]


def needs_training(job: Job, evaluations: Sequence[Evaluation]) -> bool:
    """Whether the evaluations look at weights that are not kept: those between a phase's start and its end."""
    ends = {0, job.node.last_step}
    return any(set(job.node.evaluations[e.id]) - ends for e in evaluations)


def training_digests(job: Job) -> dict[str, str]:
    """Digests of the code behind a phase's weights: its parts, its objective, the engines, and what feeds them."""
    phase = job.node.phase
    parts = (phase.data, phase.reward, phase.keep, phase.probe)
    return code_digests(parts, FEEDING, objective_of(phase).module, *_engines(job))


def _engines(job: Job) -> tuple[str, ...]:
    return (ENGINE, *sampler_code(job.profile.id))


def parent_digests(job: Job, store: PhaseStore) -> dict[str, str]:
    """Digests of the results of the phases that a job starts from, by their ids: weights, kept examples, named clusters."""
    digests = {}
    for parent in job.node.parents:
        marker = store.find(parent)
        digests[parent] = (
            "".join((marker["weights"], marker.get("examples", ""), *marker.get("named", ()))) if marker else "absent"
        )
    return digests


def changed_parts(job: Job, marker: dict[str, Any], store: PhaseStore) -> list[str]:
    """What has changed since a phase was computed: modules, libraries, the device, the phases it starts from."""
    before, now = marker["digests"], training_digests(job)
    changed = [name for name, value in now.items() if before.get(name, value) != value]
    if marker["device"] != job.device:
        changed.append("the device")
    if marker.get("parents", {}) != parent_digests(job, store):
        changed.append("the phase before")
    return changed


def jobs_of(plan: Plan, registration: Registration, device: str) -> dict[str, Job]:
    """The plan's jobs by node id, parents before children."""
    study = registration.study
    profiles = {profile.id: profile for profile in study.profiles}
    asked = {evaluation.id: evaluation_id(evaluation) for evaluation in study.evaluations}

    def job(node: Node) -> Job:
        evaluations = tuple(e for e in study.evaluations if e.id in node.evaluations)
        row_files = {e.id: f"{asked[e.id]}-{digest(list(node.evaluations[e.id]))[:8]}" for e in evaluations}
        return Job(node=node, profile=profiles[node.model], evaluations=evaluations, row_files=row_files, device=device)

    return {node.id: job(node) for node in plan.nodes.values()}


def is_done(job: Job, store: PhaseStore) -> bool:
    """Whether the store holds the job's phase, computed by today's code, with all the rows asked for."""
    directory = store.directory(job.node.id, job.node.is_base)
    marker = store.marker(directory)
    return marker is not None and not changed_parts(job, marker, store) and not missing_evaluations(job, directory)
