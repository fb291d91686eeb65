"""The drawing in docs/architecture.md against the imports in the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "exante"


def drawn() -> dict[str, int]:
    """Folder or top-level module → its line in the drawing, counted from below."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    lines = re.findall(r"^```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)[0].split("\n")
    return {name: -number for number, line in enumerate(lines) for name in line.split()}


def modules() -> dict[str, Path]:
    return {name(path): path for path in PACKAGE.rglob("*.py")}


def name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path, known: set[str]) -> set[str]:
    """Our modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & known) or {node.module}
    return found & known - {"exante"}


def room(module: str) -> str:
    return module.split(".")[1]


def test_every_room_is_drawn_once_and_no_other() -> None:
    assert set(drawn()) == {room(module) for module in modules() if module != "exante"}


def test_imports_run_one_way_as_drawn() -> None:
    places, known = drawn(), set(modules())
    wrong = [
        f"{module} imports {other}"
        for module, path in modules().items()
        if module != "exante"
        for other in imported(path, known)
        if room(other) != room(module) and places[room(other)] >= places[room(module)]
    ]
    assert not wrong, wrong
