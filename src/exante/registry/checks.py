"""What register checks: that a study's hypotheses can be read and could be wrong, and that nothing in it fails later.

Everything that `plan`, `run` or `analyse` would fail on hours later is refused here, in one sentence that names the row and the
word. Ids and texts are in `checks_text.py`, measures, contrasts, gates and theories in `checks_claims.py`, recipes in
`checks_recipes.py`, and what is evaluated where in `checks_runs.py`. Trains and plans nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations

from exante.analysis.gates import is_of_base, repeats_interval
from exante.claims import row_of
from exante.errors import UserError
from exante.registry.checks_claims import check_claims, check_exists, check_in_some_preset
from exante.registry.checks_robust import robust_warnings
from exante.registry.checks_runs import check_evaluations, check_runs
from exante.registry.checks_text import check_file_names, check_texts
from exante.study import RESERVED, Preset, Study

MOST_LOOKS = 2
MOST_WRONG = {1: 0.05, 2: 0.06}
"""By the number of looks: the most that the shares of wrong intervals of all looks may add up to."""
MOST_CELLS = 1_000_000
"""Cells of a preset. The largest shipped one has 144,000; every cell is planned and stored by itself."""
AXES = ("arms", "models", "behaviours", "trainings", "base_variants")
VERDICTS = ("supported", "contradicted", "undecided", "exploratory")


def check(study: Study, *, adapted: bool = False) -> Study:
    """The study, every field in its range. Raises UserError for the first fault. `adapted`: see `register`."""
    study = check_texts(study)
    _check_names(study)
    _check_presets(study)
    check_evaluations(study)
    check_claims(study)
    _check_answers(study)
    _check_recipe_names(study)
    check_file_names(study)
    for contrast in study.contrasts:
        check_in_some_preset(study, contrast, adapted)
    check_runs(study, adapted=adapted)
    return study


def check_pilot(study: Study) -> None:
    """Pilots' numbers start at 0 and must stay below those of registered runs."""
    for name, preset in study.presets.items():
        top = preset.bases + preset.replacements + preset.seeds - 2
        if top >= RESERVED:
            raise UserError(
                f"as a pilot, preset {name!r} would use numbers up to {top}, but from {RESERVED} on"
                " they are registered runs'; give it fewer bases or seeds"
            )


def warnings(study: Study) -> list[str]:
    """What may be registered but should be reconsidered: primaries whose pilot estimate lies at their boundary, and what the
    robust run model can hardly show, and gates that are not read."""
    return [*_at_their_boundary(study), *robust_warnings(study), *_not_read(study)]


def _not_read(study: Study) -> list[str]:
    measures = {measure.id: measure for measure in study.measures}
    names = [repr(gate.id) for gate in study.gates if repeats_interval(gate, measures)]
    if not names:
        return []
    what = f"gate {names[0]} asks" if len(names) == 1 else f"gates {', '.join(names)} ask"
    return [f"{what} only how many samples are ungraded, which intervals count already, and guard nothing; leave them out"]


def _at_their_boundary(study: Study) -> list[str]:
    sentences = []
    for contrast in study.contrasts:
        pilot, region = contrast.pilot, contrast.region
        if contrast.primary is None or pilot is None:
            continue
        for end in (region.low, region.high):
            if end is not None and abs(pilot.estimate - end) <= pilot.se:
                sentences.append(
                    f"primary {contrast.id!r} has its boundary at {end:g} {region.unit}, within one standard error of what pilots"
                    f" showed ({pilot.estimate:g} ± {pilot.se:g}): it will probably stay undecided at any number of runs"
                )
    return sentences


def _check_names(study: Study) -> None:
    groups = {
        "arm": [a.id for a in study.arms],
        "training": [t.id for t in study.trainings],
        "evaluation": [e.id for e in study.evaluations],
        "measure": [m.id for m in study.measures],
        "contrast": [c.id for c in study.contrasts],
        "gate": [g.id for g in study.gates],
        "theory": [t.id for t in study.theories],
        "model": [p.id for p in study.profiles],
        "objection": [o.id for o in study.objections],
    }
    for kind, ids in groups.items():
        for name, count in Counter(ids).items():
            if count > 1:
                raise UserError(f"two {kind}s of study {study.id!r} are called {name!r}; give each its own id")


def _check_presets(study: Study) -> None:
    if not study.presets:
        raise UserError(f"study {study.id!r} has no presets; give it at least 'default'")
    ids_by_axis = {
        "arms": [a.id for a in study.arms],
        "trainings": [t.id for t in study.trainings],
        "models": [p.id for p in study.profiles],
        "base_variants": list(study.bases),
    }
    for name, preset in study.presets.items():
        for axis in AXES:
            _check_axis(name, axis, getattr(preset, axis))
        for axis, ids in ids_by_axis.items():
            for value in getattr(preset, axis):
                check_exists(axis.removesuffix("s").replace("_", " "), value, ids, f"preset {name!r}")
        _check_counts(name, preset)
        _check_looks(name, preset)
        _check_replacements(study, name, preset)
    _check_apart(study)
    for objection in study.objections:
        if (row := row_of(objection.id)) != objection.id:
            raise UserError(f"objection {objection.id!r} is a clause; name the row {row!r}, and let contrasts name the clause")
        for contrast in objection.contrasts:
            check_exists("contrast", contrast, (c.id for c in study.contrasts), f"objection {objection.id!r}")


