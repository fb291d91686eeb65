"""The criteria gate over run directories: what an intervention may be called, and what nobody tested.

Reads verdicts and the registrations beside them. The rules are in `analysis.criteria`; this only finds the runs, names where
their evidence comes from, and puts it into words. Does not judge contrasts: that was done when the runs were analysed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from exante.analysis.criteria import arms_of, entries, judge, usual_arm
from exante.errors import UserError
from exante.evidence import objections
from exante.storage.directory import RunDirectory
from exante.study import Registration, Study
from exante.units import shown

Json = dict[str, Any]

RUNGS = "Passing a rung certifies nothing above it; failing one rules out “just works” for all above it."
EVIDENCE = ("study", "contrast", "estimate", "interval", "unit", "verdict", "n", "preset", "reason")
DEMONSTRATION = "Runs of preset quick are demonstrations: a criterion that only they meet carries no name."


def table(runs: Iterable[Path], arm: str | None = None) -> Json:
    """What run directories (or directories of them) say of one intervention: `judge`'s keys and `runs[]`, `caveats[]`.

    `arm` None means the usual one. Raises UserError where no run names criteria, or the intervention has to be chosen.
    """
    found, registered = read(runs)
    rows = entries(found)
    arm = _chosen(arms_of(rows), arm)
    mine = {row["run"] for row in rows if row["arm"] == arm}
    told = [(registered[name].study, found[name]["preset"]) for name in found if name in mine]
    said = judge(rows, arm, setting(told))
    keys = ("study", "preset", "pilot", "registration_sha256")
    about = [{"run": name} | {key: found[name][key] for key in keys} for name in found if name in mine]
    return said | {"runs": about, "caveats": caveats(said, told)}


def read(runs: Iterable[Path]) -> tuple[dict[str, Json], dict[str, Registration]]:
    """Run name → verdicts and registration, of the runs whose contrasts name criteria; each directory is read once.

    A run's name is its directory's, or the whole path where two would have the same.
    """
    places = list({place.resolve(): place for path in runs for place in objections.directories(path)}.values())
    twice = [place.resolve().name for place in places]
    names = {place: place.resolve().name if twice.count(place.resolve().name) == 1 else str(place) for place in places}
    told = {name: (place, objections.verdicts(place)) for place, name in names.items()}
    found = {name: (place, verdicts) for name, (place, verdicts) in told.items() if entries({name: verdicts})}
    if not found:
        raise UserError("no contrast of these runs names a criterion, so there is nothing to judge; give runs of studies that do")
    registered = {name: _registration(place, verdicts) for name, (place, verdicts) in found.items()}
    return {name: verdicts for name, (_, verdicts) in found.items()}, registered


def _registration(place: Path, verdicts: Json) -> Registration:
    """The registration beside the verdicts, intact and their own."""
    registration = RunDirectory(place).load_registration()
    if registration.sha256 != verdicts["registration_sha256"]:
        raise UserError(f"{place}/verdicts.json belongs to another registration; write it again with 'exante analyse {place}'")
    if verdicts["preset"] not in registration.study.presets:
        raise UserError(
            f"{place}/verdicts.json names a preset that the study has not; write it again with 'exante analyse {place}'"
        )
    return registration


def _chosen(arms: list[str], arm: str | None) -> str:
    listed = ", ".join(arms)
    if arm is not None and arm not in arms:
        raise UserError(f"no criterion of these runs is about the arm {arm!r}; their contrasts are about {listed}")
    chosen = arm or usual_arm(arms)
    if chosen is None:
        raise UserError(f"these runs judge several interventions; choose one with --arm: {listed}")
    return chosen


def setting(told: Iterable[tuple[Study, str]]) -> str:
    """The models and worlds of studies × presets, as the end of a name: "in micro:llama-64, world office"."""
    told = list(told)
    models = dict.fromkeys(model for study, preset in told for model in study.presets[preset].models)
    worlds = dict.fromkeys(study.world for study, _ in told)
    return f"in {', '.join(models)}, world{'s' if len(worlds) > 1 else ''} {', '.join(worlds)}"


def caveats(said: Json, told: list[tuple[Study, str]]) -> list[str]:
    """What a reader has to know beside what `judge` said of these studies × presets."""
    micro = any(profile.architecture is not None for study, _ in told for profile in study.profiles)
    small = any(row["state"] == "met" and not row["large"] for row in said["criteria"])
    studies = len({study.id for study, _ in told})
    reach = "evidence about the design and the instrument, not about large models" if micro else "nothing is said of any other"
    many = f"“{said['arm']}” is one intervention by its name: {studies} studies trained it, each in its own setting."
    found = [f"Seen {setting(told)}: {reach}.", RUNGS]
    return found + ([DEMONSTRATION] if small else []) + ([many] if studies > 1 else []) + gaps(study for study, _ in told)


def gaps(studies: Iterable[Study]) -> list[str]:
    """What studies say is missing from the rows of the ledger that their evidence for criteria speaks to."""
    found = []
    for study in {study.id: study for study in studies}.values():
        evidence = {contrast.id for contrast in study.contrasts if contrast.criteria}
        missing = dict.fromkeys(row.gap for row in study.objections if row.gap and evidence & set(row.contrasts))
        found += [f"What {study.id} leaves open: {'; '.join(missing)}."] if missing else []
    return found


# --- in words ------------------------------------------------------------------------------------------------------------


def lines(said: Json) -> list[dict[str, str]]:
    """A line per criterion and contrast, for a table; a criterion that nothing tests has one line."""
    found = []
    for row in said["criteria"]:
        for part in [*row["evidence"], *row["others"]] or [None]:
            found.append({"criterion": row["id"], "state": row["state"]} | _evidence(part, row["why"]))
    return found


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
        "estimate": shown(part["estimate"], part["unit"]),
        "interval": "" if low is None or high is None else f"[{shown(low, part['unit'])}, {shown(high, part['unit'])}]",
        "unit": part["unit"],
        "verdict": part["verdict"],
        "n": str(part["n"]),
        "preset": part["preset"],
        "reason": "; ".join(filter(None, (skipped, part["reason"], gates))),
    }


def rungs(said: Json) -> list[dict[str, str]]:
    """The ladder, from its lowest rung on, for a table."""
    return [
        {
            "claim": rung["claim"],
            "rests on": ", ".join(rung["needs"]),
            "state": rung["state"],
            "why": rung["why"],
            "certifies nothing of": ", ".join(rung["not_certified"]) or "what these criteria do not ask",
        }
        for rung in said["ladder"]
    ]


def sentences(said: Json) -> list[str]:
    """What the intervention may be called, what that lacks, and the caveats."""
    lacking = f"{said['arm']} lacks: {'; '.join(said['lacking'])}" if said["lacking"] else f"{said['arm']} lacks nothing of these"
    read = ", ".join(f"{run['study']} ({run['preset']})" for run in said["runs"])
    return [f"{said['arm']} may be called: {said['called']}", lacking, f"Read: {read}", *said["caveats"]]
