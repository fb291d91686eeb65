"""The benchmark of a real model, and with it the script for a GPU, on a tiny model with random weights on the CPU.

Does not time anything, and does not download the real model.
"""

from __future__ import annotations

import subprocess
import warnings
from pathlib import Path

import pytest
import real_vs_peers
from real_vs_peers import OURS, QUESTIONS, SETTINGS, SIZES, measured, stand_in, trained_digest

SCRIPT = Path(real_vs_peers.__file__).with_name("on_gpu.sh")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stand_in("tiny", tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize("work", list(SETTINGS))
def test_both_sides_do_as_much(work: str, tiny: Path) -> None:
    """Tokens of supervised training are equal; samples of random weights run to the limit in nearly all cases."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peer's own, about options of its libraries
        sides = [measured(work, side, tiny, "cpu") for side in (OURS, SETTINGS[work][-1])]
    first, second = (side["tokens"] for side in sides)
    assert first == second if work == "sft" else 0.9 * first < second < 1.1 * first
    assert all(side["seconds"] > 0 and side["mib"] > 0 for side in sides)
    if work != "sft":
        assert first <= SIZES["cpu"].prompts * SIZES["cpu"].group * SIZES["cpu"].tokens
    assert len(set(QUESTIONS)) == len(QUESTIONS)


def test_two_runs_are_the_same_byte_for_byte(tiny: Path) -> None:
    assert trained_digest(tiny, "cpu") == trained_digest(tiny, "cpu")


def test_the_script_for_a_gpu_is_valid_shell() -> None:
    subprocess.run(["sh", "-n", str(SCRIPT)], check=True)
