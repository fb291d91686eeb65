"""register: what is frozen can be read, and what could never be wrong is refused."""

from __future__ import annotations

import pytest
from tiny_study import STUDY, produced

from exante import studies
from exante.errors import UserError
from exante.planning.variants import adapt
from exante.registry.register import register
from exante.registry.seen import SeenStore
from exante.registry.stamps import stamps, stamps_of
from exante.storage.identity import canonical, intact
from exante.study import Gate, Prediction, Registration, Theory
from exante.units import Region, above, below, within


def changed(**update):
    return STUDY.model_copy(update=update)


def contrast(index: int, **update):
    contrasts = list(STUDY.contrasts)
    contrasts[index] = contrasts[index].model_copy(update=update)
    return changed(contrasts=tuple(contrasts))


def stamped(registration: Registration, seen_store: SeenStore) -> dict:
    """The stamps of the study's one preset."""
    return stamps_of(stamps(registration, seen_store), "quick")


def test_the_hash_is_of_the_content_and_survives_a_round_trip():
    one = register(STUDY)
    again = Registration.model_validate_json(one.model_dump_json())
    assert intact(again)
    assert register(again.study).sha256 == one.sha256
    assert register(changed(title="Another title")).sha256 != one.sha256
    assert not intact(one.model_copy(update={"study": changed(title="Edited")}))


def test_a_recipe_for_another_study_changes_no_registration():
    profile = STUDY.profiles[0]
    more = profile.model_copy(update={"recipes": profile.recipes | {"elsewhere": profile.recipes["base"]}})
    assert register(changed(profiles=(more, *STUDY.profiles[1:]))).sha256 == register(STUDY).sha256
    slower = profile.recipes["base"].model_copy(update={"lr": 1e-5})
    other = profile.model_copy(update={"recipes": profile.recipes | {"base": slower}})
    assert register(changed(profiles=(other, *STUDY.profiles[1:]))).sha256 != register(STUDY).sha256


def test_canonical_json_does_not_depend_on_order():
    assert canonical({"b": 1, "a": [1.5, None]}) == canonical({"a": [1.5, None], "b": 1}) == '{"a":[1.5,null],"b":1}'


