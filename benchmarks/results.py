"""A page of results from the files of a finished run: what it did not show first, then every verdict, a figure and the cost.

    python benchmarks/results.py DIR --out docs/results     write docs/results/STUDY.md from the run in DIR
    python benchmarks/results.py --check docs/results       compare each page's phases with today's code
    python benchmarks/results.py --shown docs/results       write what the pages showed into the package, for the planner

Beside the page, in docs/results/STUDY/, lie the run's registration, rows, verdicts and series, so that `exante verify` works
there, the figures, `cost.json` for the table of `costs.py`, and `phases.json`: what was trained and evaluated, by id. A page's
first line says how much of that today's code would still train under the same ids; `--check` writes it again where that has
changed. `planned.json` holds the half-widths that were planned before the run, with what earlier pages had shown. Computes no
statistic.
"""

from __future__ import annotations

import argparse
import base64
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import costs

from exante import api, studies
from exante.analysis.algebra import leaves
from exante.analysis.headline import answer
from exante.errors import UserError
from exante.evidence.runs import load_verdicts
from exante.planning import shown, spreads
from exante.planning import theories as rivals
from exante.planning.design import design_of, half_width
from exante.planning.tree import Plan, has_runs, plan, preset_of
from exante.registry.plan_file import load_plan_file
from exante.report import cells, figures, words
from exante.report.contrasts import contrast_row, sign
from exante.report.gates import gate_groups
from exante.report.load import Run, load_run
from exante.storage.directory import RunDirectory
from exante.storage.files import FORMAT, read_json, write_atomic, write_json
from exante.storage.identity import evaluation_id
from exante.storage.table_files import read_table
from exante.storage.tables import SERIES
from exante.study import Registration, Study

KEPT = ("verdicts.json", "rows.parquet", "cells.parquet", "phases.parquet", "series.parquet", "registration.json")
MOST_BYTES = 3 * 2**20
"""Rows and series of one page, compressed."""
PLANNED = "planned.json"
SHIPPED = Path(__file__).resolve().parents[1] / "docs" / "results"
SHOWN = Path(shown.__file__).with_name(shown.FILE)
ORDER = ("contradicted", "undecided", "exploratory", "estimate", "supported")
Json = dict[str, Any]


# --- what was trained, and whether it still would be ---------------------------------------------------------------------


def ids_of(planned: Plan, study: Study) -> Json:
    """What a run rests on: the ids of its phases, and those of the evaluations that ran."""
    ran = {name for node in planned.nodes.values() for name in node.evaluations}
    return {
        "preset": planned.preset,
        "phases": sorted(planned.nodes),
        "evaluations": {e.id: evaluation_id(e) for e in study.evaluations if e.id in ran},
    }


def today(study_id: str, preset: str) -> Json | None:
    """The same of today's code; None if the study is not shipped, or its preset is gone."""
    from exante.registry.register import register

    try:
        study = studies.load(study_id)
        preset_of(study, preset)
    except UserError:
        return None
    return ids_of(plan(register(study), preset), study)


def first_line(study_id: str, held: Json, now: Json | None) -> str:
    """The page's first line: whether its phases are those of today's code."""
    again = f"`make results STUDY={study_id}` runs it again."
    if now is None:
        return f"> **Changed since:** today's code has no study `{study_id}` with a preset `{held['preset']}`."
    gone = len(set(held["phases"]) - set(now["phases"]))
    other = [name for name, one in held["evaluations"].items() if now["evaluations"].get(name) != one]
    if gone or other:
        parts = [f"{gone} of the {len(held['phases'])} phases behind this page"] if gone else []
        parts += [f"the evaluations {', '.join(other)}"] if other else []
        return f"> **Changed since:** {' and '.join(parts)} are no longer what today's code would run. {again}"
    return f"> The {len(held['phases'])} phases behind this page are those that today's code would train."


