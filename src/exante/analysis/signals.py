"""Every training signal and whether it saw the chain of thought, computed from the phases of an arm and its training.

A signal is whatever chooses or pushes: a loss, a filter, a grade, a reward. Each may see the scratchpad ("shown"), be kept from
it ("hidden"), or have none before it ("none"). Whether a loss falls on scratchpad tokens depends on the data, and is read from
what the engine counted once there is a run ("if the data train it" before). The base is every arm's start and is left out.
A reward from which the scratchpad is hidden still moves its tokens. Does not know about outcomes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from exante.storage.identity import recipe_of
from exante.study import Phase, Preset, Profile, Recipe, Study

UNKNOWN = "if the data train it"
ALL_ARMS = "all arms"


def chooses(study: Study) -> bool:
    """Whether any phase of the study chooses or rewards text, so that there are signals to list."""
    phases = (phase for group in (*study.arms, *study.trainings) for phase in group.phases)
    return any(phase.reward is not None or phase.keep is not None for phase in phases)


def signals(
    phases: Iterable[Phase],
    profile: Profile,
    behaviour: str = "",
    thought_tokens: Callable[[str], float | None] = lambda phase: None,
) -> list[dict[str, str]]:
    """`phase, signal, scratchpad` of each signal, in the order in which they act.

    `thought_tokens` says how many scratchpad tokens a phase of that name carried loss on; None: not known.
    """
    return [
        {"phase": phase.name, "signal": signal, "scratchpad": seen}
        for phase in phases
        for signal, seen in _of(phase, recipe_of(phase, profile, behaviour), thought_tokens(phase.name))
    ]


def _of(phase: Phase, recipe: Recipe, tokens: float | None) -> list[tuple[str, str]]:
    shuffled = ", in random order" if recipe.shuffle_rewards else ""
    counted = UNKNOWN if tokens is None else "shown" if tokens else "none"
    loss = ("loss", counted if recipe.scratchpad_weight else "none")
    if phase.objective != "sample_and_filter" and not recipe.steps:
        return []
    thought = "none" if phase.scratchpad == "none" else "shown"
    match phase.objective:
        case "rl":
            return [(f"reward{shuffled}", phase.scratchpad)]
        case "adversarial":
            return [("red-team reward", "shown"), ("choice of the reply", "shown"), loss]
        case "sample_and_filter" if phase.reward is not None:
            probe = [("probe: grade", phase.scratchpad)] if phase.probe is not None else []
            return [*probe, ("filter: can be used", thought), (f"filter: grade{shuffled}", phase.scratchpad)]
        case "sample_and_filter":
            return [("filter", "shown")]
        case _:
            return [loss]


def ledger(study: Study, preset: Preset, match: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, str]]:
    """The signals of each arm + training of a preset: `arm, training, phase, signal, scratchpad`.

    `match` is the match table as plain data, where there is a run. Recipes are those of the preset's first model and behaviour.
    """
    profile = next(p for p in study.profiles if p.id == preset.models[0])
    behaviour = next(iter(preset.behaviours), "")
    arms, trainings = {a.id: a for a in study.arms}, {t.id: t for t in study.trainings}
    return [
        {"arm": arm, "training": training} | signal
        for arm in preset.arms
        for training in preset.trainings
        for signal in signals(
            (*arms[arm].phases, *trainings[training].phases), profile, behaviour, _counted(match, arm, training)
        )
    ]


def _counted(match: Sequence[Mapping[str, Any]], arm: str, training: str) -> Callable[[str], float | None]:
    """The most scratchpad tokens that a run trained on in each phase."""
    most_tokens: dict[str, float] = {}
    for row in match:
        count = row.get("tokens_scratchpad")
        if row.get("arm") == arm and row.get("training") in ("", training) and count is not None:
            most = count[-1] if isinstance(count, list | tuple) else count
            most_tokens[str(row["phase"])] = max(float(most), most_tokens.get(str(row["phase"]), 0.0))
    return most_tokens.get


def grouped(study: Study, rows: Sequence[Mapping[str, str]], titles: Mapping[str, str] | None = None) -> list[dict[str, str]]:
    """The signals, with arms that have the same ones in one line, by their `titles` if given. `training` is empty for the arms'
    own phases."""
    titles = titles or {}
    own = {(arm.id, phase.name) for arm in study.arms for phase in arm.phases}
    names = [phase.name for group in (*study.arms, *study.trainings) for phase in group.phases]
    arms: dict[tuple[str, ...], dict[str, None]] = {}
    for row in rows:
        training = "" if (row["arm"], row["phase"]) in own else row["training"]
        arms.setdefault((training, row["phase"], row["signal"], row["scratchpad"]), {})[row["arm"]] = None
    every = {row["arm"] for row in rows}
    ordered = sorted(arms.items(), key=lambda line: (line[0][0] != "", names.index(line[0][1])))
    return [
        {"arms": ALL_ARMS if set(of_arms) == every and len(every) > 1 else "; ".join(titles.get(arm, arm) for arm in of_arms)}
        | dict(zip(("training", "phase", "signal", "scratchpad"), key, strict=True))
        for key, of_arms in ordered
    ]
