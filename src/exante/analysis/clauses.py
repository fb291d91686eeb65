"""Which clauses of a row of the ledger are decided, by the verdicts of runs.

Runs are given as name → verdicts.json as plain data. Pure; does not know files, studies or how a verdict was reached.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any, NamedTuple

from exante.analysis import criteria
from exante.analysis.answers import State, decided, large_enough
from exante.analysis.ledger import BY_CONTRAST, LEDGER, Clause
from exante.claims import row_of
from exante.units import shown

Json = dict[str, Any]
NO_CONTRAST = "no contrast of these runs answers it"


class Judged(NamedTuple):
    """A clause in one run: whether the run decides it, and why not, or what else must be said of it."""

    decided: bool
    why: str


def clauses_of(row: str) -> dict[str, Clause]:
    """The clauses of a row by id. A row that is not in the ledger is one clause of its own id."""
    return LEDGER[row].numbered(row) if row in LEDGER else {row: Clause("the whole row")}


def judge(row: str, runs: Mapping[str, Json]) -> list[Json]:
    """Every clause of a row as `id, says, state, why, evidence[]`.

    `state` is "decided" or "open". A clause is decided if one run decides it; what answers it in all runs is its evidence.
    """
    return [_judged(row, name, clause, runs) for name, clause in clauses_of(row).items()]


def state_of(row: str, clauses: Iterable[Json], asked: bool) -> State:
    """The state of a row from its judged clauses. `asked`: some contrast with or without runs is linked to it."""
    states = [clause["state"] == "decided" for clause in clauses]
    if all(states):
        return "answered"
    if any(states):
        return "answered in part"
    return "asked, undecided" if asked else "not asked"


def _judged(row: str, name: str, clause: Clause, runs: Mapping[str, Json]) -> Json:
    answering = {run: _answering(row, name, verdicts) for run, verdicts in runs.items()}
    evidence = [_evidence(run, runs[run], contrast) for run, contrasts in answering.items() for contrast in contrasts]
    if row in criteria.ROWS:
        verdict = _by_criteria(row, runs)
    else:
        judged = [_in_run(clause, runs[run], contrasts) for run, contrasts in answering.items() if contrasts]
        verdict = _best(judged, _differ_between_runs(evidence))
    return {
        "id": name,
        "says": clause.says,
        "state": "decided" if verdict.decided else "open",
        "why": verdict.why,
        "evidence": evidence,
    }


def _by_criteria(row: str, runs: Mapping[str, Json]) -> Judged:
    settled = criteria.settled(row, runs)
    return Judged(settled, "" if settled else "the criteria gate leaves it open")


def _best(judged: list[Judged], differ: str) -> Judged:
    """What all runs together say: one that decides is enough."""
    deciding = [one for one in judged if one.decided]
    if not judged:
        return Judged(False, NO_CONTRAST)
    return Judged(bool(deciding), "; ".join(dict.fromkeys(filter(None, [one.why for one in deciding or judged] + [differ]))))


# --- which contrasts answer a clause -------------------------------------------------------------------------------------


def named(verdicts: Json, contrast: Json, row: str) -> tuple[str, ...]:
    """The clauses of a row that a contrast of these verdicts answers: those it names, else those of the table."""
    own = tuple(name for name in contrast.get("objections") or () if row_of(name) == row and name != row)
    table = BY_CONTRAST.get(verdicts["study"], {})
    return own or tuple(name for name, ids in table.items() if row_of(name) == row and contrast["id"] in ids.split())


def _answering(row: str, clause: str, verdicts: Json) -> list[Json]:
    contrasts = verdicts.get("contrasts", [])
    if row in criteria.ROWS:
        return [contrast for contrast in contrasts if contrast.get("criteria")]
    if row in LEDGER:
        return [contrast for contrast in contrasts if clause in named(verdicts, contrast, row)]
    linked = [contrast for contrast in contrasts if row in map(row_of, contrast.get("objections") or ())]
    return [contrast for contrast in linked if contrast.get("primary")] or [c for c in linked if c.get("estimate") is not None]


def _evidence(run: str, verdicts: Json, contrast: Json) -> Json:
    copied = ("estimate", "low", "high", "unit", "verdict", "stamp", "region")
    about = {"run": run, "study": verdicts["study"], "preset": verdicts["preset"], "contrast": contrast["id"]}
    return about | {key: contrast.get(key) for key in copied}


# --- what one run says ---------------------------------------------------------------------------------------------------


def _in_run(clause: Clause, verdicts: Json, answering: list[Json]) -> Judged:
    """All contrasts of a run that answer a clause must be decided, and those that were installed must be supported."""
    if not large_enough(verdicts["preset"], bool(verdicts.get("pilot"))):
        return Judged(False, "quick runs and pilots decide nothing")
    planted = [c for c in answering if clause.kind == "known positive" or c.get("stamp") == "installed"]
    learned = [c for c in answering if c not in planted]
    missing = _ids(c for c in answering if c.get("estimate") is None)
    unfound = _ids(c for c in planted if c.get("estimate") is not None and c["verdict"] != "supported")
    open_ = _ids(c for c in learned if c.get("estimate") is not None and (not decided(c["verdict"]) or c.get("in_part")))
    reasons = [
        f"not run: {missing}" if missing else "",
        f"known positives not found: {unfound}" if unfound else "",
        f"not decided: {open_}" if open_ else "",
        ""
        if learned or clause.kind == "known positive"
        else "only installed contrasts answer it: what was built in is read back",
    ]
    if any(reasons):
        return Judged(False, "; ".join(filter(None, reasons)))
    lacking = _too_few(clause, learned)
    return Judged(not lacking, lacking or _differs(clause, learned))


def _ids(contrasts: Iterable[Json]) -> str:
    return ", ".join(contrast["id"] for contrast in contrasts)


def _too_few(clause: Clause, contrasts: list[Json]) -> str:
    """Why these contrasts do not cover the axis that the clause is about; nothing if they do."""
    if not clause.across:
        return ""
    if clause.across == "base":
        given = _ids(c for c in contrasts if not str(c.get("scope")).startswith("over "))
        return f"not over bases: {given}" if given else ""
    values = sorted({value for contrast in contrasts for value, _, _ in _along(clause.across, contrast) if value})
    return "" if len(values) > 1 else f"one {clause.across} only{': ' if values else ''}{', '.join(values)}"


def _along(axis: str, contrast: Json) -> Iterator[tuple[str, float | None, float | None]]:
    """Values of an axis that a contrast holds, each with an interval: those of its cells, else its own ("" if it names none)."""
    own = contrast.get("low"), contrast.get("high")
    if axis == "training":
        yield str(contrast.get("training")), *own
        return
    key = "model" if axis == "model family" else axis
    word = family if axis == "model family" else str
    cells = contrast.get("cells") or []
    if not cells:
        yield word(str(contrast.get(key) or "")), *own
    for cell in cells:
        yield word(str(cell.get(key))), cell.get("low"), cell.get("high")


def family(model: str) -> str:
    """The family of a model: the letters that its name begins with. "micro:llama-64" and "hf:Llama-3-8B@…" are one family."""
    name = model.partition(":")[2] or model
    letters = re.match(r"[^\W\d_]+", name)
    return letters[0].lower() if letters else name


# --- what does not replicate ---------------------------------------------------------------------------------------------


def _differs(clause: Clause, contrasts: list[Json]) -> str:
    """Where the sign of a difference turns along the axis of a clause, or one hypothesis is supported and contradicted."""
    if clause.across in ("", "base"):
        return ""
    where = [(contrast, *value) for contrast in contrasts for value in _along(clause.across, contrast)]
    for (one, name, *ends), (other, second, *others) in combinations(where, 2):
        if name != second and (_opposite_signs(ends, others) or _opposite_verdicts(one, other)):
            what = f"{_interval(one, name, ends)}, {_interval(other, second, others)}"
            return f"does not replicate across {_plural(clause.across)}: {what}"
    return ""


def _plural(axis: str) -> str:
    return "model families" if axis == "model family" else f"{axis}s"


def _opposite_signs(one: list[float | None], other: list[float | None]) -> bool:
    low, high, low_, high_ = (*one, *other)
    if low is None or high is None or low_ is None or high_ is None:
        return False
    return (low > 0 and high_ < 0) or (high < 0 and low_ > 0)


def _opposite_verdicts(one: Json, other: Json) -> bool:
    same = all(one.get(key) == other.get(key) for key in ("arm", "control", "region"))
    return same and {one["verdict"], other["verdict"]} == {"supported", "contradicted"}


def _interval(contrast: Json, name: str, ends: list[float | None]) -> str:
    unit = contrast.get("unit", "")
    return f"{contrast['id']} under {name} [{shown(ends[0])}, {shown(ends[1])}] {unit}"


def _differ_between_runs(evidence: list[Json]) -> str:
    """Contrasts of one study that large runs support and contradict."""
    verdicts: dict[tuple[str, str], set[str]] = {}
    for item in evidence:
        if large_enough(item["preset"], False):
            verdicts.setdefault((item["study"], item["contrast"]), set()).add(item["verdict"])
    turned = [contrast for (_, contrast), words in verdicts.items() if {"supported", "contradicted"} <= words]
    return f"does not replicate across runs: {', '.join(turned)}" if turned else ""
