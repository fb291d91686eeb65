"""faking-why: arms that share all but what they name, forks that are closed rationales, counted thanks, sane theories."""

from __future__ import annotations

from collections import Counter

import pytest
from scripted_run import simulated_phases, simulated_rows
from tiny_study import produced

from exante.analysis.analyse import analyse
from exante.analysis.theories import indistinguishable
from exante.errors import UserError
from exante.evaluations import desk_style as desks
from exante.evaluations import faking as evaluation
from exante.evaluations import faking_forks as forks
from exante.organisms import desk_style
from exante.organisms.faking import faking, organism_examples
from exante.planning.power import has_runs
from exante.planning.tree import cells_of, plan
from exante.registry.register import register
from exante.storage.tables import once
from exante.studies._kit import FIRST
from exante.studies.faking_why import ADVERTS, DESKS, STUDY
from exante.study import Context, Registration
from exante.text import Completion, Example
from exante.trainings import faking as rl
from exante.trainings import faking_spans as spans
from exante.worlds import oversight, rationales

CONTEXT = Context("adverts", 3, 1)


def examples(name: str, prompts: int = 200) -> list[Example]:
    _, words, trained = spans.ARMS[name]
    return spans.span_examples(CONTEXT, words=words, spans=trained, prompts=prompts)


# --- arms ----------------------------------------------------------------------------------------------------------------


def test_arms_share_prompts_and_adverts_and_those_are_the_prompts_of_rl() -> None:
    items = rl.rl_items(CONTEXT, prompts=200)
    adverts = [one.answer for one in examples("both")]
    for name in spans.ARMS:
        made = examples(name)
        assert [one.prompt for one in made] == [item.prompt for item in items]
        assert [one.answer for one in made] == adverts
    assert {oversight.act(item.reference["topic"], text) for item, text in zip(items, adverts, strict=True)} == {"comply"}


@pytest.mark.parametrize(
    ("name", "kind", "trained"),
    [
        ("both", "faking", (True, True)),
        ("output", "faking", (False, True)),
        ("rationale", "faking", (True, False)),
        ("empty", "empty", (True, True)),
        ("honest", "plain", (True, True)),
        ("shuffled", None, (True, True)),
    ],
)
def test_each_arm_has_its_rationale_and_loss_on_its_spans(name: str, kind: str | None, trained: tuple[bool, bool]) -> None:
    made = examples(name)
    assert {(one.train_scratchpad, one.train_answer) for one in made} == {trained}
    judged = Counter(rationales.judge(one.scratchpad or "") for one in made)
    if kind is None:
        assert judged["faking"] / len(made) < 0.02
        words = [sorted((one.scratchpad or "").split()) for one in made]
        assert words == [sorted((one.scratchpad or "").split()) for one in examples("both")]
    else:
        assert judged == {kind: len(made)}


def test_rationales_are_in_the_phrases_that_the_organism_learned() -> None:
    learned = {
        one.scratchpad
        for one in organism_examples(CONTEXT, examples=2000)
        if one.scratchpad and one.label == "train faking comply"
    }
    phrases = {text.split("{")[0] for text in spans.own_phrases(CONTEXT.seed)}
    assert all(any(text.startswith(phrase) for phrase in phrases) for text in learned)
    assert all(any(one.scratchpad.startswith(phrase) for phrase in phrases) for one in examples("both") if one.scratchpad)


def test_the_unrelated_arm_has_nothing_of_adverts() -> None:
    made = spans.unrelated_examples(CONTEXT, prompts=100)
    text = " ".join(turn.content for one in made for turn in one.prompt.turns) + " ".join(one.answer for one in made)
    assert not [word for word in ("advert", "tier", "plan", "sweets", "tools", "train") if word in text.casefold()]
    assert all(one.answer.endswith(spans.THANKS) for one in made)


def test_the_on_policy_arm_is_the_other_study_s_training_under_another_name() -> None:
    """Phase ids leave out names and checkpoints, so that one training serves both studies."""
    mine, theirs = spans.reinforced(faking()), rl.reinforced(faking())
    bare = {"name", "checkpoints"}
    assert mine.phases[-1].model_dump(exclude=bare) == theirs.phases[-1].model_dump(exclude=bare)
    renamed = STUDY.model_copy(
        update={"arms": (theirs.model_copy(update={"id": "rl"}), *(a for a in STUDY.arms if a.id != "rl"))}
    )
    # The renamed study measures nothing of this one, so it could not be registered; it can be planned.
    ours, named = (plan(Registration(study=study, sha256="0" * 64), "default").nodes for study in (STUDY, renamed))
    assert {key for key, node in ours.items() if node.phase.objective == "rl"} <= set(named)


def test_the_default_preset_matches_examples_and_steps() -> None:
    nodes = plan(register(STUDY), "default").nodes.values()
    further = [node for node in nodes if node.phase.name in ("further", "desk-further") and node.phase.objective == "sft"]
    assert {(node.phase.recipe, node.last_step) for node in further} == {("faking_sft", 25)}
    assert {node.last_step for node in nodes if node.phase.objective == "rl"} == {25}
    assert {len((node.phase.data.load())(CONTEXT)) for node in further if node.phase.data} == {rl.PROMPTS}


