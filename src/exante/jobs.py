"""A job: one node of a plan with everything needed to compute it elsewhere, and whether its result is still valid.

Needs no torch: the parent process asks here what is left to do. Does not compute anything itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from exante.identity import code_digests, digest, evaluation_id, syntax_digests
from exante.parts import Frozen
from exante.plan import Node, Plan
from exante.store import PhaseStore
from exante.study import Evaluation, Profile, Study

SCRIPTED_ENGINE = "exante.engines.scripted"


class Job(Frozen):
    """A node with everything needed to compute it in another process."""

    node: Node
    profile: Profile
    evaluations: tuple[Evaluation, ...]
    device: str = "cpu"


def evaluation_key(evaluation: Evaluation, steps: Sequence[int]) -> str:
    return f"{evaluation_id(evaluation)}-{digest(list(steps))[:8]}"


def missing_evaluations(job: Job, directory: Path) -> list[Evaluation]:
    """The job's evaluations that the committed phase has no rows of."""
    return [
        e
        for e in job.evaluations
        if not (directory / "rows" / f"{evaluation_key(e, job.node.evaluations[e.id])}.parquet").exists()
    ]


def job_digests(job: Job) -> dict[str, str]:
    """Digests of the code behind a job: its phase's parts, the evaluations' and the engines."""
    phase = job.node.phase
    parts = [phase.data, phase.reward, phase.keep]
    parts += [part for e in job.evaluations for part in (e.items, e.score)]
    scripted = syntax_digests(SCRIPTED_ENGINE) if job.profile.family == "scripted" else {}
    return code_digests(tuple(parts)) | scripted


def parent_digests(job: Job, store: PhaseStore) -> dict[str, str]:
    """What the phases that a job starts from came out as, by their ids: their weights, and the examples they kept."""
    found = {}
    for parent in job.node.parents:
        marker = store.find(parent)
        found[parent] = marker["weights"] + marker.get("examples", "") if marker else "absent"
    return found


def changed_parts(job: Job, marker: dict[str, Any], store: PhaseStore) -> list[str]:
    """What is no longer as it was when a phase was computed: modules, libraries, the device, the phases it starts from."""
    before, now = marker["digests"], job_digests(job)
    changed = [name for name, value in now.items() if before.get(name, value) != value]
    if marker["device"] != job.device:
        changed.append("the device")
    if marker.get("parents", {}) != parent_digests(job, store):
        changed.append("the phase before")
    return changed


def jobs_of(plan: Plan, study: Study, device: str) -> dict[str, Job]:
    """The plan's jobs by node id, parents before children."""
    profiles = {p.id: p for p in study.profiles}
    return {
        node.id: Job(
            node=node,
            profile=profiles[node.model],
            evaluations=tuple(e for e in study.evaluations if e.id in node.evaluations),
            device=device,
        )
        for node in plan.nodes.values()
    }


def is_done(job: Job, store: PhaseStore) -> bool:
    """Whether the store holds the job's phase, computed by today's code, with all the rows asked for."""
    directory = store.directory(job.node.id, job.node.is_base)
    marker = store.marker(directory)
    return marker is not None and not changed_parts(job, marker, store) and not missing_evaluations(job, directory)
