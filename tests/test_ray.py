"""The Ray executor on a real cluster of three nodes: phases, deaths of workers, nodes and the driver, and the same verdicts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from command import QUICK, TINY, Finished, exante, start
from ray.cluster_utils import Cluster

from exante.errors import UserError
from exante.running.executors import executor
from exante.running.executors import ray as on_ray
from exante.running.executors.base import Event, Placement, Work

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own, some at import in its workers

WORK = Work(("ray_jobs", "work"))
HERE = str(Path(__file__).parent)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Three nodes of one core each, as three sets of processes."""
    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80_000_000})
    for _ in range(2):
        started.add_node(num_cpus=1, object_store_memory=80_000_000)
    started.wait_for_nodes()
    yield started
    ray.shutdown()
    started.shutdown()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EXANTE_CACHE_DIR", str(tmp_path / "cache"))
    paths = [HERE, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    return tmp_path / "cache"


@pytest.fixture
def running(cluster: Cluster, cache: Path) -> Iterator[on_ray.RayExecutor]:
    made = executor(WORK, Placement(1, "ray", cluster.address))
    assert isinstance(made, on_ray.RayExecutor)
    yield made
    made.close()


def job(folder: Path, name: str, kind: str = "ends") -> dict[str, Any]:
    return {"folder": str(folder), "name": name, "kind": kind}


def wait_for(happened: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def until(made: on_ray.RayExecutor, count: int) -> dict[str, Event]:
    """The last events of `count` jobs, by key."""
    ended: dict[str, Event] = {}
    deadline = time.monotonic() + 90
    while len(ended) < count:
        assert time.monotonic() < deadline, f"only {sorted(ended)} ended"
        ended |= {event.key: event for event in made.events(0.5) if event.kind != "progress"}
    return ended


def test_as_many_jobs_run_as_the_nodes_have_room_for(running: on_ray.RayExecutor, cache: Path, tmp_path: Path) -> None:
    assert running.idle == 3
    for name in "abc":
        running.submit(name, job(tmp_path, name, "waits"))
    assert running.idle == 0
    wait_for(lambda: len(list(tmp_path.glob("?-0"))) == 3)
    seen = [event for _ in range(20) for event in running.events(0.1)]
    assert {event.key for event in seen if event.kind == "progress"} == set("abc")
    (tmp_path / "go").touch()
    ended = until(running, 3)
    assert {event.kind for event in ended.values()} == {"done"}
    assert ended["a"].value == {"name": "a", "threads": "1", "cache": str(cache.resolve())}
    assert running.idle == 3


def test_an_error_is_reported_with_its_traceback(running: on_ray.RayExecutor, tmp_path: Path) -> None:
    running.submit("bad", job(tmp_path, "bad", "raises"))
    event = until(running, 1)["bad"]
    assert event.kind == "crash"
    assert "ValueError: this job always fails" in event.value


def test_a_worker_that_is_killed_is_a_death_and_the_others_go_on(running: on_ray.RayExecutor, tmp_path: Path) -> None:
    """Ray does not retry it by itself: whoever submitted it decides."""
    running.submit("dead", job(tmp_path, "dead", "dies"))
    running.submit("well", job(tmp_path, "well", "waits"))
    assert until(running, 1)["dead"].kind == "died"
    (tmp_path / "go").touch()
    assert until(running, 1)["well"].kind == "done"
    assert len(list(tmp_path.glob("dead-*"))) == 1


def test_a_node_that_is_lost_is_a_death(running: on_ray.RayExecutor, cluster: Cluster, tmp_path: Path) -> None:
    for name in "abc":
        running.submit(name, job(tmp_path, name, "waits"))
    wait_for(lambda: len(list(tmp_path.glob("?-0"))) == 3)
    cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)
    (lost,) = until(running, 1).values()
    assert lost.kind == "died"
    (tmp_path / "go").touch()
    others = until(running, 2)
    assert {event.kind for event in others.values()} == {"done"}
    running.submit(lost.key, job(tmp_path, lost.key))
    assert until(running, 1)[lost.key].kind == "done", "on another node"
    cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
    cluster.wait_for_nodes()


def test_closing_stops_what_runs(cluster: Cluster, cache: Path, tmp_path: Path) -> None:
    made = executor(WORK, Placement(1, "ray", cluster.address))
    made.submit("a", job(tmp_path, "a", "waits"))
    wait_for(lambda: (tmp_path / "a-0").exists())
    process = int((tmp_path / "a-0").read_text())
    made.close()
    wait_for(lambda: not Path(f"/proc/{process}").exists() or "Z" in Path(f"/proc/{process}/stat").read_text().split(")")[1][:3])


def test_more_than_any_node_has_is_refused(cluster: Cluster, cache: Path) -> None:
    with pytest.raises(UserError, match="no node with 64 cores and 0 GPUs"):
        executor(WORK, Placement(1, "ray", cluster.address, cores=64))
    with pytest.raises(UserError, match="there is no executor 'dask'; there are local and ray"):
        executor(WORK, Placement(1, "dask"))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: shutil.rmtree(folder), "No such file"),
        (lambda folder: (folder / "driver").write_text("else"), "reads another content"),
        (lambda folder: None, "locks of other nodes do not hold"),
    ],
)
def test_a_folder_that_is_not_shared_is_named(tmp_path: Path, spoil: Callable[[Path], object], says: str) -> None:
    """What a node says of a folder in which it sees something else than the driver left: here nobody holds the lock."""
    (tmp_path / "check").mkdir()
    (tmp_path / "check" / "driver").write_text("here")
    spoil(tmp_path / "check")
    assert says in on_ray._try_folder._function(str(tmp_path / "check"), "node")


