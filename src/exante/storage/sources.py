"""Source code as data: where a module lies, what it imports, and digests of what it does (comments and docstrings aside).

Reads files and imports nothing: the code may be a stranger's. Knows two kinds of modules, exante's own and a user's (the study
file and the modules beside it).
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from exante.parts import OWN, Part
from exante.storage import syntax
from exante.study import Study

PACKAGE = Path(__file__).parents[1]
"""Where exante's own modules lie."""
LIBRARIES = ("torch", "transformers", "tokenizers", "numpy")
"""Whose versions change what is trained and sampled."""

CARRIERS = {
    "exante.errors": "text of messages",
    "exante.storage.identity": "computes ids: a change gives new ids, so cached results are not used",
    "exante.storage.sources": "compares code, does not run it",
    "exante.storage.syntax": "compares code, does not run it",
    "exante.planning": "holds the modules below and nothing else",
    "exante.planning.tree": "what it hands to a phase is in its id, and the steps of evaluations are in the key of their rows",
    "exante.objectives": "lists them; which one a phase has is in its id, and that one's file is watched",
    "exante.profiles.*": "what they say of a model is in its phases' ids; what a sampler rests on is watched by name",
    "exante.storage.checkpoints": "what it computes is in phases' ids",
    "exante.running.jobs": "decides what remains to be done",
    "exante.storage.locks": "decides who may write, not what",
    "exante.storage.tables": "joins what others counted",
    "exante.storage.files": "writes what others computed",
    "exante.storage.table_files": "writes what others computed",
    "exante.storage.phase_store": "stores what others computed",
    "exante.registry": "holds the module below and nothing else",
    "exante.registry.seen": "records who saw what",
    "exante.running.models": "opens what phases left, checked by its digest",
    "exante.running.worker": "loads, saves and calls the modules that compute",
}
"""Modules whose edits never change what a phase or its rows hold, and why (`FOLDER.*`: a folder and all in it). All others that
a computation imports are watched."""


@dataclass(frozen=True)
class Module:
    """A source file: what it is called, the directory that absolute imports are looked up in, and whether it is a package."""

    name: str
    path: Path
    root: Path

    @property
    def package(self) -> str:
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


def carries(name: str) -> bool:
    """Whether a module is one of `CARRIERS`."""
    return name in CARRIERS or any(f"{name}.".startswith(key.removesuffix("*")) for key in CARRIERS if key.endswith(".*"))


def read_source(path: Path) -> bytes:
    """The one place where source code is read."""
    return path.read_bytes()


def own(name: str) -> bool:
    """Whether a module is exante's own."""
    return name == OWN or name.startswith(f"{OWN}.")


