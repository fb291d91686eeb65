"""Which transcripts the page shows: a few for each training × behaviour × condition, arms side by side.

Selects and groups; does not judge. The text is a model's and hostile: it leaves here as `words.visible`
markup, escaped character by character.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from exante.report import words

ITEMS_PER_GROUP = 2
CHECKPOINTS = 4
GROUPS = 40
LONGEST = 6000
"""Characters shown of one span; the file holds the rest."""
KINDS = ("prompt", "forced", "scratchpad", "answer", "raw")


def groups(records: list[dict[str, Any]], arms: list[str]) -> list[dict[str, Any]]:
    """Groups of items, each with its samples by checkpoint and arm, in the order of `arms`."""
    ordered = sorted(records, key=_group_key)
    return [_group(key, list(part), arms) for key, part in groupby(ordered, key=_group_key)][:GROUPS]


def _group_key(record: dict[str, Any]) -> tuple[str, ...]:
    """Training data before samples, which have a condition."""
    return tuple(str(record.get(field, "")) for field in ("training", "behaviour", "condition", "evaluation"))


def _group(key: tuple[str, ...], records: list[dict[str, Any]], arms: list[str]) -> dict[str, Any]:
    training, behaviour, condition, evaluation = key
    items = [_item(name, [r for r in records if str(r.get("item")) == name], arms) for name in _items(records)]
    return {"training": training, "behaviour": behaviour, "evaluation": evaluation, "condition": condition, "items": items}


def _items(records: list[dict[str, Any]]) -> list[str]:
    """The items seen in most arms, so that arms can be read side by side."""
    seen: dict[str, set[str]] = {}
    for record in records:
        seen.setdefault(str(record.get("item")), set()).add(str(record.get("arm")))
    return sorted(seen, key=lambda item: (-len(seen[item]), item))[:ITEMS_PER_GROUP]


def _item(name: str, records: list[dict[str, Any]], arms: list[str]) -> dict[str, Any]:
    prompts = {_prompt(record) for record in records}
    shared = prompts.pop() if len(prompts) == 1 else None
    stages = [
        {
            "checkpoint": checkpoint,
            "samples": _by_arm([r for r in records if str(r.get("checkpoint")) == checkpoint], arms, shared is not None),
        }
        for checkpoint in _checkpoints(records)
    ]
    return {"name": name, "prompt": words.visible(shared) if shared else None, "stages": stages}


def _prompt(record: dict[str, Any]) -> str:
    return "".join(_text(span) for span in record["spans"] if span.get("kind") == "prompt")


def _checkpoints(records: Iterable[dict[str, Any]]) -> list[str]:
    """The first checkpoint and the last of each phase, in the order in which training reached them."""
    steps: dict[str, list[int]] = {}
    for record in records:
        phase, _, step = str(record.get("checkpoint", "")).partition("@")
        steps.setdefault(phase, []).append(int(step) if step.isdecimal() and len(step) < 10 else 0)
    picked = [f"{phase}@{step}" for phase, values in steps.items() for step in sorted({min(values), max(values)})]
    recorded = {str(record.get("checkpoint", "")) for record in records}
    picked = [name if name in recorded else name.rpartition("@")[0] for name in picked]
    return picked if len(picked) <= CHECKPOINTS else [picked[0], *picked[1 - CHECKPOINTS :]]


def _by_arm(records: list[dict[str, Any]], arms: list[str], prompt_above: bool) -> list[dict[str, Any]]:
    """One sample per arm: that of the first cell."""
    records = sorted(records, key=lambda r: str(r.get("cell", "")))
    first: dict[str, dict[str, Any]] = {}
    for record in records:
        first.setdefault(str(record.get("arm")), record)
    names = sorted(first, key=lambda arm: (arms.index(arm) if arm in arms else len(arms), arm))
    return _merged([_sample(arm, first[arm], prompt_above) for arm in names])


def _sample(arm: str, record: dict[str, Any], prompt_above: bool) -> dict[str, Any]:
    spans = [_span(span) for span in record["spans"] if not (prompt_above and span.get("kind") == "prompt")]
    return {
        "title": arm,
        "cell": " / ".join(str(record.get("cell", "")).split("/")[-2:]),
        "outcome": str(record.get("outcome", "")),
        "spans": spans,
    }


def _merged(samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Arms with the same text in every span become one sample (a base's training text is the same for all)."""
    merged: list[dict[str, Any]] = []
    for sample in samples:
        twin = next(
            (other for other in merged if other["spans"] == sample["spans"] and other["outcome"] == sample["outcome"]), None
        )
        if twin is None:
            merged.append(sample)
        else:
            twin["title"] += ", " + sample["title"]
    return merged


def _span(span: dict[str, Any]) -> dict[str, Any]:
    kind = span.get("kind")
    text = _text(span)
    shown = text if len(text) <= LONGEST else text[:LONGEST] + f" … ({len(text) - LONGEST} characters more)"
    return {"kind": kind if kind in KINDS else "raw", "trained": bool(span.get("trained")), "text": words.visible(shown)}


def _text(span: dict[str, Any]) -> str:
    return str(span.get("text", ""))
