"""The cache beside live runs: what is pruned and kept, locks, what the machine learned, and the store of seen outcomes."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import command
import pytest
from command import QUICK, TINY, here, refused
from synthetic_run import registered, synthetic_study

from exante.errors import UserError
from exante.planning import cost as forecast
from exante.registry.seen import SeenStore
from exante.storage.files import read_json, write_json
from exante.storage.locks import exclusive, exclusive_or_not
from exante.storage.phase_store import PhaseStore

MARKER = {"digests": {}, "device": "cpu", "weights": "w", "seconds": 1.0, "evaluation_seconds": 0.0, "samples": 0}


def phase(store: PhaseStore, name: str, base: bool = False) -> Path:
    """A committed phase of a kilobyte."""
    directory = store.directory(name, base)

    def build(scratch: Path) -> dict[str, Any]:
        (scratch / "weights").write_bytes(b"0" * 1024)
        return MARKER

    store.commit(directory, build)
    return directory


def running(program: str, *arguments: object) -> subprocess.Popen[str]:
    """A Python program that has printed its first line."""
    line = [sys.executable, "-c", program, *map(str, arguments)]
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


LEASES = """
import sys
from pathlib import Path
from exante.storage.phase_store import PhaseStore
with PhaseStore(Path(sys.argv[1])).leased(sys.argv[2:]):
    print("ready", flush=True)
    sys.stdin.read()
"""
HOLDS = """
import sys
from pathlib import Path
from exante.storage.phase_store import PhaseStore
store = PhaseStore(Path(sys.argv[1]))
with store.held(store.directory(sys.argv[2], False)):
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_what_a_live_run_needs_is_kept_and_what_is_held_is_not_waited_for(tmp_path):
    store = PhaseStore(tmp_path)
    needed, held, free = (phase(store, name) for name in ("aa1", "bb2", "cc3"))
    base = phase(store, "dd4", base=True)
    run, worker = running(LEASES, tmp_path, "aa1", "dd4", "not-yet-computed"), running(HOLDS, tmp_path, "bb2")
    said = here("cache", "--prune", "--bases", cache=tmp_path).stdout
    assert "kept\t2 entries that a live run needs\n" in said
    assert "kept\t1 entry that another process holds\n" in said
    assert [path.exists() for path in (needed, held, free, base)] == [True, True, False, True]
    run.kill()  # the operating system frees its lease
    worker.communicate("")
    run.communicate()
    assert "kept" not in here("cache", "--prune", "--bases", cache=tmp_path).stdout
    assert [path.exists() for path in (needed, held, base)] == [False, False, False]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_run_is_pruned_around_and_comes_to_the_same_verdicts(tiny_run, tmp_path):
    """Pruning again and again while it goes on deletes nothing of it."""
    cache = tmp_path / "cache"
    process = command.start("run", TINY, *QUICK, tmp_path / "run", "--workers", "1", cache=cache)
    pruned, said = 0, ""
    while process.poll() is None:
        if list(cache.glob("leases/*.json")):
            said += here("cache", "--prune", "--bases", cache=cache).stdout
            pruned += 1
        time.sleep(0.1)
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert pruned > 3
    assert "that a live run needs" in said
    assert (tmp_path / "run" / "verdicts.json").read_bytes() == (tiny_run.run / "verdicts.json").read_bytes()
    assert not [*cache.rglob("*.lock"), *cache.glob("leases/*")], "locks are gone with those who held them"


def test_a_phase_about_to_be_committed_is_no_entry_yet(tmp_path):
    """Its marker is there, its name not yet: deleting it would end the run."""
    store = PhaseStore(tmp_path)

    def build(scratch: Path) -> dict[str, Any]:
        write_json(scratch / "done.json", MARKER)
        (scratch / ".rows.parquet.7.tmp").write_text("")
        with store.leased(["other"]), store.held(store.directory("aa1", False)):
            assert store.entries() == []
            assert store.prune(bases=True).freed == 0
        assert {path.name for path in scratch.iterdir()} == {"done.json", ".rows.parquet.7.tmp"}
        return MARKER

    store.commit(store.directory("aa1", False), build)
    assert store.find("aa1") == MARKER


