"""Does the criteria gate see what an intervention is? Planted interventions, through all studies of one arm, to their name.

    python benchmarks/gate_recovery.py [--studies 2000] [--preset default]

`mechanisms/interventions.py` says what an intervention does in each study and which criteria it truly meets. Every set is one
simulation of each study, decided as in theory_recovery.py; `analysis.criteria` judges the verdicts of a set together. The last
line is `recovered R worst_wrong W`: R the lowest share of sets, over interventions and criteria with a truth, in which the gate
said the truth; W the highest in which it said the opposite, or gave the last rung's name to what truly fails a criterion.
Undecided is not wrong.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from mechanisms.interventions import INTERVENTIONS, Intervention
from mechanisms.story import Story
from numpy.typing import NDArray
from theory_recovery import decide, mechanism_of, recorded, tables

from exante import studies
from exante.analysis.criteria import CRITERIA, LADDER, USUAL, entries, judge
from exante.analysis.decide import Decision
from exante.analysis.sentences import word
from exante.planning.tree import cells_of, preset_of
from exante.study import Contrast, Study

STATES = ("met", "not met", "undecided")
UNSAID = ("estimate", "low", "high", "unit", "scope", "reason")
"""Of verdicts, what the gate hands on and does not read."""


@dataclass(frozen=True)
class Evidence:
    """A contrast that names criteria, in B simulated studies: its code, and why it is undecided where it is, both (B,)."""

    study: str
    contrast: Contrast
    units: int
    code: NDArray[np.int8]
    why: NDArray[np.str_]


@dataclass(frozen=True)
class Gated:
    """B sets of studies of one intervention. `said`: criterion → state, `called`: name; how many sets."""

    intervention: Intervention
    sets: int
    said: dict[str, Counter[str]]
    called: Counter[str]
    evidence: list[Evidence]

    @property
    def told(self) -> Iterable[tuple[float, float]]:
        """Per criterion with a truth, the share of sets in which the gate said it, and in which it said the opposite."""
        for name, met in self.intervention.truth.items():
            yes, no = (self.said[name][state] / self.sets for state in STATES[:2])
            yield (yes, no) if met else (no, yes)

    @property
    def recovered(self) -> float:
        return min(right for right, _ in self.told)

    @property
    def wrong(self) -> float:
        named = 0.0 if all(self.intervention.truth.values()) else self.called[LADDER[-1].name] / self.sets
        return max(named, *(opposite for _, opposite in self.told))


# --- from stories to what the gate says ----------------------------------------------------------------------------------


def evidence(study: Study, story: Story, preset: str, count: int) -> list[Evidence]:
    """The study's contrasts that name criteria of the usual arm, in `count` simulations."""
    cells = tuple(cells_of(preset_of(study, preset)))
    phases = recorded(cells, mechanism_of(study.id).PHASES)
    parts = [(size, decide(study, table, phases).contrasts) for size, table in tables(study, story, cells, count)]
    found = []
    for contrast in (c for c in study.contrasts if c.criteria and c.arm == USUAL):
        if contrast.id not in parts[0][1]:
            found.append(Evidence(study.id, contrast, 0, np.zeros(count, np.int8), np.full(count, "not run")))
            continue
        code = np.concatenate([np.broadcast_to(decisions[contrast.id].code, (size,)) for size, decisions in parts])
        why = np.concatenate([open_because(contrast, decisions, size) for size, decisions in parts])
        found.append(Evidence(study.id, contrast, parts[0][1][contrast.id].claim.n_units, code, why))
    return found


def open_because(contrast: Contrast, decisions: Mapping[str, Decision], size: int) -> NDArray[np.str_]:
    """Why a contrast is undecided where it is, (B,): the first primary that it was not reached after, a gate, or its interval."""
    blocks = decisions[contrast.id].blocks
    hits = [np.broadcast_to(block.hit, (size,)) for block in blocks] + [np.ones(size, bool)]
    said = np.array([*(block.reason for block in blocks), "the interval crosses the boundary"])[np.argmax(hits, axis=0)]
    primaries = {name: one for name, one in decisions.items() if one.claim.contrast.primary is not None}
    before = {name: one for name, one in primaries.items() if one.claim.contrast.primary < (contrast.primary or 0)}
    for name, one in sorted(before.items(), key=lambda item: -item[1].claim.contrast.primary):
        said = np.where(np.broadcast_to(one.code, (size,)) == 0, f"not reached after {name!r}", said)
    return said


