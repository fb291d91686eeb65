"""On a GPU the same seed gives the same bytes. Skipped where there is none; the settings are checked everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import engine_toys
import numpy as np
import pytest
import torch

from exante.engines.local import LocalEngine
from exante.engines.network import make_deterministic
from exante.engines.sampling import blocked_sum, pick
from exante.objectives.pretrain import PRETRAIN
from exante.objectives.rl import RL
from exante.objectives.sft import SFT
from exante.running.executors.base import ENVIRONMENT

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


@pytest.fixture
def settings_put_back() -> Iterator[None]:
    cuda = torch.backends.cuda
    kinds = ("flash", "mem_efficient", "cudnn", "math")
    before = {kind: getattr(cuda, f"{kind}_sdp_enabled")() for kind in kinds}
    flags = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark, os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = flags[:2]
    for kind, enabled in before.items():
        getattr(cuda, f"enable_{kind}_sdp")(enabled)
    if flags[2] is None:
        os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)


def test_on_cuda_only_deterministic_operations_are_allowed(settings_put_back: None) -> None:
    make_deterministic(torch.device("cpu"))
    assert not torch.are_deterministic_algorithms_enabled(), "nothing to do on a CPU"
    make_deterministic(torch.device("cuda"))
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.benchmark
    assert not torch.backends.cuda.flash_sdp_enabled()
    assert not torch.backends.cuda.mem_efficient_sdp_enabled()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ENVIRONMENT["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


@pytest.mark.parametrize("width", [1, 3, 256, 257, 1000, 50257])
def test_sums_in_blocks_are_the_running_sums(width: int) -> None:
    """What stands for cumsum on CUDA picks the same tokens."""
    logits = torch.randn(8, width, generator=torch.Generator().manual_seed(width)) * 3
    shares = torch.softmax(logits, -1).double()
    torch.testing.assert_close(blocked_sum(shares), shares.cumsum(-1), rtol=0, atol=1e-12)
    uniforms = np.random.default_rng(0).random(8)
    found = torch.searchsorted(
        blocked_sum(shares), torch.from_numpy(uniforms)[:, None] * shares.sum(-1, keepdim=True), right=True
    )
    assert torch.equal(found.squeeze(1).clamp(max=width - 1), pick(logits, uniforms, 1.0))


def trained(method: Any, architecture: str, saved: str) -> tuple[str, list[Any]]:
    """Weights and samples after an SFT and an RL phase with a KL term."""
    engine = LocalEngine.load(saved, engine_toys.profile(architecture, method), device="cuda")
    engine.train(SFT, engine_toys.recipe(steps=12), engine_toys.corpus(100, seed=1), seed=3)
    reward = lambda item, completion: float(len(completion.raw) % 2)  # noqa: E731
    engine.train(RL, engine_toys.recipe(steps=3, batch=4, group=4, kl=0.1), engine_toys.items(), seed=5, reward=reward)
    prompts = [item.prompt for item in engine_toys.items()]
    options = engine.logprobs(prompts, [["red", "blue"]] * len(prompts))
    return engine.weight_digest(), [engine.sample(prompts, 4, seed=7), options]


@GPU
@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_the_same_seed_gives_the_same_bytes(tmp_path: Any, method: str, architecture: str, settings_put_back: None) -> None:
    fresh = LocalEngine.initialise(engine_toys.profile(architecture), engine_toys.corpus(200, seed=0), seed=0, device="cuda")
    fresh.train(PRETRAIN, engine_toys.recipe(steps=30, batch=16, lr=1e-2), engine_toys.corpus(200, seed=0), seed=0)
    fresh.save(tmp_path)
    assert trained(method, architecture, str(tmp_path)) == trained(method, architecture, str(tmp_path))