def check(results: Path) -> list[Path]:
    """Write the first line of every page in `results` again. Returns the pages whose line had to change."""
    changed = []
    for path in sorted(results.glob("*/phases.json")):
        name, page = path.parent.name, path.parent.with_suffix(".md")
        held = read_json(path, f"write it again with 'make results STUDY={name}'")
        text = page.read_text("utf-8")
        line, _, rest = text.partition("\n")
        wanted = first_line(name, held, today(name, held["preset"]))
        if line != wanted:
            write_atomic(page, f"{wanted}\n{rest}")
            changed.append(page)
    return changed


# --- what pages showed, for the planner ------------------------------------------------------------------------------------


def pages_shown(results: Path) -> list[shown.ShownPage]:
    """How far the runs of every page spread."""
    return [page_shown(path.parent) for path in sorted(results.glob("*/verdicts.json"))]


def page_shown(page: Path) -> shown.ShownPage:
    series = read_table(page / "series.parquet", f"write it again with 'make results STUDY={page.name}'", SERIES, (1, FORMAT))
    return spreads.page_of(RunDirectory(page).load_registration(), load_verdicts(page), series)


def write_shown(results: Path, package: Path = SHOWN) -> None:
    """Write what the pages showed where the planner reads it."""
    write_atomic(package, shown.to_text(pages_shown(results)))


def planned_widths(study: Study, preset: str) -> Json:
    """Half-width planned for each primary that has runs in a preset, and where its spread came from."""
    held = preset_of(study, preset)
    designs = [design_of(study, c, held) for c in study.contrasts if c.primary is not None and has_runs(c, held)]
    return {d.contrast.id: {"half_width": half_width(d), "spread_from": d.spread.source} for d in designs}


def keep_planned(kept: Path, registration: Registration, preset: str) -> None:
    """Write what was planned for a registration, once: later the planner knows this page, and would forecast from it."""
    path = kept / PLANNED
    if not path.exists() or read_json(path, "remove it")["registration_sha256"] != registration.sha256:
        widths = planned_widths(registration.study, preset)
        write_json(path, {"registration_sha256": registration.sha256, "widths": widths})


# --- the page ------------------------------------------------------------------------------------------------------------


def write(directory: Path, out: Path, commit: str) -> Path:
    """Write a run's page and keep its files beside it. Raises UserError for a pilot, a demonstration or an unfinished run."""
    files = RunDirectory(directory)
    registration = files.load_registration()
    planned = plan(registration, load_plan_file(files, registration).preset)
    if registration.pilot or planned.preset not in ("default", "full"):
        raise UserError(f"{directory} holds a pilot or a demonstration; results are made from preset default or larger")
    run = load_run(directory)
    study, kept = registration.study, out / registration.study.id
    kept.mkdir(parents=True, exist_ok=True)
    files.copy_to(kept)
    if (size := sum(path.stat().st_size for path in kept.rglob("*") if path.suffix in (".parquet", ".jsonl"))) > MOST_BYTES:
        raise UserError(f"the rows of {directory} take {size / 2**20:.1f} MiB, and a page may take {MOST_BYTES / 2**20:.0f}")
    held = ids_of(planned, study)
    write_json(kept / "phases.json", held)
    keep_planned(kept, registration, planned.preset)
    write_json(kept / costs.KEPT, costs.cost(directory))
    rows = [contrast_row(row, study) for row in run.verdicts["contrasts"]]
    drawn = [*draw(rows, kept), *draw_cells(run, rows, kept)]
    now = today(study.id, planned.preset) if study.id in studies.shipped() else held
    parts = [
        first_line(study.id, held, now),
        f"# {study.title}\n\n{study.question}\n\n**{answer(study, primaries(rows))['sentence']}**",
        facts(run, planned, commit),
        f"## What it did not show\n\n{negatives(run, rows, planned)}",
        f"## Verdicts\n\n{verdict_table(rows)}",
        *(f"{title}:\n\n![{title}]({study.id}/{name})" for title, name in drawn),
        f"## Theories\n\n{theory_table(run, study)}",
        f"## Cost\n\n{cost(run)}",
        f"## Files\n\n{beside(study.id)}",
    ]
    page = out / f"{study.id}.md"
    write_atomic(page, words.spelled("\n\n".join(parts)) + "\n")
    return page


