"""What a finished run says first: its answer, the contrasts that carry it, and how many others there are.

Computes nothing; reads what `analyse` wrote.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from exante.analysis.headline import answer
from exante.study import Study
from exante.units import shown

Json = dict[str, Any]


@dataclass(frozen=True)
class Summary:
    """`rows`: primaries of the preset in their order, then decided secondary contrasts. `others`: one sentence on the rest, ""
    where there is none. `table`: every contrast. `looks`: every primary at every look so far, where several are registered;
    `sizes`: how many bases were run and replaced, as name and sentence."""

    answer: str
    rows: list[Json]
    others: str
    table: list[Json]
    warnings: list[str]
    sizes: list[tuple[str, str]]
    looks: list[Json]


def summary(study: Study, verdicts: Json) -> Summary:
    contrasts: list[Json] = verdicts["contrasts"]
    primaries = sorted((c for c in contrasts if c["primary"]), key=lambda c: c["primary"])
    here = [c for c in primaries if c["n_units"]]
    decided = [c for c in contrasts if not c["primary"] and c["verdict"] in ("supported", "contradicted")]
    rest = [c for c in contrasts if c not in here and c not in decided]
    return Summary(
        answer=answer(study, primaries)["sentence"],
        rows=[_short(c) for c in (*here, *decided)],
        others=_others(rest, str(verdicts["preset"])),
        table=[_whole(c) for c in contrasts],
        warnings=list(dict.fromkeys(sentence for c in contrasts for sentence in c.get("warnings", ()))),
        sizes=_sizes(verdicts),
        looks=_looks(contrasts),
    )


def _short(c: Json) -> Json:
    interval = f"{shown(c['estimate'])} [{shown(c['low'])}, {shown(c['high'])}] {c['unit']}" if c["low"] is not None else ""
    return {
        "contrast": f"{c['id']} (primary {c['primary']})" if c["primary"] else c["id"],
        "verdict": c["verdict"],
        "estimate [interval]": interval or shown(c["estimate"]),
        "n": c["n_units"],
        "why": c["reason"],
    }


def _whole(c: Json) -> Json:
    ends = {end: shown(c[end]) for end in ("estimate", "low", "high")}
    return {"contrast": c["id"], "verdict": c["verdict"], **ends, "unit": c["unit"], "n": c["n_units"], "reason": c["reason"]}


def _others(rest: list[Json], preset: str) -> str:
    """How many contrasts are not listed, by what became of them."""
    counts = Counter(f"not in preset {preset}" if not c["n_units"] else str(c["verdict"]) for c in rest)
    if not counts:
        return ""
    parts = ", ".join(f"{many} {what}" for what, many in counts.items())
    return f"{len(rest)} other {'contrast' if len(rest) == 1 else 'contrasts'}: {parts}"


def _sizes(verdicts: Json) -> list[tuple[str, str]]:
    sizes = []
    if len(verdicts["looks"]) > 1:
        registered = " and ".join(str(look["bases"]) for look in verdicts["looks"])
        sizes.append(("bases", f"{verdicts['bases']}; looks are registered at {registered}"))
    if verdicts["replaced"]:
        sizes.append(("replaced", f"bases {', '.join(map(str, verdicts['replaced']))}, which failed a gate"))
    return sizes


def _looks(contrasts: list[Json]) -> list[Json]:
    return [
        {"primary": c["id"], "bases": look["bases"], "level": look["level"]}
        | {end: shown(look[end]) for end in ("estimate", "low", "high")}
        | {"unit": c["unit"], "reason": look["reason"], "later": c.get("in_part", "")}
        for c in contrasts
        for look in c.get("looks", ())
    ]
