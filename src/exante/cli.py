"""The command line: each command takes options, calls a function of `api`, and prints the result.

What a command needs is imported when it is called, so `exante --help` loads no numerical library. Exit codes: `terminal.py`.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exante import api
from exante.errors import UserError
from exante.terminal import (
    CRASHED,
    errors,
    exit_code,
    leave,
    print_error,
    print_json,
    print_rows,
    print_table,
    print_tokens,
    visible,
)

if TYPE_CHECKING:
    from exante.api.outlook import Outlook

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Preregistered experiments on deceptive language models: register, plan, run, analyse, report.",
)

MOST_SEEDS = 10_000
"""The most seeds per base of a run or a plan: more would exhaust memory before anything is computed."""
TOP_SEED = 2**32 - 1
"""The largest seed that both numpy and torch accept."""


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
        typer.Option(help="Run on these models instead: micro:NAME, hf:PATH or gguf:FILE. This creates a separate registration."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="Seeds per base instead of the preset's. This creates a separate registration.", min=1, max=MOST_SEEDS),
    ] = None,
    bases: Annotated[
        int | None,
        typer.Option(
            help="The look to run to: a number of bases that the preset registers. Default: the directory's, else the first.",
            min=1,
        ),
    ] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="ARM", help="Train only these arms for now.")] = None,
    pilot: Annotated[bool, typer.Option(help="Use pilots' seeds and base draws; every contrast is exploratory.")] = False,
    fresh: Annotated[bool, typer.Option(help="Train the phases again even if the cache holds them.")] = False,
) -> None:
    """Register, plan, run, analyse and report. The same command again continues where it stopped."""
    finished = api.run(
        study,
        out,
        preset=preset,
        workers=workers,
        device=device,
        models=model or (),
        seeds=seeds,
        bases=bases,
        only=only or (),
        pilot=pilot,
        fresh=fresh,
        console=errors,
    )
    _print_verdicts(finished.verdicts)
    print(f"report\t{finished.report}")
    for log in finished.crash_logs:
        print_error(f"a phase crashed; its log is {log}")
    if finished.crash_logs:
        raise typer.Exit(CRASHED)


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
        bool,
        typer.Option(
            "--commit", help="Record the git commit that holds the registration: register, commit, then register again."
        ),
    ] = False,
    token: Annotated[Path | None, typer.Option(metavar="FILE", help="Record a timestamp token of the registration.")] = None,
) -> None:
    """Freeze a study: write its canonical JSON and sha256, and which of its outcomes had been seen before."""
    registered = api.register(study, out, models=model or (), pilot=pilot, amends=amends, note=note, commit=commit, token=token)
    print(f"registered\t{registered.registration.study.id}\t{registered.registration.sha256}")
    _print_stamps(registered)
    for sentence in registered.warnings:
        print(f"warning\t{visible(sentence)}")
    if registered.anchor:
        print(f"anchor\t{visible(registered.anchor)}")


def _print_stamps(registered: api.Registered) -> None:
    """Per preset whether its outcomes had been seen, as far as this cache knows."""
    from exante.registry.stamps import KNOWS, stamps_of

    registration = registered.registration
    by_preset = {name: stamps_of(registered.stamps, name) for name in registration.study.presets}
    seen = {name: stamp for name, stamp in by_preset.items() if stamp["seen_by"]}
    if not seen and not registration.pilot:
        print(f"before data\tno outcome of it has been seen, {KNOWS}")
    for name, stamp in seen.items():
        print(f"after data\t{name}\trows were already seen under {', '.join(sha[:12] for sha in stamp['seen_by'])}, {KNOWS}")
        print(f"exploratory\t{name}\t{', '.join(stamp['changed']) or 'none: every contrast is unchanged'}")


@app.command("plan")
def plan_command(
    study: Annotated[str, typer.Argument(metavar="STUDY|DIR", help="A study, or the directory of a registered one.")],
    preset: Annotated[str | None, typer.Option(help="Which preset. Default: the run's own, else default.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes to plan for. Default: one per core.", min=1, max=1024)] = None,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="3,5,10", help="What each of these numbers of seeds could decide, and how long it would take."),
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Plan for these models instead of the study's.")] = None,
    study_file: Annotated[
        Path | None,
        typer.Option("--study", metavar="FILE.py", help="With DIR: the study's own file, if its parts are not exante's."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the tree of phases, its cost on this machine, and what each contrast could decide, before the run."""
    models = model or ()
    if seeds is not None:
        counts = _seed_counts(seeds)
        print_rows(api.plan_seeds(study, counts, preset=preset, workers=workers, models=models, source=study_file), as_json)
        return
    outlook = api.plan(study, preset=preset, workers=workers, models=models, source=study_file)
    if as_json:
        print_json(_outlook_json(outlook))
    else:
        _print_outlook(outlook)


