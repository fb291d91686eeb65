"""Shipped studies, one file each, their worlds, and loading a user's own study file.

A new study is one new file here, a new world one new file with a function `show(seed, n)` in `worlds/`.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
import sys
import sysconfig
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from exante import worlds
from exante.errors import UserError
from exante.storage import sources
from exante.study import Study

USER_MODULE = "exante_user_study"
"""The module name of a study loaded from a file; its own parts are imported under it, wherever the file lies."""
NEEDED = ("accelerate", "peft", "safetensors", "tokenizers", "torch", "transformers")
"""What `exante[train]` installs: names that a study file may not have, even where it is not installed."""


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
    by_name = {module.__name__.rpartition(".")[2].removesuffix("_base"): module for module in modules if "show" in vars(module)}
    if name not in by_name:
        raise UserError(f"there is no world {name!r}; the worlds are {', '.join(by_name)}")
    return by_name[name]


def load(name: str) -> Study:
    """A shipped study by id, or the one study of a `.py` file. Raises UserError."""
    if name.endswith(".py"):
        return load_file(Path(name))
    if name not in shipped():
        raise UserError(
            f"there is no study {name!r}; 'exante list' names the shipped ones, and a path ending in .py gives your own"
        )
    return importlib.import_module(shipped()[name]).STUDY


def load_file(path: Path | str, registered: dict[str, str] | None = None) -> Study:
    """Import a study file under a fixed module name and return its `STUDY`. Raises UserError.

    Its directory is appended to sys.path, so that modules beside it are found but shadow no other. `registered` are the
    digests of a registration (`Registration.sources`), which the file's code must have.
    """
    path = Path(path)
    try:
        tree = ast.parse(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); give the path of a study file") from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{path} is not Python ({error}); fix the file") from error
    count = sum(_assigns_study(node) for node in tree.body)
    if count != 1:
        raise UserError(f"{path} assigns STUDY {count} times at module level; define exactly one 'STUDY = Study(…)'")
    sources.forget()  # the module of that name may have been another file, or edited since
    _check_names(path)
    study = _checked(_import(path), path)
    if registered is not None and sources.user_sources(study) != registered:
        raise UserError(
            f"the parts in {path} are not those that were registered (their code differs); name the file of that study, or"
            " register this one into another --out"
        )
    return study


def taken(name: str) -> bool:
    """Whether a module of Python, exante or an installed package has this name, so that no study file may have it."""
    installed = [path for key in ("purelib", "platlib") if (path := sysconfig.get_path(key))]
    reserved = name == "exante" or name in NEEDED or name in sys.stdlib_module_names
    return reserved or PathFinder.find_spec(name, installed) is not None


def _check_names(path: Path) -> None:
    """Raises UserError for a study file, or a module beside it that it imports, that has the name of another module."""
    try:
        beside = sources.names_beside(path)
    except (SyntaxError, ValueError) as error:
        raise UserError(f"a module that {path} imports from beside it is not Python ({error}); fix that file") from error
    for name, file in {path.stem: path, **beside}.items():
        if taken(name):
            raise UserError(f"{file} has the name of a module that Python or exante uses; rename it")
        loaded = getattr(sys.modules.get(name), "__file__", None)
        if name in beside and loaded is not None and Path(loaded).resolve() != file and name not in _helpers:
            raise UserError(f"{path} imports {name} from {file}, but another module of that name is in use; rename the file")


def _assigns_study(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(target, ast.Name) and target.id == "STUDY" for target in targets)


_helpers: set[str] = set()
"""Names of the imported modules beside the study that was loaded last."""
_appended: list[str] = []
"""What loading it appended to sys.path."""


def _replace_helpers(directory: str) -> None:
    """Forget the modules of an earlier study file, and let those beside this one be found after all others."""
    for name in _helpers:
        sys.modules.pop(name, None)
    for entry in _appended:
        sys.path.remove(entry)
    _helpers.clear()
    _appended.clear()
    if directory not in sys.path:
        sys.path.append(directory)
        _appended.append(directory)
    importlib.invalidate_caches()


def _import(path: Path) -> object:
    directory = str(path.resolve().parent)
    _replace_helpers(directory)
    spec = importlib.util.spec_from_file_location(USER_MODULE, path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before, written = set(sys.modules), sys.dont_write_bytecode
    sys.modules[USER_MODULE] = module
    sys.dont_write_bytecode = True  # bytecode is dated in whole seconds, so an edit within the same second would be missed
    try:
        spec.loader.exec_module(module)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path} describes no valid study: {place or error.title}: {first['msg']}; fix that field") from error
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # a user's file may raise anything
        raise UserError(f"{path} raised {error.__class__.__name__} when it was imported ({error}); fix the file") from error
    finally:
        sys.dont_write_bytecode = written
        _helpers.update(name for name in set(sys.modules) - before if _lies_in(directory, sys.modules[name]))
        _helpers.discard(USER_MODULE)
    return module


def _lies_in(directory: str, module: object) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).resolve().is_relative_to(directory)


def _checked(module: object, path: Path) -> Study:
    study = vars(module)["STUDY"]
    if not isinstance(study, Study):
        raise UserError(f"STUDY in {path} is a {type(study).__name__}; make it an exante.study.Study")
    return study