def primaries(rows: list[Json]) -> list[Json]:
    return sorted((row for row in rows if row["primary"]), key=lambda row: row["primary"])


def draw(rows: list[Json], kept: Path) -> list[tuple[str, str]]:
    """The report's forest plots, one per unit, as SVG files: (title, file name)."""
    shown = [row for row in rows if row["low"] is not None and row["high"] is not None]
    found = []
    for unit in dict.fromkeys(row["unit"] for row in shown):
        figure = figures.forest([row for row in shown if row["unit"] == unit], unit)
        name = f"contrasts-{'percent' if unit == '%' else unit}.svg"
        write_atomic(kept / name, base64.b64decode(figure.wide.partition(",")[2]))
        found.append((figure.title, name))
    return found


def draw_cells(run: Run, rows: list[Json], kept: Path) -> list[tuple[str, str]]:
    """The cells of alignment faking under every pair of conditions that a primary reads, as SVG files: (title, file name)."""
    study = run.registration.study
    read = {measure.id: leaves(measure.expression) for measure in study.measures}
    contrasts = {contrast.id: contrast for contrast in study.contrasts}
    primary = [contrasts[row["id"]] for row in primaries(rows)]
    wanted = {
        (arm, leaf.evaluation, leaf.condition) for c in primary for arm in (c.arm, c.control) if arm for leaf in read[c.measure]
    }
    found = []
    for figure in cells.figures(run.series, study, wanted, keyed=True):
        name = f"cells-{re.sub('[^a-z0-9]+', '-', figure.title.lower()).strip('-')}.svg"
        write_atomic(kept / name, base64.b64decode(figure.wide.partition(",")[2]))
        found.append((figure.title, name))
    return found


def facts(run: Run, planned: Plan, commit: str) -> str:
    study, preset = run.registration.study, run.registration.study.presets[planned.preset]
    started = [one["started"] for one in run.timings.get("runs", []) if "started" in one]
    size = f"{len(planned.cells)} runs, {rivals.size(preset)}, from number {preset.first} on"
    rows = [
        ("registration", f"`{run.registration.sha256}`"),
        ("registered before the data", words.plain(run.verdicts.get("registered_before_data"))),
        ("commit", f"`{commit}`"),
        ("date", datetime.fromtimestamp(max(started), tz=UTC).strftime("%Y-%m-%d") if started else "–"),
        ("preset", f"{planned.preset}: {size}"),
        ("models", ", ".join(preset.models)),
        ("behaviours", ", ".join(preset.behaviours)),
        ("bases", ", ".join(preset.base_variants)),
        ("left out", " ".join(planned.left_out) or "nothing"),
        ("seen before", f"{len(study.seen_before)} pilots and earlier runs, listed in the registration"),
    ]
    return table(("", ""), rows)


def negatives(run: Run, rows: list[Json], planned: Plan) -> str:
    """Failed gates, crashed runs, contrasts and theories that fell or stayed open: the first thing a reader sees."""
    study = run.registration.study
    failed = [gate for gate in gate_groups(run.verdicts["gates"], study) if not gate["passed"]]
    lines = [
        f"Gate failed in {len(g['failed'])} of {g['count']}: {g['title']}; blocks {words.plain(g['blocks'])}." for g in failed
    ]
    lines += [f"{len(run.crashed)} of {len(planned.cells)} runs crashed, counted at both ends."] if run.crashed else []
    for word in ORDER[:3]:
        lines += [f"{sign(word)} {word}: {row['label']} (`{row['id']}`). {row['reason']}" for row in with_verdict(rows, word)]
    lines += [f"{sign(t['verdict'])} theory {t['verdict']}: {t['title']}. {words.sentence(t['reason'])}" for t in fallen(run)]
    absent = [row["id"] for row in rows if not row["in_preset"]]
    lines += [f"Registered, but not in this preset: {', '.join(f'`{name}`' for name in absent)}."] if absent else []
    return "\n".join(f"- {line}" for line in lines) or "Every gate passed, and every contrast and theory was supported."


