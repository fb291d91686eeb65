"""A registration in its run directory: written once, with the study's own code beside it, and compared ever after.

Does not freeze or check a study; `registry/register.py` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from exante import studies
from exante.errors import UserError
from exante.planning.variants import adapt
from exante.registry import anchors
from exante.registry.seen import SeenStore
from exante.registry.stamps import stamps
from exante.storage import sources
from exante.storage.directory import RunDirectory
from exante.storage.files import write_atomic
from exante.storage.identity import digest
from exante.study import Registration, Study


def source_of(study: str) -> Path | None:
    """The study's own file, None for a shipped study."""
    return Path(study) if study.endswith(".py") else None


def adapted(
    study: str,
    models: Iterable[str],
    *,
    seeds: int | None = None,
    micro_batch: int | None = None,
    dtype: str | None = None,
) -> Study:
    """The study, on these models, with this number of seeds per base, or in less memory, where these are given."""
    loaded, models = studies.load(study), tuple(models)
    if not models and (seeds, micro_batch, dtype) == (None, None, None):
        return loaded
    return adapt(loaded, models=models, seeds=seeds, micro_batch=micro_batch, dtype=dtype)


def register_into(directory: RunDirectory, registration: Registration, source: Path | None) -> Registration:
    """Write a registration (and the study's own file) into a run directory, or check that it is the one already there.
    Returns the one that is there: an amendment is not its own study's."""
    directory.create()
    if directory.registration.exists():
        held = directory.load_registration()
        _check_same(directory, held, registration)
        _keep_source(directory, source)
        directory.record([directory.registration])  # its own hash and seal say that it is as it was
        return held
    stamped = stamps(registration)  # first: a damaged store of seen outcomes is named before anything is written
    _keep_source(directory, source)
    directory.save_registration(registration, stamped)
    if not registration.pilot:
        SeenStore().keep(registration)  # so that an amendment can name it
    return registration


def _check_same(directory: RunDirectory, held: Registration, registration: Registration) -> None:
    """Raises UserError where the directory's registration is not the one to be written."""
    if held.study.id == registration.study.id and held.sources != registration.sources:
        raise UserError(
            f"{directory.path} was registered with other code in the study's parts ({_differing(held, registration)});"
            " restore it (a copy is in the directory code), or choose another --out"
        )
    # By hash, not as objects: what is held was read back from JSON.
    if (digest(held.study), held.pilot) != (digest(registration.study), registration.pilot):
        raise UserError(
            f"{directory.path} holds registration {held.sha256[:12]} of {held.study.id!r}, not {registration.sha256[:12]};"
            " choose another --out, or run that study with the options it was registered with"
        )
    if registration.amends and (held.amends, held.amendment_note) != (registration.amends, registration.amendment_note):
        raise UserError(f"{directory.path} is registered already; register the amendment into another --out")


def _keep_source(directory: RunDirectory, source: Path | None) -> None:
    """The study's own file and the modules beside it, for those who want to run it again. Nothing imports the copies."""
    if source is not None and source.resolve().parent != directory.code.resolve():
        for name, file in sources.files_of(source).items():
            content, copy = file.read_bytes(), directory.code / name
            if not copy.exists() or copy.read_bytes() != content:
                write_atomic(copy, content)
    if directory.code.exists():
        directory.record(path for path in directory.code.rglob("*.py"))


def _differing(held: Registration, now: Registration) -> str:
    names = sorted(n for n in held.sources | now.sources if held.sources.get(n) != now.sources.get(n))
    return ", ".join("the study file" if name == studies.USER_MODULE else name for name in names)


def load_registered(directory: RunDirectory, source: Path | None = None) -> Registration:
    """The registration of a run directory. Parts that are not exante's own are available only if the user names the study's file,
    `source`; nothing in the directory is imported."""
    registration = directory.load_registration()
    if source is not None:
        studies.load_file(source, registration.sources)
    return registration


def record_anchor(directory: RunDirectory, commit: bool, token: Path | None) -> str:
    """Record the anchor that was asked for. Returns what it shows, in a sentence; "" where none was asked for."""
    if not commit and token is None:
        return ""
    anchor = anchors.commit_anchor(directory) if token is None else anchors.token_anchor(directory, token)
    if anchor is None:
        return f"none yet: commit {directory.registration} with git, then run the same command again"
    anchors.record(directory, anchor)
    return anchors.check(directory)
