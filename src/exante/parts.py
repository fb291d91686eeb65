"""Parts: versioned functions that a study names as plain data.

A part is an ordinary function with an integer version. `bind` turns it, with its parameters, into a `Part`: a frozen,
JSON-serialisable reference. Does not know what a part computes.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, ParamSpec, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from exante.errors import UserError

P = ParamSpec("P")
R = TypeVar("R")


class Frozen(BaseModel):
    """Base of everything that goes into a registration."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _as_json(value: dict[str, Any]) -> dict[str, Any]:
    """The value as it is read back from its JSON: tuples become lists, so that what is frozen equals what was."""
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
        """The function, with the parameters applied. The caller passes the positional context."""
        module_name, _, name = self.target.partition(":")
        try:
            function = getattr(importlib.import_module(module_name), name)
        except (ImportError, AttributeError) as error:
            raise UserError(
                f"the part {self.target} cannot be imported ({error}); install or restore the module it lives in"
            ) from error
        if function.version != self.version:
            raise UserError(
                f"the part {self.target} is now version {function.version}, but version {self.version} was registered;"
                " register the study again or check out the older code"
            )
        return functools.partial(function, **self.params)


@dataclass(frozen=True)
class PartFunction(Generic[P, R]):
    """A versioned function. Calling it calls the function; `bind` makes the serialisable reference."""

    function: Callable[P, R]
    version: int

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def bind(self, **params: Any) -> Part:
        """Reference with keyword parameters. Raises UserError for a parameter that the function does not take."""
        known = inspect.signature(self.function).parameters
        for name in params:
            if name not in known:
                raise UserError(f"{self.function.__qualname__} takes no parameter {name!r}; it takes {', '.join(known)}")
        return Part(target=f"{self.function.__module__}:{self.function.__qualname__}", version=self.version, params=params)


def part(version: int) -> Callable[[Callable[P, R]], PartFunction[P, R]]:
    """Decorator: declare a function to be a part. Raise `version` whenever its output changes."""
    return lambda function: PartFunction(function, version)