def verdicts(study: str, preset: str, told: Iterable[tuple[Evidence, int]]) -> dict[str, Any]:
    """What verdicts.json of one simulated study says of evidence and codes, as far as the gate reads it."""
    contrasts = [
        one.contrast.model_dump(include={"id", "title", "arm", "control", "criteria", "region"})
        | dict.fromkeys(UNSAID)
        | {"verdict": word(code), "exploratory": False, "n_units": one.units}
        for one, code in told
    ]
    about = {"study": study, "registration_sha256": study, "preset": preset, "pilot": False, "gates": []}
    return about | {"contrasts": contrasts}


def gated(intervention: Intervention, preset: str, count: int) -> Gated:
    told = [one for name, story in intervention.stories.items() for one in evidence(studies.load(name), story, preset, count)]
    said: dict[str, Counter[str]] = {name: Counter() for name in CRITERIA}
    called: Counter[str] = Counter()
    patterns, sizes = np.unique([one.code for one in told], axis=1, return_counts=True)
    for codes, sets in zip(patterns.T, sizes.tolist(), strict=True):
        both = list(zip(told, codes.tolist(), strict=True))
        found = {
            name: verdicts(name, preset, [(one, code) for one, code in both if one.study == name])
            for name in intervention.stories
        }
        judged = judge(entries(found), USUAL, "")
        called[judged["called"].strip()] += sets
        for row in judged["criteria"]:
            said[row["id"]][row["state"]] += sets
    return Gated(intervention, count, said, called, told)


# --- what is printed -----------------------------------------------------------------------------------------------------


def table(found: Iterable[Gated]) -> Iterable[str]:
    """A row per intervention and criterion, in % of sets, and one for what it is called."""
    yield "| planted | criterion | truth | met | not met | undecided | undecided contrasts |"
    yield "|---|---|---|---|---|---|---|"
    for one in found:
        for name, counts in one.said.items():
            truth = {True: "met", False: "not met", None: "says nothing"}[one.intervention.truth.get(name)]
            met, not_met = (100 * counts[state] / one.sets for state in STATES[:2])
            shares = f"{met:.0f} | {not_met:.0f} | {100 - met - not_met:.0f}"
            yield f"| {one.intervention.name} | {name} | {truth} | {shares} | {open_contrasts(one, name)} |"
        names = "; ".join(f"{name} {100 * sets / one.sets:.1f} %" for name, sets in one.called.most_common())
        yield f"| {one.intervention.name} | called | {names} | | | | |"


def open_contrasts(one: Gated, criterion: str) -> str:
    """Contrasts of a criterion, in how many % of sets each is undecided, and the usual reason."""
    found = []
    for part in (part for part in one.evidence if criterion in part.contrast.criteria):
        share = 100 * np.mean(part.code == 0)
        if share >= 0.5:
            ((reason, _),) = Counter(part.why[part.code == 0].tolist()).most_common(1)
            found.append(f"{part.contrast.id} {share:.0f}: {reason}")
    return "; ".join(found)


def main() -> None:
    parser = argparse.ArgumentParser(description="gate recovery: planted interventions, through all studies and the gate")
    parser.add_argument("--studies", type=int, default=2000, metavar="SETS", help="simulated sets of studies per intervention")
    parser.add_argument("--preset", default="default")
    options = parser.parse_args()
    start = time.perf_counter()
    found = [gated(intervention, options.preset, options.studies) for intervention in INTERVENTIONS]
    print(
        f"preset {options.preset}, {options.studies} sets of {len(INTERVENTIONS[0].stories)} studies per intervention, % of sets"
    )
    print(*table(found), sep="\n")
    print(f"\n{time.perf_counter() - start:.0f} s")
    print(f"recovered {min(one.recovered for one in found):.3f} worst_wrong {max(one.wrong for one in found):.3f}")


if __name__ == "__main__":
    main()