def test_what_dead_processes_left_is_swept_and_what_is_under_way_stays(tmp_path):
    store = PhaseStore(tmp_path)
    base = phase(store, "dd4", base=True)
    left = [tmp_path / name for name in ("phases/aa/aa1.part/x", "phases/aa/aa2.gone/done.json", "ledger/.seen.7.tmp")]
    left += [base / "rows" / ".r.parquet.77.tmp", tmp_path / ".costs.json.77.tmp", tmp_path / "phases" / "aa" / "aa1.lock"]
    left += [tmp_path / "locks" / "zz9.lock", tmp_path / "leases" / "77-dead.json"]
    busy, foreign = tmp_path / "phases" / "bb" / "bb2.part" / "x", tmp_path / ".mine.77.tmp"
    for path in (*left, busy, foreign):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[]")
    worker = running(HOLDS, tmp_path, "bb2")
    here("cache", "--prune", cache=tmp_path)
    assert [path for path in left if path.exists()] == []
    assert busy.exists()
    assert foreign.exists(), "exante did not make it"
    assert (base / "done.json").exists()
    worker.communicate("")
    here("cache", "--prune", cache=tmp_path)
    assert not busy.exists()


def test_a_phase_half_deleted_is_no_phase(tmp_path, monkeypatch):
    """Killed in the middle of deleting: what is left is never taken for a whole phase."""
    store = PhaseStore(tmp_path)
    directory = phase(store, "aa1")

    def die(path: Path, ignore_errors: bool = False) -> None:
        if Path(path).exists():
            (Path(path) / "weights").unlink()
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", die)
        with pytest.raises(KeyboardInterrupt):
            store.prune(bases=False)
    assert store.find("aa1") is None
    assert store.marker(phase(store, "aa1")) == MARKER
    assert directory.exists()


def test_fresh_takes_nothing_from_a_run_that_is_going_on(tiny_run, tmp_path):
    cache = tmp_path / "cache"
    shutil.copytree(tiny_run.cache, cache)
    ids = [path.name for path in cache.glob("phases/*/*")]
    run = running(LEASES, cache, *ids)
    done = command.exante("run", TINY, *QUICK, tmp_path / "run", "--fresh", "--workers", "1", cache=cache, check=2)
    assert "another live run needs phases that this one would delete" in done.stderr
    assert [path.name for path in cache.glob("phases/*/*")] == ids
    run.kill()
    run.communicate()


@pytest.mark.parametrize(
    "text", ["[1]", "{", "{}", '{"digests": 5}', json.dumps(MARKER | {"seconds": "x"}), "\x00", "[" * 100_000]
)
def test_a_damaged_marker_is_no_phase(tmp_path, text):
    store = PhaseStore(tmp_path)
    directory = phase(store, "aa1")
    assert store.find("aa1") == MARKER
    (directory / "done.json").write_text(text)
    assert store.find("aa1") is None
    (directory / "done.json").unlink()
    (directory / "done.json").mkdir()
    assert store.find("aa1") is None
    shutil.rmtree(directory)
    directory.write_text("a file")
    assert store.find("aa1") is None
    assert store.marker(phase(store, "aa1")) == MARKER


# --- locks ---------------------------------------------------------------------------------------------------------------


def count_up(lock: Path, file: Path, times: int) -> None:
    for _ in range(times):
        with exclusive(lock):
            before = int(file.read_text())
            time.sleep(0)
            file.write_text(str(before + 1))


def together(target: Callable[..., None], *arguments: Any, many: int = 4) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=target, args=arguments) for _ in range(many)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0


def test_a_lock_that_is_deleted_when_let_go_is_still_held_by_one_at_a_time(tmp_path):
    """The classic race of unlinked lock files would lose counts here."""
    (tmp_path / "count").write_text("0")
    together(count_up, tmp_path / "lock", tmp_path / "count", 300)
    assert (tmp_path / "count").read_text() == "1200"
    assert not (tmp_path / "lock").exists()


