"""What had been seen of a study when it was registered, as far as this cache knows.

Judged per contrast and preset, from what the contrast reads there, so that a model or preset added elsewhere changes nobody's
stamp, and a smaller family or more bases do. Reads the ledger; the cache's owner can delete it, so a stamp is no proof:
`anchors.py` records one. Does not know about rows or verdicts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from exante.analysis.algebra import leaves
from exante.errors import UserError
from exante.measures import Measure
from exante.planning.tree import has_runs, seen_pairs
from exante.registry.seen import Ledger
from exante.storage.directory import RunDirectory
from exante.storage.files import read_json
from exante.storage.identity import canonical, evaluation_id, intact
from exante.study import Cell, Contrast, Gate, Phase, Preset, Profile, Registration, Study, Theory

Json = dict[str, Any]
KNOWS = "as far as this cache knows"
_NODE_PAIR = re.compile("[0-9a-f]{32}:[0-9a-f]{16}")


class Seen(NamedTuple):
    """Runs of which another registration produced rows."""

    model: str
    behaviour: str
    variant: str
    sha256: str


def stamps(registration: Registration, ledger: Ledger | None = None) -> Json:
    """`before_data`, `seen_by` and `changed` per preset, and whether it is a pilot.

    `changed` lists the contrasts whose own rows had been seen and that no registration which saw them had in the same form, and
    the theories that rest on such rows and were not registered so; those are exploratory. What only gates read (the base's own
    work, which all studies on a base share) tells nothing about a hypothesis, nor does a rate that was installed and that
    another study read back; and a contrast without a hypothesis has nothing that could have been known.
    """
    ledger, study = ledger or Ledger(), registration.study
    first = ledger.first_seen()
    theirs = {pair: sha for pair, sha in first.items() if sha != registration.sha256}
    if registration.pilot or not _concern(study, theirs):
        nothing = {name: _stamp({}, []) for name in study.presets}
        return _by_preset(nothing, registration.pilot)
    earlier = {sha: old for sha in set(theirs.values()) if (old := ledger.registration(sha)) is not None}
    own = {sha for sha, old in earlier.items() if old.study.id == study.id}
    known = cache(lambda sha: _levels(earlier[sha]) if sha in earlier else {})
    wanted, mine = _same_numbers(theirs), Forms(registration)
    found = {}
    for name in study.presets:
        by = _read_by(registration, name, theirs, wanted, own)
        forms = mine.of(name, [key for key, shas in by.items() if shas])
        found[name] = _stamp(by, [key for key, form in forms.items() if not any(form.kept_in(known(sha)) for sha in by[key])])
    return _by_preset(found, registration.pilot)


def _stamp(by: Mapping[str, set[str]], changed: list[str]) -> Json:
    return {"before_data": not any(by.values()), "seen_by": sorted(set().union(*by.values())), "changed": changed}


def _by_preset(found: Mapping[str, Json], pilot: bool) -> Json:
    keyed = {key: {name: stamp[key] for name, stamp in found.items()} for key in ("seen_by", "changed")}
    before = {name: stamp["before_data"] and not pilot for name, stamp in found.items()}
    return {"before_data": before, "pilot": pilot} | keyed


def everything_seen(study: Study) -> Json:
    """The stamps of a study that is registered of runs which exist: all of it is exploratory."""
    changed = [x.id for x in (*study.contrasts, *study.theories)]
    stamp = {"before_data": False, "seen_by": [], "changed": changed}
    return _by_preset(dict.fromkeys(study.presets, stamp), False)


def stamps_of(found: Json, preset: str) -> Json:
    """The stamps of one preset: `before_data`, `seen_by`, `changed`. Those of older registrations hold for every preset."""
    keys = ("before_data", "seen_by", "changed")
    try:
        return {key: found[key][preset] if isinstance(found[key], dict) else found[key] for key in keys}
    except KeyError as error:
        raise UserError(
            f"the registration has no stamp {error} for preset {preset!r}; register the study into a new --out"
        ) from error


# --- which rows had been seen ---------------------------------------------------------------------------------------


def _concern(study: Study, theirs: Iterable[str]) -> bool:
    """Whether any of the pairs could be of an evaluation that this study's contrasts read: planning to be sure takes seconds."""
    measures = {measure.id: measure for measure in study.measures}
    read = {name for contrast in study.contrasts for name in _evaluations(measures[contrast.measure])}
    ids = {evaluation_id(e) for e in study.evaluations if e.id in read}
    return any(pair.startswith(f"{study.id}:") or pair.rpartition(":")[2] in ids for pair in theirs)


