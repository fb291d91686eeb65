"""The command line as tests call it: in another process, or in this one where nothing is trained (much cheaper)."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exante import cli

TINY = Path(__file__).parent / "tiny_study.py"
QUICK = ("--preset", "quick", "--out")


@dataclass(frozen=True)
class Finished:
    run: Path
    cache: Path
    done: subprocess.CompletedProcess[str]


def environment(cache: Path) -> dict[str, str]:
    return os.environ | {"EXANTE_CACHE_DIR": str(cache), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def start(*arguments: object, cache: Path, **options: Any) -> subprocess.Popen[str]:
    """The command in a session of its own, so that a signal to its group reaches what a terminal's Ctrl-C would."""
    line = [sys.executable, "-m", "exante", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        line, env=environment(cache), text=True, start_new_session=True, preexec_fn=_hear_interrupts, **(pipes | options)
    )


def _hear_interrupts() -> None:
    """A shell that runs the tests in the background lets its children ignore interrupts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def exante(*arguments: object, cache: Path, check: int = 0) -> subprocess.CompletedProcess[str]:
    """The command in another process, which must end with the exit code `check` and without a traceback."""
    process = start(*arguments, cache=cache)
    out, err = process.communicate(timeout=240)
    assert process.returncode == check, err
    assert "Traceback" not in err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def here(*arguments: object, cache: Path | None = None, check: int = 0) -> subprocess.CompletedProcess[str]:
    """The same in this process."""
    out, err = io.StringIO(), io.StringIO()
    before = os.environ["EXANTE_CACHE_DIR"]
    os.environ["EXANTE_CACHE_DIR"] = str(cache or before)
    try:
        with pytest.raises(SystemExit) as ending, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main([str(a) for a in arguments])
    finally:
        os.environ["EXANTE_CACHE_DIR"] = before
    assert ending.value.code == check, err.getvalue()
    return subprocess.CompletedProcess(arguments, check, out.getvalue(), err.getvalue())


def refused(*arguments: object, cache: Path | None = None) -> str:
    """The one line on stderr with which the command refuses its input."""
    done = here(*arguments, cache=cache, check=2)
    assert done.stderr.startswith("exante: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""
    return done.stderr
