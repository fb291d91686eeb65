"""plan: shared prefixes once, ids that mean what is computed, capabilities respected."""

from __future__ import annotations

import pytest
from tiny_study import STUDY, arm

from exante.errors import UserError
from exante.parts import Part
from exante.planning import cost as forecast
from exante.planning.power import outlook, over_sizes
from exante.planning.probe import PROBE_DOCUMENTS, shortened
from exante.planning.tree import cells_of, plan
from exante.profiles import profile
from exante.registry.register import register
from exante.storage.files import write_json
from exante.storage.identity import ID_SCHEMA, declared, phase_id
from exante.study import RESERVED, Arm, Context, Preset, Training
from exante.units import Region

PRESET = STUDY.presets["quick"]


def with_presets(**presets: Preset):
    return register(STUDY.model_copy(update={"presets": presets}))


def test_shared_prefixes_are_planned_once():
    planned = plan(register(STUDY), "quick")
    assert len(planned.cells) == 6
    assert len(planned.nodes) == 1 + 6 + 6, "one base, an organism and a safety phase per cell"
    assert len({cell.nodes[0] for cell in planned.cells}) == 1


def test_two_trainings_share_the_organism():
    second = STUDY.trainings[0].model_copy(update={"id": "none", "phases": ()})
    study = STUDY.model_copy(
        update={
            "trainings": (*STUDY.trainings, second),
            "presets": {"quick": PRESET.model_copy(update={"trainings": ("sft", "none")})},
        }
    )
    planned = plan(register(study), "quick")
    assert len(planned.cells) == 12
    assert len(planned.nodes) == 13


def test_pilots_use_numbers_below_the_reserved_ones():
    reserved, pilots = cells_of(PRESET), cells_of(PRESET, pilot=True)
    assert {cell.seed for cell in reserved} == {RESERVED, RESERVED + 1, RESERVED + 2}
    assert {cell.seed for cell in pilots} == {0, 1, 2}
    assert {cell.base for cell in pilots} == {"plain#0"}


def test_presets_nest():
    small = {c.id for c in cells_of(PRESET)}
    large = {c.id for c in cells_of(PRESET.model_copy(update={"bases": 6, "seeds": 5}))}
    assert small < large


def test_names_and_checkpoints_are_no_part_of_an_id_but_all_else_is():
    phase, profile, context = STUDY.arms[0].phases[0], STUDY.profiles[0], Context("boo", 1000, 1000)

    def identity(**update):
        return phase_id(declared(phase.model_copy(update=update), profile, "boo"), context, ("parent", None))

    same = identity()
    assert identity(name="other") == identity(checkpoints=(1, 2)) == same
    assert identity(overrides={"lr": 1e-3}) != same
    assert identity(data=arm("x", "y {}").phases[0].data) != same
    assert phase_id(declared(phase, profile, "boo"), Context("boo", 1001, 1000), ("parent", None)) != same
    assert phase_id(declared(phase, profile, "boo"), context, ("other", None)) != same


def test_ids_are_pinned():
    """A change here means that every cached phase is computed again: raise ID_SCHEMA and say so in the changelog."""
    planned = plan(register(STUDY).model_copy(update={"sources": {}}), "quick")  # as if its parts were exante's own
    assert ID_SCHEMA == 2
    assert (planned.cells[0].nodes[0], planned.cells[0].nodes[-1]) == PINNED


PINNED = ("4a9e1d41a10f7402a439a289e4dd0939", "66132fcdb6a54849207307b7f871647c")
"""The base and the last phase of the first cell."""


def test_an_engine_that_cannot_train_is_refused_with_the_reason():
    profile = STUDY.profiles[0].model_copy(update={"capabilities": ("sample",)})
    with pytest.raises(UserError, match="cannot train"):
        plan(register(STUDY.model_copy(update={"profiles": (profile,)})), "quick")


def test_an_evaluation_beyond_the_engine_is_left_out_by_name():
    profile = STUDY.profiles[0].model_copy(update={"capabilities": ("train", "sample")})
    extra = STUDY.evaluations[0].model_copy(update={"id": "options", "needs": ("logprobs",)})
    planned = plan(
        register(STUDY.model_copy(update={"profiles": (profile,), "evaluations": (*STUDY.evaluations, extra)})), "quick"
    )
    assert planned.left_out == ("micro:tiny cannot logprobs, so evaluation 'options' is left out",)
    assert all("options" not in node.evaluations for node in planned.nodes.values())


def test_an_unknown_preset_names_the_known_ones():
    with pytest.raises(UserError, match="it has quick"):
        plan(register(STUDY), "huge")


def test_the_wall_time_is_the_longer_of_shared_work_and_the_longest_chain():
    planned = plan(register(STUDY), "quick")
    cost = {key: 10.0 if node.is_base else 1.0 for key, node in planned.nodes.items()}
    assert forecast.wall_seconds(planned, cost, 1) == pytest.approx(10 + 12)
    assert forecast.wall_seconds(planned, cost, 100) == pytest.approx(10 + 1 + 1)
    assert forecast.wall_seconds(planned, cost, 1, set(planned.nodes)) == 0


def test_the_outlook_says_what_three_seeds_cannot_decide():
    rows = {row["contrast"]: row for row in outlook(STUDY, "quick")}
    assert rows["same-end"]["remark"] == "this preset cannot decide it"
    assert rows["with-without"]["half_width"] > 50


