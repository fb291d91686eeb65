"""The command line: a thin layer over the verbs. Knows how to print and which exit code an ending has.

Exit codes: 0 the verbs are done; 1 a cell crashed, the disk filled, or what was printed could not be written; 2 the input was
wrong; 130 interrupted.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from exante import streams
from exante.errors import UserError, is_disk_full

UsageError: Any = typer.BadParameter.__base__
"""click's, or the one of typer's own copy of click."""
INTERRUPTED = 130
DISK_FULL = "the disk is full; what was done is kept: free some space and run the same command again"

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Preregistered experiments on deceptive language models: register, plan, run, analyse, report.",
)
_says = Console(stderr=True)

MOST_SEEDS = 10_000
"""Seeds per base that a run or a plan may ask for: more would take memory and time long before anything is computed."""
TOP_SEED = 2**32 - 1
"""The largest seed that numpy and torch both take."""


def _path(text: str) -> Path:
    """A path of the command line. An empty one would mean the current directory, which is what an unset shell variable gives."""
    if not text:
        raise UserError("a path is empty; give one, or . for the current directory")
    return Path(text)


StudyName = Annotated[
    str, typer.Argument(metavar="STUDY", help="A shipped study ('exante list') or the path of a .py file that defines STUDY.")
]
Directory = Annotated[Path, typer.Argument(metavar="DIR", parser=_path, help="The directory of a run.")]
Preset = Annotated[str, typer.Option(help="Which of the study's presets: quick, default or full.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def run(
    study: StudyName,
    out: Annotated[Path, typer.Option(metavar="DIR", parser=_path, help="The run directory; the same command continues it.")],
    preset: Preset = "default",
    workers: Annotated[
        int | None, typer.Option(help="Processes, one thread each. Default: one per core.", min=1, max=1024)
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, or a torch device such as cuda.")] = "cpu",
    model: Annotated[
        list[str] | None,
        typer.Option(help="Run on these models instead: micro:NAME or hf:PATH. Registered apart."),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Seeds per base instead of the preset's. Registered apart.", min=1, max=MOST_SEEDS)
    ] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="ARM", help="Train only these arms for now.")] = None,
    pilot: Annotated[bool, typer.Option(help="Use pilots' seeds and base draws; every contrast is exploratory.")] = False,
    fresh: Annotated[bool, typer.Option(help="Train the phases again even if the cache holds them.")] = False,
) -> None:
    """Do all five verbs: register, plan, run, analyse, report. The same command again continues where it stopped."""
    from exante import api, studies
    from exante.planning.tree import plan
    from exante.planning.variants import adapt
    from exante.registry.register import register
    from exante.report import write_report
    from exante.storage.directory import RunDirectory

    _need_training()
    if device != "cpu":
        from exante.running.worker import check_device

        check_device(device)
    loaded = studies.load(study)
    adapted = adapt(loaded, models=model or (), seeds=seeds) if model or seeds else loaded
    _check_arms(adapted, only)
    registration = register(adapted, pilot=pilot, adapted=bool(model))
    planned = plan(registration, preset)
    api.check_models(planned, registration.study)  # what cannot run is refused before anything is written
    directory = RunDirectory(out)
    source = Path(study) if study.endswith(".py") else None
    directory.create()
    with directory.locked():
        held = api.register_into(directory, registration, source)
        planned = planned.model_copy(update={"registration_sha256": held.sha256})  # an amendment's is its own
        crashed = api.run_into(
            directory,
            held,
            planned,
            workers=workers or api.cores(),
            device=device,
            only=tuple(only or ()),
            fresh=fresh,
            console=_says,
            source=source,
        )
        verdicts = api.analyse_directory(directory)
        write_report(out)
    _print_verdicts(verdicts)
    print(f"report\t{out / 'report.html'}")
    for log in sorted(set(crashed.values())):
        _says.print(f"a phase crashed; its log is {log}", markup=False, highlight=False, soft_wrap=True)
    if crashed:
        raise typer.Exit(1)


@app.command("register")
def register_command(
    study: StudyName,
    out: Annotated[Path, typer.Option(metavar="DIR", parser=_path, help="The run directory to register into.")],
    amends: Annotated[
        str | None,
        typer.Option(help="The registration that this one amends: its sha256, or the path of its registration.json."),
    ] = None,
    note: Annotated[str, typer.Option(help="What the amendment changes and why.")] = "",
    model: Annotated[list[str] | None, typer.Option(help="Register for these models instead of the study's.")] = None,
    pilot: Annotated[bool, typer.Option(help="Register a pilot.")] = False,
    commit: Annotated[
        bool, typer.Option("--commit", help="Record the git commit that holds the registration: commit it, then register again.")
    ] = False,
    token: Annotated[Path | None, typer.Option(metavar="FILE", help="Record a timestamp token of the registration.")] = None,
) -> None:
    """Freeze a study: write its canonical JSON and sha256, with what had been seen before."""
    from exante import api, studies
    from exante.planning.variants import adapt
    from exante.registry import checks, stamps
    from exante.registry.register import register
    from exante.storage.directory import RunDirectory

    if commit and token is not None:
        raise UserError("--commit and --token are two anchors, and a registration has one; give one of them")
    directory = RunDirectory(out)
    adapted = adapt(studies.load(study), models=model or ())
    sha = stamps.amended(amends, directory) if amends is not None and note else amends
    registration = register(adapted, pilot=pilot, amends=sha, note=note, adapted=bool(model))
    directory.create()
    with directory.locked():
        held = api.register_into(directory, registration, Path(study) if study.endswith(".py") else None)
        anchored = _anchor(directory, commit, token)
    print(f"registered\t{held.study.id}\t{held.sha256}")
    _print_stamps(held, directory.load_stamps())
    for sentence in checks.warnings(held.study):
        print(f"warning\t{_visible(sentence)}")
    if anchored:
        print(f"anchor\t{_visible(anchored)}")


def _anchor(directory: Any, commit: bool, token: Path | None) -> str:
    """Record the anchor that was asked for; the sentence to print."""
    from exante.registry import anchors

    if not commit and token is None:
        return ""
    anchor = anchors.of_commit(directory) if token is None else anchors.of_token(directory, token)
    if anchor is None:
        return f"none yet: commit {directory.registration} with git, then run the same command again"
    anchors.record(directory, anchor)
    return anchors.check(directory)


def _print_stamps(registration: Any, found: dict[str, Any]) -> None:
    """Per preset whether its outcomes had been seen, as far as this cache knows."""
    from exante.registry.stamps import KNOWS, stamps_of

    seen = {name: stamps_of(found, name) for name in registration.study.presets}
    late = {name: stamp for name, stamp in seen.items() if stamp["seen_by"]}
    if not late and not registration.pilot:
        print(f"before data\tno outcome of it has been seen, {KNOWS}")
    for name, stamp in late.items():
        print(f"after data\t{name}\trows were already seen under {', '.join(sha[:12] for sha in stamp['seen_by'])}, {KNOWS}")
        print(f"exploratory\t{name}\t{', '.join(stamp['changed']) or 'none: every contrast is unchanged'}")


@app.command("plan")
def plan_command(
    study: Annotated[str, typer.Argument(metavar="STUDY|DIR", help="A study, or the directory of a registered one.")],
    preset: Annotated[str | None, typer.Option(help="Which preset. Default: the run's own, else default.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes to plan for. Default: one per core.", min=1, max=1024)] = None,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="3,5,10", help="What each of these numbers of seeds could decide, and in what time."),
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Plan for these models instead of the study's.")] = None,
    study_file: Annotated[
        Path | None,
        typer.Option("--study", metavar="FILE.py", help="With DIR: the study's own file, where its parts are not exante's."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the tree of phases, its cost on this machine, and what each contrast could decide, before the run."""
    from exante import api, studies
    from exante.analysis import signals
    from exante.planning import cost as forecast
    from exante.planning import factorial as factors
    from exante.planning import power as ahead
    from exante.planning import theories as rivals
    from exante.planning.tree import plan
    from exante.planning.variants import adapt
    from exante.registry import checks
    from exante.registry.chosen import load_chosen
    from exante.registry.register import register
    from exante.running.progress import words
    from exante.storage.directory import RunDirectory

    if Path(study).is_dir():
        if model:
            raise UserError("a registered directory has its models; --model goes with the study's id or file")
        directory = RunDirectory(Path(study))
        registration = api.load_registered(directory, study_file)
        preset = preset or (load_chosen(directory, registration).preset if directory.plan.exists() else None)
    elif study_file is not None:
        raise UserError("--study goes with the directory of a registered study; a study that is named needs no other file")
    else:
        registration = register(adapt(studies.load(study), models=model or ()), adapted=bool(model))
    preset, workers = preset or "default", workers or api.cores()
    if seeds is not None:
        _print(ahead.over_seeds(registration.study, preset, _numbers(seeds), workers), as_json)
        return
    planned = plan(registration, preset)
    cost = forecast.costs(planned, registration.study)
    outlook = ahead.outlook(registration.study, preset)
    wall = forecast.wall_seconds(planned, cost, workers)
    warnings, pairs = rivals.sentences(registration.study, preset), rivals.pairs(registration.study, preset)
    held = registration.study
    interactions = factors.sentences(held, preset)
    seen = signals.ledger(held, held.presets[preset]) if signals.chooses(held) else []
    if as_json:
        tree = [node.model_dump(mode="json") | {"seconds": cost[key]} for key, node in planned.nodes.items()]
        print(
            json.dumps(
                {"cells": [c.cell.id for c in planned.cells], "phases": tree, "wall_seconds": wall, "contrasts": outlook}
                | {"left_out": planned.left_out, "theories": warnings, "pairs": pairs, "signals": seen}
                | {"interactions": interactions, "warnings": checks.warnings(held)},
                indent=1,
            )
        )
        return
    size = f"{len(planned.cells)} cells, {len(planned.nodes)} phases"
    print(f"{registration.study.id}, preset {preset}: {size}, about {words(wall)} on {workers} workers")
    for sentence in planned.left_out:
        print(f"left out: {sentence}")
    for sentence in checks.warnings(held):
        print(f"warning: {_visible(sentence)}")
    for sentence in (*warnings, *pairs):
        print(f"theories: {sentence}")
    for sentence in interactions:
        print(f"interactions: {sentence}")
    _print(forecast.by_phase(planned, cost), False)
    _print(outlook, False)
    if seen:
        print("signals, and whether they see the scratchpad:")
        _print(signals.grouped(held, seen), False)