def _outlook_json(outlook: Outlook) -> dict[str, Any]:
    plan = outlook.plan
    return {
        "cells": [planned.cell.id for planned in plan.cells],
        "phases": [node.model_dump(mode="json") | {"seconds": outlook.cost[key]} for key, node in plan.nodes.items()],
        "wall_seconds": outlook.wall_seconds,
        "contrasts": outlook.contrasts,
        "left_out": plan.left_out,
        "theories": outlook.theories,
        "pairs": outlook.pairs,
        "signals": outlook.signals,
        "interactions": outlook.interactions,
        "warnings": outlook.warnings,
    }


def _print_outlook(outlook: Outlook) -> None:
    from exante.running.progress import words

    plan = outlook.plan
    size = f"{len(plan.cells)} cells, {len(plan.nodes)} phases"
    time = f"about {words(outlook.wall_seconds)} on {outlook.workers} workers"
    print(f"{outlook.study.id}, preset {outlook.preset}: {size}, {time}")
    for sentence in plan.left_out:
        print(f"left out: {sentence}")
    for sentence in outlook.warnings:
        print(f"warning: {visible(sentence)}")
    for sentence in (*outlook.theories, *outlook.pairs):
        print(f"theories: {sentence}")
    for sentence in outlook.interactions:
        print(f"interactions: {sentence}")
    print_table(outlook.cost_by_phase())
    print_table(outlook.contrasts)
    if outlook.signals:
        print("signals, and whether they see the scratchpad:")
        print_table(outlook.grouped_signals())


def _seed_counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise UserError(f"--seeds takes whole numbers with commas between them, such as 3,5,10, not {text!r}") from error
    if any(count < 1 for count in counts):
        raise UserError("--seeds takes numbers from 1 on")
    if any(count > MOST_SEEDS for count in counts):
        raise UserError(f"--seeds takes numbers up to {MOST_SEEDS}")
    return counts


@app.command()
def analyse(directory: Directory) -> None:
    """Recompute the verdicts from the rows and phases of a run. Needs no torch."""
    _print_verdicts(api.analyse(directory))


@app.command()
def report(directory: Directory) -> None:
    """Write report.html from the verdicts of a run. Computes nothing."""
    print(api.report(directory))


@app.command()
def verify(directory: Directory) -> None:
    """Check that a run's verdicts follow from its files, and that its registration was not edited."""
    print(api.verify(directory))


@app.command("list")
def list_studies(as_json: AsJson = False) -> None:
    """The shipped studies and their presets."""
    studies = api.shipped_studies()
    print_rows([{"study": s.id, "presets": ", ".join(s.presets), "question": s.question} for s in studies], as_json)