# --- a whole study -----------------------------------------------------------------------------------------------------------


def test_a_study_on_a_cluster_gives_the_same_verdicts(cluster: Cluster, tiny_run: Finished, tmp_path: Path) -> None:
    """Killed with its driver after some phases, and continued by the same command."""
    command = ("run", TINY, *QUICK, tmp_path / "run", "--executor", "ray", "--address", cluster.address)
    process = start(*command, cache=tmp_path / "cache")
    wait_for(lambda: len(list((tmp_path / "cache").glob("phases/*/*/done.json"))) >= 2, 200)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    finished = {path.parent.name: path.stat().st_mtime for path in (tmp_path / "cache").glob("phases/*/*/done.json")}
    exante(*command, cache=tmp_path / "cache")
    after = {path.parent.name: path.stat().st_mtime for path in (tmp_path / "cache").glob("phases/*/*/done.json")}
    assert finished.items() <= after.items(), "what was done is not done again"
    assert (tmp_path / "run" / "verdicts.json").read_bytes() == (tiny_run.run / "verdicts.json").read_bytes()


def test_two_drivers_share_a_cluster_and_a_cache(cluster: Cluster, tiny_run: Finished, tmp_path: Path) -> None:
    command = ("run", TINY, *QUICK)
    where = ("--executor", "ray", "--address", cluster.address)
    both = [start(*command, tmp_path / name, *where, cache=tmp_path / "cache") for name in ("one", "two")]
    for process in both:
        _, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
    verdicts = [(tmp_path / name / "verdicts.json").read_bytes() for name in ("one", "two")]
    assert verdicts == [(tiny_run.run / "verdicts.json").read_bytes()] * 2
    seconds = [json.loads((tmp_path / name / "timings.json").read_text())["compute_seconds"] for name in ("one", "two")]
    assert seconds[0] == pytest.approx(seconds[1]), "both read the same phases, each computed once"


def test_no_cluster_at_an_address_is_one_sentence(tmp_path: Path) -> None:
    options = ("--executor", "ray", "--address", "127.0.0.1:1")
    done = exante("run", TINY, *QUICK, tmp_path / "run", *options, cache=tmp_path / "cache", check=2)
    assert "no Ray cluster answers at 127.0.0.1:1" in done.stderr
