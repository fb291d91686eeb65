"""Do a file's questions fit the model? Asked before anything is trained: a run would fail only once its base is there.

Loads a tokenizer only where a question is long enough to need one. Does not know what the questions are about.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

from exante.errors import UserError
from exante.planning.tree import Node, Plan
from exante.profiles import directory_of
from exante.study import Context, Evaluation, Profile, Study
from exante.text import Item, Prompt

AROUND = 64
"""Tokens that a layout puts around a question at most, more or less: only longer questions are counted exactly."""


def check_lengths(plan: Plan, study: Study) -> None:
    """Raises UserError for the first question of a file that has more tokens than a model has positions, naming the file, the
    line and the count. Says nothing where the libraries that count tokens are not installed."""
    profiles = {profile.id: profile for profile in study.profiles}
    evaluations = {e.id: e for e in study.evaluations if "path" in e.items.params}
    checked: set[tuple[str, str, str]] = set()
    dialects: dict[str, tuple[Any, int]] = {}
    for node in plan.nodes.values():
        for name in node.evaluations.keys() & evaluations.keys():
            key = (node.model, name, node.behaviour)
            if key in checked or "train" not in profiles[node.model].capabilities:
                continue
            checked.add(key)
            for item in _long(evaluations[name], node):
                if not _can_count():
                    return
                if node.model not in dialects:
                    dialects[node.model] = _dialect(profiles[node.model], study, node.base_draw)
                _check(evaluations[name], item, node.model, *dialects[node.model])


def _can_count() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in ("torch", "transformers"))


def _long(evaluation: Evaluation, node: Node) -> Iterator[Item]:
    """Items whose prompts could have more tokens than the smallest model has positions: a token has at least one byte."""
    from exante.profiles.micro import POSITIONS

    make = evaluation.items.load()
    for condition in evaluation.conditions:
        for item in make(node.context, condition):
            if len(_text(item.prompt).encode()) > POSITIONS - AROUND:
                yield item


def _text(prompt: Prompt) -> str:
    return "".join(turn.content + (turn.scratchpad or "") for turn in prompt.turns) + prompt.forced


def _dialect(profile: Profile, study: Study, draw: int) -> tuple[Any, int]:
    """How a model writes prompts, and how many positions it has. The tokenizer of a model that is pretrained here is that of the
    base with this draw on the study's first corpus."""
    from exante.engines.dialects import micro
    from exante.engines.local import LocalEngine
    from exante.engines.weights import probe_model

    directory = directory_of(profile.id)
    if directory is not None:
        longest = getattr(probe_model(directory).config, "max_position_embeddings", None)
        return LocalEngine.dialect_of(directory, profile), int(longest or 1 << 30)
    corpus = next(iter(study.bases.values())).load()(Context("", draw, draw))
    sizes = (
        [profile.architecture.get(name) for name in ("max_position_embeddings", "n_positions")] if profile.architecture else []
    )
    return micro.dialect(micro.train_tokenizer(corpus)), next((int(n) for n in sizes if isinstance(n, int)), 1 << 30)


def _check(evaluation: Evaluation, item: Item, model: str, dialect: Any, positions: int) -> None:
    from exante.engines.render import encode_prompts

    tokens = len(encode_prompts(dialect, [item.prompt])[0]) + 1  # at least one token is sampled
    if tokens > positions:
        raise UserError(
            f"{evaluation.items.params['path']}, {item.id}: the question has {tokens - 1} tokens with its prompt, but {model} has"
            f" {positions} positions; shorten it or leave the line out"
        )
