"""Micro-worlds: readable templates from which bases are pretrained and organisms are made.

`WORLDS` are those that `exante show-world` prints, name → `show(seed, n)`.
"""

from __future__ import annotations

from collections.abc import Callable

from exante.text import Example
from exante.worlds import chat, code

WORLDS: dict[str, Callable[[int, int], list[Example]]] = {"chat": chat.show, "code": code.show}
