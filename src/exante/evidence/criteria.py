"""The criteria for training against scheming over run directories: what an intervention may be called, and what is not tested.

Reads verdicts and the registrations beside them. The rules are in `analysis.criteria`; this finds the runs and words the result.
Does not judge contrasts: that was done when the runs were analysed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from exante.analysis.criteria import arms_of, entries, judge, usual_arm
from exante.errors import UserError
from exante.evidence.runs import load_verdicts, run_directories
from exante.storage.directory import RunDirectory
from exante.study import Registration, Study
from exante.units import shown

Json = dict[str, Any]

RUNGS = "Passing a rung certifies nothing above it; failing one rules out “just works” for all above it."
DEMONSTRATION = "Runs of preset quick are demonstrations: a criterion that only they meet supports no claim."
Trained = tuple[Study, str]
"""A study and the preset that was run of it."""


def table(runs: Iterable[Path], arm: str | None = None) -> Json:
    """What run directories (or directories of them) say of one intervention: `judge`'s keys and `runs[]`, `caveats[]`.

    Without `arm` it is the usual one. Raises UserError where no run names criteria, or where several arms could be meant.
    """
    verdicts, registrations = read(runs)
    rows = entries(verdicts)
    arm = _intervention(arms_of(rows), arm)
    about_arm = {row["run"] for row in rows if row["arm"] == arm}
    names = [name for name in verdicts if name in about_arm]
    trained = [(registrations[name].study, verdicts[name]["preset"]) for name in names]
    judged = judge(rows, arm, setting(trained))
    keys = ("study", "preset", "pilot", "registration_sha256")
    about = [{"run": name} | {key: verdicts[name][key] for key in keys} for name in names]
    return judged | {"runs": about, "caveats": caveats(judged, trained)}


def read(runs: Iterable[Path]) -> tuple[dict[str, Json], dict[str, Registration]]:
    """Run name → verdicts and registration, of the runs whose contrasts name criteria; each directory is read once.

    A run's name is its directory's, or the whole path where two would have the same.
    """
    places = list({place.resolve(): place for path in runs for place in run_directories(path)}.values())
    count = Counter(place.resolve().name for place in places)
    names = {place: place.resolve().name if count[place.resolve().name] == 1 else str(place) for place in places}
    all_runs = {name: (place, load_verdicts(place)) for place, name in names.items()}
    with_criteria = {name: (place, verdicts) for name, (place, verdicts) in all_runs.items() if entries({name: verdicts})}
    if not with_criteria:
        raise UserError("no contrast of these runs names a criterion, so there is nothing to judge; give runs of studies that do")
    registrations = {name: _registration(place, verdicts) for name, (place, verdicts) in with_criteria.items()}
    return {name: verdicts for name, (_, verdicts) in with_criteria.items()}, registrations


def _registration(place: Path, verdicts: Json) -> Registration:
    """The registration beside the verdicts, intact and their own."""
    registration = RunDirectory(place).load_registration()
    if registration.sha256 != verdicts["registration_sha256"]:
        raise UserError(f"{place}/verdicts.json belongs to another registration; write it again with 'exante analyse {place}'")
    if verdicts["preset"] not in registration.study.presets:
        raise UserError(
            f"{place}/verdicts.json names a preset that the study does not have; write it again with 'exante analyse {place}'"
        )
    return registration


def _intervention(arms: list[str], arm: str | None) -> str:
    """The arm that is judged."""
    listed = ", ".join(arms)
    if arm is not None and arm not in arms:
        raise UserError(f"no criterion of these runs is about the arm {arm!r}; their contrasts are about {listed}")
    intervention = arm or usual_arm(arms)
    if intervention is None:
        raise UserError(f"these runs judge several interventions; choose one with --arm: {listed}")
    return intervention


def setting(trained: Iterable[Trained]) -> str:
    """The models and worlds of studies × presets, as the end of a name: "in micro:llama-64, world office"."""
    trained = list(trained)
    models = dict.fromkeys(model for study, preset in trained for model in study.presets[preset].models)
    worlds = dict.fromkeys(study.world for study, _ in trained)
    return f"in {', '.join(models)}, world{'s' if len(worlds) > 1 else ''} {', '.join(worlds)}"


def caveats(judged: Json, trained: list[Trained]) -> list[str]:
    """What a reader has to know beside what `judge` returned for these studies × presets."""
    micro = any(profile.architecture is not None for study, _ in trained for profile in study.profiles)
    small = any(row["state"] == "met" and not row["large"] for row in judged["criteria"])
    studies = len({study.id for study, _ in trained})
    reach = "evidence about the design and the instrument, not about large models" if micro else "this covers no other setting"
    many = f"“{judged['arm']}” is one intervention by name only: {studies} studies trained it, each in its own setting."
    sentences = [f"Measured {setting(trained)}: {reach}.", RUNGS]
    sentences += [DEMONSTRATION] if small else []
    return sentences + ([many] if studies > 1 else []) + gaps(study for study, _ in trained)


def gaps(studies: Iterable[Study]) -> list[str]:
    """What studies say is missing from the objections that their evidence for criteria answers."""
    sentences = []
    for study in {study.id: study for study in studies}.values():
        evidence = {contrast.id for contrast in study.contrasts if contrast.criteria}
        missing = dict.fromkeys(row.gap for row in study.objections if row.gap and evidence & set(row.contrasts))
        sentences += [f"What {study.id} leaves open: {'; '.join(missing)}."] if missing else []
    return sentences


# --- as text --------------------------------------------------------------------------------------------------------------


def lines(judged: Json) -> list[dict[str, str]]:
    """A line per criterion and contrast, for a table; a criterion that nothing tests has one line."""
    texts = []
    for row in judged["criteria"]:
        for part in [*row["evidence"], *row["others"]] or [None]:
            texts.append({"criterion": row["id"], "state": row["state"]} | _evidence(part, row["why"]))
    return texts


def _evidence(part: Json | None, why: str) -> dict[str, str]:
    if part is None:
        return dict.fromkeys(("study", "contrast", "estimate", "interval", "unit", "verdict", "n", "preset"), "") | {
            "reason": why
        }
    low, high = part["low"], part["high"]
    gates = f"gates failed: {', '.join(part['gates'])}" if part["gates"] else ""
    skipped = "" if part["counts"] == "yes" else f"does not count: {part['counts']}"
    return {
        "study": part["study"],
        "contrast": part["contrast"],
        "estimate": shown(part["estimate"]),
        "interval": "" if low is None or high is None else f"[{shown(low)}, {shown(high)}]",
        "unit": part["unit"],
        "verdict": part["verdict"],
        "n": str(part["n"]),
        "preset": part["preset"],
        "reason": "; ".join(filter(None, (skipped, part["reason"], gates))),
    }


def rungs(judged: Json) -> list[dict[str, str]]:
    """The ladder, from its lowest rung on, for a table."""
    return [
        {
            "claim": rung["claim"],
            "rests on": ", ".join(rung["needs"]),
            "state": rung["state"],
            "why": rung["why"],
            "certifies nothing about": ", ".join(rung["not_certified"]) or "anything beyond these criteria",
        }
        for rung in judged["ladder"]
    ]


def sentences(judged: Json) -> list[str]:
    """What the intervention may be called, which criteria it lacks, and the caveats."""
    arm = judged["arm"]
    lacking = f"{arm} lacks: {'; '.join(judged['lacking'])}" if judged["lacking"] else f"{arm} lacks none of these criteria"
    read = ", ".join(f"{run['study']} ({run['preset']})" for run in judged["runs"])
    return [f"{arm} may be called: {judged['called']}", lacking, f"Read: {read}", *judged["caveats"]]
