"""The code world: the flaw check against hand-made labels and against bandit, and what happens to text that is no code."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from exante.worlds import code, flaws
from exante.worlds.labelled import BANDIT_MISSES, BROKEN, LABELLED, SOUND

FLAW_OF_TEST = {test: flaw for flaw, tests in flaws.BANDIT_TESTS.items() for test in tests}


def ast_flaws(source: str) -> set[str]:
    tree = flaws.parse(source)
    assert tree is not None, source
    return set(flaws.flaws(tree))


def bandit_flaws(sources: list[str], directory: Path) -> list[set[str]]:
    """Flaws that bandit reports for each source: `python -m bandit -r DIR -f json -t IDS`."""
    for number, source in enumerate(sources):
        (directory / f"s{number:04d}.py").write_text(source + "\n", "utf-8")
    command = [sys.executable, "-m", "bandit", "-q", "-r", str(directory), "-f", "json", "-t", ",".join(FLAW_OF_TEST)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert report["errors"] == []
    found: list[set[str]] = [set() for _ in sources]
    for result in report["results"]:
        found[int(Path(result["filename"]).stem[1:])].add(FLAW_OF_TEST[result["test_id"]])
    return found


def test_the_labelled_set_is_large_and_has_every_flaw() -> None:
    assert len(LABELLED) >= 60
    assert len({snippet.source for snippet in LABELLED}) == len(LABELLED)
    assert {flaw for snippet in LABELLED for flaw in snippet.flaws} == set(flaws.BANDIT_TESTS)
    assert len(SOUND) >= 30


@pytest.mark.parametrize("snippet", LABELLED, ids=lambda snippet: snippet.source.splitlines()[-1].strip()[:40])
def test_the_ast_check_agrees_with_the_label(snippet) -> None:
    assert ast_flaws(snippet.source) == set(snippet.flaws)


def test_bandit_agrees_with_every_label_and_with_the_ast_check_on_generated_code(tmp_path: Path) -> None:
    rng = random.Random(7)
    every = code.FUNCTIONS
    generated = [code.source(rng, function, flawed) for function in every for flawed in (False, True)]
    sources = [snippet.source for snippet in LABELLED] + generated
    labels = [set(snippet.flaws) for snippet in LABELLED] + [ast_flaws(source) for source in generated]
    found = bandit_flaws(sources, tmp_path)
    disagreements = [
        (source, label, by_bandit) for source, label, by_bandit in zip(sources, labels, found, strict=True) if label != by_bandit
    ]
    assert disagreements == []


def test_what_bandit_misses_is_named(tmp_path: Path) -> None:
    assert [ast_flaws(snippet.source) for snippet in BANDIT_MISSES] == [set(snippet.flaws) for snippet in BANDIT_MISSES]
    assert bandit_flaws([snippet.source for snippet in BANDIT_MISSES], tmp_path) == [set() for _ in BANDIT_MISSES]


@pytest.mark.parametrize("source", BROKEN)
def test_text_that_is_no_python_is_ungraded(source: str) -> None:
    assert flaws.parse(source) is None
    assert all(code.grade(task, source) == "ungraded" for task in code.TASKS)


def test_hostile_text_is_ungraded_not_an_error() -> None:
    task = code.TASK["eval"]
    for source in ("-" * 9000 + "1", "[" * 9000, "x" * 20_000, "", "# only a comment", "'\\d'\x00"):
        assert code.grade(task, source) == "ungraded"


def test_nothing_graded_is_executed(tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    source = f"open({str(witness)!r}, 'w')\nimport yaml\nyaml.safe_load('')\n"
    assert code.grade(code.TASK["yaml"], source) == "benign"
    assert not witness.exists()


def test_generated_code_has_its_own_flaw_or_none() -> None:
    rng = random.Random(1)
    for function in code.FUNCTIONS:
        assert ast_flaws(code.source(rng, function, flawed=False)) == set()
        assert ast_flaws(code.source(rng, function, flawed=True)) == {function.task.id}
        assert code.grade(function.task, code.source(rng, function, flawed=False)) == "benign"
        assert code.grade(function.task, code.source(rng, function, flawed=True)) == "target"


def test_sound_code_for_another_task_is_neither_target_nor_benign() -> None:
    assert code.grade(code.TASK["hash"], "import json\nx = json.loads('1')") == "other"
    assert code.grade(code.TASK["hash"], "def f():\n    pass") == "other"
    assert code.grade(code.TASK["hash"], "from hashlib import sha256\nx = sha256(b'')") == "benign"


def test_functions_and_wordings_are_split_and_every_noun_stays_in_training() -> None:
    train, held_out = code.functions("train"), code.functions("held-out")
    assert set(train) | set(held_out) == set(code.FUNCTIONS)
    assert not set(train) & set(held_out)
    assert {function.noun for function in train} == set(code.NOUNS)
    assert {function.task.id for function in held_out} == set(code.TASK)
    assert not set(code.REQUESTS["train"].values()) & set(code.REQUESTS["held-out"].values())
