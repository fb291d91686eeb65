"""plan.json: which preset of a registration a run directory holds. The tree of phases follows from the two."""

from __future__ import annotations

from pydantic import ValidationError

from exante.errors import UserError
from exante.parts import Frozen
from exante.storage.directory import RunDirectory
from exante.storage.files import FORMAT, read_json, write_json
from exante.study import Registration


class Chosen(Frozen):
    """plan.json: which of the registration's presets a run is of, and what its models cannot do, in words."""

    registration_sha256: str
    study: str
    preset: str
    pilot: bool
    left_out: tuple[str, ...] = ()


def save_chosen(directory: RunDirectory, chosen: Chosen) -> None:
    write_json(directory.plan, chosen.model_dump(mode="json"))
    directory.record([directory.plan])


def load_chosen(directory: RunDirectory, registration: Registration) -> Chosen:
    """plan.json, checked against the registration. Raises UserError."""
    remedy = directory.remedy(directory.plan)
    raw = read_json(directory.plan, remedy, (FORMAT,))
    try:
        chosen = Chosen.model_validate(raw)
    except ValidationError as error:
        raise UserError(f"{directory.plan} is not a plan of this version of exante; {remedy}") from error
    mine = (registration.sha256, registration.study.id, registration.pilot)
    same = (chosen.registration_sha256, chosen.study, chosen.pilot) == mine
    if not same or chosen.preset not in registration.study.presets:
        raise UserError(f"{directory.plan} belongs to another registration; {remedy}")
    return chosen