def with_verdict(rows: list[Json], word: str) -> list[Json]:
    return [row for row in rows if row["in_preset"] and row["verdict"] == word]


def fallen(run: Run) -> list[Json]:
    return [t for word in ORDER[:3] for t in run.verdicts["theories"] if t["verdict"] == word]


def verdict_table(rows: list[Json]) -> str:
    """Primaries in their order, then the rest."""
    shown = sorted((row for row in rows if row["in_preset"]), key=lambda row: row["primary"] or 99)
    head = ("contrast", "verdict", "estimate", "interval", "level", "hypothesis", "units", "measure", "")
    return table(
        head,
        [
            (
                f"{'**' + str(row['primary']) + '** ' if row['primary'] else ''}{row['label']} (`{row['id']}`)",
                f"{row['sign']} {row['verdict']}",
                words.quantity(row["number"], row["unit"]),
                row["interval"],
                row["level"],
                words.region(row["region"]),
                f"{row['n']}, {row['scope']}",
                row["measure_title"],
                row["stamp"],
            )
            for row in shown
        ],
    )


def theory_table(run: Run, study: Study) -> str:
    says = {theory.id: theory.says for theory in study.theories}
    rows = [
        (t["title"], f"{sign(t['verdict'])} {t['verdict']}", says.get(t["id"], ""), words.sentence(t["reason"]))
        for t in run.verdicts["theories"]
    ]
    return table(("theory", "verdict", "says", "why"), rows)


def cost(run: Run) -> str:
    """Time by kind of phase: phases that came from the store cost what they cost when they were trained."""
    took: dict[str, list[float]] = {}
    for timing in run.timings.get("phases", {}).values():
        took.setdefault(timing["phase"], []).append(timing["seconds"])
    rows = [(name, str(len(times)), words.seconds(sum(times))) for name, times in took.items()]
    wall = sum(one["wall_seconds"] for one in run.timings.get("runs", []))
    cores = ", ".join(dict.fromkeys(str(one["cores"]) for one in run.timings.get("runs", [])))
    said = f"{words.seconds(wall)} by the clock on a machine of {cores or 'unknown'} cores;"
    said += f" {words.seconds(run.timings.get('compute_seconds', 0))} of work on one core, phases from the cache included."
    return f"{said}\n\n{table(('phase', 'trained', 'seconds on one core'), rows)}"


def beside(study_id: str) -> str:
    names = ", ".join(f"[`{name}`]({study_id}/{name})" for name in (*KEPT, "phases.json"))
    return f"{names}. Run it again with `make results STUDY={study_id}`; the report of that run shows every gate and run."


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; a bar inside a cell would end it."""
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (list(head), ["---"] * len(head), *cells))


def commit_of(directory: Path) -> str:
    """The commit of the code that stands here, and whether files differ from it."""
    try:
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=directory, capture_output=True, text=True, check=True
        ).stdout.strip()
        dirty = subprocess.run(["git", "status", "--porcelain", "src"], cwd=directory, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError("there is no git repository here to take the commit from; name it with --commit") from error
    return f"{head}, with changes" if dirty.stdout.strip() else head


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="a page of results from a finished run, or a check of the pages there are")
    parser.add_argument("directory", type=Path, help="the run's directory; with --check the directory of the pages")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--commit", help="commit of the code that the run was made with; default: the one checked out here")
    parser.add_argument("--check", action="store_true", help="write first lines again; exit code 1 if one had changed")
    parser.add_argument("--shown", action="store_true", help="write what the pages showed into the package, for the planner")
    options = parser.parse_args(arguments)
    try:
        if options.shown:
            write_shown(options.directory)
            return 0
        if options.check:
            changed = check(options.directory)
            print(*(f"first line changed\t{path}" for path in changed), sep="\n", end="\n" if changed else "")
            return 1 if changed else 0
        page = write(options.directory, options.out, options.commit or commit_of(Path(__file__).parent))
        if options.out.resolve() == SHIPPED:  # pages elsewhere are not what the package ships
            write_shown(options.out)
        print(api.verify(page.with_suffix("")))
        print(page)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