@app.command()
def objections(
    runs: Annotated[
        Path | None, typer.Option(metavar="DIR", parser=_path, help="A directory of run directories whose evidence is shown.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The ledger of objections, the studies that ask each row, and what runs have answered."""
    from exante.evidence.objections import lines

    rows = api.objections(runs)
    print_rows(rows if as_json else lines(rows), as_json)


@app.command()
def criteria(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", parser=_path, help="Run directories, or directories of run directories; read together."),
    ],
    arm: Annotated[
        str | None,
        typer.Option(help="The intervention: an arm's id. Default: deliberative, or the only arm."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What an intervention may be called: the state of each criterion (met, not met, undecided, not tested) with its evidence,
    and the ladder of claims. Passing a rung certifies nothing above it."""
    from exante.evidence import criteria as words

    claims = api.criteria(runs, arm)
    if as_json:
        print_json(claims)
        return
    print_table(words.lines(claims))
    print()
    print_table(words.rungs(claims))
    print()
    for sentence in words.sentences(claims):
        print(visible(sentence))


@app.command("show-world")
def show_world(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The world's name.")],
    n: Annotated[int, typer.Option("-n", help="Number of samples.", min=1, max=100_000)] = 8,
    seed: Annotated[int, typer.Option(help="Seed of the draw.", min=0, max=TOP_SEED)] = 0,
) -> None:
    """Print samples of a world's texts."""
    for spans in api.show_world(name, n, seed):
        for span in spans:
            print(f"[{span['kind']}] {span['text']}")
        print()


@app.command()
def sample(
    directory: Directory,
    arm: Annotated[list[str], typer.Option(help="An arm; give several to see them side by side.")],
    prompt: Annotated[str, typer.Option(help="The user's message.")],
    think: Annotated[str | None, typer.Option(help="Text forced at the start of the scratchpad.")] = None,
    no_think: Annotated[bool, typer.Option("--no-think", help="Open the answer directly, without a scratchpad.")] = False,
    n: Annotated[int, typer.Option("-n", help="Samples of each model.", min=1, max=10_000)] = 3,
    seed: Annotated[int, typer.Option(help="Sampling seed.", min=0, max=TOP_SEED)] = 0,
    temperature: Annotated[float, typer.Option(help="0 is greedy.", min=0.0, max=10.0)] = 1.0,
) -> None:
    """Sample a run's models: arms side by side, before and after safety training."""
    rows = api.sample(directory, arm, prompt, thought=think, scratchpad=not no_think, n=n, seed=seed, temperature=temperature)
    print_table(rows)


@app.command("model")
def model_command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="hf:PATH (a directory) or gguf:FILE.")],
    device: Annotated[str, typer.Option(help="cpu, or a torch device such as cuda.")] = "cpu",
    preset: Annotated[str, typer.Option(help="The preset whose cost is forecast.")] = "quick",
    workers: Annotated[
        int | None, typer.Option(help="Processes to forecast for. Default: one per core.", min=1, max=1024)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how a checkpoint's text is laid out, its speed and memory here, and what studies would cost on it."""
    card, studies = api.model(model, device=device, preset=preset, workers=workers)
    if as_json:
        print_json(asdict(card) | {"studies": studies})
        return
    print(f"{visible(card.model)}: {card.parameters / 1e6:.0f} million parameters, texts of up to {card.positions} tokens")
    print_table([{"text": name, "as this model has it": value} for name, value in card.traits.items()])
    print("checked on its own tokens: prompts begin their examples, spans read as meant, the end of a turn is trained and stops")
    print_table(
        [
            {"work": t.work, "rows": t.rows, "tokens_per_second": round(t.tokens_per_second), "mib_so_far": round(t.mib)}
            for t in card.timings
        ]
    )
    print_table(studies)


@app.command()
def masks(
    study: StudyName,
    model: Annotated[str | None, typer.Option(help="As this model reads it. Default: the preset's first.")] = None,
    preset: Preset = "quick",
    phase: Annotated[str | None, typer.Option(help="Only this phase.")] = None,
    arm: Annotated[list[str] | None, typer.Option(help="Only these arms.")] = None,
    n: Annotated[int, typer.Option("-n", help="Examples of each phase.", min=1, max=1000)] = 1,
    as_json: AsJson = False,
) -> None:
    """Show what a study's phases train on, token by token: context, scratchpad, answer, and the tokens that end a turn."""
    shown = api.masks(study, model=model, preset=preset, phase=phase, arms=arm or (), n=n)
    if as_json:
        print_json([asdict(example) for example in shown])
        return
    for example in shown:
        print(f"arm {example.arm}, phase {example.phase}, training {example.training}, behaviour {example.behaviour}")
        print_tokens(example.tokens)


@app.command()
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new study; NAME.py is written here.")],
) -> None:
    """Write a new study file that runs as it is."""
    path = api.init(name)
    print(f"{path}\nexante run {path} --preset quick --out runs/{path.stem}")


@app.command()
def cache(
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Delete the phases (trained models and rows); bases and the store of seen outcomes stay."),
    ] = False,
    bases: Annotated[bool, typer.Option("--bases", help="With --prune: delete the bases too.")] = False,
) -> None:
    """Show what the cache holds, or prune it."""
    if bases and not prune:
        raise UserError("--bases says what --prune deletes; give both, or neither to see what the cache holds")
    if prune:
        pruned = api.prune(bases=bases)
        print(f"freed\t{pruned.freed / 2**20:.1f} MiB")
        for why, number in pruned.kept.items():
            print(f"kept\t{number} {'entry' if number == 1 else 'entries'} that {why}")
    contents = api.cache()
    sizes = contents.kinds.items()
    print_table([{"kind": kind, "entries": count, "MiB": round(size / 2**20, 1)} for kind, (count, size) in sizes])
    print(f"directory\t{contents.directory}")


@app.command()
def reproduce(
    directory: Directory,
    phases: Annotated[int, typer.Option(help="Number of phases to train again.", min=1, max=1000)] = 3,
    seed: Annotated[int, typer.Option(help="Seed of the draw of phases.", min=0)] = 0,
    study_file: Annotated[
        Path | None, typer.Option("--study", metavar="FILE.py", help="The study's file, if its parts are not exante's own.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes, one thread each. Default: one per core.", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Train some phases of a run again, from nothing, and compare their rows, to check that they were measured.

    The same rows come out only on the same kind of processor and with the same versions of the libraries.
    """
    compared = api.reproduce(directory, phases=phases, seed=seed, source=study_file, workers=workers, console=errors)
    rows = [
        {"phase": c.phase, "arms": ", ".join(c.arms), "id": c.node, "rows": c.lines, "different": c.different} for c in compared
    ]
    print_rows(rows, as_json)
    if different := [c for c in compared if c.different]:
        raise UserError(
            f"{len(different)} of {len(compared)} phases gave other rows here; either the run's rows were not measured as"
            " registered, or this machine's processor or libraries differ from those of the run"
        )


exporting = typer.Typer(help="Export the data of a run.")
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


importing = typer.Typer(help="Make a run directory from other people's data; analyse, report and verify work on it.")
app.add_typer(importing, name="import")


@importing.command("faking-labels")
def import_faking_labels(
    labels: Annotated[
        Path,
        typer.Argument(
            metavar="CSV",
            parser=_path,
            help="A UTF-8 file with the columns variant, cue (train, deploy), comply (yes, no), rationale (faking, cites, plain,"
            " empty, none) and optionally item, run, stage: a line per labelled sample, 'ungraded' where there is no label.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", parser=_path, help="The run directory to make.")],
    reference: Annotated[
        str | None,
        typer.Option(metavar="VARIANT", help="The variant that the others are compared with. Default: the file's first."),
    ] = None,
) -> None:
    """Alignment faking in imported labels: the eight cells, the gap and its parts, shares, fragility. Needs no torch.

    Registered after the data, so every number is exploratory.
    """
    from exante.integrations.faking_labels import import_labels

    _print_verdicts(import_labels(labels, out, reference))
    print(f"report\t{out / 'report.html'}")


def _print_verdicts(verdicts: dict[str, Any]) -> None:
    from exante.units import shown

    rows = [
        {
            "contrast": c["id"],
            "verdict": c["verdict"],
            **{end: shown(c[end]) for end in ("estimate", "low", "high")},
            "unit": c["unit"],
            "n": c["n_units"],
            "reason": c["reason"],
        }
        for c in verdicts["contrasts"]
    ]
    print_table(rows)
    for sentence in dict.fromkeys(sentence for c in verdicts["contrasts"] for sentence in c.get("warnings", ())):
        print(f"warning\t{sentence}")
    if len(verdicts["looks"]) > 1:
        print(f"bases\t{verdicts['bases']}; looks are registered at {' and '.join(str(x['bases']) for x in verdicts['looks'])}")
        print_table(_look_rows(verdicts))
    if verdicts["replaced"]:
        print(f"replaced\tbases {', '.join(map(str, verdicts['replaced']))}, which failed a gate")


def _look_rows(verdicts: dict[str, Any]) -> list[dict[str, Any]]:
    """Every primary at every look so far."""
    from exante.units import shown

    return [
        {"primary": c["id"], "bases": look["bases"], "level": look["level"]}
        | {end: shown(look[end]) for end in ("estimate", "low", "high")}
        | {"unit": c["unit"], "reason": look["reason"], "later": c.get("in_part", "")}
        for c in verdicts["contrasts"]
        for look in c.get("looks", ())
    ]


def main(arguments: list[str] | None = None) -> None:
    """Entry point."""
    leave(exit_code(app, sys.argv[1:] if arguments is None else arguments))
