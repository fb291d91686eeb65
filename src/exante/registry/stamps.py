"""Stamps: which outcomes of a study had been seen when it was registered, as far as this cache knows.

Judged per contrast and preset, from what the contrast reads there: adding a model or preset elsewhere changes no stamp, while
fewer secondary contrasts or more bases do. Reads the store of seen outcomes, which the cache's owner can delete, so a stamp is no
proof: `anchors.py` records one. Does not know about rows or verdicts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from exante.errors import UserError
from exante.planning.tree import has_runs, seen_pairs
from exante.registry.forms import Forms, evaluations_of, families
from exante.registry.seen import SeenStore
from exante.storage.identity import evaluation_id
from exante.study import Cell, Contrast, Registration, Study

Json = dict[str, Any]
KNOWS = "as far as this cache knows"
_NODE_PAIR = re.compile("[0-9a-f]{32}:[0-9a-f]{16}")


class SeenRun(NamedTuple):
    """A kind of run of which another registration, `sha256`, produced rows."""

    model: str
    behaviour: str
    variant: str
    sha256: str


def stamps(registration: Registration, seen: SeenStore | None = None) -> Json:
    """`before_data`, `seen_by` and `changed` per preset, and whether it is a pilot.

    `changed` lists the contrasts and theories whose rows another registration had produced without having them in the same form:
    they are exploratory. Three things do not count as seen: rows that only gates read (those of the base, which all studies on a
    base share), an installed rate that another study read back, and the rows of a contrast without a hypothesis.
    """
    seen, study = seen or SeenStore(), registration.study
    theirs = {pair: sha for pair, sha in seen.first_seen().items() if sha != registration.sha256}
    if registration.pilot or not _may_concern(study, theirs):
        nothing = {name: _stamp({}, []) for name in study.presets}
        return _by_preset(nothing, registration.pilot)
    earlier = {sha: old for sha in set(theirs.values()) if (old := seen.registration(sha)) is not None}
    own = {sha for sha, old in earlier.items() if old.study.id == study.id}
    registered = cache(lambda sha: families(earlier[sha]) if sha in earlier else {})
    could_share, own_forms = _same_numbers(theirs), Forms(registration)
    by_preset = {}
    for name in study.presets:
        seen_by = _seen_by(registration, name, theirs, could_share, own)
        forms = own_forms.of(name, [key for key, shas in seen_by.items() if shas])
        new = [key for key, form in forms.items() if not any(form.registered_in(registered(sha)) for sha in seen_by[key])]
        by_preset[name] = _stamp(seen_by, new)
    return _by_preset(by_preset, registration.pilot)


def _stamp(seen_by: Mapping[str, set[str]], changed: list[str]) -> Json:
    return {"before_data": not any(seen_by.values()), "seen_by": sorted(set().union(*seen_by.values())), "changed": changed}


def _by_preset(stamps: Mapping[str, Json], pilot: bool) -> Json:
    """Stamp by preset → preset by key of the stamp, as registration.json holds it."""
    keyed = {key: {name: stamp[key] for name, stamp in stamps.items()} for key in ("seen_by", "changed")}
    before = {name: stamp["before_data"] and not pilot for name, stamp in stamps.items()}
    return {"before_data": before, "pilot": pilot} | keyed


def everything_seen(study: Study) -> Json:
    """The stamps of a study that is registered after its runs were made: all of it is exploratory."""
    changed = [x.id for x in (*study.contrasts, *study.theories)]
    stamp = {"before_data": False, "seen_by": [], "changed": changed}
    return _by_preset(dict.fromkeys(study.presets, stamp), False)


def stamps_of(stamps: Json, preset: str) -> Json:
    """The stamps of one preset: `before_data`, `seen_by`, `changed`. Those of older registrations hold for every preset."""
    keys = ("before_data", "seen_by", "changed")
    try:
        return {key: stamps[key][preset] if isinstance(stamps[key], dict) else stamps[key] for key in keys}
    except KeyError as error:
        raise UserError(
            f"the registration has no stamp {error} for preset {preset!r}; register the study into a new --out"
        ) from error


# --- which rows had been seen ---------------------------------------------------------------------------------------


def _may_concern(study: Study, theirs: Iterable[str]) -> bool:
    """Whether any of the pairs could be of an evaluation that this study's contrasts read. Being certain takes a plan."""
    measures = {measure.id: measure for measure in study.measures}
    read = {name for contrast in study.contrasts for name in evaluations_of(measures[contrast.measure])}
    ids = {evaluation_id(e) for e in study.evaluations if e.id in read}
    return any(pair.startswith(f"{study.id}:") or pair.rpartition(":")[2] in ids for pair in theirs)


def _same_numbers(theirs: Mapping[str, str]) -> Callable[[Cell], bool]:
    """Whether a cell could share a phase with the seen ones: it has the base draw and seed of one of them, or is the first on a
    base that was seen (bases serve all seeds). The store also holds each pair under its cell's name, which has the numbers."""
    named: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for pair, sha in theirs.items():
        parts = pair.rpartition(":")[0].rsplit("/", 2)
        if not _NODE_PAIR.fullmatch(pair) and len(parts) == 3:
            named[sha].add((parts[1].rpartition("#")[2], parts[2]))
    if set(theirs.values()) - set(named):
        return lambda cell: True
    numbers = set().union(*named.values())
    draws = {draw for draw, _ in numbers}

    def could_share(cell: Cell) -> bool:
        draw, seed = cell.base.rpartition("#")[2], str(cell.seed)
        return (draw, seed) in numbers or (draw == seed and draw in draws)

    return could_share


def _seen_by(
    registration: Registration, preset: str, theirs: Mapping[str, str], could_share: Callable[[Cell], bool], own: set[str]
) -> dict[str, set[str]]:
    """Contrast or theory with a hypothesis → the other registrations that had produced rows which it reads in a preset. `theirs`
    maps their pairs to their sha256; `own` are those of this same study."""
    study = registration.study
    seen: dict[tuple[str, str, str], set[SeenRun]] = defaultdict(set)
    for key, pair in seen_pairs(registration, preset, could_share):
        if pair in theirs:
            place = (key.arm, key.training, key.evaluation)
            seen[place].add(SeenRun(key.model, key.behaviour, key.variant, theirs[pair]))
    held = [contrast for contrast in study.contrasts if has_runs(contrast, study.presets[preset])]
    by_contrast = {c.id: _registrations_that_saw(study, c, seen) for c in held}
    by_contrast |= {c.id: by_contrast[c.id] & own for c in held if c.stamp == "installed"}
    hypotheses = {c.id: by_contrast[c.id] for c in held if not c.region.unbounded}
    theories = {t.id: set().union(*(by_contrast.get(p.contrast, set()) for p in t.predictions)) for t in study.theories}
    return hypotheses | theories


def _registrations_that_saw(study: Study, contrast: Contrast, seen: Mapping[tuple[str, str, str], set[SeenRun]]) -> set[str]:
    measure = next(m for m in study.measures if m.id == contrast.measure)
    arms = [arm for arm in (contrast.arm, contrast.control) if arm is not None]
    runs = (seen.get((arm, contrast.training, name), set()) for arm in arms for name in evaluations_of(measure))
    return {run.sha256 for group in runs for run in group if _reads(contrast, run)}


def _reads(contrast: Contrast, run: SeenRun) -> bool:
    chosen = (contrast.model, run.model), (contrast.behaviour, run.behaviour), (contrast.base, run.variant)
    return all(name in (None, own) for name, own in chosen)
