"""`scripted:NAME`: no model at all but planted answers, for tests of everything around an engine. It only samples."""

from __future__ import annotations

from exante.engines.base import Engine
from exante.profiles.base import Provider
from exante.profiles.hf import LORA_RECIPES
from exante.study import Profile


def _profile(name: str) -> Profile | None:
    if not name:
        return None
    return Profile(id=f"scripted:{name}", family="scripted", architecture=None, recipes=LORA_RECIPES, capabilities=("sample",))


def _sampler(name: str) -> Engine:
    from exante.engines.scripted import ScriptedEngine

    return ScriptedEngine.named(name)


PROVIDER = Provider(
    kind="scripted", names=("scripted:NAME",), profile=_profile, sampler=_sampler, code=("exante.engines.scripted",)
)
