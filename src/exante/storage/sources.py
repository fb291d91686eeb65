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
from exante.study import Study

PACKAGE = Path(__file__).parents[1]
"""Where exante's own modules lie."""
LIBRARIES = ("torch", "transformers", "tokenizers", "numpy")
"""Whose versions change what is trained and sampled."""

CARRIERS = {
    "exante.errors": "text of messages",
    "exante.storage.identity": "computes ids: a change gives new ids, so cached results are not used",
    "exante.storage.sources": "compares code, does not run it",
    "exante.planning": "holds the modules below and nothing else",
    "exante.planning.tree": "what it hands to a phase is in its id, and the steps of evaluations are in the key of their rows",
    "exante.objectives": "lists them; which one a phase has is in its id, and that one's file is watched",
    "exante.profiles.*": "what they say of a model is in its phases' ids; what a sampler rests on is watched by name",
    "exante.storage.checkpoints": "what it computes is in phases' ids",
    "exante.running.jobs": "decides what remains to be done",
    "exante.storage.locks": "decides who may write, not what",
    "exante.storage.tables": "joins what others counted",
    "exante.storage.files": "writes what others computed",
    "exante.storage.phase_store": "stores what others computed",
    "exante.registry": "holds the module below and nothing else",
    "exante.registry.seen": "records who saw what",
    "exante.running.worker": "loads, saves and calls the modules that compute",
}
"""Modules whose edits never change what a phase or its rows hold, and why (`FOLDER.*`: a folder and all in it). All others that
a computation imports are watched."""

PARTS = "exante.parts"
DYNAMIC = {"globals", "locals", "vars", "eval", "exec", "__import__", "importlib", "modules"}
"""A study file that uses one of these may reach a name without writing it, so all of it counts."""


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
        tree = without_study(tree)
    return hashlib.sha256(_written(_without_docstrings(tree)).encode()).hexdigest()[:16], tuple(_imported(tree, module))


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


# --- syntax trees ------------------------------------------------------------------------------------------------------------


def _written(node: object) -> str:
    """A syntax tree as text that is the same in every version of Python: empty fields and those for tools are left out."""
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if name not in ("ctx", "kind", "type_comment"))
        return f"({type(node).__name__}{''.join(f' {n}={_written(v)}' for n, v in fields if v is not None and v != [])})"
    return f"[{','.join(map(_written, node))}]" if isinstance(node, list) else repr(node)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return tree


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


def without_study(tree: ast.Module) -> ast.Module:
    """A study file without `STUDY = …` and the definitions that it alone reaches by name: arms, contrasts, titles.

    What a decorated function (a part) reaches stays, and what nothing reaches; so does every statement that is not a
    definition, an assignment to names or an import, with what it reaches. A file without STUDY stays whole.
    """
    study = [node for node in tree.body if "STUDY" in (_bound(node) or ())]
    if _changes_names(tree):  # what STUDY calls may then change what parts read
        return tree
    if not study or any(_used(node) & DYNAMIC for node in tree.body):
        return ast.Module([node for node in tree.body if node not in study], [])
    others = [node for node in tree.body if node not in study]
    makers = _makers(tree)
    roots = [n for n in others if _bound(n) is None or getattr(n, "decorator_list", None) or _used(n) & makers]
    kept, described = _reached(roots, others), _reached(study, others)
    return ast.Module([node for node in others if node in kept or node not in described], [])


CHANGING = {"append", "add", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault", "sort", "update"}


def _changes_names(tree: ast.Module) -> bool:
    """Whether a function of the file may change what a name of the file stands for, or what that holds."""
    names = set().union(*(_bound(node) or set() for node in tree.body))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
    return any(_changes(node, names) for function in functions for node in ast.walk(function))


def _changes(node: ast.AST, names: set[str]) -> bool:
    if isinstance(node, ast.Global):
        return True
    if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        return isinstance(node.value, ast.Name) and node.value.id in names
    called = node.func if isinstance(node, ast.Call) else None
    held = called.value if isinstance(called, ast.Attribute) and called.attr in CHANGING else None
    return isinstance(held, ast.Name) and held.id in names


def _reached(roots: list[ast.stmt], statements: list[ast.stmt]) -> list[ast.stmt]:
    """The roots and the statements that define a name which they use, directly or through each other."""
    reached, names = list(roots), set().union(*map(_used, roots)) if roots else set()
    while new := [s for s in statements if s not in reached and not names.isdisjoint(_bound(s) or ())]:
        reached += new
        names |= set().union(*map(_used, new))
    return reached


def _makers(tree: ast.Module) -> set[str]:
    """Names by which a file may make a part without decorating a function: those of `exante.parts`, however imported."""
    taken = [alias for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == PARTS for alias in node.names]
    return {"part", "PartFunction", *(alias.asname or alias.name for alias in taken)} - {"Part"}


def _used(node: ast.AST) -> set[str]:
    """Every name and attribute that is written in a statement."""
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    names |= {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    return names | {alias.name for n in ast.walk(node) if isinstance(n, ast.Import) for alias in n.names}


def _bound(node: ast.stmt) -> set[str] | None:
    """Names that a statement defines; None for one that may do anything else."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {node.name}
        case ast.Import() | ast.ImportFrom():
            names = {alias.asname or alias.name.partition(".")[0] for alias in node.names}
            return None if "*" in names else names
        case ast.Assign():
            return _names(node.targets)
        case ast.AnnAssign() | ast.AugAssign():
            return _names([node.target])
        case _:
            return None


def _names(targets: list[ast.expr]) -> set[str] | None:
    """Names that assignment targets are made of; None where one is a part of an object, which others may hold."""
    names: set[str] = set()
    for target in targets:
        if isinstance(target, ast.Tuple | ast.List):
            inner = _names(target.elts)
        else:
            inner = {target.id} if isinstance(target, ast.Name) else None
        if inner is None:
            return None
        names |= inner
    return names


@cache
def package_digest() -> str:
    """Digest (hex) of every source file and template of this package: what is computed from a run's files may change with it."""
    total = hashlib.sha256()
    for path in sorted(p for p in PACKAGE.rglob("*") if p.suffix in (".py", ".j2", ".css", ".txt")):
        total.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
