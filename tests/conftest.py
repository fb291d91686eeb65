"""Settings all tests share: one thread, no network, a cache of their own; a small trained engine, and a small finished run."""

from __future__ import annotations

import os
import shutil

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from pathlib import Path

import command
import engine_toys
import pytest
import torch
from hypothesis import settings

from exante.engines.local import LocalEngine
from exante.objectives.pretrain import PRETRAIN

torch.set_num_threads(1)

# Shared cores make single examples slow at random, and the same commit should give the same result twice.
settings.register_profile("exante", deadline=None, derandomize=True)
settings.load_profile("exante")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or fills the cache of the person who runs it."""
    os.environ["EXANTE_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> command.Finished:
    """A finished run of the tiny study, its cache, and what the command printed. Tests copy it before they change it."""
    root = tmp_path_factory.mktemp("tiny")
    done = command.exante("run", command.TINY, *command.QUICK, root / "run", "--workers", "2", cache=root / "cache")
    return command.Finished(root / "run", root / "cache", done)


@pytest.fixture
def copied_run(tiny_run: command.Finished, tmp_path: Path) -> Path:
    """A copy of the finished run, to be damaged."""
    shutil.copytree(tiny_run.run, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture(scope="session")
def saved_toy(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Directory of a d = 32 Llama that was trained for some seconds on the toy corpus."""
    engine = LocalEngine.initialise(engine_toys.profile("llama"), engine_toys.corpus(800, seed=0), seed=0)
    engine.train(PRETRAIN, engine_toys.recipe(steps=250, batch=16, lr=1e-2), engine_toys.corpus(800, seed=0), seed=0)
    path = str(tmp_path_factory.mktemp("toy"))
    engine.save(path)
    return path


@pytest.fixture
def toy(saved_toy: str) -> LocalEngine:
    """A fresh copy of the trained toy engine."""
    return LocalEngine.load(saved_toy, engine_toys.profile("llama"))
