"""When a verdict may answer an objection: it is decided, and its run was large enough, no demonstration and no pilot.

Pure; does not know the ledger, files or studies.
"""

from __future__ import annotations

from typing import Literal

from exante.analysis.verdicts import Word

State = Literal["answered", "answered in part", "asked, undecided", "not asked"]
ENOUGH = ("default", "full")
"""Presets whose verdicts may answer an objection."""


def decided(verdict: Word) -> bool:
    """Whether something can be learned from it: an undecided or exploratory contrast decides nothing."""
    return verdict in ("supported", "contradicted")


def large_enough(preset: str, pilot: bool) -> bool:
    return preset in ENOUGH and not pilot