def test_whoever_waited_for_a_deleted_lock_takes_the_new_one(tmp_path):
    path = tmp_path / "lock"
    waiting = os.open(path, os.O_RDWR | os.O_CREAT)  # opened while another holds it
    with exclusive(path), exclusive_or_not(path) as mine:
        assert not mine
    fcntl.flock(waiting, fcntl.LOCK_EX)  # of a file without a name: no obstacle to anybody
    with exclusive_or_not(path) as mine:
        assert mine
    os.close(waiting)


# --- what the machine learned --------------------------------------------------------------------------------------------


def learn(cache: Path, number: int) -> None:
    from types import SimpleNamespace

    os.environ["EXANTE_CACHE_DIR"] = str(cache)
    for k in range(20):
        node = SimpleNamespace(
            id=f"{os.getpid()}", is_base=True, model="m", behaviour=f"{os.getpid()}-{k}", last_step=10,
            phase=SimpleNamespace(objective="sft", recipe="r"),
        )  # fmt: skip
        study = SimpleNamespace(profiles=[SimpleNamespace(id="m")])
        store = SimpleNamespace(marker=lambda _: MARKER, directory=lambda *_: Path())
        forecast.remember(SimpleNamespace(nodes={"x": node}), study, store)  # type: ignore[arg-type]


def test_what_runs_learn_at_the_same_time_is_all_kept(tmp_path):
    together(learn, tmp_path, 0)
    assert len(read_json(tmp_path / "costs.json", "")) == 80


GOOD = {"step": 0.1, "sample": 0.01}


@pytest.mark.parametrize(
    "content",
    [b"\xff\x00", b"[1]", b"{", b"5", json.dumps({"a": 5, "b": {"step": "x", "sample": 1}, "c": {"step": 1.0}}).encode(),
     b'{"a": {"step": NaN, "sample": 1}, "b": {"step": -1, "sample": 1}, "c": {"step": true, "sample": 1}}', b"[" * 100_000],
    ids=range(7),
)  # fmt: skip
def test_costs_that_are_none_are_left_out_and_written_again(tmp_path, monkeypatch, content):
    monkeypatch.setenv("EXANTE_CACHE_DIR", str(tmp_path))
    (tmp_path / "costs.json").write_bytes(content)
    assert forecast.measured() == {}
    learn(tmp_path, 0)
    assert len(forecast.measured()) == 20
    held = json.loads((tmp_path / "costs.json").read_text()) | {"good": GOOD, "bad": []}
    write_json(tmp_path / "costs.json", held)
    assert forecast.measured()["good"] == GOOD
    assert "bad" not in forecast.measured()


def test_a_directory_in_the_place_of_the_costs_is_said_before_the_run(tmp_path):
    (tmp_path / "cache" / "costs.json" / "mine").mkdir(parents=True)
    assert "costs.json is a directory" in refused("plan", TINY, "--preset", "quick", cache=tmp_path / "cache")
    assert (tmp_path / "cache" / "costs.json" / "mine").exists()


# --- the store of seen outcomes ------------------------------------------------------------------------------------------

REGISTRATION = registered(synthetic_study())
LINE = json.dumps({"pair": "p:e", "registration": REGISTRATION.sha256}, separators=(",", ":"))


def seen(directory: Path, content: bytes) -> SeenStore:
    (directory / "ledger").mkdir(parents=True, exist_ok=True)
    (directory / "ledger" / "seen.jsonl").write_bytes(content)
    return SeenStore(directory)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00random", b"[1]\n", b"5\n", b"null\n", b'{"pair": 5, "registration": "x"}\n',
    b'{"pair": "x"}\n', b"[" * 100_000, b'{"a":' * 100_000, LINE.replace(":e", "\x00e").encode(),
    LINE.replace('","', ',"').encode(), LINE[1:].encode(), LINE[:-1].encode() + b"!"], ids=range(12))  # fmt: skip
