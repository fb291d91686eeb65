"""The README's and the tutorial's blocks, run as typed, in order, in a fresh copy of the project.

    python benchmarks/blocks.py --out DIR                                 README.md, then docs/tutorial.md
    python benchmarks/blocks.py --out DIR --skip 'preset default'         without the lines that hold this text

Blocks of shell are run by bash, which stops at the first line that fails. What a reader does by hand stands in HTML comments,
which a rendered page does not show:

    <!-- in FILE, before `LINE`: -->          the next block of Python goes above this line
    <!-- in FILE, from `A` to `B`: -->        the next block of Python takes the place of what begins with A and ends with B
    <!-- in FILE, replace `OLD` by `NEW` -->  as the text says
    <!-- not run: TEXT -->                    lines of the next block that hold this text need a model of the reader's own

`SHA256` in a command stands for what `exante register` printed last. The last line is `blocks N failures M`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "docs/tutorial.md")
FENCE = re.compile(r"<!-- (?P<note>.*?) -->|^```(?P<language>sh|python)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
BEFORE = re.compile(r"in (\S+), before `(.+)`:")
RANGE = re.compile(r"in (\S+), from `(.+)` to `(.+)`:")
REPLACE = re.compile(r"in (\S+), replace `(.+)` by `(.+)`", re.DOTALL)
REGISTERED = re.compile(r"^registered\t\S+\t([0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """What a reader does next: run `text` as shell, or put it into a file."""

    page: str
    kind: str
    text: str
    file: str = ""
    at: str = ""
    to: str = ""


def steps(page: str, text: str) -> list[Step]:
    """The steps of a page in order. Python blocks without a comment above them are for reading."""
    found, note = [], ""
    for match in FENCE.finditer(text):
        if match["note"] is not None:
            note = match["note"]
            if replaced := REPLACE.fullmatch(" ".join(note.split())):
                found.append(Step(page, "replace", replaced[3], replaced[1], replaced[2]))
                note = ""
            continue
        if match["language"] == "sh":
            skipped = note.removeprefix("not run: ") if note.startswith("not run: ") else None
            found.append(Step(page, "run", _without(match["text"], skipped)))
        elif placed := BEFORE.fullmatch(note):
            found.append(Step(page, "insert", match["text"], placed[1], placed[2]))
        elif ends := RANGE.fullmatch(note):
            found.append(Step(page, "in place of", match["text"], *ends.groups()))
        note = ""
    return found


def _without(block: str, text: str | None) -> str:
    return "".join(line for line in block.splitlines(keepends=True) if text is None or text not in line)


def copied(out: Path) -> Path:
    """The files that git tracks, as they are now."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, out / name)
    return out


class Reader:
    """Follows the steps in one directory."""

    def __init__(self, place: Path, cache: Path) -> None:
        self.place, self.sha256 = place, ""
        path = f"{place / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        self.environment = os.environ | {"PATH": path, "EXANTE_CACHE_DIR": str(cache)}

    def does(self, step: Step) -> str:
        """Do a step; what went wrong, "" if nothing did."""
        return self._runs(step.text) if step.kind == "run" else self._edits(step)

    def _runs(self, block: str) -> str:
        if not block.strip():
            return ""
        block = block.replace("SHA256", self.sha256 or "SHA256")
        line = ["bash", "-e", "-o", "pipefail", "-c", block]
        done = subprocess.run(line, cwd=self.place, env=self.environment, capture_output=True, text=True, check=False)
        if registered := REGISTERED.findall(done.stdout):
            self.sha256 = registered[-1]
        return "" if done.returncode == 0 else f"exit code {done.returncode}: {done.stderr.strip()[-600:]}"

    def _edits(self, step: Step) -> str:
        path = self.place / step.file
        text = path.read_text("utf-8") if path.exists() else ""
        start = text.find(step.at)
        end = text.find(step.to, start) + len(step.to)
        if start < 0 or end < len(step.to):
            return f"{step.file} holds no {step.at!r} or no {step.to!r} after it"
        if step.kind == "in place of":
            text = text[:start] + step.text.rstrip("\n") + text[end:]
        else:
            text = text.replace(step.at, f"{step.text}\n{step.at}" if step.kind == "insert" else step.text)
        path.write_text(text, "utf-8")
        return ""


def main() -> int:
    parser = argparse.ArgumentParser(description="The blocks of README and tutorial, run as typed.")
    parser.add_argument("--out", type=Path, required=True, help="a directory that does not exist yet")
    parser.add_argument("--page", action="append", choices=PAGES, help="only this page; may be said again")
    parser.add_argument("--skip", action="append", default=[], help="leave out shell lines that hold this text")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True)
    reader = Reader(copied(asked.out / "exante"), asked.out.absolute() / "cache")
    done = failures = 0
    for page in asked.page or PAGES:
        for step in steps(page, (ROOT / page).read_text("utf-8")):
            for text in asked.skip if step.kind == "run" else ():
                step = Step(step.page, "run", _without(step.text, text))
            started = time.monotonic()
            wrong = reader.does(step)
            done, failures = done + 1, failures + bool(wrong)
            first = step.text.strip().split("\n")[0][:90]
            print(
                f"{'FAILED' if wrong else 'done'}\t{time.monotonic() - started:.0f} s\t{page}\t{step.kind}\t{first}", flush=True
            )
            if wrong:
                print(f"\t{wrong}", flush=True)
    print(f"blocks {done} failures {failures}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
