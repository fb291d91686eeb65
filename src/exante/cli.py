"""The command line: a thin layer over the verbs. Knows how to print and which exit code an ending has.

Exit codes: 0 the verbs are done; 1 a cell crashed or the disk filled; 2 the input was wrong; 130 interrupted.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

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

StudyName = Annotated[
    str, typer.Argument(metavar="STUDY", help="A shipped study ('exante list') or the path of a .py file that defines STUDY.")
]
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The directory of a run.")]
Preset = Annotated[str, typer.Option(help="Which of the study's presets: quick, default or full.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def run(
    study: StudyName,
    out: Annotated[Path, typer.Option(help="The run directory; the same command again continues it.")],
    preset: Preset = "default",
    workers: Annotated[int | None, typer.Option(help="Processes, one thread each. Default: one per core.", min=1)] = None,
    device: Annotated[str, typer.Option(help="cpu, or a torch device such as cuda.")] = "cpu",
    model: Annotated[
        list[str] | None, typer.Option(help="Run on these models instead: micro:NAME or hf:PATH. Registered apart.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="Seeds per base instead of the preset's. Registered apart.", min=1)] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="ARM", help="Train only these arms for now.")] = None,
    pilot: Annotated[bool, typer.Option(help="Use pilots' seeds and base draws; every contrast is exploratory.")] = False,
    fresh: Annotated[bool, typer.Option(help="Train the phases again even if the cache holds them.")] = False,
) -> None:
    """Do all five verbs: register, plan, run, analyse, report. The same command again continues where it stopped."""
    from exante import studies, verbs
    from exante.plan import plan
    from exante.register import adapt, register
    from exante.report import write_report
    from exante.store import RunDirectory

    _need_training()
    if device != "cpu":
        from exante.work import check_device

        check_device(device)
    loaded = studies.load(study)
    adapted = adapt(loaded, models=model or (), seeds=seeds) if model or seeds else loaded
    _check_arms(adapted, only)
    registration = register(adapted, pilot=pilot)
    plan(registration, preset, tuple(only or ()))  # what cannot run is refused before anything is written
    directory = RunDirectory(out)
    directory.create()
    with directory.locked():
        verbs.register_into(directory, registration, Path(study) if study.endswith(".py") else None)
        crashed = verbs.run_into(
            directory, preset, workers=workers or verbs.cores(), device=device, only=tuple(only or ()), fresh=fresh, console=_says
        )
        verdicts = verbs.analyse_directory(directory)
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
    out: Annotated[Path, typer.Option(help="The run directory to register into.")],
    amends: Annotated[str | None, typer.Option(help="sha256 of the registration this one amends.")] = None,
    note: Annotated[str, typer.Option(help="What the amendment changes and why.")] = "",
    model: Annotated[list[str] | None, typer.Option(help="Register for these models instead of the study's.")] = None,
    pilot: Annotated[bool, typer.Option(help="Register a pilot.")] = False,
) -> None:
    """Freeze a study: write its canonical JSON and sha256, with what had been seen before."""
    from exante import studies, verbs
    from exante.register import adapt, register
    from exante.store import RunDirectory

    directory = RunDirectory(out)
    registration = register(adapt(studies.load(study), models=model or ()), pilot=pilot, amends=amends, note=note)
    held = verbs.register_into(directory, registration, Path(study) if study.endswith(".py") else None)
    stamps = directory.load_stamps()
    print(f"registered\t{held.study.id}\t{held.sha256}")
    if stamps["seen_by"]:
        print(f"after data\trows were already seen under {', '.join(sha[:12] for sha in stamps['seen_by'])}")
        print(f"exploratory\t{', '.join(stamps['changed']) or 'none: every contrast is unchanged'}")


@app.command("plan")
def plan_command(
    study: Annotated[str, typer.Argument(metavar="STUDY|DIR", help="A study, or the directory of a registered one.")],
    preset: Annotated[str | None, typer.Option(help="Which preset. Default: the run's own, else default.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes to plan for. Default: one per core.", min=1)] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="3,5,10", help="What each of these numbers of seeds could decide, and in what time.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Plan for these models instead of the study's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the tree of phases, its cost on this machine, and what each contrast could decide, before the run."""
    from exante import factors, forecast, rivals, studies, verbs
    from exante import outlook as ahead
    from exante.analysis import signals
    from exante.plan import plan
    from exante.progress import words
    from exante.register import adapt, register
    from exante.store import RunDirectory

    if Path(study).is_dir():
        if model:
            raise UserError("a registered directory has its models; --model goes with the study's id or file")
        directory = RunDirectory(Path(study))
        registration = verbs.load_registered(directory)
        preset = preset or (verbs.load_plan(directory).preset if directory.plan.exists() else None)
    else:
        registration = register(adapt(studies.load(study), models=model or ()))
    preset, workers = preset or "default", workers or verbs.cores()
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
                | {"interactions": interactions},
                indent=1,
            )
        )
        return
    size = f"{len(planned.cells)} cells, {len(planned.nodes)} phases"
    print(f"{registration.study.id}, preset {preset}: {size}, about {words(wall)} on {workers} workers")
    for sentence in planned.left_out:
        print(f"left out: {sentence}")
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
    from exante import verbs
    from exante.store import RunDirectory

    run_directory = RunDirectory(directory)
    run_directory.load_registration()
    with run_directory.locked():
        _print_verdicts(verbs.analyse_directory(run_directory))


