"""The same study on other models, or with other numbers of seeds. Does not register anything."""

from __future__ import annotations

from collections.abc import Iterable

from exante.profiles import profile
from exante.study import Study


def adapt(study: Study, *, models: Iterable[str] = (), seeds: int | None = None) -> Study:
    """The same study on other models or with another number of seeds; to be registered under its own hash.

    An outside checkpoint has no base draws: its presets get one base, as many seeds as they had runs, and one look, at 95 %.
    """
    models = tuple(models)
    present = {p.id for p in study.profiles}
    profiles = study.profiles + tuple(profile(m) for m in models if m not in present)
    outside = bool(models) and all(p.architecture is None for p in profiles if p.id in models)
    presets = {}
    for name, preset in study.presets.items():
        changes: dict[str, object] = {"models": models} if models else {}
        if outside:
            changes |= {"bases": 1, "base_variants": preset.base_variants[:1], "seeds": preset.bases * preset.seeds}
            changes |= {"looks": (), "replacements": 0}
        presets[name] = preset.model_copy(update=changes | ({"seeds": seeds} if seeds else {}))
    return study.model_copy(update={"profiles": profiles, "presets": presets})
