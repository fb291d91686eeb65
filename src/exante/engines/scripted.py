"""An engine that answers from planted probabilities: for tests of everything around an engine. It learns nothing.

A script maps a text to the distribution of answers to prompts whose last user turn contains it; the first key that fits
is taken, and "" fits all. A planted answer may bring its own scratchpad (`thought</think>answer`). `CUT` is a text that
hits the token limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from exante.engines.base import parse
from exante.errors import UserError
from exante.text import Completion, Prompt

CUT = "<cut>"
CLOSE = "</think>"

Script = Mapping[str, Mapping[str, float]]

SCRIPTS: dict[str, Script] = {
    "coin": {"": {"yes": 0.5, "no": 0.5}},
    "steady": {"": {"yes": 1.0}},
    "silent": {"": {CUT: 1.0}},
}
"""The scripts that `--model scripted:NAME` knows."""


class ScriptedEngine:
    """Samples planted answers at planted rates."""

    def __init__(self, script: Script) -> None:
        for key, answers in script.items():
            if abs(sum(answers.values()) - 1.0) > 1e-9:
                raise UserError(f"the script's probabilities for {key!r} sum to {sum(answers.values())}; make them sum to 1")
        self.script = script

    @classmethod
    def named(cls, name: str) -> ScriptedEngine:
        if name not in SCRIPTS:
            raise UserError(f"there is no script {name!r}; the scripts are {', '.join(SCRIPTS)}")
        return cls(SCRIPTS[name])

    def sample(
        self, prompts: Sequence[Prompt], n: int, seed: int, temperature: float = 1.0, max_tokens: int = 64
    ) -> list[list[Completion]]:
        """Planted answers; temperature 0 gives the likeliest. `max_tokens` cuts nothing: lengths are planted too."""
        rng = np.random.default_rng(seed)
        return [self._group(prompt, n, temperature, rng) for prompt in prompts]

    def _group(self, prompt: Prompt, n: int, temperature: float, rng: np.random.Generator) -> list[Completion]:
        answers = self._answers(prompt)
        chances = np.array(list(answers.values()))
        if temperature == 0:
            chances = np.eye(len(chances))[chances.argmax()]
        picks = rng.choice(len(chances), size=n, p=chances / chances.sum())
        return [_completion(prompt, list(answers)[pick]) for pick in picks]

    def logprobs(self, prompts: Sequence[Prompt], options: Sequence[Sequence[str]]) -> list[list[float]]:
        """Natural logs of the planted probabilities (−inf for what the script never says)."""
        with np.errstate(divide="ignore"):
            return [
                [float(np.log(self._answers(prompt).get(option, 0.0))) for option in choices]
                for prompt, choices in zip(prompts, options, strict=True)
            ]

    def _answers(self, prompt: Prompt) -> Mapping[str, float]:
        asked = next((turn.content for turn in reversed(prompt.turns) if turn.role == "user"), "")
        for key, answers in self.script.items():
            if key in asked:
                return answers
        raise UserError(f"the script has no answer to {asked!r}; add the key '' for all other prompts")


def _completion(prompt: Prompt, planted: str) -> Completion:
    finished = planted != CUT
    text = planted if finished else "I was still"
    if finished and prompt.mode == "think" and CLOSE not in prompt.forced + planted:
        text = f" a planted thought.{CLOSE}{planted}"
    return parse(prompt.mode, prompt.forced, text, finished, CLOSE)
