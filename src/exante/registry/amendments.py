"""Amendments: which registration an amendment names."""

from __future__ import annotations

import re
from pathlib import Path

from exante.errors import UserError
from exante.registry.seen import SeenStore
from exante.storage.directory import RunDirectory
from exante.storage.files import read_json
from exante.storage.identity import intact
from exante.study import Registration


def amended_sha256(named: str, directory: RunDirectory, seen: SeenStore | None = None) -> str:
    """The sha256 of the registration that `--amends` names: by a sha256 that this cache or the directory holds, or by the path of
    a registration.json. Raises UserError for any other."""
    if Path(named).is_file():
        return _sha256_in(Path(named))
    if not re.fullmatch("[0-9a-f]{64}", named):
        raise UserError(
            f"--amends {named!r} is not a registration; give the 64 hex digits that 'exante register' printed, or the path of its"
            " registration.json"
        )
    held = directory.load_registration().sha256 if directory.registration.exists() else None
    if named != held and (seen or SeenStore()).registration(named) is None:
        raise UserError(
            f"no registration {named[:12]}… has run with this cache; give the path of its registration.json to --amends instead"
        )
    return named


def _sha256_in(path: Path) -> str:
    try:
        registration = Registration.model_validate(read_json(path, "give the path of a registration.json")["registration"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} holds no registration of this version of exante; give the path of another") from error
    if not intact(registration):
        raise UserError(f"{path} was edited after it was registered (its sha256 differs); restore it")
    return registration.sha256
