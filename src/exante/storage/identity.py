"""Identity: canonical JSON, content hashes and phase ids.

Knows nothing of directories or of how phases run. Changing what goes into an id means raising `ID_SCHEMA`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from exante.parts import OWN, Part
from exante.study import Context, Evaluation, Phase, Profile, Recipe, Registration

ID_SCHEMA = 2


def canonical(value: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, models dumped in JSON mode."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """sha256 (hex, 64 characters) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def recipe_of(phase: Phase, profile: Profile, behaviour: str = "") -> Recipe:
    """The profile's recipe for a phase (its "RECIPE:BEHAVIOUR" if there is one) with the phase's overrides applied."""
    recipe = profile.recipes.get(f"{phase.recipe}:{behaviour}", profile.recipes[phase.recipe])
    return Recipe.model_validate(recipe.model_dump() | phase.overrides) if phase.overrides else recipe


def _part(part: Part | None) -> dict[str, Any] | None:
    return None if part is None else part.model_dump(mode="json")


def declared(
    phase: Phase, profile: Profile, behaviour: str, weights: str | None = None, sources: Mapping[str, str] | None = None
) -> str:
    """Digest of what a phase declares: its fields and its model's, but for name and checkpoints, which change no training.

    `weights` is the digest of an outside checkpoint. `sources` are the digests of a user's
    code (`Registration.sources`): they count where one of the phase's parts is the user's.
    """
    parts = [part for part in (phase.data, phase.reward, phase.keep, phase.probe) if part is not None]
    users = any(not part.target.startswith(f"{OWN}.") for part in parts)
    code = {"sources": dict(sources)} if sources and users else {}
    probe = {} if phase.probe is None else {"probe": _part(phase.probe)}
    return digest(
        {
            "schema": ID_SCHEMA,
            "objective": phase.objective,
            "recipe": recipe_of(phase, profile, behaviour).model_dump(mode="json"),
            "data": _part(phase.data),
            "reward": _part(phase.reward),
            "keep": _part(phase.keep),
            "with_samples": phase.with_samples,
            "scratchpad": phase.scratchpad,
            "model": profile.model_dump(mode="json", include={"architecture", "method", "dtype", "think_open", "think_close"}),
            "weights": weights,
        }
        | probe
        | code
    )


def phase_id(declared: str, context: Context, parents: tuple[str | None, ...]) -> str:
    """Id (32 hex digits) of a phase: what it declares, whose seed and base it has, and the phases that give weights and data."""
    return digest([declared, context.behaviour, context.seed, context.base_draw, *parents])[:32]


def evaluation_id(evaluation: Evaluation) -> str:
    """Id (16 hex digits) of an evaluation: items, score, conditions and sampling; not its name or where it is applied."""
    return digest(evaluation.model_dump(mode="json", exclude={"id", "at", "needs"}))[:16]


def registration_digest(registration: Registration) -> str:
    """sha256 (hex) of everything in a registration but the digest itself."""
    return digest(registration.model_dump(mode="json", exclude={"sha256"}))


def intact(registration: Registration) -> bool:
    """Whether the recorded sha256 is that of the content."""
    return registration_digest(registration) == registration.sha256