@pytest.mark.parametrize(
    ("study", "says"),
    [
        (contrast(0, arm="absent"), "names the arm 'absent'"),
        (contrast(0, training="absent"), "names the training 'absent'"),
        (contrast(0, measure="absent"), "names the measure 'absent'"),
        (contrast(0, region=above(10, "%")), "state the region in pp"),
        (contrast(0, region=above(500, "pp")), "no value can lie in"),
        (contrast(0, primary=2), "number them 1, 2"),
        (changed(contrasts=(STUDY.contrasts[0], STUDY.contrasts[0])), "two contrasts"),
        (
            changed(
                contrasts=tuple(STUDY.contrasts[0].model_copy(update={"id": f"c{i}", "primary": i}) for i in range(1, 6)),
                theories=(),
                objections=(),
            ),
            "at most four may be primary",
        ),
        (
            changed(
                theories=(
                    Theory(
                        id="t", title="t", says="", predictions=(Prediction(contrast="with-without", region=above(-500, "pp")),)
                    ),
                )
            ),
            "forbids nothing",
        ),
        (
            changed(theories=(STUDY.theories[0], STUDY.theories[0].model_copy(update={"id": "twin"}))),
            "predict the same everywhere",
        ),
        (changed(presets={"quick": STUDY.presets["quick"].model_copy(update={"arms": ("absent",)})}), "names the arm 'absent'"),
        (changed(presets={}), "has no presets"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(study, says):
    with pytest.raises(UserError) as caught:
        register(study)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_region_is_refused():
    with pytest.raises(ValueError, match="is empty"):
        within(5, 5, "pp")


def test_an_amendment_needs_a_note_and_a_sha_and_changes_the_hash():
    first = register(STUDY)
    with pytest.raises(UserError, match="needs a note"):
        register(STUDY, amends=first.sha256)
    with pytest.raises(UserError, match="is not a registration's sha256"):
        register(STUDY, amends="garbage", note="a sharper region")
    assert register(STUDY, amends=first.sha256, note="a sharper region").sha256 != first.sha256


def test_a_recipe_that_bases_lack_is_refused():
    with pytest.raises(UserError, match="bases use the recipe 'slow'"):
        register(changed(base_recipe="slow"))


def test_a_base_recipe_is_registered_only_where_it_is_another():
    assert "base_recipe" not in STUDY.model_dump(mode="json")
    recipes = STUDY.profiles[0].recipes
    slow = STUDY.profiles[0].model_copy(update={"recipes": recipes | {"slow": recipes["base"]}})
    other = register(changed(base_recipe="slow", profiles=(slow,)))
    assert other.study.model_dump(mode="json")["base_recipe"] == "slow"
    assert "slow" in other.study.profiles[0].recipes
    assert "base" not in other.study.profiles[0].recipes


def test_a_note_without_an_amendment_is_refused():
    with pytest.raises(UserError, match="with --amends"):
        register(STUDY, note="a sharper region")


def test_pilots_numbers_cannot_be_registered():
    preset = STUDY.presets["quick"].model_copy(update={"first": 0})
    with pytest.raises(UserError, match="below 1000 are pilots'"):
        register(changed(presets={"quick": preset}))


def test_the_same_cells_evaluated_another_way_are_after_data(tmp_path):
    seen_store = SeenStore(tmp_path)
    first = register(STUDY)
    seen_store.append(first, produced(first))
    more = STUDY.evaluations[0].model_copy(update={"samples": 5})
    stamp = stamped(register(changed(evaluations=(more,))), seen_store)
    assert not stamp["before_data"]
    assert set(stamp["changed"]) == {"with-without", "same-end", "matters", "harms"}


def test_an_estimate_without_a_hypothesis_is_never_after_data(tmp_path):
    seen_store = SeenStore(tmp_path)
    other = register(changed(id="other-study"))
    seen_store.append(other, produced(other))
    installed = STUDY.contrasts[0].model_copy(update={"stamp": "installed"})
    estimate = STUDY.contrasts[0].model_copy(update={"id": "estimate", "region": Region(unit="pp"), "primary": None})
    both = changed(contrasts=(installed, estimate), theories=(), objections=())
    assert stamped(register(both), seen_store) == {"before_data": True, "seen_by": [], "changed": []}


def test_a_theory_changed_after_data_is_exploratory_alone(tmp_path):
    seen_store = SeenStore(tmp_path)
    first = register(STUDY)
    seen_store.append(first, produced(first))
    bolder = STUDY.theories[0].model_copy(update={"predictions": (Prediction(contrast="with-without", region=above(20, "pp")),)})
    assert stamped(register(changed(theories=(bolder, STUDY.theories[1]))), seen_store)["changed"] == ["matters"]


def test_a_registration_after_data_is_stamped_and_only_what_it_changed_is_exploratory(tmp_path):
    seen_store = SeenStore(tmp_path)
    first = register(STUDY)
    assert stamped(first, seen_store) == {"before_data": True, "seen_by": [], "changed": []}
    seen_store.append(first, produced(first))
    assert stamped(first, seen_store)["before_data"], "a larger preset of the same registration is not after data"
    later = register(contrast(1, region=within(-5, 5, "pp")))
    stamp = stamped(later, seen_store)
    assert not stamp["before_data"]
    assert stamp["changed"] == ["same-end"]
    assert stamp["seen_by"] == [first.sha256]


def test_organisms_trained_for_another_study_do_not_count_as_seen(tmp_path):
    seen_store = SeenStore(tmp_path)
    first = register(STUDY)
    seen_store.append(first, {f"{'0' * 32}:{'0' * 16}"})
    assert stamped(register(changed(title="Later")), seen_store)["before_data"]


def test_rows_of_another_study_make_only_the_contrasts_that_read_them_exploratory(tmp_path):
    """Another study on the same organisms has asked them the same questions; what it read back of them (installed) is no news."""
    seen_store = SeenStore(tmp_path)
    other = register(changed(id="other-study", contrasts=STUDY.contrasts[:1], theories=STUDY.theories[:1]))
    seen_store.append(other, produced(other))
    stamp = stamped(register(STUDY), seen_store)
    assert stamp["seen_by"] == [other.sha256]
    assert set(stamp["changed"]) == {"same-end", "harms"}, "what was registered there in the same form keeps its standing"
    installed = contrast(0, stamp="installed").model_copy(update={"contrasts": (contrast(0, stamp="installed").contrasts[0],)})
    installed = installed.model_copy(update={"theories": (), "objections": ()})
    assert stamped(register(installed), seen_store)["before_data"]


def test_pilots_are_registered_apart_and_ask_no_ledger(tmp_path):
    pilot = register(STUDY, pilot=True)
    assert pilot.sha256 != register(STUDY).sha256
    stamp = stamps(pilot, SeenStore(tmp_path))
    assert (stamp["pilot"], stamp["before_data"]) == (True, {"quick": False})


def test_other_models_and_seeds_are_another_registration():
    adapted = adapt(STUDY, seeds=5)
    assert adapted.presets["quick"].seeds == 5
    assert register(adapted).sha256 != register(STUDY).sha256
    assert adapt(STUDY, models=["micro:tiny"]).presets["quick"].models == ("micro:tiny",)


def test_a_one_sided_theory_is_accepted():
    theory = Theory(id="t", title="t", says="", predictions=(Prediction(contrast="with-without", region=below(0, "pp")),))
    assert register(changed(theories=(theory,))).study.theories == (theory,)


@pytest.mark.parametrize(
    "counts", [{}, {"right": 1}, {"right": 2, "known": 1}, {"right": -1, "known": 1}, {"right": 0, "known": 0}]
)
def test_a_judge_gate_needs_its_counts(counts):
    gate = Gate(id="judge", title="the judge", kind="judge", region=above(90, "%"), **counts)
    with pytest.raises(UserError, match="known cases"):
        register(STUDY.model_copy(update={"gates": (*STUDY.gates, gate)}))


def test_no_shipped_study_draws_samples_for_a_judge_that_is_code():
    for name in studies.shipped():
        study = studies.load(name)
        assert not {e.id for e in study.evaluations} & {"judge", "judges"}, name
        gates = [gate for gate in study.gates if gate.id.startswith("judge-")]
        assert all(gate.kind == "judge" and gate.right <= gate.known for gate in gates), name
    held = {gate.id: (gate.right, gate.known) for gate in studies.load("faking-rl").gates if gate.kind == "judge"}
    assert set(held) == {"judge-sensitivity", "judge-specificity"}
    assert held == {"judge-sensitivity": (18, 18), "judge-specificity": (67, 67)}
