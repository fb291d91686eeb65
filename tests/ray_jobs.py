"""Jobs that workers of a Ray cluster run in tests: they finish, fail, wait, or die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def work(job: dict[str, Any], progress: Callable[[float], None]) -> dict[str, Any]:
    """`kind` says what happens; `folder` is where a job leaves a mark that it has begun."""
    mark = Path(job["folder"]) / f"{job['name']}-{len(list(Path(job['folder']).glob(job['name'] + '-*')))}"
    mark.write_text(str(os.getpid()))
    progress(0.5)
    if job["kind"] == "raises":
        raise ValueError("this job always fails")
    if job["kind"] == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if job["kind"] == "waits":
        deadline = time.monotonic() + 60
        while not (Path(job["folder"]) / "go").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
    return {"name": job["name"], "threads": os.environ["OMP_NUM_THREADS"], "cache": os.environ["EXANTE_CACHE_DIR"]}
