"""plan.json: which preset of a registration a run directory holds, and how much of it. The tree of phases follows from them."""

from __future__ import annotations

from pydantic import ValidationError

from exante.errors import UserError
from exante.parts import Frozen
from exante.planning.tree import Size, draws_of
from exante.storage.directory import RunDirectory
from exante.storage.files import FORMAT, read_json, write_json
from exante.study import Preset, Registration


class PlanFile(Frozen):
    """The preset that a run is of, and what its models leave out, in sentences.

    `bases`: how many bases are read (None in files from before looks: all). `replaced`: the base draws that failed the gates on
    bases, in order.
    """

    registration_sha256: str
    study: str
    preset: str
    pilot: bool
    bases: int | None = None
    replaced: tuple[int, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def size(self) -> Size:
        return Size(self.bases, self.replaced)


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
    _check_size(directory, plan, registration.study.presets[plan.preset], registration.pilot)
    return plan


def _check_size(directory: RunDirectory, plan: PlanFile, preset: Preset, pilot: bool) -> None:
    """Raises UserError for a number of bases that is no registered look, or replacements that were not registered."""
    looks = [look.bases for look in preset.readings]
    draws = draws_of(preset, pilot, plan.size)
    in_order = list(plan.replaced) == sorted({draw for draw in plan.replaced if draw in draws})
    if plan.bases not in (None, *looks) or not in_order or len(plan.replaced) > preset.replacements:
        raise UserError(
            f"{directory.plan} has {plan.bases} bases and replaces {list(plan.replaced)}, which is not registered:"
            f" looks are at {', '.join(map(str, looks))} bases, and at most {preset.replacements} may be replaced;"
            f" {directory.remedy(directory.plan)}"
        )
