"""Parts: versioned functions that a study names as plain data.

A part is an ordinary function with an integer version. `bind` turns it, with its parameters, into a `Part`: a frozen,
JSON-serialisable reference. Does not know what a part computes.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any, Generic, ParamSpec, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from exante.errors import BadData, UserError

OWN = "exante"
"""The package whose modules a part may be imported from."""

P = ParamSpec("P")
R = TypeVar("R")
Made = TypeVar("Made")


class Frozen(BaseModel):
    """Base of everything that goes into a registration."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _as_json(value: dict[str, Any]) -> dict[str, Any]:
    """The value as it is read back from its JSON (tuples become lists), so that a registration equals its copy on disk."""
    try:
        read = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"it cannot be written as JSON ({error}); use numbers, texts, lists and dictionaries") from error
    if _keys(read) != _keys(value):
        raise ValueError("a dictionary in it has keys that are not text; JSON turns them into text, so write them as text")
    return read


def _keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _keys(item) for key, item in value.items()}
    return [_keys(item) for item in value] if isinstance(value, list | tuple) else None


JsonObject = Annotated[dict[str, Any], AfterValidator(_as_json)]
"""A dictionary that equals what is read back from its JSON."""


class Part(Frozen):
    """A function by import path (`package.module:name`), its version and its keyword parameters."""

    target: str
    version: int
    params: JsonObject = {}

    def load(self) -> Callable[..., Any]:
        """The function, with the parameters applied. The caller passes the positional context.

        Imports modules of exante only, since a registration may be a stranger's. A user's part is available only if this process
        has already imported the study file.
        """
        module_name, _, name = self.target.partition(":")
        try:
            function = vars(self._module(module_name))[name]
        except (ImportError, KeyError) as error:
            raise UserError(f"the part {self.target} does not exist any more; restore it or register the study again") from error
        if not isinstance(function, PartFunction):
            raise UserError(f"{self.target} is not a part, so it is not called; declare it with @part, or name another function")
        if function.version != self.version:
            raise UserError(
                f"the part {self.target} is now version {function.version}, but version {self.version} was registered;"
                " register the study again or check out the older code"
            )
        return functools.partial(function, **self.params)

    def _module(self, name: str) -> ModuleType:
        if name == OWN or name.startswith(f"{OWN}."):
            return importlib.import_module(name)
        if name not in sys.modules:
            raise UserError(
                f"the part {self.target} is not exante's own, and exante imports nothing that a run's files name;"
                " name its study's file on the command line (exante run FILE.py, exante plan DIR --study FILE.py)"
            )
        return sys.modules[name]


@dataclass(frozen=True)
class PartFunction(Generic[P, R]):
    """A versioned function. Calling it calls the function; `bind` makes the serialisable reference."""

    function: Callable[P, R]
    version: int

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def bind(self, **params: Any) -> Part:
        """Reference with keyword parameters. Raises UserError for a parameter that the function does not take."""
        accepted = inspect.signature(self.function).parameters
        for name in params:
            if name not in accepted:
                raise UserError(f"{self.function.__qualname__} takes no parameter {name!r}; it takes {', '.join(accepted)}")
        return Part(target=f"{self.function.__module__}:{self.function.__qualname__}", version=self.version, params=params)


def part(version: int) -> Callable[[Callable[P, R]], PartFunction[P, R]]:
    """Decorator: declare a function to be a part. Raise `version` whenever its output changes."""
    return lambda function: PartFunction(function, version)


def checked(made: Any, kind: type[Made], part: Part, where: str) -> list[Made]:
    """`made` as a list of at least one `kind`. Raises BadData for anything else."""
    if not isinstance(made, list | tuple):
        raise BadData(f"{where}: its part {part.target} returned {type(made).__name__}; it must return a list of {kind.__name__}")
    if not made:
        raise BadData(f"{where}: its part {part.target} returned nothing; it must return at least one {kind.__name__}")
    wrong = next((item for item in made if not isinstance(item, kind)), None)
    if wrong is not None:
        raise BadData(
            f"{where}: its part {part.target} returned {type(wrong).__name__} in its list, which must hold {kind.__name__}"
        )
    return list(made)
