"""The studies on training against scheming: every claim is read where something is asked, and arms differ in what they say."""

from __future__ import annotations

import pytest

from exante import studies
from exante.analysis.algebra import leaves
from exante.planning.factorial import levels_of, sentences
from exante.planning.tree import plan
from exante.registry.register import register
from exante.studies import scheming_training
from exante.study import Study

SCHEMING = [name for name in studies.shipped() if name.startswith("scheming-")]
TRAINING = scheming_training.STUDY


@pytest.fixture(params=SCHEMING)
def study(request: pytest.FixtureRequest) -> Study:
    return studies.load(request.param)


@pytest.mark.parametrize("preset", ["quick", "default"])
def test_every_measure_is_read_where_something_is_evaluated(study: Study, preset: str) -> None:
    """A contrast whose arms are in the preset reads checkpoints at which its evaluation runs."""
    nodes = plan(register(study), preset)
    at = {
        (cell.cell.arm, evaluation, f"{name}@{step}")
        for cell in nodes.cells
        for name, key in zip(cell.names, cell.nodes, strict=True)
        for evaluation, steps in nodes.nodes[key].evaluations.items()
        for step in (*steps, "end")
    }
    measures = {measure.id: measure for measure in study.measures}
    evaluations = {evaluation.id: evaluation for evaluation in study.evaluations}
    here = set(study.presets[preset].arms)
    for contrast in study.contrasts:
        if {contrast.arm, contrast.control} - {None} <= here:
            for leaf in leaves(measures[contrast.measure].expression):
                for arm in {contrast.arm, contrast.control} - {None}:
                    assert (arm, leaf.evaluation, leaf.at) in at, (contrast.id, arm, leaf)
                assert leaf.condition in evaluations[leaf.evaluation].conditions


def test_the_default_preset_has_the_arms_that_theories_speak_of(study: Study) -> None:
    arms, contrasts = set(study.presets["default"].arms), {c.id: c for c in study.contrasts}
    for theory in study.theories:
        for prediction in theory.predictions:
            contrast = contrasts[prediction.contrast]
            assert {contrast.arm, contrast.control} - {None} <= arms


def test_the_quick_preset_has_the_arms_of_the_primaries(study: Study) -> None:
    primaries = [contrast for contrast in study.contrasts if contrast.primary]
    assert [contrast.primary for contrast in primaries] == list(range(1, len(primaries) + 1))
    assert all({c.arm, c.control} - {None} <= set(study.presets["quick"].arms) for c in primaries)


def test_claims_over_bases_have_enough_of_them(study: Study) -> None:
    assert study.presets["default"].bases >= 6
    assert {contrast.over for contrast in study.contrasts} == {"bases"}


def test_sealed_families_are_asked_after_the_last_training(study: Study) -> None:
    last = {f"{arm.phases[-1].name}@end" for arm in study.arms}
    for evaluation in study.evaluations:
        if evaluation.items.target.endswith("office_sealed:items"):
            assert set(evaluation.at) <= last


# --- scheming-training ---------------------------------------------------------------------------------------------------


def test_the_full_preset_is_the_whole_matrix() -> None:
    arms = {arm.id: arm for arm in TRAINING.arms}
    factors = [tuple(levels_of(arms[name]).items()) for name in TRAINING.presets["full"].arms]
    assert len({levels for levels in factors if len(levels) == 3}) == 48
    assert sentences(TRAINING, "full") == []


def test_the_planner_says_what_the_default_cannot_see() -> None:
    said = sentences(TRAINING, "default")
    assert any("{none, spec} × {outcome, thought}" in sentence for sentence in said)
    assert any("cannot see whether" in sentence for sentence in said)


def test_the_pipeline_samples_with_the_spec_and_trains_without_it() -> None:
    arms = {arm.id: arm for arm in TRAINING.arms}
    organism, sample, sft, rl = arms["deliberative"].phases
    assert [phase.objective for phase in (organism, sample, sft, rl)] == ["sft", "sample_and_filter", "sft", "rl"]
    assert sample.data is not None
    assert sample.data.params["prior"] == "spec"
    assert sft.data is None
    assert rl.scratchpad == "hidden"


def test_arms_share_what_comes_before_they_part() -> None:
    nodes = plan(register(TRAINING), "default")
    of = {cell.cell.arm: cell.nodes for cell in nodes.cells if cell.cell.seed == TRAINING.presets["default"].first}
    shared = [of[name][:4] for name in ("deliberative", "spec-thought-shown", "spec-thought-none")]
    assert shared[0] == shared[1] == shared[2]
    assert len({nodes_of[1] for nodes_of in of.values()}) == 1
