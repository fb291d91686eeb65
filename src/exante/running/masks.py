"""What a study's phases train on, token by token, as one model reads it. For looking: nothing is trained or scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from exante.engines.dialects.base import Dialect
from exante.engines.dialects.micro import train_tokenizer
from exante.engines.local import LocalEngine
from exante.engines.render import ANSWER, CONTEXT, SCRATCHPAD, dialect_for, encode_examples
from exante.engines.weights import load_tokenizer
from exante.errors import UserError
from exante.objectives import objective_of
from exante.objectives.phase_parts import data_of
from exante.planning.tree import Node, Plan
from exante.profiles import directory_of
from exante.running.models import MODEL, folder
from exante.storage.phase_store import PhaseStore
from exante.study import Profile, Study
from exante.text import Example

NAMES = {CONTEXT: "context", SCRATCHPAD: "scratchpad", ANSWER: "answer"}
"""Spans by label. Context carries no loss."""


class Token(NamedTuple):
    """A token as text, the span whose loss it carries, and whether it ends a turn."""

    text: str
    span: str
    stops: bool


@dataclass(frozen=True)
class MaskedExample:
    """One training example of a phase."""

    arm: str
    phase: str
    training: str
    behaviour: str
    tokens: tuple[Token, ...]


def masked_examples(study: Study, planned: Plan, phase: str | None, arms: Sequence[str], count: int) -> list[MaskedExample]:
    """The first `count` examples of every phase that trains on examples of its own, from the first cell of each arm and training.

    Raises UserError where no such phase is asked for.
    """
    dialects: dict[str, Dialect] = {}
    shown = []
    for arm, training, node in _phases(planned, arms):
        if phase is not None and node.phase.name != phase:
            continue
        profile = next(p for p in study.profiles if p.id == node.model)
        if profile.id not in dialects:
            dialects[profile.id] = _dialect(profile, planned)
        examples = data_of(node.phase, node.context, Example)[:count]
        tokens = (masked(dialects[profile.id], example) for example in examples)
        shown += [MaskedExample(arm, node.phase.name, training, node.behaviour, each) for each in tokens]
    if not shown:
        names = dict.fromkeys(node.phase.name for _, _, node in _phases(planned, ()))
        raise UserError(
            f"no phase that is asked for trains on examples of its own; those that do are {', '.join(names) or 'none'}"
        )
    return shown


def _phases(planned: Plan, arms: Sequence[str]) -> Iterator[tuple[str, str, Node]]:
    """Arm, training and node of each phase with supervised data, once."""
    seen: set[str] = set()
    for cell in planned.cells:
        for key in cell.nodes if not arms or cell.cell.arm in arms else ():
            node = planned.nodes[key]
            objective = objective_of(node.phase)
            supervised = objective.trains and objective.data is Example and node.phase.data is not None and not node.is_base
            kind = f"{cell.cell.arm} {cell.cell.training} {node.phase.name} {node.behaviour} {node.model}"
            if supervised and kind not in seen:
                seen.add(kind)
                yield cell.cell.arm, cell.cell.training, node


def masked(dialect: Dialect, example: Example) -> tuple[Token, ...]:
    """The tokens of one example. Bytes that are no whole character alone are shown as the tokenizer shows them."""
    encoded = encode_examples(dialect, [example])
    return tuple(
        Token(str(dialect.tokenizer.decode([int(id)], skip_special_tokens=False)), NAMES[int(span)], int(id) in dialect.stop_ids)
        for id, span in zip(encoded.ids, encoded.spans, strict=True)
    )


def _dialect(profile: Profile, planned: Plan) -> Dialect:
    """The dialect of an outside checkpoint, or of the plan's first base: from the cache, else made as a run makes it."""
    directory = directory_of(profile.id)
    if directory is not None:
        return LocalEngine.dialect_of(directory, profile)
    base = next(node for node in planned.nodes.values() if node.is_base and node.model == profile.id)
    kept = folder(PhaseStore(), base.id) / MODEL
    tokenizer = load_tokenizer(kept) if kept.exists() else train_tokenizer(data_of(base.phase, base.context, Example))
    return dialect_for(tokenizer, profile)
