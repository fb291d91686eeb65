"""The same study on other models, with other numbers of seeds or bases, or in less memory. Does not register anything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from exante.profiles import profile
from exante.study import Profile, Study


def adapt(
    study: Study,
    *,
    models: Iterable[str] = (),
    seeds: int | None = None,
    bases: int | None = None,
    micro_batch: int | None = None,
    dtype: str | None = None,
) -> Study:
    """The same study on other models, with other numbers of seeds or bases, or in less memory; registered under its own hash.

    An outside checkpoint has no base draws: its presets get one base, as many seeds as they had runs, and one look, at 95 %.
    `micro_batch` and `dtype` are for outside checkpoints only.
    """
    models = tuple(models)
    present = {p.id for p in study.profiles}
    profiles = study.profiles + tuple(profile(m) for m in models if m not in present)
    profiles = tuple(_smaller(p, micro_batch, dtype) if p.architecture is None else p for p in profiles)
    outside = bool(models) and all(p.architecture is None for p in profiles if p.id in models)
    presets = {}
    for name, preset in study.presets.items():
        changes: dict[str, object] = {"models": models} if models else {}
        if outside:
            changes |= {"bases": 1, "base_variants": preset.base_variants[:1], "seeds": preset.bases * preset.seeds}
            changes |= {"looks": (), "replacements": 0}
        changes |= ({"seeds": seeds} if seeds else {}) | ({"bases": bases, "looks": ()} if bases else {})
        presets[name] = preset.model_copy(update=changes)
    return study.model_copy(update={"profiles": profiles, "presets": presets})


def _smaller(held: Profile, micro_batch: int | None, dtype: str | None) -> Profile:
    """A profile that needs less memory for the same training."""
    update: dict[str, Any] = {}
    if micro_batch is not None:
        update["recipes"] = {
            name: recipe.model_copy(update={"micro_batch": micro_batch}) for name, recipe in held.recipes.items()
        }
    if dtype is not None:
        update["dtype"] = dtype
    return held.model_copy(update=update)
