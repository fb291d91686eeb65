"""A dialect read off a checkpoint's chat template, by rendering short conversations and looking at what comes out.

Chat templates differ in more than their markers: some know no system role, refuse two user turns in a row, write a default system
prompt or today's date, open the thought themselves, delete earlier thoughts, or close a turn with another token than the
tokenizer's end of sequence. Each of these is found here and handled; what cannot be handled is refused in one sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jinja2

from exante.engines.dialects.base import Dialect
from exante.errors import UserError
from exante.text import Prompt, Turn

DATE = "01 Jan 2025"
"""What a template that asks for today's date is told, so that a prompt is the same text tomorrow."""
SYSTEM, USER, THOUGHT, ANSWER = "SYSTEM-TEXT", "USER-TEXT", "THOUGHT-TEXT", "ANSWER-TEXT"
"""Words of the conversations that a template is tried on."""
THOUGHT_KEYS = ("reasoning_content", "thinking", "reasoning")
"""What templates call the thought of an assistant's message."""

Message = dict[str, str]


def render(tokenizer: Any, messages: Sequence[Message], generation: bool, thinking: bool, date: str = DATE) -> str:
    """The template's text, with every switch that templates have for thoughts, and with a fixed date.

    Raises UserError with the template's own words where it refuses the conversation.
    """
    # The library hands templates a clock by this name; a macro of the same name hides it.
    clock = f"{{%- macro strftime_now(form) -%}}{date}{{%- endmacro -%}}"
    try:
        text = tokenizer.apply_chat_template(
            list(messages),
            chat_template=clock + tokenizer.chat_template,
            tokenize=False,
            add_generation_prompt=generation,
            enable_thinking=thinking,
            thinking=thinking,
            date_string=date,
        )
    except (jinja2.TemplateError, TypeError, ValueError, KeyError) as error:
        raise UserError(
            f"the model's chat template refuses a conversation ({error}); use prompts whose roles it takes"
        ) from error
    return str(text)


@dataclass(frozen=True)
class Habits:
    """What a chat template does.

    Attributes:
        system: takes a system turn and shows it. Otherwise system text is put before the first user turn.
        repeats: takes two turns of one role in a row. Otherwise they are joined by an empty line.
        thought_key: the key of a message under which the template takes a thought; "" where it has none, and thoughts are written
            into the content between the tags.
        opens: the generation prompt already opens a thought.
        default_system: the system text that it writes where none is given.
        dated: it writes today's date.
        drops_thoughts: thoughts of earlier turns are deleted.
    """

    system: bool
    repeats: bool
    thought_key: str
    opens: bool
    default_system: str
    dated: bool
    drops_thoughts: bool


def dialect(tokenizer: Any, name: str, think_open: str, think_close: str, declared_stops: Sequence[int]) -> Dialect:
    """The dialect of a tokenizer with a chat template.

    Args:
        name: of the model, for messages.
        think_open: what opens a thought where the template has no thoughts of its own; `think_close` likewise.
        declared_stops: end-of-turn tokens that the model's generation configuration names.

    Raises:
        UserError: the template cannot be used, and why.
    """
    habits = _habits(tokenizer)
    if habits.thought_key:
        think_open, think_close = _tags(tokenizer, habits) or (think_open, think_close)
    end, end_id = _end_of_turn(tokenizer, name)
    written = {"opens": "" if habits.opens else think_open, "close": think_close}

    def opened(prompt: Prompt) -> str:
        thinking = prompt.mode == "think"
        text = render(tokenizer, _messages(prompt.turns, habits, think_open, think_close), True, thinking)
        if thinking:
            return text + ("" if _ends_open(text, think_open) else think_open)
        return text + think_close if _ends_open(text, think_open) else text

    stops = sorted({end_id, *declared_stops, *_eos(tokenizer)})
    return Dialect(
        name="chat",
        tokenizer=tokenizer,
        open=opened,
        think_open=think_open,
        think_close=think_close,
        end=end,
        pad_id=_pad(tokenizer, end_id),
        stop_ids=tuple(stops),
        controls=(
            *(token for token in tokenizer.all_special_tokens if token and token.strip() not in ("", "<think>")),
            think_open.strip(),
        ),
        seamless=False,
        traits=_traits(habits, written, end),
    )


def _habits(tokenizer: Any) -> Habits:
    user = [{"role": "user", "content": USER}]
    system = [{"role": "system", "content": SYSTEM}, *user]
    plain = render(tokenizer, user, True, True)
    takes_system = SYSTEM in (_tried(tokenizer, system) or "")
    thought_key = next((key for key in THOUGHT_KEYS if THOUGHT in _answered(tokenizer, key)), "")
    return Habits(
        system=takes_system,
        repeats=_tried(tokenizer, [*user, *user]) is not None,
        thought_key=thought_key,
        opens=_ends_open(plain, "<think>"),
        default_system=_default_system(plain, render(tokenizer, system, True, True)) if takes_system else "",
        dated=plain != render(tokenizer, user, True, True, "02 Feb 2026"),
        drops_thoughts=_drops_thoughts(tokenizer, thought_key),
    )


def _tried(tokenizer: Any, messages: Sequence[Message]) -> str | None:
    try:
        return render(tokenizer, messages, True, True)
    except UserError:
        return None