def test_a_damaged_ledger_is_never_taken_for_an_empty_one(tmp_path, content):
    whole = LINE.encode() + b"\n"
    for text in (content, whole + content, content + b"\n" + whole):
        with pytest.raises(UserError, match=r"the store of seen outcomes .*seen\.jsonl is damaged at line \d+; restore it"):
            seen(tmp_path, text).first_seen()
        with pytest.raises(UserError, match=r"seen\.jsonl"):
            seen(tmp_path, text).append(REGISTRATION, ["q:e"])
        assert (tmp_path / "ledger" / "seen.jsonl").read_bytes() == text
    assert "seen.jsonl" in refused("register", TINY, "--out", tmp_path / "run", cache=tmp_path)
    assert "seen.jsonl" in refused("run", TINY, *QUICK, tmp_path / "run", cache=tmp_path)


@pytest.mark.parametrize("kept", range(len(LINE.encode())))
def test_a_line_that_a_crash_cut_short_is_passed_over(tmp_path, kept):
    ledger = seen(tmp_path, LINE.encode() + b"\n" + LINE.replace("p:e", "é:e").encode()[:kept])
    assert ledger.first_seen() == {"p:e": REGISTRATION.sha256}
    ledger.append(REGISTRATION, ["q:e"])
    assert ledger.first_seen() == {"p:e": REGISTRATION.sha256, "q:e": REGISTRATION.sha256}


def test_another_thing_in_the_place_of_the_ledger_is_one_sentence(tmp_path):
    for name, make in (
        ("seen.jsonl", lambda path: path.mkdir()),
        ("seen.jsonl", lambda path: path.symlink_to(path.parent / "absent")),
        ("", lambda path: path.write_text("a file")),
    ):
        place = tmp_path / "ledger" / name
        shutil.rmtree(tmp_path / "ledger", ignore_errors=True)
        place.parent.mkdir(exist_ok=True)
        make(place)
        with pytest.raises(UserError, match=r"the store of seen outcomes .* cannot be read"):
            SeenStore(tmp_path).first_seen()
        with pytest.raises(UserError, match=r"the store of seen outcomes .* cannot be read"):
            SeenStore(tmp_path).append(REGISTRATION, ["q:e"])


def test_a_run_that_goes_on_names_a_damaged_ledger_before_it_computes(tiny_run, tmp_path):
    cache = tmp_path / "cache"
    shutil.copytree(tiny_run.cache, cache)
    shutil.copytree(tiny_run.run, tmp_path / "run")
    (cache / "ledger" / "seen.jsonl").write_bytes(b"[1]\n")
    before = (tmp_path / "run" / "verdicts.json").stat().st_mtime_ns
    assert "seen.jsonl is damaged at line 1" in refused("run", TINY, *QUICK, tmp_path / "run", cache=cache).splitlines()[-1]
    assert (tmp_path / "run" / "verdicts.json").stat().st_mtime_ns == before


def test_a_damaged_copy_of_a_registration_is_named_and_an_older_one_is_unknown(tmp_path):
    ledger = SeenStore(tmp_path)
    ledger.append(REGISTRATION, ["q:e"])
    assert ledger.registration(REGISTRATION.sha256) == REGISTRATION
    assert ledger.registration("0" * 64) is None
    copy = tmp_path / "ledger" / "registrations" / f"{REGISTRATION.sha256}.json"
    held = json.loads(copy.read_text("utf-8"))
    copy.write_text(json.dumps(held | {"study": {"id": "of an earlier schema"}}), "utf-8")
    assert ledger.registration(REGISTRATION.sha256) is None
    for text in ("{", "[1]", "\x00", json.dumps(held | {"sha256": "0" * 64}), json.dumps({"sha256": REGISTRATION.sha256})):
        copy.write_text(text, "utf-8")
        with pytest.raises(UserError, match=f"{REGISTRATION.sha256}.json .*restore it from a copy"):
            ledger.registration(REGISTRATION.sha256)
    copy.unlink()
    copy.mkdir()
    with pytest.raises(UserError, match=f"{REGISTRATION.sha256}.json cannot be read"):
        ledger.registration(REGISTRATION.sha256)
