"""plan.json: which preset of a registration a run directory holds. The tree of phases follows from the two."""

from __future__ import annotations

from pydantic import ValidationError

from exante.errors import UserError
from exante.parts import Frozen
from exante.storage.directory import RunDirectory
from exante.storage.files import FORMAT, read_json, write_json
from exante.study import Registration


class PlanFile(Frozen):
    """The preset that a run is of, and what its models leave out, in sentences."""

    registration_sha256: str
    study: str
    preset: str
    pilot: bool
    left_out: tuple[str, ...] = ()


def save_plan_file(directory: RunDirectory, plan: PlanFile) -> None:
    write_json(directory.plan, plan.model_dump(mode="json"))
    directory.record([directory.plan])


def load_plan_file(directory: RunDirectory, registration: Registration) -> PlanFile:
    """plan.json, checked against the registration. Raises UserError."""
    remedy = directory.remedy(directory.plan)
    raw = read_json(directory.plan, remedy, (FORMAT,))
    try:
        plan = PlanFile.model_validate(raw)
    except ValidationError as error:
        raise UserError(f"{directory.plan} is not a plan of this version of exante; {remedy}") from error
    expected = (registration.sha256, registration.study.id, registration.pilot)
    same = (plan.registration_sha256, plan.study, plan.pilot) == expected
    if not same or plan.preset not in registration.study.presets:
        raise UserError(f"{directory.plan} belongs to another registration; {remedy}")
    return plan
