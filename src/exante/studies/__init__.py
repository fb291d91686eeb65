"""Shipped studies, one file each, the worlds they live in, and the loading of a user's own study file.

A new study is one new file here, a new world one new file with a function `show(seed, n)` in `worlds/`.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from exante import worlds
from exante.errors import UserError
from exante.identity import syntax_digests
from exante.study import Study

USER_MODULE = "exante_user_study"
"""The module name of a study loaded from a file; its own parts are imported under it, wherever the file lies."""


def shipped() -> dict[str, str]:
    """Study id → module name."""
    return {
        info.name.replace("_", "-"): f"{__name__}.{info.name}"
        for info in pkgutil.iter_modules(__path__)
        if not info.name.startswith("_")
    }


def world(name: str) -> Any:
    """The module of a world: one of `exante.worlds` that shows samples. Raises UserError."""
    modules = [importlib.import_module(f"{worlds.__name__}.{info.name}") for info in pkgutil.iter_modules(worlds.__path__)]
    found = {module.__name__.rpartition(".")[2].removesuffix("_base"): module for module in modules if "show" in vars(module)}
    if name not in found:
        raise UserError(f"there is no world {name!r}; the worlds are {', '.join(found)}")
    return found[name]


def load(name: str) -> Study:
    """A shipped study by id, or the one study of a `.py` file. Raises UserError."""
    if name.endswith(".py"):
        return load_file(Path(name))
    if name not in shipped():
        raise UserError(
            f"there is no study {name!r}; 'exante list' names the shipped ones, and a path ending in .py gives your own"
        )
    return importlib.import_module(shipped()[name]).STUDY


def load_file(path: Path | str) -> Study:
    """Import a study file under a fixed module name and return its `STUDY`. Raises UserError."""
    path = Path(path)
    try:
        source = path.read_text("utf-8")
        tree = ast.parse(source)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); give the path of a study file") from error
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{path} is not Python ({error}); mend the file") from error
    count = sum(_assigns_study(node) for node in tree.body)
    if count != 1:
        raise UserError(f"{path} assigns STUDY {count} times at module level; define exactly one 'STUDY = Study(…)'")
    return _checked(_import(path), path)


def _assigns_study(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(target, ast.Name) and target.id == "STUDY" for target in targets)


def _import(path: Path) -> object:
    spec = importlib.util.spec_from_file_location(USER_MODULE, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[USER_MODULE] = module
    syntax_digests.cache_clear()  # the module of that name may have been another file's
    try:
        spec.loader.exec_module(module)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path} describes no valid study: {place or error.title}: {first['msg']}; mend that field") from error
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # a user's file may raise anything
        raise UserError(f"{path} raised {error.__class__.__name__} when it was imported ({error}); mend the file") from error
    return module


def _checked(module: object, path: Path) -> Study:
    study = vars(module)["STUDY"]
    if not isinstance(study, Study):
        raise UserError(f"STUDY in {path} is a {type(study).__name__}; make it an exante.study.Study")
    return study