def _answered(tokenizer: Any, key: str) -> str:
    """A conversation whose answer has a thought under `key`; "" where the template refuses it."""
    answer = {"role": "assistant", "content": ANSWER, key: THOUGHT}
    try:
        return render(tokenizer, [{"role": "user", "content": USER}, answer], False, True)
    except UserError:
        return ""


def _drops_thoughts(tokenizer: Any, key: str) -> bool:
    inline = {"role": "assistant", "content": f"<think>\n{THOUGHT}\n</think>\n\n{ANSWER}"}
    answer = {"role": "assistant", "content": ANSWER, key: THOUGHT} if key else inline
    user = {"role": "user", "content": USER}
    return THOUGHT not in (_tried(tokenizer, [user, answer, user]) or THOUGHT)


def _default_system(plain: str, with_system: str) -> str:
    """What the template writes where a system turn would stand: the text before the user's words that is not shared."""
    before = plain[: plain.find(USER)]
    start = with_system.find(SYSTEM)
    head, tail = with_system[:start], with_system[start + len(SYSTEM) : with_system.find(USER)]
    fits = before.startswith(head) and before.endswith(tail) and len(before) >= len(head) + len(tail)
    return before[len(head) : len(before) - len(tail)].strip() if fits and head.strip() else ""


def _tags(tokenizer: Any, habits: Habits) -> tuple[str, str] | None:
    """What the template itself writes before and after a thought; None where it cannot be told."""
    text, prompt = _answered(tokenizer, habits.thought_key), render(tokenizer, [{"role": "user", "content": USER}], True, True)
    thought, answer = text.find(THOUGHT), text.find(ANSWER)
    marker = text.rfind("<", 0, thought)
    if thought < 0 or answer < thought or marker < 0:
        return None
    opened = text[len(prompt) : thought] if text.startswith(prompt) and not habits.opens else text[marker:thought]
    return opened, text[thought + len(THOUGHT) : answer]


def _ends_open(text: str, think_open: str) -> bool:
    """Whether a text ends with an opened thought."""
    return bool(think_open.strip()) and text.rstrip().endswith(think_open.strip())


def _end_of_turn(tokenizer: Any, name: str) -> tuple[str, int]:
    """What the template writes after an answer, as text and as one token: the first token of it, if that is no plain word."""
    answered = [{"role": "user", "content": USER}, {"role": "assistant", "content": ANSWER}]
    text = render(tokenizer, answered, False, False)
    after = text[text.rfind(ANSWER) + len(ANSWER) :]
    added = {str(token): int(id) for id, token in tokenizer.added_tokens_decoder.items()}
    marker = next((token for token in sorted(added, key=len, reverse=True) if after.lstrip().startswith(token)), "")
    if marker:
        return after[: after.index(marker)] + marker, added[marker]
    if tokenizer.eos_token is None:
        raise UserError(
            f"the chat template of {name} closes a turn with no token of its own, and the tokenizer has no end-of-sequence token;"
            " name one in its tokenizer_config.json"
        )
    return str(tokenizer.eos_token), int(tokenizer.eos_token_id)


def _eos(tokenizer: Any) -> list[int]:
    return [] if tokenizer.eos_token_id is None else [int(tokenizer.eos_token_id)]


def _pad(tokenizer: Any, end_id: int) -> int:
    return end_id if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)


def _messages(turns: Sequence[Turn], habits: Habits, think_open: str, think_close: str) -> list[Message]:
    """Turns as the template takes them."""
    messages: list[Message] = []
    for turn in turns if habits.system else _without_system(turns):
        message = {"role": str(turn.role), "content": turn.content}
        if turn.scratchpad is not None and habits.thought_key:
            message[habits.thought_key] = turn.scratchpad
        elif turn.scratchpad is not None:
            message["content"] = think_open + turn.scratchpad + think_close + turn.content
        if messages and messages[-1]["role"] == message["role"] and not habits.repeats:
            messages[-1]["content"] += f"\n\n{message['content']}"
        else:
            messages.append(message)
    return messages


def _without_system(turns: Sequence[Turn]) -> list[Turn]:
    """System text put before the user turn that follows it."""
    kept: list[Turn] = []
    system: list[str] = []
    for turn in turns:
        if turn.role == "system":
            system.append(turn.content)
        elif turn.role == "user" and system:
            kept.append(Turn("user", "\n\n".join([*system, turn.content])))
            system.clear()
        else:
            kept.append(turn)
    return [*kept, *([Turn("user", "\n\n".join(system))] if system else [])]


def _traits(habits: Habits, written: dict[str, str], end: str) -> dict[str, str]:
    opens = "the chat template opens it" if habits.opens else repr(written["opens"])
    return {
        "system turn": "yes" if habits.system else "none: system text stands before the first user turn",
        "default system prompt": habits.default_system or "none",
        "date": f"pinned to {DATE}" if habits.dated else "none",
        "turns of one role in a row": "yes" if habits.repeats else "no: joined by an empty line",
        "thought opens": opens,
        "thought closes": repr(written["close"]),
        "earlier thoughts": "deleted by the chat template" if habits.drops_thoughts else "kept",
        "end of turn": repr(end),
    }
