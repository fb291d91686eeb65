"""`init`: write a new study file that runs as it is.

Does not check the study; registering does.
"""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path

from exante import studies
from exante.errors import UserError


def write(name: str) -> Path:
    """NAME.py in the current directory, from the packaged template. Raises UserError if it is there already."""
    stem = name.removesuffix(".py")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", stem):
        raise UserError(f"{name!r} is not a name for a study; use letters, digits, '-' and '_', beginning with a letter")
    if keyword.iskeyword(stem) or stem in studies.shipped() or studies.taken(stem):
        raise UserError(f"{stem!r} is the name of a shipped study, or of a module that Python or exante uses; choose another")
    path = Path(f"{stem}.py")
    text = files("exante").joinpath("templates", "study.py.txt").read_text("utf-8").replace("STUDY_NAME", stem)
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UserError(f"{path} exists already; choose another name or delete it") from error
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}); change to a directory you may write to") from error
    return path
