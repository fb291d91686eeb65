"""How long a study's largest preset takes on one core when everything has been trained: planned, gathered, analysed, reported.

    python benchmarks/matrix.py [--study scheming-training] [--preset full] [--keep DIR]

The study is registered as it ships, and what its preset's phases would have left is invented and written into a cache of its own,
through the functions that workers use: done-markers, metrics, rows of every evaluation and checkpoint, a few texts. Outcomes are
drawn from the study's first mechanism (`mechanisms/`), so they differ from run to run and gates and contrasts are not degenerate.

Then a process of its own, held to one core, does what a user's commands do: plans, runs (everything is in the cache: each phase
is checked against today's code, the ledger is written, all is gathered into the run directory), analyses and reports. Its seconds
count, its start and imports included, and its peak memory. Registering, inventing and `verify`, which comes last, do not count.
The last line is `matrix seconds N mib M`.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

TEXTS, EXAMPLES = 2, 120
"""Texts kept of each evaluation × condition, and examples kept by a phase that filters."""
ALIKE = 0.2
"""Items differ by a Dirichlet distribution about a run's shares, whose weights sum to this: most samples of an item come out
alike, 1.1 outcomes each, so that preset `full` of scheming-training has the 6 million lines that its finished runs suggest."""
SPREAD = 0.1
"""Of what training logs, as a share, between runs."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="time the product on a study's largest preset with invented results")
    parser.add_argument("--study", default="scheming-training")
    parser.add_argument("--preset", default="full")
    parser.add_argument("--keep", type=Path, help="keep cache and run here; a cache that is there is used again")
    parser.add_argument("--counted", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.counted:
        counted(options.keep, options.preset)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        place = options.keep or Path(folder)
        os.environ["EXANTE_CACHE_DIR"] = str(place / "cache")
        prepare(place, options.study, options.preset)
        command = [sys.executable, __file__, "--counted", "--keep", str(place), "--preset", options.preset]
        return subprocess.run(command, check=False).returncode


# --- what is counted -----------------------------------------------------------------------------------------------------


def counted(place: Path, preset: str) -> None:
    """The user's commands over a registered directory whose phases are all in the cache, each timed."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.environ["EXANTE_CACHE_DIR"] = str(place / "cache")
    total = 0.0

    def timed(name: str, step: Callable[[], Any]) -> Any:
        nonlocal total
        started, worked = time.perf_counter(), time.process_time()
        result = step()
        spent, worked = time.perf_counter() - started, time.process_time() - worked
        total += spent
        print(f"{name:8}{spent:8.1f} s, {worked:5.1f} s of the processor, peak {peak_mib():5.0f} MiB", flush=True)
        return result

    timed("import", _imports)
    from rich.console import Console

    from exante.api.results import analyse_directory, verify_directory
    from exante.api.running import run_into
    from exante.planning.tree import plan
    from exante.report import write_report
    from exante.running.executors.base import Placement
    from exante.storage.directory import RunDirectory

    directory, silent = RunDirectory(place / "run"), Console(file=io.StringIO())
    settings: dict[str, Any] = {"placement": Placement(1), "device": "cpu", "only": (), "fresh": False, "console": silent}
    registration = timed("load", directory.load_registration)
    planned = timed("plan", lambda: plan(registration, preset))
    timed("run", lambda: run_into(directory, registration, planned, **settings))
    timed("analyse", lambda: analyse_directory(directory))
    timed("report", lambda: write_report(directory.path))
    seconds, mib = total, peak_mib()
    timed("verify", lambda: verify_directory(directory))
    for path in sorted(path for path in directory.path.iterdir() if path.is_file()):
        print(f"{path.name:20}{path.stat().st_size / 2**20:8.1f} MiB")
    print(f"{len(planned.cells)} cells, {len(planned.nodes)} phases")
    print(f"matrix seconds {seconds:.1f} mib {mib:.0f}")


def _imports() -> None:
    import exante.analysis.analyse
    import exante.api
    import exante.report
    import exante.running.scheduler  # noqa: F401


def peak_mib() -> float:
    """Peak memory of this program alone: what `getrusage` says counts the process that started it too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


# --- what is invented ----------------------------------------------------------------------------------------------------


def prepare(place: Path, study_id: str, preset: str) -> None:
    """Register the study, and fill the cache with what its preset's phases would have left."""
    from exante import studies
    from exante.api.registering import register_into
    from exante.planning.tree import plan
    from exante.registry.register import register
    from exante.running.jobs import jobs_of
    from exante.storage.directory import RunDirectory
    from exante.storage.phase_store import PhaseStore

    registration = register(studies.load(study_id))
    for made_earlier in (place / "run", place / "cache" / "ledger"):
        shutil.rmtree(made_earlier, ignore_errors=True)
    started = time.perf_counter()
    register_into(RunDirectory(place / "run"), registration, None)
    print(f"registered in {time.perf_counter() - started:.1f} s, not counted", flush=True)
    planned = plan(registration, preset)
    store, invented = PhaseStore(), Invented(registration, preset, planned)
    with mock.patch("os.fsync"):  # invented results need not outlive a power cut
        for key, job in jobs_of(planned, registration, "cpu").items():
            directory = store.directory(key, job.node.is_base)
            if not directory.exists():
                store.commit(directory, lambda scratch, job=job: invented.write(job, store, scratch))
    print(f"{len(planned.nodes)} phases invented in {time.perf_counter() - started:.0f} s, not counted", flush=True)


class Invented:
    """Outcomes and logs of a plan's phases, drawn from the study's first mechanism."""

    def __init__(self, registration: Any, preset: str, planned: Any) -> None:
        import numpy as np
        from mechanisms.story import Runs
        from theory_recovery import mechanism_of

        study = registration.study
        mechanism, self.rng = mechanism_of(study.id), np.random.default_rng(1)
        cells = tuple(one.cell for one in planned.cells)
        self.rates = mechanism.STORIES[0].rates(Runs(cells, {arm.id: arm for arm in study.arms}, 1, self.rng))
        self.logged = {(phase, metric): value for (phase, metric), value in mechanism.PHASES.items()}
        self.items, self.cells = registration.items, len(cells)
        self.cell_of = {node: r for r, one in reversed(list(enumerate(planned.cells))) for node in one.nodes}

    def write(self, job: Any, store: Any, scratch: Path) -> dict[str, Any]:
        """A phase's files but its marker, which is returned."""
        import pandas as pd

        from exante.running.jobs import parent_digests, training_digests
        from exante.storage.identity import digest
        from exante.storage.table_files import write_arrow

        node, filters = job.node, job.node.phase.objective == "sample_and_filter"
        write_arrow(scratch / "metrics.arrow", pd.DataFrame(self.metrics(job), columns=["step", "metric", "value"]))
        _write_lines(scratch / "training.jsonl", [_text(f"example {k}", "") for k in range(3)])
        if filters:
            _write_lines(scratch / "examples.jsonl", [_example(node.id, k) for k in range(EXAMPLES)])
        samples = sum(self.write_rows(job, evaluation, scratch) for evaluation in job.evaluations)
        marker = {"digests": training_digests(job), "parents": parent_digests(job, store), "steps": node.last_step}
        marker |= {"device": job.device, "weights": digest(node.id), "samples": samples}
        return marker | {"seconds": 20.0, "evaluation_seconds": 5.0} | ({"examples": digest(node.id)} if filters else {})

    def metrics(self, job: Any) -> Iterator[tuple[int, str, float]]:
        """Counts and losses at the steps that engines log at, and what the mechanism says of the phase."""
        node, name = job.node, job.node.phase.name
        trains = node.phase.objective != "sample_and_filter" and node.last_step > 0
        for step in range(0, node.last_step + 1, max(1, node.last_step // 5)) if trains else ():
            for metric in ("examples", "copies", "tokens_prompt", "tokens_scratchpad", "tokens_answer"):
                yield step, metric, 32.0 * step
            yield step, "loss", 2.0 * 0.99**step + 0.1 * float(self.rng.random())
        for (phase, metric), value in self.logged.items():
            if phase == name:
                yield node.last_step, metric, value * float(1 + SPREAD * self.rng.standard_normal())

    def write_rows(self, job: Any, evaluation: Any, scratch: Path) -> int:
        """Rows and texts of an evaluation in one phase; returns how many samples they count."""
        import numpy as np
        import pandas as pd

        from exante.running.jobs import evaluation_digests
        from exante.storage.files import write_json
        from exante.storage.table_files import write_arrow
        from exante.storage.tables import NODE_ROWS

        steps = job.node.evaluations[evaluation.id]
        path = scratch / "rows" / job.row_files[evaluation.id]
        asked = [self.rows(job, evaluation, condition, step) for step in steps for condition in evaluation.conditions]
        columns = {name: np.concatenate([part[name] for part in asked]) for name in NODE_ROWS}
        write_arrow(path.with_suffix(".arrow"), pd.DataFrame(columns))
        firsts = [part for part in asked for _ in range(TEXTS)]
        shown = [_text(part["item"][0], part["outcome"][0]) | {"step": int(part["step"][0])} for part in firsts]
        _write_lines(path.with_suffix(".jsonl"), shown)
        write_json(path.with_suffix(".json"), evaluation_digests(job, evaluation))
        return int(columns["n"].sum())

    def rows(self, job: Any, evaluation: Any, condition: str, step: int) -> dict[str, Any]:
        """Columns with a line per item × outcome that occurred, as a worker counts them."""
        import numpy as np

        items = np.array(self.items[evaluation.id][condition][job.node.behaviour][0], dtype=object)
        share_K = self.shares(job, evaluation, condition, step)
        weight_IK = self.rng.standard_gamma(ALIKE * share_K, (len(items), len(share_K))) + 1e-9 * share_K
        n_IK = self.rng.multinomial(evaluation.samples, weight_IK / weight_IK.sum(-1, keepdims=True))
        item, outcome = n_IK.nonzero()
        same = {"step": step, "evaluation": evaluation.id, "condition": condition, "trials": evaluation.samples}
        same |= {"score_sum": 0.0, "score_sumsq": 0.0}
        columns = {
            name: np.full(len(item), value, dtype=object if isinstance(value, str) else None) for name, value in same.items()
        }
        columns |= {"item": items[item, 0], "cluster": items[item, 1], "n": n_IK[item, outcome]}
        return columns | {"outcome": np.array(evaluation.outcomes, dtype=object)[outcome]}

    def shares(self, job: Any, evaluation: Any, condition: str, step: int) -> Any:
        """Probability of each outcome, (K,), in the phase's first cell; what the mechanism does not tell goes to the last one."""
        import numpy as np

        name, r = job.node.phase.name, self.cell_of[job.node.id]
        rates = {at: found for (e, c, at), found in self.rates.items() if (e, c) == (evaluation.id, condition)}
        found = rates.get(f"{name}@{step}") or next((x for at, x in rates.items() if at.startswith(f"{name}@")), {})
        share_K = np.array([np.broadcast_to(found.get(name, 0.0), (1, self.cells))[0, r] for name in evaluation.outcomes])
        share_K[-1] += max(1.0 - share_K.sum(), 0.0)
        return share_K / share_K.sum()


def _text(item: str, outcome: str) -> dict[str, Any]:
    spans = [{"kind": kind, "text": f"an invented {kind} " * 8, "trained": False} for kind in ("prompt", "scratchpad", "answer")]
    return {"item": item, "outcome": outcome, "spans": spans}


def _example(node: str, k: int) -> dict[str, Any]:
    return {"prompt": {"turns": [{"role": "user", "content": f"invented task {k}"}]}, "answer": f"answer {k} of {node}"}


def _write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    from exante.storage.files import write_atomic

    write_atomic(path, "".join(json.dumps(record) + "\n" for record in records))


if __name__ == "__main__":
    sys.exit(main())