@app.command()
def analyse(directory: Directory) -> None:
    """Recompute the verdicts from the rows and phases of a run. Needs no torch."""
    from exante import api
    from exante.storage.directory import RunDirectory

    run_directory = RunDirectory(directory)
    run_directory.load_registration()
    with run_directory.locked():
        _print_verdicts(api.analyse_directory(run_directory))


@app.command()
def report(directory: Directory) -> None:
    """Write report.html from the verdicts of a run. Computes nothing."""
    from exante.report import write_report
    from exante.storage.directory import RunDirectory

    files = RunDirectory(directory)
    files.load_registration()
    with files.locked():
        print(write_report(directory))


@app.command()
def verify(directory: Directory) -> None:
    """Check that a run's verdicts follow from its files, and that its registration was not edited."""
    from exante import api
    from exante.storage.directory import RunDirectory

    print(api.verify(RunDirectory(directory)))


@app.command("list")
def list_studies(as_json: AsJson = False) -> None:
    """The shipped studies and their presets."""
    from exante import studies

    found = [studies.load(name) for name in studies.shipped()]
    _print([{"study": s.id, "presets": ", ".join(s.presets), "question": s.question} for s in found], as_json)


@app.command()
def objections(
    runs: Annotated[
        Path | None, typer.Option(metavar="DIR", parser=_path, help="A directory of run directories whose evidence is shown.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The ledger of objections, the studies that ask each row, and what runs have answered."""
    from exante.evidence import objections as ledger

    rows = ledger.table(runs)
    _print(rows if as_json else ledger.lines(rows), as_json)


@app.command()
def criteria(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", parser=_path, help="Run directories, or directories that hold some; read together."),
    ],
    arm: Annotated[
        str | None,
        typer.Option(help="The intervention: an arm's id. Default: deliberative, or the only arm there is."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What an intervention may be called: each criterion met, not met, undecided or not tested, with its evidence, and the
    ladder of claims, where passing a rung certifies nothing above it."""
    from exante.evidence import criteria as gate

    said = gate.table(runs, arm)
    if as_json:
        print(json.dumps(said, indent=1, ensure_ascii=False))
        return
    _print(gate.lines(said), False)
    print()
    _print(gate.rungs(said), False)
    print()
    for sentence in gate.sentences(said):
        print(_visible(sentence))


@app.command("show-world")
def show_world(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The world's name.")],
    n: Annotated[int, typer.Option("-n", help="How many samples.", min=1, max=100_000)] = 8,
    seed: Annotated[int, typer.Option(help="Which draw.", min=0, max=TOP_SEED)] = 0,
) -> None:
    """Print texts that a micro-world is made of."""
    from exante import studies
    from exante.text import example_spans

    for example in studies.world(name).show(seed, n):
        for span in example_spans(example):
            print(f"[{span['kind']}] {span['text']}")
        print()


@app.command()
def sample(
    directory: Directory,
    arm: Annotated[list[str], typer.Option(help="An arm; give several to see them side by side.")],
    prompt: Annotated[str, typer.Option(help="What the user says.")],
    think: Annotated[str | None, typer.Option(help="Text forced at the start of the scratchpad.")] = None,
    no_think: Annotated[bool, typer.Option("--no-think", help="Open the answer directly, without a scratchpad.")] = False,
    n: Annotated[int, typer.Option("-n", help="Samples of each model.", min=1, max=10_000)] = 3,
    seed: Annotated[int, typer.Option(help="Sampling seed.", min=0, max=TOP_SEED)] = 0,
    temperature: Annotated[float, typer.Option(help="0 is greedy.", min=0.0, max=10.0)] = 1.0,
) -> None:
    """Talk to a run's models: arms side by side, before and after safety training."""
    from exante.planning.tree import plan
    from exante.registry.chosen import load_chosen
    from exante.running import sample as sampling
    from exante.storage.directory import RunDirectory
    from exante.storage.phase_store import PhaseStore

    _check_prompt(prompt, think, no_think, temperature)
    _need_training()
    run_directory = RunDirectory(directory)
    registration = run_directory.load_registration()
    planned = plan(registration, load_chosen(run_directory, registration).preset)
    mode = "answer" if no_think else "think"
    with PhaseStore().leased(planned.nodes):
        rows = sampling.samples(registration.study, planned, arm, prompt, think or "", mode, n, seed, temperature)
    _print(rows, False)


def _check_prompt(prompt: str, think: str | None, no_think: bool, temperature: float) -> None:
    if not prompt.strip():
        raise UserError("--prompt is empty; say something to the model")
    if think is not None and no_think:
        raise UserError("--think forces text into the scratchpad and --no-think leaves none; give one of them")
    if math.isnan(temperature):  # passes every comparison with the ends of a range
        raise UserError("--temperature takes a number from 0 to 10, not nan")


@app.command()
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new study; NAME.py is written here.")],
) -> None:
    """Write a study of your own that runs as it is."""
    from exante.studies import _scaffold as scaffold

    path = scaffold.write(name)
    print(f"{path}\nexante run {path} --preset quick --out runs/{path.stem}")


@app.command()
def cache(
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete the phases (trained models and rows); bases and ledger stay.")
    ] = False,
    bases: Annotated[bool, typer.Option("--bases", help="With --prune: delete the bases too.")] = False,
) -> None:
    """Show what the cache holds, or prune it."""
    from exante.storage.phase_store import PhaseStore

    if bases and not prune:
        raise UserError("--bases says what --prune deletes; give both, or neither to see what the cache holds")
    store = PhaseStore()
    if prune:
        pruned = store.prune(bases=bases)
        print(f"freed\t{pruned.freed / 2**20:.1f} MiB")
        for why, number in pruned.kept.items():
            print(f"kept\t{number} {'entry' if number == 1 else 'entries'} that {why}")
    entries = store.entries()
    kinds = {kind: [size for path, size in entries if f"/{kind}/" in path.as_posix()] for kind in ("bases", "phases")}
    _print([{"kind": kind, "entries": len(sizes), "MiB": round(sum(sizes) / 2**20, 1)} for kind, sizes in kinds.items()], False)
    print(f"directory\t{store.root}")


@app.command()
def reproduce(
    directory: Directory,
    phases: Annotated[int, typer.Option(help="How many phases to train again.", min=1, max=1000)] = 3,
    seed: Annotated[int, typer.Option(help="Which phases are drawn.", min=0)] = 0,
    study_file: Annotated[
        Path | None, typer.Option("--study", metavar="FILE.py", help="The study's file, if its parts are not exante's own.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes, one thread each. Default: one per core.", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Train some phases of a run again, from nothing, and compare their rows: whether what a run holds was measured.

    The same rows come out only on the same kind of processor and with the same versions of the libraries.
    """
    from exante import api

    _need_training()
    found = api.reproduce_phases(directory, study_file, phases, seed, workers or api.cores(), _says)
    rows = [
        {"phase": one.phase, "arms": ", ".join(one.arms), "id": one.node, "rows": one.lines, "different": one.different}
        for one in found
    ]
    _print(rows, as_json)
    if different := [one for one in found if one.different]:
        raise UserError(
            f"{len(different)} of {len(found)} phases came out otherwise here; either their rows were not measured as registered,"
            " or this machine's processor or libraries differ from those of the run"
        )


exporting = typer.Typer(help="Write what a run holds in other shapes.")
app.add_typer(exporting, name="export")


@exporting.command("rows")
def export_rows_command(
    directory: Directory,
    out: Annotated[Path, typer.Option(metavar="FILE", parser=_path, help="The file to write, ending in .csv or .parquet.")],
) -> None:
    """The joined table: a line per cell, checkpoint, item and outcome, zeros included. Needs no torch."""
    from exante.integrations.export import export_rows
    from exante.storage.directory import RunDirectory

    print(f"{export_rows(RunDirectory(directory), out)} lines\t{out}")


importing = typer.Typer(help="Make a run directory of what others measured: analyse, report and verify work on it.")
app.add_typer(importing, name="import")


@importing.command("faking-labels")
def import_faking_labels(
    labels: Annotated[
        Path,
        typer.Argument(
            metavar="CSV",
            parser=_path,
            help="A UTF-8 file with the columns variant, cue (train, deploy), comply (yes, no), rationale (faking, cites, plain,"
            " empty, none) and, if you like, item, run, stage: a line per labelled sample, 'ungraded' where a label is lacking.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", parser=_path, help="The run directory to make.")],
    reference: Annotated[
        str | None,
        typer.Option(metavar="VARIANT", help="The variant that others are compared with. Default: the file's first."),
    ] = None,
) -> None:
    """Alignment faking in labels made elsewhere: the eight cells, the gap and its parts, shares, fragility. Needs no torch.

    Registered after the data, so every number is exploratory.
    """
    from exante.integrations.faking_labels import import_labels

    _print_verdicts(import_labels(labels, out, reference))
    print(f"report\t{out / 'report.html'}")


def _need_training() -> None:
    if any(importlib.util.find_spec(name) is None for name in ("torch", "transformers")):
        raise UserError("running a study needs torch and transformers; install them with: pip install 'exante[train]'")


def _check_arms(study: Any, only: list[str] | None) -> None:
    known = [a.id for a in study.arms]
    for name in only or ():
        if name not in known:
            raise UserError(f"study {study.id!r} has no arm {name!r}; it has {', '.join(known)}")


def _numbers(text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise UserError(f"--seeds takes whole numbers with commas between them, such as 3,5,10, not {text!r}") from error
    if any(n < 1 for n in found):
        raise UserError("--seeds takes numbers from 1 on")
    if any(n > MOST_SEEDS for n in found):
        raise UserError(f"--seeds takes numbers up to {MOST_SEEDS}")
    return found


def _print_verdicts(verdicts: dict[str, Any]) -> None:
    from exante.units import shown

    rows = [
        {
            "contrast": c["id"],
            "verdict": c["verdict"],
            **{end: shown(c[end], c["unit"]) for end in ("estimate", "low", "high")},
            "unit": c["unit"],
            "n": c["n_units"],
            "reason": c["reason"],
        }
        for c in verdicts["contrasts"]
    ]
    _print(rows, False)


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    """A table: JSON, tab-separated lines where stdout is no terminal, else drawn by rich."""
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    columns = list(rows[0]) if rows else []
    cells = [[_visible(str(row[c])) for c in columns] for row in rows]
    if not sys.stdout.isatty():
        print("\n".join("\t".join(line) for line in [columns, *cells]))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, padding=(0, 2, 0, 0), header_style="bold")
    for line in cells:
        table.add_row(*(Text(cell) for cell in line))
    Console().print(table)


def _visible(text: str) -> str:
    """Control characters made visible: model text must not steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def main(arguments: list[str] | None = None) -> None:
    """Entry point. Turns endings into exit codes."""
    code = _exit_code(sys.argv[1:] if arguments is None else arguments)
    sys.stdout.flush()
    if (fault := streams.lost()) and code == 0:
        code = _end(f"what this command printed could not be written ({fault}); what it wrote into files is complete", 1)
    if code == INTERRUPTED:
        # An interrupt that went through a C extension's own evaluation of code leaves Python determined to die of the signal.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _exit_code(arguments: list[str]) -> int:
    try:
        _refuse_undecodable(arguments)
        # Not app(): it would print an empty line of its own when interrupted.
        command = typer.main.get_command(app)
        with command.make_context("exante", arguments or ["--help"]) as context:
            command.invoke(context)
    except typer.Exit as ending:
        return ending.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _end("interrupted; the same command continues", INTERRUPTED)
    except UserError as error:
        return _end(str(error), 2)
    except UsageError as error:
        return _end(f"{error.format_message().rstrip('.')}; see --help", 2)
    except Exception as error:
        if is_disk_full(error):
            return _end(f"{DISK_FULL} ({error})", 1)
        raise
    return 0


def _refuse_undecodable(arguments: list[str]) -> None:
    """Undecodable bytes reach Python as lone surrogates, which no JSON file, registration or tokenizer can hold."""
    for argument in arguments:
        if not argument.isascii() and any("\ud800" <= c <= "\udfff" for c in argument):
            raise UserError(
                f"the argument {argument!r} holds bytes that are no text in this terminal's encoding; write it in UTF-8, and"
                " rename a file or directory that is called so"
            )


def _end(sentence: str, code: int) -> int:
    """Print the one sentence, on one line: what it quotes may hold anything."""
    _says.print(f"exante: {_visible(' '.join(sentence.split()))}", markup=False, highlight=False, soft_wrap=True)
    return code
