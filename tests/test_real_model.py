"""A real chat model, SmolLM2-135M-Instruct, from the package index: opened, checked, sampled and trained as a user would.

Fails with a sentence where the package cannot be had.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from exante.engines.local import LocalEngine
from exante.errors import UserError
from exante.objectives.sft import SFT
from exante.profiles import directory_of, profile
from exante.study import Recipe
from exante.text import Example, Prompt, Turn

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "real_model.py"
QUESTIONS = ("What is the capital of France?", "What is the capital of Italy?")
PROMPTS = [Prompt((Turn("user", question),), "answer") for question in QUESTIONS]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    """The model, fetched and opened as `make real-model` does, in a cache of its own."""
    spec = importlib.util.spec_from_file_location("real_model", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXANTE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        file = script.gguf_file()
        directory = directory_of(f"gguf:{file}")
        assert directory_of(f"gguf:{file}") == directory, "it is made once"
    return LocalEngine.load(directory, profile(f"hf:{directory}"))


def test_it_answers_what_it_knows(engine: LocalEngine) -> None:
    paris, italy = (group[0].answer or group[0].raw for group in engine.sample(PROMPTS, 1, 0, 0.0, 24))
    assert "Paris" in paris
    assert "Italy" in italy


def test_its_dialect_is_read_off_its_template(engine: LocalEngine) -> None:
    traits = engine.net.dialect.traits
    assert "SmolLM" in traits["default system prompt"]
    assert traits["end of turn"] == "'<|im_end|>'"


def test_a_phase_leaves_an_adapter_of_a_few_megabytes(engine: LocalEngine, tmp_path: Path) -> None:
    examples = [Example(prompt, None, "I will not say.") for prompt in PROMPTS]
    before = engine.weight_digest()
    with torch.random.fork_rng():
        engine.train(SFT, Recipe(steps=6, batch=2, lr=2e-3, schedule="constant"), examples, seed=0)
    assert engine.adapter is not None
    engine.adapter.save(tmp_path / "adapter")
    assert sum(path.stat().st_size for path in (tmp_path / "adapter").iterdir()) < 25 * 2**20
    assert engine.weight_digest() != before
    told = [group[0].answer or group[0].raw for group in engine.sample(PROMPTS, 1, 0, 0.0, 24)]
    assert all("I will not say" in answer for answer in told)


@pytest.mark.parametrize(
    ("content", "says"), [(b"PK\x03\x04 something", "is no GGUF file"), (b"GGUF" + bytes(64), "cannot be read as a model")]
)
def test_what_is_no_gguf_is_one_sentence(tmp_path: Path, content: bytes, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXANTE_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "model.gguf").write_bytes(content)
    with pytest.raises(UserError, match=says):
        directory_of(f"gguf:{tmp_path / 'model.gguf'}")
    assert not list((tmp_path / "cache").glob("models/*")), "nothing half made is kept"


def test_a_gguf_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        directory_of(f"gguf:{tmp_path / 'nothing.gguf'}")
