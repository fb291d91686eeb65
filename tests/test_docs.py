"""What the docs quote is what the commands print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from command import here

DOCS = Path(__file__).parents[1] / "docs"
QUOTED = re.findall(r"From `exante (show-world [^`]+)`:\n\n```\n(.*?)```", (DOCS / "worlds.md").read_text("utf-8"), re.DOTALL)


def test_every_world_is_quoted() -> None:
    assert [shlex.split(command)[1] for command, _ in QUOTED] == ["chat", "code", "oversight", "tiers", "office"]


@pytest.mark.parametrize(("command", "block"), QUOTED)
def test_quoted_documents_are_printed(command: str, block: str) -> None:
    printed = here(*shlex.split(command)).stdout
    for document in re.split(r"\n\n(?=\[prompt\])", block.strip()):
        assert document in printed