def _check_axis(name: str, axis: str, values: tuple[str, ...]) -> None:
    if not values:
        raise UserError(f"preset {name!r} lists no {axis}, so it has no cells; list at least one")
    for value, count in Counter(values).items():
        if count > 1:
            raise UserError(f"preset {name!r} lists {value!r} twice among its {axis}; list it once")


def _check_counts(name: str, preset: Preset) -> None:
    if preset.first < RESERVED:
        raise UserError(
            f"preset {name!r} begins at number {preset.first}; numbers below {RESERVED} are pilots', begin at {RESERVED} or above"
        )
    if preset.bases < 1 or preset.seeds < 1:
        raise UserError(f"preset {name!r} has {preset.bases} bases and {preset.seeds} seeds; both must be at least 1")
    cells = preset.bases * preset.seeds * math.prod(len(getattr(preset, axis)) for axis in AXES)
    if cells > MOST_CELLS:
        raise UserError(
            f"preset {name!r} has {cells:,} cells ({preset.bases:,} bases × {preset.seeds:,} seeds × the rest);"
            f" at most {MOST_CELLS:,} can be planned, take fewer seeds or bases"
        )


def _check_looks(name: str, preset: Preset) -> None:
    """At most two looks, of growing size, the last at all bases, whose wrong intervals are few enough together."""
    if not preset.looks:
        return
    sizes = [look.bases for look in preset.looks]
    if len(sizes) > MOST_LOOKS or sizes != sorted(set(sizes)) or sizes[-1] != preset.bases:
        raise UserError(
            f"preset {name!r} has looks at {', '.join(map(str, sizes))} of {preset.bases} bases; register one look or two,"
            " with more bases each time, the last at all of them"
        )
    wrong, most = sum(1 - look.level for look in preset.looks), MOST_WRONG[len(sizes)]
    if wrong > most + 1e-9:
        raise UserError(
            f"preset {name!r} has looks whose intervals miss in {100 * wrong:.3g} % of studies together; at most"
            f" {100 * most:g} % may, as with {'the level .95' if len(sizes) == 1 else 'the levels .98 and .96'}"
        )


def _check_replacements(study: Study, name: str, preset: Preset) -> None:
    measures = {measure.id: measure for measure in study.measures}
    if preset.replacements and not any(is_of_base(gate, measures) for gate in study.gates if gate.measure in (None, *measures)):
        raise UserError(
            f"preset {name!r} replaces up to {preset.replacements} bases, but no gate reads the base alone, so none could"
            " fail; add such a gate, or leave replacements out"
        )


def _check_apart(study: Study) -> None:
    """Two presets share no run: what one shows of the other's runs would be a look at them that is not counted."""
    for (one, a), (other, b) in combinations(study.presets.items(), 2):
        shared = range(max(a.draws[0], b.draws[0]), min(a.draws[-1], b.draws[-1]) + 1)
        if shared and all(set(getattr(a, axis)) & set(getattr(b, axis)) for axis in (*AXES, "behaviours")):
            raise UserError(
                f"presets {one!r} and {other!r} share runs on base {shared[0]}, so that one would be an uncounted look at the"
                f" other; give {other!r} numbers of its own with first={max(a.draws[-1], b.draws[-1]) + 1} or above"
            )


def _check_answers(study: Study) -> None:
    """The report opens with the answer whose key is the verdicts of the first primaries."""
    primaries = sum(contrast.primary is not None for contrast in study.contrasts)
    for key in study.answers:
        verdicts = key.split(", ")
        if not set(verdicts) <= set(VERDICTS) or len(verdicts) > max(primaries, 1):
            raise UserError(
                f"the answer for {key!r} is never given: name the verdicts of the first of {primaries} primaries, in order,"
                f" each {', '.join(VERDICTS[:-1])} or {VERDICTS[-1]}, with ', ' between them"
            )


def _check_recipe_names(study: Study) -> None:
    for profile in study.profiles:
        makes_bases = profile.architecture is not None and "train" in profile.capabilities
        if (makes_bases or study.base_recipe != "base") and study.base_recipe not in profile.recipes:
            raise UserError(
                f"bases use the recipe {study.base_recipe!r}, which model {profile.id!r} lacks; add it to the profile, or name"
                " another as base_recipe"
            )
        for phase in (phase for part in (*study.arms, *study.trainings) for phase in part.phases):
            if phase.recipe not in profile.recipes:
                raise UserError(
                    f"phase {phase.name!r} uses the recipe {phase.recipe!r}, which model {profile.id!r} lacks;"
                    " add it to the profile"
                )
