"""register: freeze a study. Study → canonical JSON and its sha256, checked (`checks.py`) so that what is frozen can be read.

Does not run or plan anything. Which outcomes had been seen before is in `stamps.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from exante.errors import UserError
from exante.profiles import frozen_name
from exante.registry.checks import check, check_pilot
from exante.registry.items import item_ids
from exante.storage.identity import ID_SCHEMA, registration_digest
from exante.storage.sources import user_sources
from exante.study import Items, Registration, Study


def register(
    study: Study,
    *,
    pilot: bool = False,
    amends: str | None = None,
    note: str = "",
    adapted: bool = False,
    items: Items | None = None,
) -> Registration:
    """Check and freeze `study` and the ids of its evaluations' items (`items`, or what the evaluations' parts return).

    Raises UserError where a hypothesis cannot be read or could never be wrong, and for all that a later verb would fail on.

    `adapted` says that `adapt` put the study on other models: its contrasts and gates may then name models and base variants that
    are in no preset, and are reported as not in the preset.
    """
    study = check(with_frozen_names(study), adapted=adapted)
    if pilot:
        check_pilot(study)
    if amends is not None and not note:
        raise UserError("an amendment needs a note on what was changed and why; pass one with --note")
    if note and amends is None:
        raise UserError("a note says what an amendment changes; name the registration that it amends with --amends")
    if amends is not None and not re.fullmatch("[0-9a-f]{64}", amends):
        raise UserError(f"{amends!r} is not a registration's sha256; give the 64 hex digits that 'exante register' printed")
    frozen = Registration(
        study=with_own_recipes(study),
        items=item_ids(study, pilot=pilot) if items is None else items,
        id_schema=ID_SCHEMA,
        sources=user_sources(study),
        amends=amends,
        amendment_note=note,
        pilot=pilot,
        sha256="",
    )
    return frozen.model_copy(update={"sha256": registration_digest(frozen)})


def with_frozen_names(study: Study) -> Study:
    """A study that calls its outside checkpoints NAME@DIGEST wherever it names them, instead of by their paths.

    Raises UserError for a checkpoint that is not there or cannot be used.
    """
    names = {profile.id: frozen_name(profile.id) for profile in study.profiles}
    if all(before == frozen for before, frozen in names.items()):
        return study
    return Study.model_validate(_renamed(study.model_dump(mode="json"), names))


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {names.get(key, key): _renamed(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


def with_own_recipes(study: Study) -> Study:
    """A study whose profiles hold the recipes that its phases name and no others: a recipe that is added for another study
    changes no registration."""
    named = {study.base_recipe, *(phase.recipe for group in (*study.arms, *study.trainings) for phase in group.phases)}
    profiles = tuple(
        profile.model_copy(
            update={"recipes": {name: r for name, r in profile.recipes.items() if name.partition(":")[0] in named}}
        )
        for profile in study.profiles
    )
    return study.model_copy(update={"profiles": tuple(profiles)})