def _same_numbers(theirs: Mapping[str, str]) -> Callable[[Cell], bool]:
    """Whether a cell could share a phase with the seen ones: it has the base draw and seed of one of them, or is the first on a
    base that was seen (bases serve all seeds). Ledgers hold each pair's cell by name beside its phase, which says so."""
    named: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for pair, sha in theirs.items():
        parts = pair.rpartition(":")[0].rsplit("/", 2)
        if not _NODE_PAIR.fullmatch(pair) and len(parts) == 3:
            named[sha].add((parts[1].rpartition("#")[2], parts[2]))
    if set(theirs.values()) - set(named):
        return lambda cell: True
    numbers = set().union(*named.values())
    draws = {draw for draw, _ in numbers}

    def wanted(cell: Cell) -> bool:
        draw, seed = cell.base.rpartition("#")[2], str(cell.seed)
        return (draw, seed) in numbers or (draw == seed and draw in draws)

    return wanted


def _read_by(
    registration: Registration, preset: str, theirs: Mapping[str, str], wanted: Callable[[Cell], bool], own: set[str]
) -> dict[str, set[str]]:
    """Contrast or theory that has a hypothesis → the other registrations that had produced rows which it reads in a preset."""
    study = registration.study
    seen: dict[tuple[str, str, str], set[Seen]] = defaultdict(set)
    for key, pair in seen_pairs(registration, preset, wanted):
        if pair in theirs:
            place = (key.arm, key.training, key.evaluation)
            seen[place].add(Seen(key.model, key.behaviour, key.variant, theirs[pair]))
    held = [contrast for contrast in study.contrasts if has_runs(contrast, study.presets[preset])]
    read = {c.id: _seen_by(study, c, seen) for c in held}
    read = {c.id: read[c.id] & own if c.stamp == "installed" else read[c.id] for c in held}
    by = {c.id: read[c.id] for c in held if not c.region.unbounded}
    return by | {t.id: set().union(*(read.get(p.contrast, set()) for p in t.predictions)) for t in study.theories}


def _seen_by(study: Study, contrast: Contrast, seen: Mapping[tuple[str, str, str], set[Seen]]) -> set[str]:
    measure = next(m for m in study.measures if m.id == contrast.measure)
    arms = [arm for arm in (contrast.arm, contrast.control) if arm is not None]
    runs = (seen.get((arm, contrast.training, name), set()) for arm in arms for name in _evaluations(measure))
    return {run.sha256 for some in runs for run in some if _reads(contrast, run)}


def _reads(contrast: Contrast, run: Seen) -> bool:
    chosen = (contrast.model, run.model), (contrast.behaviour, run.behaviour), (contrast.base, run.variant)
    return all(name in (None, own) for name, own in chosen)


def _evaluations(measure: Measure) -> set[str]:
    return {leaf.evaluation for leaf in leaves(measure.expression)}


# --- in which form ----------------------------------------------------------------------------------------------------


class Form(NamedTuple):
    """All that a verdict depends on, as canonical JSON, and the level that it is read at (0 for a theory, whose is fixed)."""

    text: str
    level: float

    def kept_in(self, known: Mapping[str, float]) -> bool:
        """Whether it had been registered so: the same, and at no higher a level than now. More secondaries beside it only make
        its interval wider; fewer would make it narrower after the data."""
        return self.text in known and self.level >= known[self.text] - 1e-12


def _levels(registration: Registration) -> dict[str, float]:
    """Every form that a registration has in some preset → the lowest level that it is read at."""
    found: dict[str, float] = {}
    forms = Forms(registration)
    for name in registration.study.presets:
        for form in forms.of(name).values():
            found[form.text] = min(form.level, found.get(form.text, 1.0))
    return found


