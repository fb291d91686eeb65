"""What `analyse` returns: the shape of verdicts.json, as frozen data. Full precision; rounding is the report's job.

Holds no path, host, clock time or worker count. Computes nothing.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import Field

from exante.measures import RunModel
from exante.parts import Frozen
from exante.study import Look
from exante.units import Region, Unit

Word = Literal["supported", "contradicted", "undecided", "exploratory", "estimate"]
"""`estimate`: no hypothesis was registered, so there is a 95 % interval and nothing to decide."""


class GateVerdict(Frozen):
    """One gate in one run, arm or contrast. `value` is in the unit of `threshold` (null: not measured). `blocks`: the contrasts
    that it makes undecided; `both_ends`: those in which a run that failed counts at both ends, left out where empty."""

    cell: str
    gate: str
    value: float | None
    threshold: str
    passed: bool
    blocks: tuple[str, ...]
    both_ends: tuple[str, ...] = Field(default=(), exclude_if=lambda names: not names)


class CellEstimate(Frozen):
    """The same contrast in one base variant (`base`) × model × behaviour, at the contrast's own level."""

    base: str
    model: str
    behaviour: str
    n_units: int
    estimate: float | None
    low: float | None
    high: float | None
    interaction: dict[str, float | None]
    """This cell minus the mean of the others: estimate, low, high."""


class LookEstimate(Frozen):
    """A primary at one look, whatever the sequence: its interval there, and where that lies or what makes it undecided."""

    bases: int
    level: float
    n_units: int
    estimate: float | None
    low: float | None
    high: float | None
    reason: str


class ContrastVerdict(Frozen):
    """One registered contrast. Numbers are in `unit`; null where there is none. `free` is the share of runs that could still
    behave otherwise if all n had agreed (95 %), `sentence` the same in words. `arm_mean` and `control_mean` are in the
    measure's own unit, `ungraded` is a share in [0, 1]. `sign_flip`: p value over items (`analysis.sign_flip`), left out where
    the measure is no distance, as `criteria` and `warnings` are where there are none. `warnings`: how the runs of a graded
    measure differ from what its pilots promised.

    Of a primary with several looks, `decided_at` is the number of bases of the look that decided it, whose numbers the entry has,
    and `looks` has every look so far. `in_part`: what made a later look undecided; the verdict stays. All are left out where
    empty."""

    id: str
    title: str
    arm: str
    control: str | None
    measure: str
    training: str
    behaviour: str | None
    model: str | None
    unit: Unit
    run_model: RunModel
    region: Region
    scope: str
    estimate: float | None
    low: float | None
    high: float | None
    level: float
    n_units: int
    n_arm: int
    n_control: int | None
    arm_mean: float | None
    control_mean: float | None
    ungraded: float | None
    verdict: Word
    reason: str
    primary: int | None
    exploratory: bool
    stamp: Literal["learned", "installed"]
    free: float | None
    sentence: str
    cells: tuple[CellEstimate, ...]
    objections: tuple[str, ...]
    sign_flip: float | None = Field(default=None, exclude_if=lambda p: p is None)
    criteria: tuple[str, ...] = Field(default=(), exclude_if=lambda named: not named)
    warnings: tuple[str, ...] = Field(default=(), exclude_if=lambda sentences: not sentences)
    decided_at: int | None = Field(default=None, exclude_if=lambda bases: bases is None)
    looks: tuple[LookEstimate, ...] = Field(default=(), exclude_if=lambda looks: not looks)
    in_part: str = Field(default="", exclude_if=lambda reason: not reason)


class RegionVerdict(Frozen):
    """A theory's prediction. `low`, `high` are the 96 % interval; `low_wide`, `high_wide` the 1 − .04/K one that contradicts.
    `forbids`: the share of the contrast's registered range outside the region."""

    contrast: str
    region: Region
    verdict: Word
    reason: str
    low: float | None
    high: float | None
    low_wide: float | None
    high_wide: float | None
    forbids: float


class TheoryVerdict(Frozen):
    """`forbids`: the share of all combinations of the contrasts' ranges that the theory rules out, 0 (says nothing) to 1."""

    id: str
    title: str
    verdict: Word
    reason: str
    forbids: float
    regions: tuple[RegionVerdict, ...]
    tied_with: tuple[str, ...]
    exploratory: bool


class Evidence(Frozen):
    study: str
    contrast: str
    estimate: float | None
    low: float | None
    high: float | None
    unit: Unit
    verdict: Word


class ClauseVerdict(Frozen):
    """A clause of a row of the ledger in this run (`analysis.clauses`). `why`: what leaves it open, or must be said of it."""

    id: str
    says: str
    state: Literal["decided", "open"]
    why: str


class ObjectionVerdict(Frozen):
    """`answered`: this run decides every clause; `answered in part`: some; `not asked`: no linked contrast has runs in this
    preset. `evidence` are all contrasts linked to the row."""

    id: str
    says: str
    state: Literal["answered", "answered in part", "asked, undecided", "not asked"]
    clauses: tuple[ClauseVerdict, ...] = ()
    evidence: tuple[Evidence, ...]
    gap: str


Count = float | tuple[float, float] | None


class MatchRow(Frozen):
    """What an arm was in fact trained on in one phase, over its runs: a number where they agree, else [lowest, highest].

    `training` is empty for the arm's own phases; null: the engine did not count it.
    """

    arm: str
    model: str
    behaviour: str
    training: str
    phase: str
    runs: int
    steps: Count
    examples: Count
    copies: Count
    tokens_prompt: Count
    tokens_scratchpad: Count
    tokens_answer: Count


class Verdicts(Frozen):
    """`bases`: how many were read; `looks`: those registered; `replaced`: base draws that failed a gate on bases."""

    study: str
    registration_sha256: str
    registered_before_data: bool
    preset: str
    pilot: bool
    bases: int
    looks: tuple[Look, ...]
    replaced: tuple[int, ...]
    gates: tuple[GateVerdict, ...]
    contrasts: tuple[ContrastVerdict, ...]
    theories: tuple[TheoryVerdict, ...]
    objections: tuple[ObjectionVerdict, ...]
    match_table: tuple[MatchRow, ...]
    provenance: dict[str, Any]

    def to_json(self) -> str:
        """Canonical text of verdicts.json: sorted keys, full precision, no NaN."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False) + "\n"

    def contrast(self, contrast_id: str) -> ContrastVerdict:
        return next(c for c in self.contrasts if c.id == contrast_id)

    def theory(self, theory_id: str) -> TheoryVerdict:
        return next(t for t in self.theories if t.id == theory_id)
