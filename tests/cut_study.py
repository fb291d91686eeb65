"""A study cut to one of its presets, with the claims that this preset has runs of: what such a study would have registered."""

from __future__ import annotations

from exante.planning.tree import has_runs
from exante.study import Study


def cut_to(study: Study, preset: str) -> Study:
    kept = tuple(contrast for contrast in study.contrasts if has_runs(contrast, study.presets[preset]))
    names = {contrast.id for contrast in kept}

    def cut(row, contrasts):
        return row if contrasts is None else row.model_copy(update={"contrasts": tuple(c for c in contrasts if c in names)})

    return study.model_copy(
        update={
            "contrasts": kept,
            "theories": tuple(theory for theory in study.theories if names >= {p.contrast for p in theory.predictions}),
            "objections": tuple(cut(row, row.contrasts) for row in study.objections),
            "gates": tuple(cut(gate, gate.contrasts) for gate in study.gates),
            "presets": {preset: study.presets[preset]},
        }
    )
