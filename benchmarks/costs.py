"""What each study cost: runs, phases, samples, tokens, time on one core and by the clock, from finished run directories.

    python benchmarks/costs.py runs docs/results     a Markdown table of every finished run in or below these
    python benchmarks/costs.py runs --json           the same as JSON

A page of results keeps its run's cost in `cost.json`, so that the table can be made without the run.
A phase costs what it took when it was trained, whoever trained it: one from the cache counts in full in every study that rests
on it, so rows must not be added up. Reads plan, rows, phases and timings alone; looks at no outcome.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from exante.errors import UserError
from exante.registry.plan_file import load_plan_file
from exante.report import words
from exante.storage.directory import RunDirectory
from exante.storage.files import read_json
from exante.storage.tables import SAMPLED, Measured

SPANS = ("tokens_prompt", "tokens_scratchpad", "tokens_answer")
KEPT = "cost.json"
HINT = "continue the run with 'exante run'"
SHARED = (
    "Seconds on one core are those that phases took on the machine that trained them, its evaluations included; a machine shared"
    " with other work makes them longer. Phases from the cache count in full, but take no time by the clock."
)
Json = dict[str, Any]


def cost(directory: Path) -> Json:
    """`study, preset, pilot, cells, phases, bases, samples, tokens, core_seconds, base_seconds, wall_seconds, starts, cores,
    workers` of one finished run.

    `tokens` passed through training, all spans (null: not counted); `samples` were drawn in evaluations. `cores` and `workers`
    are of the last start; null where they were not recorded. Raises UserError for what is no finished run.
    """
    files = RunDirectory(directory)
    registration = files.load_registration()
    chosen, measured = load_plan_file(files, registration), files.load_measured()
    timings = read_json(files.timings, HINT)
    nodes = measured.cells.drop_duplicates("node")
    bases = set(nodes.loc[nodes["phase"] == "base", "node"].astype(str))
    took = {key: one["seconds"] for key, one in timings["phases"].items()}
    last = timings["runs"][-1]
    return {
        "study": chosen.study,
        "preset": chosen.preset,
        "pilot": chosen.pilot,
        "cells": int(measured.cells["cell"].nunique()),
        "phases": len(nodes),
        "bases": len(bases),
        "samples": int(measured.rows.drop_duplicates(SAMPLED)["trials"].sum()),
        "tokens": tokens(measured),
        "core_seconds": sum(took.values()),
        "base_seconds": sum(seconds for key, seconds in took.items() if key in bases),
        "wall_seconds": sum(one["wall_seconds"] for one in timings["runs"]),
        "starts": len(timings["runs"]),
        "cores": last.get("cores"),
        "workers": last.get("workers"),
    }


def tokens(measured: Measured) -> int | None:
    """Tokens that phases trained on: the last of each phase's running counts."""
    counted = measured.metrics[measured.metrics["metric"].isin(SPANS)]
    last = counted.sort_values("step", kind="stable").drop_duplicates(["node", "metric"], keep="last")
    return None if last.empty else int(last["value"].sum())


def found(places: Iterable[Path]) -> list[Json]:
    """Costs of every finished run in or below these, and of runs of which only `cost.json` was kept. Raises UserError."""
    places = list(places)
    runs = sorted({path.parent for place in places for path in place.rglob("timings.json")})
    kept = sorted({path for place in places for path in place.rglob(KEPT)})
    if not runs and not kept:
        raise UserError(f"no finished run in {', '.join(map(str, places))}; give the directory that your runs are in")
    costs = [cost(place) for place in runs] + [read_json(path, "write its page again with 'make results'") for path in kept]
    return sorted(costs, key=lambda row: (row["study"], row["preset"]))


def markdown(rows: Iterable[Json]) -> str:
    head = (
        "study",
        "preset",
        "runs",
        "phases",
        "bases",
        "samples",
        "tokens trained on",
        "on one core",
        "of it bases",
        "by the clock",
    )
    lines = [(*head, "workers"), ("---", "---", *["---:"] * (len(head) - 1))]
    for row in rows:
        clock = words.seconds(row["wall_seconds"]) + ("" if row["starts"] == 1 else f", {row['starts']} starts")
        lines.append(
            (
                f"`{row['study']}`",
                row["preset"] + (", pilot" if row["pilot"] else ""),
                *(words.number(row[key]) for key in ("cells", "phases", "bases", "samples")),
                "–" if row["tokens"] is None else f"{row['tokens'] / 1e6:.1f} M",
                words.seconds(row["core_seconds"]),
                words.seconds(row["base_seconds"]),
                clock,
                words.plain(row["workers"]),
            )
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{SHARED}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="what each study cost, from finished run directories")
    parser.add_argument("directory", type=Path, nargs="+", help="run directories, or directories that hold some at any depth")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    try:
        rows = found(options.directory)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(rows, indent=1) if options.json else markdown(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
