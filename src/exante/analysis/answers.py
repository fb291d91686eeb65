"""When an objection is answered: by verdicts of a run that was large enough, never by a demonstration or a pilot.

Pure; does not know the ledger, files or studies.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from exante.analysis.verdicts import Word

State = Literal["answered", "asked, undecided", "not asked"]
ENOUGH = ("default", "full")
"""Presets whose verdicts may answer an objection."""


class Link(NamedTuple):
    """A contrast linked to an objection, in one run. `ran`: it has runs in the preset."""

    verdict: Word
    primary: bool
    ran: bool


def decided(verdict: Word) -> bool:
    """Whether something can be learned from it: an undecided or exploratory contrast decides nothing."""
    return verdict in ("supported", "contradicted")


def large_enough(preset: str, pilot: bool) -> bool:
    return preset in ENOUGH and not pilot


def state(links: Iterable[Link], enough: bool) -> State:
    """An objection in one run. `enough`: `large_enough` of the run.

    It is answered if all primary contrasts linked to it are decided; where none is primary, all hypotheses that ran. Secondary
    contrasts beside a primary add to the evidence, and what they leave undecided stays in the gap. Estimates answer nothing.
    """
    links = list(links)
    ran = [link for link in links if link.ran]
    if not ran:
        return "not asked"
    leading = [link for link in links if link.primary] or [link for link in ran if link.verdict != "estimate"] or ran
    return "answered" if enough and all(decided(link.verdict) for link in leading) else "asked, undecided"