def test_the_outlook_of_an_estimate_has_a_width_and_no_power():
    free = STUDY.contrasts[-1].model_copy(update={"primary": None, "id": "free", "region": Region(unit="pp")})
    rows = {row["contrast"]: row for row in outlook(STUDY.model_copy(update={"contrasts": (*STUDY.contrasts, free)}), "quick")}
    assert rows["free"]["remark"] == "an estimate: no hypothesis"
    assert (rows["free"]["finds_with_80_percent_power"], rows["free"]["half_width"] > 0) == ("nothing", True)


def test_more_seeds_make_narrower_intervals_and_take_longer(timed_machine):
    rows = over_sizes(STUDY, "quick", seeds=[3, 12], workers=2)
    assert [row["seeds"] for row in rows] == [3, 12]
    assert rows[1]["half_width"] < rows[0]["half_width"] / 2
    # By hand: base 20 × 0.5 s; per cell 12 × 0.5 + 6 × 0.5 s of training and 8 items × 2 samples × 4 checkpoints × 0.01 s.
    per_cell = 12 * 0.5 + 6 * 0.5 + 8 * 2 * 4 * 0.01
    assert rows[0]["minutes"] == pytest.approx((10 + 2 * 3 * per_cell) / 2 / 60, rel=0.05)
    assert rows[1]["minutes"] == pytest.approx((10 + 2 * 12 * per_cell) / 2 / 60, rel=0.05)


@pytest.fixture
def timed_machine(monkeypatch, tmp_path):
    """A machine on which every kind of phase of the tiny study took half a second a step, ten milliseconds a sample."""
    monkeypatch.setenv("EXANTE_CACHE_DIR", str(tmp_path))
    kinds = ("pretrain|base|", "sft|organism|boo", "sft|safety_sft|boo")
    write_json(tmp_path / "costs.json", {f"micro:tiny|{kind}": {"step": 0.5, "sample": 0.01} for kind in kinds})


def test_the_table_of_phases_counts_what_is_shared(timed_machine):
    planned = plan(register(STUDY), "quick")
    rows = {row["phase"]: row for row in forecast.by_phase(planned, forecast.costs(planned, STUDY))}
    assert (rows["base"]["trained"], rows["base"]["for_cells"], rows["base"]["seconds_each"]) == (1, 6, 10.0)
    assert (rows["safety"]["trained"], rows["safety"]["for_cells"]) == (6, 6)


def test_a_machine_that_has_timed_nothing_is_probed(monkeypatch, tmp_path):
    monkeypatch.setenv("EXANTE_CACHE_DIR", str(tmp_path))
    planned = plan(register(STUDY), "quick")
    cost = forecast.costs(planned, STUDY)
    costs = [cost[key] for key in planned.cells[0].nodes]
    assert all(0.001 < seconds < 60 for seconds in costs)


def test_a_model_that_cannot_train_keeps_what_comes_before_training():
    bare = Arm(id="bare", title="the base as it is", phases=())
    none = Training(id="none", title="none", phases=())
    preset = PRESET.model_copy(update={"arms": ("bare", "with"), "trainings": ("none",), "models": ("scripted:coin",)})
    study = STUDY.model_copy(
        update={
            "arms": (*STUDY.arms, bare),
            "trainings": (*STUDY.trainings, none),
            "profiles": (profile("scripted:coin"),),
            "evaluations": (STUDY.evaluations[0].model_copy(update={"at": ("base", "organism", "safety")}),),
            "contrasts": tuple(c.model_copy(update={"control": "bare", "training": "none"}) for c in STUDY.contrasts),
            "presets": {"quick": preset},
        }
    )
    planned = plan(register(study), "quick")
    assert {cell.cell.arm: cell.names for cell in planned.cells} == {"bare": ("base",), "with": ("base",)}
    assert planned.left_out == (
        "scripted:coin cannot train, so 'organism' of arm 'with' under 'none' is left out; only what comes before is evaluated",
    )
    assert {node.phase.name for node in planned.nodes.values()} == {"base"}
    assert {key: steps for node in planned.nodes.values() for key, steps in node.evaluations.items()} == {"backdoor": (0,)}


def test_a_model_that_cannot_train_leaves_nothing_where_only_trained_phases_are_evaluated():
    preset = PRESET.model_copy(update={"models": ("scripted:coin",)})
    study = STUDY.model_copy(update={"profiles": (profile("scripted:coin"),), "presets": {"quick": preset}})
    with pytest.raises(UserError, match="'with' under 'sft' is left out"):
        plan(register(study), "quick")


def test_evaluations_are_told_the_settings_of_the_data_at_hand():
    planned = plan(register(STUDY), "quick")
    base, organism, _ = (planned.nodes[key] for key in planned.cells[0].nodes)
    assert base.context == Context("", RESERVED, RESERVED)
    assert organism.context == Context("boo", RESERVED, RESERVED, {"thought": "think {}"})


def test_the_probe_builds_only_the_documents_that_it_reads():
    corpus = Part(target="exante.worlds.office_base:corpus", version=1, params={"documents": 20000})
    few = shortened(corpus)
    assert few.params == {"documents": PROBE_DOCUMENTS}
    assert len(few.load()(Context("", 0, 0))) == PROBE_DOCUMENTS
    for as_it_is in (few, Part(target="user:corpus", version=1, params={"lines": 20000})):
        assert shortened(as_it_is) == as_it_is