def _at(root: Path, name: str) -> Path | None:
    """The file of the module `name` under a directory, without importing its packages."""
    place = root.joinpath(*name.split("."))
    candidates = (place.with_name(f"{place.name}.py"), place / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _located(name: str, root: Path) -> Module | None:
    """A module as a module in `root` would import it; None for those of Python and of other packages."""
    if own(name):
        path = _at(PACKAGE.parent, name)
        return Module(name, path, PACKAGE.parent) if path else None
    if name.partition(".")[0] in sys.stdlib_module_names:
        return None
    path = _at(root, name)
    return Module(name, path, root) if path else None


def _loaded(name: str) -> Module | None:
    """A module that this process has imported from a source file; its root is the directory that it was found from."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None or not file.endswith(".py"):
        return None
    path = Path(file).resolve()
    levels = name.count(".") + (path.name == "__init__.py")
    return Module(name, path, path.parents[levels])


def _module(name: str) -> Module | None:
    return _located(name, PACKAGE.parent) if own(name) else _loaded(name)


@cache
def _parsed(module: Module) -> tuple[str, tuple[Module, ...]]:
    """Digest of what a module does, and the modules beside it (or exante's own) that it imports."""
    tree = ast.parse(read_source(module.path))
    if not own(module.name):
        tree = syntax.without_study(tree)
    return hashlib.sha256(syntax.as_text(syntax.without_docstrings(tree)).encode()).hexdigest()[:16], tuple(
        _imported(tree, module)
    )


def forget() -> None:
    """Forget what was read: a module's file may have been edited, or its name may belong to another file now."""
    _parsed.cache_clear()
    _closure.cache_clear()


@cache
def _closure(names: frozenset[str]) -> dict[str, str]:
    """Digests by name of these modules and of all that they import, without `CARRIERS`."""
    digests: dict[str, str] = {}
    waiting = [module for name in sorted(names) if (module := _module(name))]
    while waiting:
        module = waiting.pop()
        if module.name not in digests and not carries(module.name):
            digests[module.name], imported = _parsed(module)
            waiting += imported
    return dict(sorted(digests.items()))


def syntax_digests(*names: str) -> dict[str, str]:
    """Digest of each of these modules and of every module of exante, or beside the study file, that they import."""
    return dict(_closure(frozenset(names)))


def code_digests(parts: Iterable[Part | None], *modules: str) -> dict[str, str]:
    """Digests of all code that the given parts and modules run on, and the versions of the libraries that train."""
    targets = (part.target.partition(":")[0] for part in parts if part is not None)
    return syntax_digests(*modules, *targets) | versions()


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    return tuple((library, _version(library)) for library in LIBRARIES)


def versions() -> dict[str, str]:
    """Installed versions of the libraries that train; looked up once, as each takes 20 ms."""
    return dict(_versions())


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "absent"


# --- a user's study ----------------------------------------------------------------------------------------------------------


def parts_of(study: Study) -> Iterator[Part]:
    """Every part that a study names."""
    yield from study.bases.values()
    for phase in (phase for group in (*study.arms, *study.trainings) for phase in group.phases):
        yield from (part for part in (phase.data, phase.reward, phase.keep, phase.probe) if part is not None)
    for evaluation in study.evaluations:
        yield from (evaluation.items, evaluation.score)


def user_sources(study: Study) -> dict[str, str]:
    """Module → digest of the code outside exante that a study's parts live in, helper modules beside it included.

    Empty for a study whose parts are all exante's. A module that this process has not imported is left out: its parts cannot
    be called either.
    """
    modules = {part.target.partition(":")[0] for part in parts_of(study)}
    digests = _closure(frozenset(module for module in modules if not own(module)))
    return {name: digest for name, digest in digests.items() if not own(name)}


def files_of(study_file: Path) -> dict[str, Path]:
    """What a study file consists of: relative path → file, itself first, then the modules beside it that it imports."""
    root = study_file.resolve().parent
    files: dict[str, Path] = {}
    waiting = [Module(study_file.stem, study_file.resolve(), root)]
    while waiting:
        module = waiting.pop()
        name = module.path.relative_to(root).as_posix()
        if name not in files:
            files[name] = module.path
            imported = _imported(ast.parse(read_source(module.path)), module)
            waiting += [other for other in imported if not own(other.name)]
    return files


def names_beside(study_file: Path) -> dict[str, Path]:
    """First names (`helper` of `helper.words`) that a study imports and that lie beside it → the file or directory there.

    Names of Python's own library are included where a file of that name lies there, although it would not be imported.
    """
    root = study_file.resolve().parent
    beside_study: dict[str, Path] = {}
    for path in files_of(study_file).values():
        for node in ast.walk(ast.parse(read_source(path))):
            for name in {name.partition(".")[0] for name in _absolute(node)}:
                if not own(name) and (beside := _at(root, name)):
                    beside_study[name] = beside
    return beside_study


def _absolute(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and node.level == 0 else []


def _imported(tree: ast.AST, module: Module) -> list[Module]:
    """Modules of exante and beside the study that a module imports anywhere, with the packages around them."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, module.package)
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    around = {name.rsplit(".", n)[0] for name in names for n in range(name.count(".") + 1)}
    return [other for name in sorted(around) if name and (other := _located(name, module.root))]


def _base(node: ast.ImportFrom, package: str) -> str:
    """The module that `from … import` reads, relative ones resolved."""
    if not node.level:
        return node.module or ""
    above = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
    return f"{above}.{node.module}" if node.module else above


@cache
def package_digest() -> str:
    """Digest (hex) of every source file and template of this package: what is computed from a run's files may change with it."""
    total = hashlib.sha256()
    for path in sorted(p for p in PACKAGE.rglob("*") if p.suffix in (".py", ".j2", ".css", ".txt")):
        total.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
