"""Does the instrument find what was planted, and only that? Three studies by real training, with their labels turned about.

    python benchmarks/planted/planted.py [--out runs/planted] [--study planted-effect …] [--shuffles 2000] [--fresh]

Each study is run from its file like any other (`exante run`), on bases and seeds of its own. Printed for each: the verdicts
as labelled and with the arms swapped, and in what share of random relabellings of the runs a difference comes out supported.
The last line is `planted failures N`; the exit code is 1 if anything came out as it must not. Trains nothing itself.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd
from labels import Shuffled, relabelled, shuffled, stopped, swapped, words

from exante import api
from exante.analysis.analyse import table_of
from exante.analysis.decide import Decisions, decide
from exante.analysis.table import Table
from exante.api.results import load_run_data
from exante.storage.directory import RunDirectory
from exante.study import Study

HERE = Path(__file__).parent
FEWEST_RUNS = 8
MOST_SHUFFLED = 0.06

EXPECTED: dict[str, dict[str, tuple[str, ...]]] = {
    "planted-effect": {"more": ("supported",), "less": ("contradicted",), "same": ("contradicted",)},
    "planted-reverse": {"more": ("contradicted",), "less": ("supported",), "same": ("contradicted",)},
    "planted-null": {
        "more": ("contradicted", "undecided"),
        "less": ("contradicted", "undecided"),
        "same": ("supported", "undecided"),
    },
}
"""What each contrast may come out as. With the arms swapped, what holds for `more` must hold for `less` and the other way."""
OPPOSITE = {"more": "less", "less": "more", "same": "same"}


@dataclass(frozen=True)
class Found:
    """One study's result: its decisions as labelled, its verdicts with the arms swapped, and the shuffles."""

    study: str
    seconds: float
    decisions: Decisions
    swapped: dict[str, str]
    shuffled: Shuffled


def study_file(study: str) -> Path:
    return HERE / f"{study.replace('-', '_')}.py"


def train(study: str, out: Path, preset: str, more: list[str]) -> float:
    """Run a study's file into `out`. Returns the seconds it took; stops the program if a run crashed."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "exante", "run", str(study_file(study)), "--preset", preset, "--out", str(out), *more]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        sys.exit(f"exante run {study_file(study).name} ended with exit code {done.returncode}")
    return time.perf_counter() - started


def read(out: Path) -> tuple[Study, Table, pd.DataFrame]:
    """A finished run directory: its study, its counts and its phases."""
    directory = RunDirectory(out)
    data = load_run_data(directory)
    study = data.registration.study
    return study, table_of(study, data.measured, data.preset, data.cells), data.measured.metrics_of_cells()


def judged(study: str, seconds: float, out: Path, shuffles: int) -> Found:
    registered, table, phases = read(out)
    turned = decide(registered, *relabelled(table, phases, swapped(table.cells)))
    return Found(study, seconds, decide(registered, table, phases), words(turned), shuffled(registered, table, shuffles))


def failures(found: Found) -> list[str]:
    """What came out as it must not, in words."""
    expected, said = EXPECTED[found.study], words(found.decisions)
    wrong = [f"{name} is {said[name]}" for name in expected if said[name] not in expected[name]]
    wrong += [f"{name} swapped is {found.swapped[name]}" for name in expected if found.swapped[name] != said[OPPOSITE[name]]]
    wrong += [f"{name}: {why}" for name, one in found.decisions.contrasts.items() for why in stopped(one)]
    few = min(one.claim.n_units for one in found.decisions.contrasts.values())
    wrong += [f"an arm has {few} runs, fewer than {FEWEST_RUNS}"] if few < FEWEST_RUNS else []
    shares = (found.shuffled.registered, found.shuffled.any)
    wrong += [f"{100 * share:.1f} % of shuffles find a difference" for share in shares if share > MOST_SHUFFLED]
    return wrong


def show(found: Found) -> None:
    """The result as tab-separated lines."""
    print(f"\n{found.study}, {found.seconds:.0f} s")
    print("contrast\tregion\testimate\tlow\thigh\truns per arm\tverdict\twith the arms swapped")
    for name, one in found.decisions.contrasts.items():
        region, verdict = one.claim.contrast.title, words(found.decisions)[name]
        numbers = f"{float(one.claim.estimate):+.1f}\t{float(one.low):+.1f}\t{float(one.high):+.1f}\t{one.claim.n_units}"
        print(f"{name}\t{region}\t{numbers}\t{verdict}\t{found.swapped[name]}")
    arm, control = found.decisions.contrasts["more"].claim.arm, found.decisions.contrasts["more"].claim.control
    assert control is not None
    spread = f"{arm.point.std(ddof=1):.1f} and {control.point.std(ddof=1):.1f}"
    print(f"means {float(arm.mean):+.1f} and {float(control.mean):+.1f} pp, standard deviations over runs {spread}")
    s = found.shuffled
    print(f"labels shuffled {s.count} times: > +10 or < -10 pp supported in {100 * s.registered:.2f} %,", end=" ")
    print(f"zero left out by the interval in {100 * s.any:.2f} %, gates failed in {100 * s.gated:.2f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description="Three planted studies by real training, with their labels turned about.")
    parser.add_argument("--out", type=Path, default=Path("runs/planted"), help="where the run directories go")
    parser.add_argument("--study", action="append", choices=list(EXPECTED), help="only this one; may be said again")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--shuffles", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=api.cores())
    parser.add_argument("--fresh", action="store_true", help="train again what the cache holds (bases aside)")
    parser.add_argument("--pilot", action="store_true", help="use pilot numbers: for finding the dose")
    asked = parser.parse_args()
    more = ["--workers", str(asked.workers), *(["--fresh"] if asked.fresh else []), *(["--pilot"] if asked.pilot else [])]
    wrong = 0
    for study in asked.study or EXPECTED:
        out = asked.out / study
        found = judged(study, train(study, out, asked.preset, more), out, asked.shuffles)
        show(found)
        for sentence in failures(found):
            wrong += 1
            print(f"FAILED: {sentence}")
    print(f"\nplanted failures {wrong}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