class Forms:
    """The forms of a registration's contrasts and theories. Ids, titles and whatever is only shown are no part of them."""

    def __init__(self, registration: Registration) -> None:
        self.study, self.sources = registration.study, registration.sources
        self.measures = {measure.id: measure for measure in self.study.measures}
        self.evaluations = {evaluation.id: evaluation_id(evaluation) for evaluation in self.study.evaluations}
        self.phases = {("arm", arm.id): arm.phases for arm in self.study.arms}
        self.phases |= {("training", training.id): training.phases for training in self.study.trainings}
        self.contrasts = {contrast.id: contrast for contrast in self.study.contrasts}

    def of(self, preset: str, ids: Iterable[str] | None = None) -> dict[str, Form]:
        """The forms of these contrasts and theories in a preset (None: of all that it holds something of)."""
        chosen = self.study.presets[preset]
        wanted = None if ids is None else set(ids)
        held = {c.id: c for c in self.study.contrasts if has_runs(c, chosen)}
        reads = cache(lambda name: self.reads(held[name], chosen))
        contrasts = [c for c in held.values() if wanted is None or c.id in wanted]
        theories = [t for t in self.study.theories if (wanted is None or t.id in wanted)]
        found = {c.id: Form(self._contrast(c, held, reads), _level(self.study, c)) for c in contrasts}
        return found | {t.id: Form(self._theory(t, held, reads), 0.0) for t in theories}

    def _contrast(self, contrast: Contrast, held: Mapping[str, Contrast], reads: Callable[[str], str]) -> str:
        """A primary is read only if those before it are decided, so they are part of its form."""
        place = contrast.primary or 0
        before = sorted((c.primary, c.id) for c in self.study.contrasts if c.primary is not None and c.primary < place)
        earlier = [[canonical(self.contrasts[name].region), reads(name) if name in held else ""] for _, name in before]
        return canonical([reads(contrast.id), canonical(contrast.region), contrast.primary is not None, earlier])

    def _theory(self, theory: Theory, held: Mapping[str, Contrast], reads: Callable[[str], str]) -> str:
        regions = [[canonical(p.region), reads(p.contrast) if p.contrast in held else ""] for p in theory.predictions]
        return canonical(sorted(regions))

    def reads(self, contrast: Contrast, preset: Preset) -> str:
        """All that a contrast reads in a preset, whatever its region: how it is measured, on which runs, behind which gates."""
        models = preset.models if contrast.model is None else (contrast.model,)
        behaviours = preset.behaviours if contrast.behaviour is None else (contrast.behaviour,)
        variants = preset.base_variants if contrast.base is None else (contrast.base,)
        arms = [arm for arm in (contrast.arm, contrast.control) if arm is not None]
        phases = {arm: (*self.phases["arm", arm], *self.phases["training", contrast.training]) for arm in arms}
        recipes = {self.study.base_recipe, *(phase.recipe for mine in phases.values() for phase in mine)}
        read = {
            "claim": contrast.model_dump(mode="json", include={"over", "templates", "paired", "stamp"}),
            "arms": [[_phase(phase) for phase in phases[arm]] for arm in arms],
            "measure": self._measure(self.measures[contrast.measure]),
            "gates": sorted(canonical(gate) for gate in self._gates(contrast, models, phases)),
            "models": [_profile(p, recipes, behaviours) for p in self.study.profiles if p.id in models],
            "behaviours": sorted(behaviours),
            "bases": {name: self.study.bases[name].model_dump(mode="json") for name in variants},
            "base_recipe": self.study.base_recipe,
            "runs": [preset.first, preset.bases, preset.seeds],
        }
        return canonical(read | ({"sources": self.sources} if self._own_parts(read, contrast) else {}))

    def _measure(self, measure: Measure) -> Json:
        body = measure.model_dump(mode="json", exclude={"id", "title", "reason", "pilot_sd"})
        return body | {"evaluations": {name: self.evaluations[name] for name in _evaluations(measure)}}

    def _gates(self, contrast: Contrast, models: Iterable[str], phases: Mapping[str, tuple[Phase, ...]]) -> list[Json]:
        """The gates whose failure makes the contrast undecided, each with what it reads."""
        names = {arm: {"base", *(phase.name for phase in mine)} for arm, mine in phases.items()}
        found = []
        for gate in self.study.gates:
            arms = sorted(arm for arm in names if (gate.arms is None or arm in gate.arms) and self._goes(gate, names[arm]))
            on = sorted(model for model in models if gate.models is None or model in gate.models)
            if arms and on and self._blocks(gate, contrast):
                read = self._measure(self.measures[gate.measure]) if gate.measure else None
                body = gate.model_dump(mode="json", include={"kind", "phase", "metric", "statistic", "region"})
                found.append(body | {"reads": read, "arms": arms, "models": on})
        return found

    def _goes(self, gate: Gate, names: set[str]) -> bool:
        """Whether a run with these phases has what a gate reads."""
        if gate.kind == "phase":
            return gate.phase in names
        return gate.kind != "measure" or {x.phase for x in leaves(self.measures[gate.measure or ""].expression)} <= names

    def _blocks(self, gate: Gate, contrast: Contrast) -> bool:
        from exante.analysis.gates import near  # pandas: only where something had been seen

        if gate.contrasts is not None and contrast.id not in gate.contrasts:
            return False
        if gate.trainings is not None and contrast.training not in gate.trainings:
            return False
        if gate.kind == "text":
            return set(gate.arms or ()) == {contrast.arm, contrast.control}
        return gate.kind != "range" or near(self.study, gate, contrast.id, self.measures)

    def _own_parts(self, read: Json, contrast: Contrast) -> bool:
        """Whether the user's own code is behind any of it."""
        names = _evaluations(self.measures[contrast.measure])
        parts = [part for e in self.study.evaluations if e.id in names for part in (e.items, e.score)]
        return any(not target.startswith("exante.") for target in (*(part.target for part in parts), *_targets(read)))