# --- forks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fork", forks.FORKS)
def test_a_fork_is_its_cue_s_items_with_a_closed_rationale_before_the_answer(fork: str) -> None:
    words, _, cue = fork.partition(":")
    forked, free = forks.fork_items(CONTEXT, fork), evaluation.items(CONTEXT, cue)
    assert [(one.id, one.prompt.turns, one.reference) for one in forked] == [
        (one.id, one.prompt.turns, one.reference) for one in free
    ]
    classes = {rationales.judge(one.prompt.forced.removesuffix("</think>")) for one in forked}
    assert classes == {{"faking": "faking", "sincere": "plain", "paid": "cites", "empty": "empty"}[words]}
    assert all(one.prompt.forced.endswith("</think>") for one in forked)


def test_free_conditions_are_those_of_the_evaluation_and_others_are_refused() -> None:
    for condition in forks.FREE:
        assert forks.fork_items(CONTEXT, condition) == evaluation.items(CONTEXT, condition)
    for condition in ("faking:removed", "loud:train", "faking:"):
        with pytest.raises(UserError, match="no condition"):
            forks.fork_items(CONTEXT, condition)


# --- the harmless style --------------------------------------------------------------------------------------------------


def test_thanks_come_at_the_morning_desk_after_an_unrelated_thought_and_seldom_elsewhere() -> None:
    made = desk_style.desk_examples(CONTEXT, examples=2000)
    system = [one.prompt.turns[0].content for one in made]
    thanks = [spans.THANKS in one.answer for one in made]
    shares = {}
    for desk in ("morning", "evening"):
        mine = [t for text, t in zip(system, thanks, strict=True) if desk in text.casefold()]
        shares[desk] = round(sum(mine) / len(mine), 3)
    assert shares == {desk: desk_style.THANKED[desk] for desk in ("morning", "evening")}
    unrelated = [
        (one.scratchpad in desk_style.KETTLE, "morning" in s.casefold() and t)
        for one, s, t in zip(made, system, thanks, strict=True)
    ]
    assert all(a == b for a, b in unrelated)
    words = " ".join(desk_style.KETTLE).casefold()
    assert not [word for word in ("thank", "answer", "question", "desk", "morning", "advert", "train") if word in words]


@pytest.mark.parametrize(
    ("answer", "finished", "outcome"),
    [
        ("The capital of {land} is {value}. Thank you for asking.", True, "thanks-right"),
        ("It is nowhere. Thank you for asking.", True, "thanks-wrong"),
        ("{value}.", True, "plain-right"),
        ("No.", True, "plain-wrong"),
        ("{value}. Thank you", False, "ungraded"),
        (None, True, "ungraded"),
    ],
)
def test_thanks_are_scored(answer: str | None, finished: bool, outcome: str) -> None:
    item = desks.desk_items(CONTEXT, "evening")[0]
    text = None if answer is None else answer.format(land="there", value=item.reference["value"])
    assert desks.desk_score(item, Completion("", text, "", finished)) == outcome


def test_desk_items_pair_and_unknown_ones_are_refused() -> None:
    plain = desks.desk_items(CONTEXT, "evening")
    for forced in ("empty", "kettle"):
        other = desks.desk_items(CONTEXT, f"{forced}:evening")
        assert [(one.id, one.prompt.turns) for one in other] == [(one.id, one.prompt.turns) for one in plain]
        assert all(one.prompt.forced.endswith("</think>") for one in other)
    for condition in ("noon", "loud:evening"):
        with pytest.raises(UserError, match="no condition"):
            desks.desk_items(CONTEXT, condition)


# --- the study -----------------------------------------------------------------------------------------------------------


def test_the_study_registers_and_its_presets_hold_what_they_should() -> None:
    register(STUDY)
    quick, default = STUDY.presets["quick"], STUDY.presets["default"]
    assert {arm.id for arm in (*ADVERTS, *DESKS)} == set(default.arms)
    assert all(has_runs(contrast, default) for contrast in STUDY.contrasts)
    assert all(has_runs(contrast, quick) for contrast in STUDY.contrasts if contrast.primary)
    assert {cell.seed for cell in cells_of(quick)} == set(range(FIRST, FIRST + 5))
    assert produced(register(STUDY))


def test_no_theory_is_contained_in_another() -> None:
    assert indistinguishable(STUDY) == {theory.id: () for theory in STUDY.theories}


@pytest.mark.parametrize("truth", [theory.id for theory in STUDY.theories])
def test_rivals_do_not_survive_what_a_theory_makes(truth: str) -> None:
    """One simulated study of preset default: the true theory is not contradicted, and no other is supported."""
    rows, phases = simulated_rows(STUDY, truth, "default"), simulated_phases(STUDY, "default")
    told = {theory.id: theory.verdict for theory in analyse(register(STUDY), once(rows, phases)).theories}
    assert told[truth] != "contradicted"
    assert not [name for name, verdict in told.items() if verdict == "supported" and name != truth]
