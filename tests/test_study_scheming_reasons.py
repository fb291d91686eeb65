"""scheming-reasons: phrasing is told from behaviour, and arms are filters on the same samples. Nothing is trained here."""

from __future__ import annotations

import numpy as np
from mechanisms.story import Runs
from theory_recovery import decide, mechanism_of, recorded, simulated

from exante.planning.tree import cells_of, plan
from exante.registry.register import register
from exante.studies.scheming_reasons import BY_ACT, STUDY

MECHANISM = mechanism_of("scheming-reasons")


def verdicts(theory: str) -> dict[str, int]:
    story = next(story for story in MECHANISM.STORIES if story.theory == theory)
    cells = tuple(cells_of(STUDY.presets["default"].model_copy(update={"bases": 40})))
    runs = Runs(cells, {arm.id: arm for arm in STUDY.arms}, 1, np.random.default_rng(1))
    found = decide(STUDY, simulated(STUDY, story, runs), recorded(cells, MECHANISM.PHASES)).contrasts
    return {name: int(np.ravel(one.placed)[0]) for name, one in found.items()}


def test_phrasing_is_told_from_behaviour() -> None:
    phrasing, behaviour = verdicts("phrasing"), verdicts("reasons-count")
    assert (phrasing["thoughts"], phrasing["forced"], phrasing["unspoken"]) == (1, -1, 1)
    assert (behaviour["thoughts"], behaviour["forced"], behaviour["unspoken"]) == (1, 1, -1)
    assert (phrasing["by-act"], behaviour["by-act"]) == (1, -1)


def test_what_any_examples_do_is_told_from_what_the_filter_does() -> None:
    anything, good = verdicts("examples"), verdicts("good-acts")
    assert (anything["fewer"], good["fewer"], good["selected"]) == (1, 1, 1)
    assert anything["selected"] < 1


def test_a_judge_that_errs_more_filters_less() -> None:
    rates = next(s for s in MECHANISM.STORIES if s.theory == "phrasing")
    cells = tuple(cells_of(STUDY.presets["default"].model_copy(update={"bases": 40})))
    runs = Runs(cells, {arm.id: arm for arm in STUDY.arms}, 1, np.random.default_rng(1))
    found = decide(STUDY, simulated(STUDY, rates, runs), recorded(cells, MECHANISM.PHASES)).contrasts
    falls = [float(np.ravel(found[name].claim.estimate)[0]) for name in ("thoughts", "thoughts-85", "thoughts-70")]
    assert falls == sorted(falls)


def test_arms_filter_samples_of_one_organism_and_nothing_is_reinforced() -> None:
    nodes = plan(register(STUDY), "default")
    of = {cell.cell.arm: cell.nodes for cell in nodes.cells if cell.cell.base == nodes.cells[0].cell.base}
    assert len({keys[1] for keys in of.values()}) == 1
    phases = {arm: [nodes.nodes[key].phase for key in keys] for arm, keys in of.items()}
    for arm, steps in phases.items():
        assert [phase.objective for phase in steps[1:]] == [
            "sft",
            *(["sample_and_filter", "sft"] if arm != "organism" else []),
            "sft",
        ]
        assert steps[-1].overrides == {"steps": 0}
    items = {str(steps[2].data) for arm, steps in phases.items() if arm != "organism"}
    assert len(items) == 1
    seen = {arm: steps[2].scratchpad for arm, steps in phases.items() if arm != "organism"}
    assert {arm for arm, what in seen.items() if what == "hidden"} == {BY_ACT}