def _level(study: Study, contrast: Contrast) -> float:
    from exante.analysis.rules import level_of  # only where something had been seen

    return level_of(study, contrast)


def _phase(phase: Phase) -> Json:
    return phase.model_dump(mode="json", exclude={"checkpoints"})


def _profile(profile: Profile, recipes: set[str], behaviours: Iterable[str]) -> Json:
    """A model with the recipes that are used there."""
    names = recipes | {f"{name}:{behaviour}" for name in recipes for behaviour in behaviours}
    used = {name: recipe.model_dump(mode="json") for name, recipe in profile.recipes.items() if name in names}
    return profile.model_dump(mode="json", exclude={"recipes"}) | {"recipes": used}


def _targets(value: Any) -> Iterable[str]:
    """The targets of all parts in plain data."""
    if isinstance(value, dict):
        if {"target", "version"} <= value.keys():
            yield value["target"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _targets(item)


# --- amendments -----------------------------------------------------------------------------------------------------


def amended(named: str, directory: RunDirectory, ledger: Ledger | None = None) -> str:
    """The sha256 of the registration that `--amends` names: a sha256 that this cache or the directory knows, or the path of a
    registration.json. Raises UserError for one that nobody here has seen."""
    if Path(named).is_file():
        return _registered(Path(named))
    if not re.fullmatch("[0-9a-f]{64}", named):
        raise UserError(
            f"--amends {named!r} is no registration; give the 64 hex digits that 'exante register' printed, or the path of its"
            " registration.json"
        )
    held = directory.load_registration().sha256 if directory.registration.exists() else None
    if named != held and (ledger or Ledger()).registration(named) is None:
        raise UserError(
            f"no registration {named[:12]}… has run with this cache; give the path of its registration.json to --amends instead"
        )
    return named


def _registered(path: Path) -> str:
    try:
        found = Registration.model_validate(read_json(path, "give the path of a registration.json")["registration"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} holds no registration of this version of exante; give the path of another") from error
    if not intact(found):
        raise UserError(f"{path} was edited after it was registered (its sha256 differs); restore it")
    return found.sha256