@app.command()
def report(directory: Directory) -> None:
    """Write report.html from the verdicts of a run. Computes nothing."""
    from exante.report import write_report
    from exante.store import RunDirectory

    RunDirectory(directory).load_registration()
    print(write_report(directory))


@app.command()
def verify(directory: Directory) -> None:
    """Check that a run's verdicts follow from its files, and that its registration was not edited."""
    from exante import verbs
    from exante.store import RunDirectory

    print(verbs.verify(RunDirectory(directory)))


@app.command("list")
def list_studies(as_json: AsJson = False) -> None:
    """The shipped studies and their presets."""
    from exante import studies

    found = [studies.load(name) for name in studies.shipped()]
    _print([{"study": s.id, "presets": ", ".join(s.presets), "question": s.question} for s in found], as_json)


@app.command()
def objections(
    runs: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A directory of run directories whose evidence is shown.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The ledger of objections, the studies that ask each row, and what runs have answered."""
    from exante import objections as ledger

    rows = ledger.table(runs)
    _print(rows if as_json else ledger.lines(rows), as_json)


@app.command()
def criteria(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="Run directories, or directories that hold some; read together."),
    ],
    arm: Annotated[
        str | None, typer.Option(help="The intervention: an arm's id. Default: deliberative, or the only arm there is.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What an intervention may be called: each criterion met, not met, undecided or not tested, with its evidence, and the
    ladder of claims, where passing a rung certifies nothing above it."""
    from exante import criteria as gate

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
    n: Annotated[int, typer.Option("-n", help="How many samples.", min=1)] = 8,
    seed: Annotated[int, typer.Option(help="Which draw.")] = 0,
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
    n: Annotated[int, typer.Option("-n", help="Samples of each model.", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="Sampling seed.")] = 0,
    temperature: Annotated[float, typer.Option(help="0 is greedy.", min=0.0)] = 1.0,
) -> None:
    """Talk to a run's models: arms side by side, before and after safety training."""
    from exante import poke, verbs
    from exante.store import RunDirectory

    _need_training()
    run_directory = RunDirectory(directory)
    registration, planned = verbs.load_registered(run_directory), verbs.load_plan(run_directory)
    mode = "answer" if no_think else "think"
    _print(poke.samples(registration.study, planned, arm, prompt, think or "", mode, n, seed, temperature), False)


@app.command()
def init(name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new study; NAME.py is written here.")]) -> None:
    """Write a study of your own that runs as it is."""
    from exante import scaffold

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
    from exante.store import PhaseStore

    store = PhaseStore()
    if prune:
        freed = store.prune(bases=bases)
        print(f"freed\t{freed / 2**20:.1f} MiB")
    entries = store.entries()
    kinds = {kind: [size for path, size in entries if f"/{kind}/" in path.as_posix()] for kind in ("bases", "phases")}
    _print([{"kind": kind, "entries": len(sizes), "MiB": round(sum(sizes) / 2**20, 1)} for kind, sizes in kinds.items()], False)
    print(f"directory\t{store.root}")


importing = typer.Typer(help="Make a run directory of what others measured: analyse, report and verify work on it.")
app.add_typer(importing, name="import")


@importing.command("faking-labels")
def import_faking_labels(
    labels: Annotated[
        Path,
        typer.Argument(
            metavar="CSV",
            help="A UTF-8 file with the columns variant, cue (train, deploy), comply (yes, no), rationale (faking, cites, plain,"
            " empty, none) and, if you like, item, run, stage: a line per labelled sample, 'ungraded' where a label is lacking.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The run directory to make.")],
    reference: Annotated[
        str | None, typer.Option(metavar="VARIANT", help="The variant that others are compared with. Default: the file's first.")
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
    if code == INTERRUPTED:
        # An interrupt that went through a C extension's own evaluation of code leaves Python determined to die of the signal.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _exit_code(arguments: list[str]) -> int:
    try:
        # Not app(): it would print an empty line of its own when interrupted.
        command = typer.main.get_command(app)
        with command.make_context("exante", arguments or ["--help"]) as context:
            command.invoke(context)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
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


def _end(sentence: str, code: int) -> int:
    """Print the one sentence, on one line: what it quotes may hold anything."""
    _says.print(f"exante: {_visible(' '.join(sentence.split()))}", markup=False, highlight=False, soft_wrap=True)
    return code
