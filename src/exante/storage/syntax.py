"""What a module does, as a syntax tree: without docstrings, and a study file without what only `STUDY` uses.

Knows no files and runs nothing.
"""

from __future__ import annotations

import ast

PARTS = "exante.parts"
DYNAMIC = {"globals", "locals", "vars", "eval", "exec", "__import__", "importlib", "modules"}
"""A study file that uses one of these may reach a name without writing it, so all of it counts."""


def as_text(node: object) -> str:
    """A syntax tree as text that is the same in every version of Python: empty fields and those for tools are left out."""
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if name not in ("ctx", "kind", "type_comment"))
        return f"({type(node).__name__}{''.join(f' {n}={as_text(v)}' for n, v in fields if v is not None and v != [])})"
    return f"[{','.join(map(as_text, node))}]" if isinstance(node, list) else repr(node)


def without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return tree


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
