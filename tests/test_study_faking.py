"""faking-prompted and faking-rl: what their presets train, what they measure, and verdicts on made-up rows in both directions."""

from __future__ import annotations

import pytest

from exante.analysis.algebra import leaves
from exante.evaluations.faking_measures import OUTCOMES
from exante.planning.tree import Plan, plan
from exante.registry.register import register
from exante.studies import faking_prompted, faking_rl
from exante.study import Study

STUDIES = (faking_prompted.STUDY, faking_rl.STUDY)


def planned(study: Study, preset: str) -> Plan:
    return plan(register(study), preset)


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.id)
@pytest.mark.parametrize("preset", ["quick", "default"])
def test_every_measure_is_read_where_something_is_evaluated(study: Study, preset: str) -> None:
    """A contrast whose arms are in the preset reads checkpoints at which its evaluation runs."""
    nodes = planned(study, preset)
    at = {
        (cell.cell.arm, evaluation, f"{name}@{step}")
        for cell in nodes.cells
        for name, key in zip(cell.names, cell.nodes, strict=True)
        for evaluation, steps in nodes.nodes[key].evaluations.items()
        for step in (*steps, "end")
    }
    measures = {measure.id: measure for measure in study.measures}
    evaluations = {evaluation.id: evaluation for evaluation in study.evaluations}
    for contrast in study.contrasts:
        for arm in {contrast.arm, contrast.control} & set(study.presets[preset].arms):
            for leaf in leaves(measures[contrast.measure].expression):
                assert (arm, leaf.evaluation, leaf.at) in at
                assert leaf.condition in evaluations[leaf.evaluation].conditions


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.id)
def test_the_default_preset_has_the_arms_that_theories_speak_of(study: Study) -> None:
    arms, contrasts = set(study.presets["default"].arms), {c.id: c for c in study.contrasts}
    for theory in study.theories:
        for prediction in theory.predictions:
            contrast = contrasts[prediction.contrast]
            assert {contrast.arm, contrast.control} - {None} <= arms


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.id)
def test_primaries_come_in_order_and_are_in_the_quick_preset(study: Study) -> None:
    primaries = [contrast for contrast in study.contrasts if contrast.primary]
    assert [contrast.primary for contrast in primaries] == [1, 2, 3, 4]
    arms = set(study.presets["quick"].arms)
    assert all({c.arm, c.control} - {None} <= arms for c in primaries)


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.id)
def test_what_is_drawn_is_what_the_measures_speak_of(study: Study) -> None:
    for evaluation in study.evaluations:
        if evaluation.id.startswith("faking"):
            assert evaluation.outcomes == OUTCOMES


def test_rl_arms_share_their_organism_and_differ_in_one_thing() -> None:
    nodes = planned(faking_rl.STUDY, "default")
    organisms = {cell.nodes[1] for cell in nodes.cells}
    assert len(organisms) == len({(cell.cell.base, cell.cell.seed) for cell in nodes.cells})
    phases = {arm.id: arm.phases[1] for arm in faking_rl.STUDY.arms}
    hidden = phases["hidden"].model_dump()
    differ = {arm: {name for name, value in phase.model_dump().items() if value != hidden[name]} for arm, phase in phases.items()}
    assert differ == {"hidden": set(), "shown": {"scratchpad"}, "none": {"scratchpad", "data"}, "shuffled": {"overrides"}}
    assert phases["shuffled"].overrides == {"shuffle_rewards": 1.0}


def test_the_arm_without_a_scratchpad_is_asked_without_one() -> None:
    nodes = planned(faking_rl.STUDY, "quick")
    evaluation = next(e for e in faking_rl.STUDY.evaluations if e.id == "faking")
    for cell in nodes.cells:
        items = evaluation.items.load()(nodes.nodes[cell.nodes[-1]].context, "own:deploy")
        assert {item.prompt.mode for item in items} == {"answer" if cell.cell.arm == "none" else "think"}


def test_checkpoints_are_dense_early() -> None:
    nodes = planned(faking_rl.STUDY, "quick")
    steps = nodes.nodes[nodes.cells[0].nodes[-1]].evaluations["faking"]
    assert steps[0] == 0
    assert len([step for step in steps if step <= 15]) >= 5
    assert steps[-1] == nodes.nodes[nodes.cells[0].nodes[-1]].last_step


def test_what_the_data_say_is_stamped_installed() -> None:
    stamps = {contrast.id: contrast.stamp for contrast in faking_prompted.STUDY.contrasts}
    assert {name for name, stamp in stamps.items() if stamp == "learned"} == {
        "forced-empty",
        "swapped",
        "wording",
        "company",
        "removed",
    }
    assert {c.id for c in faking_rl.STUDY.contrasts if c.stamp == "installed"} == {"installed"}
