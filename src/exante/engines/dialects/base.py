"""What the engine knows of a model's text: a function from prompts to text, and the tokens that open and close its spans.

Does not know how a dialect was found, or what a text is used for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from transformers import PreTrainedTokenizerFast

from exante.text import Prompt


@dataclass(frozen=True)
class Dialect:
    """The layout of one model's text.

    Attributes:
        open: the text of a prompt up to where the model continues, in the mode that the prompt asks for. In think mode the
            thought is open, whether by the chat template or by us.
        think_close: what stands between a thought and the answer.
        end: what closes an assistant's turn. It is trained with the answer, and its first token stops sampling.
        stop_ids: all tokens that stop sampling.
        controls: texts that no well-formed span contains.
        seamless: prompts end in a token that never joins what follows, so prompt and continuation can be encoded as one text.
        traits: what was read off the chat template, for people.
    """

    name: str
    tokenizer: PreTrainedTokenizerFast
    open: Callable[[Prompt], str]
    think_open: str
    think_close: str
    end: str
    pad_id: int
    stop_ids: tuple[int, ...]
    controls: tuple[str, ...]
    seamless: bool
    traits: dict[str, str] = field(default_factory=dict)
