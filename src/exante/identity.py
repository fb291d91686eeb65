"""Identity: canonical JSON, content hashes, phase ids, and digests of the code that parts are made of.

Knows nothing of directories or of how phases run. Changing what goes into an id means raising `ID_SCHEMA`.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from exante.errors import UserError
from exante.parts import Part
from exante.study import Context, Evaluation, Phase, Profile, Recipe

ID_SCHEMA = 2


def canonical(value: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, models dumped in JSON mode."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """sha256 (hex, 64 characters) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def recipe_of(phase: Phase, profile: Profile, behaviour: str = "") -> Recipe:
    """The profile's recipe for a phase (its "RECIPE:BEHAVIOUR" if there is one) with the phase's overrides applied."""
    recipe = profile.recipes.get(f"{phase.recipe}:{behaviour}", profile.recipes[phase.recipe])
    return Recipe.model_validate(recipe.model_dump() | phase.overrides) if phase.overrides else recipe


@cache
def weights_digest(model: str) -> str:
    """Digest of an outside checkpoint's weights, `model` being `hf:PATH` (names and contents of its safetensors files)."""
    kind, _, path = model.partition(":")
    if kind != "hf":
        return model
    if not Path(path, "config.json").is_file():
        raise UserError(
            f"{path} is not a model directory (no config.json in it); name the directory of a saved Hugging Face model"
        )
    files = sorted(Path(path).glob("*.safetensors"))
    if not files:
        raise UserError(f"{path} holds no safetensors weights, and exante loads nothing else; convert it with save_pretrained")
    found = hashlib.sha256()
    for file in files:
        with open(file, "rb") as stream:
            found.update(file.name.encode() + hashlib.file_digest(stream, "sha256").digest())
    return found.hexdigest()


def _part(part: Part | None) -> dict[str, Any] | None:
    return None if part is None else part.model_dump(mode="json")


def declared(phase: Phase, profile: Profile, behaviour: str, weights: str | None = None) -> str:
    """Digest of what a phase declares: its fields but name and checkpoints (neither changes what is trained), and its model's.

    `weights` is the digest of an outside checkpoint. A probe counts where there is one.
    """
    probe = {} if phase.probe is None else {"probe": _part(phase.probe)}
    return digest(
        {
            "schema": ID_SCHEMA,
            "objective": phase.objective,
            "recipe": recipe_of(phase, profile, behaviour).model_dump(mode="json"),
            "data": _part(phase.data),
            "reward": _part(phase.reward),
            "keep": _part(phase.keep),
            "with_samples": phase.with_samples,
            "scratchpad": phase.scratchpad,
            "model": profile.model_dump(mode="json", include={"architecture", "method", "dtype", "think_open", "think_close"}),
            "weights": weights,
        }
        | probe
    )


def phase_id(declared: str, context: Context, parents: tuple[str | None, ...]) -> str:
    """Id (32 hex digits) of a phase: what it declares, whose seed and base it has, and the phases that give weights and data."""
    return digest([declared, context.behaviour, context.seed, context.base_draw, *parents])[:32]


def evaluation_id(evaluation: Evaluation) -> str:
    """Id (16 hex digits) of an evaluation: items, score, conditions and sampling; not its name or where it is applied."""
    return digest(evaluation.model_dump(mode="json", exclude={"id", "at", "needs"}))[:16]


def _strip_docstrings(tree: ast.AST) -> ast.AST:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return tree


def _source_of(module: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


# The parts and the engines compute what a phase holds; everything else of the package only carries it about.
_COMPUTING = ("exante.worlds", "exante.organisms", "exante.trainings", "exante.evaluations", "exante.engines", "exante.text")


@cache
def syntax_digests(module: str) -> dict[str, str]:
    """Digest of the syntax tree (comments and docstrings aside) of `module` and of every computing module it imports."""
    found: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = None if name in found else _source_of(name)
        if path is None:
            continue
        tree = ast.parse(path.read_bytes())
        waiting += [name for name in _imported(tree) if name.startswith(_COMPUTING)]
        found[name] = hashlib.sha256(ast.dump(_strip_docstrings(tree)).encode()).hexdigest()[:16]
    return found


def _imported(tree: ast.AST) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names += [node.module] + [
                f"{node.module}.{alias.name}" for alias in node.names if _is_module(node.module, alias.name)
            ]
    return names


def _is_module(package: str, name: str) -> bool:
    if not package.startswith("exante"):
        return False
    try:
        return importlib.util.find_spec(f"{package}.{name}") is not None
    except ModuleNotFoundError:
        return False


def code_digests(parts: tuple[Part | None, ...]) -> dict[str, str]:
    """Digests of all code that the given parts and the engines run on, and the versions of the libraries that train."""
    found = dict(syntax_digests("exante.engines.local"))
    for part in parts:
        if part is not None:
            found |= syntax_digests(part.target.partition(":")[0])
    for library in ("torch", "transformers", "tokenizers", "numpy"):
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "absent"
    return found
