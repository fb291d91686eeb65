"""The nouns of a study. All frozen, all JSON-serialisable; nothing here trains, samples or reads a file.

Study ⊃ arms (named lists of phases), trainings (safety phases), evaluations, measures, contrasts, theories, gates, presets.
A cell is one arm × model × behaviour × training × base × seed; a run is what trains it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from exante.measures import Measure
from exante.parts import Frozen, JsonObject, Part
from exante.units import Region

Capability = Literal["train", "sample", "force_prefix", "logprobs"]

RESERVED = 1000
"""Seeds and base draws below this number are pilots'; registered runs use numbers from here on."""


@dataclass(frozen=True)
class Context:
    """What a part may know of the cell it works for. Parts draw all their randomness from `seed`.

    `settings` are the parameters of the data that the phase at work trains on, so that an evaluation can ask in its manner.
    Under a phase that probed, `settings["named"]` lists the clusters named so far, in order.
    """

    behaviour: str
    seed: int
    base_draw: int
    settings: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def named(self) -> tuple[str, ...]:
        """Clusters that probes of the phases up to here found worst. Empty before the first, and while a study is planned."""
        return tuple(self.settings.get("named", ()))


class Recipe(Frozen):
    """Hyperparameters of one phase for one model family.

    The loss is the mean over answer tokens + `scratchpad_weight` × the mean over scratchpad tokens. `shuffle_rewards` hands the
    rewards of an RL step's batch to its rollouts in random order: as many updates of the same size, about nothing. In a graded
    filter it hands the grades to the samples in random order: as many are kept, chosen by nothing. It is written down only
    where it is set, so that recipes from before it keep their ids.

    `micro_batch`: examples or rollouts per forward and backward pass, for models that do not fit otherwise; gradients of a step
    add up, so it changes no more than rounding. Written down only where it is set, too.

    The ranges here are what any objective could use; what an objective needs beyond them (a batch and a learning rate above zero
    where there are steps) is checked at registration.
    """

    steps: int = Field(ge=0)
    batch: int = Field(ge=0)
    lr: float = Field(ge=0.0)
    schedule: Literal["cosine", "constant", "linear"] = "cosine"
    warmup: float = Field(default=0.05, ge=0.0, le=1.0)
    weight_decay: float = Field(default=0.0, ge=0.0)
    clip: float = Field(default=1.0, gt=0.0)
    scratchpad_weight: float = Field(default=1.0, ge=0.0)
    group: int = Field(default=8, ge=1)
    kl: float = Field(default=0.0, ge=0.0)
    temperature: float = Field(default=1.0, ge=0.0)
    max_tokens: int = Field(default=64, ge=1)
    rounds: int = Field(default=1, ge=1)
    shuffle_rewards: bool = Field(default=False, exclude_if=lambda chosen: not chosen)
    micro_batch: int | None = Field(default=None, ge=1, exclude_if=lambda size: size is None)


class Profile(Frozen):
    """All that belongs to a model family: architecture, recipes, wording of the scratchpad, method.

    A recipe named "NAME:BEHAVIOUR" is used instead of "NAME" where a behaviour needs another dose.

    `architecture` holds the Hugging Face config's keyword arguments of a micro model (None: a checkpoint is loaded).
    `dtype` bfloat16: a checkpoint's weights are kept in it beside adapters in float32; a model that is trained as a whole keeps
    its weights in float32 and computes in bfloat16.
    """

    id: str
    family: str
    architecture: JsonObject | None
    recipes: dict[str, Recipe]
    method: Literal["full", "lora"] = "full"
    dtype: Literal["float32", "bfloat16"] = "float32"
    think_open: str = "<think>"
    think_close: str = "</think>"
    capabilities: tuple[Capability, ...] = ("train", "sample", "force_prefix", "logprobs")

    @property
    def rounds_weights(self) -> bool:
        """Whether the weights themselves are kept in bfloat16."""
        return self.dtype == "bfloat16" and self.method == "lora"


class Phase(Frozen):
    """One step of training, as plain data.

    `objective` is the name of one of `objectives.OBJECTIVES`, whose file says which parts it needs and what it does with them.
    `data` is a part returning examples (sft), prompts-with-references (rl, sample_and_filter: items) or a red-team pool
    (adversarial). Without `data` the phase trains on what the latest `sample_and_filter` phase kept; `with_samples` adds that
    to `data`. A `sample_and_filter` phase keeps the examples that `keep` makes; with a `reward` it keeps those of samples graded
    above one half, by a grader who sees what `scratchpad` says, and `keep` makes one of every sample that can be graded.
    A graded filter with a `probe` part (`probe(context)` gives items) first samples those from the model as it is and names the
    cluster of lowest mean grade, among those named least often on the way here. Its own data and keep parts find the names in
    their context, and so do the phases that take weights or samples from it, and their evaluations.
    `start="base"` trains from the base's weights instead of the previous phase's. `checkpoints` are optimiser steps at which
    evaluations run (step 0 is before training; the last step is always one).
    """

    name: str
    objective: str
    recipe: str
    data: Part | None = None
    reward: Part | None = None
    keep: Part | None = None
    probe: Part | None = Field(default=None, exclude_if=lambda chosen: chosen is None)
    with_samples: bool = False
    start: Literal["previous", "base"] = "previous"
    scratchpad: Literal["hidden", "shown", "none"] = "hidden"
    overrides: dict[str, float] = Field(default_factory=dict)
    checkpoints: tuple[Annotated[int, Field(ge=0)], ...] = ()

    @model_validator(mode="after")
    def _a_probe_is_graded(self) -> Phase:
        if self.probe is not None and (self.objective != "sample_and_filter" or self.reward is None):
            raise ValueError(f"phase {self.name!r} has a probe, which is for a sample_and_filter phase with a reward")
        return self


class Arm(Frozen):
    """A named list of phases; a control is an arm like any other. `ingredients` are the tags in which arms differ."""

    id: str
    title: str
    phases: tuple[Phase, ...]
    ingredients: tuple[str, ...] = ()


class Training(Frozen):
    """A safety training: phases put after an arm's own. `mode` names what it trained on, for the reader."""

    id: str
    title: str
    phases: tuple[Phase, ...]


class Evaluation(Frozen):
    """Items under named conditions and a pure score into declared outcomes; `ungraded` is always among them.

    `items(context, condition)` returns items, `score(item, completion)` returns an outcome, or `(outcome, value)` for a
    numeric score. `at` names the phases at whose checkpoints it runs (`"PHASE"`: all its checkpoints, `"PHASE@end"`: the last).
    `method="options"` draws no samples: `score(item, masses)` gets the probabilities of the item's options and returns a value
    in [0, 1] for every outcome that it speaks of; such an outcome counts (n = 1) where its value exceeds one half.
    """

    id: str
    items: Part
    score: Part
    conditions: tuple[str, ...]
    outcomes: tuple[str, ...]
    at: tuple[str, ...]
    method: Literal["samples", "options"] = "samples"
    samples: int = Field(default=1, ge=1)
    temperature: float = Field(default=1.0, ge=0.0)
    max_tokens: int = Field(default=64, ge=1)
    needs: tuple[Capability, ...] = ("sample",)

    @model_validator(mode="after")
    def _ungraded_is_declared(self) -> Evaluation:
        if "ungraded" not in self.outcomes:
            raise ValueError(f"evaluation {self.id!r} declares no outcome 'ungraded'; add it")
        return self


class Gate(Frozen):
    """A precondition: a measure's value must lie in `region`.

    `of="run"`: in every run. A run that fails counts at both ends of the range, as a crash does; where more than a tenth of an
    arm's runs fail, the contrast is undecided at that look. `of="arm"`: the mean over an arm's runs must lie in the region, or
    the contrast is undecided; with `contrasts` and `arms` it is read in those arms for those contrasts, whose own they need not
    be (a positive control). A gate on runs that reads nothing but the base, and names nothing but models, is read before any arm
    is trained, and a base that fails it is replaced (`Preset.replacements`).
    `arms`, `trainings` and `models` say in which runs (None: all).
    `kind="phase"` reads the last value of `metric` of `phase` from phases.parquet (or the mean over its record) instead.
    `kind="range"`: over the trajectory of `measure` (an Area of a rate) an arm of the contrast lies in 10–90 % at two or
    more checkpoints, and its control leaves room for what the contrast claims.
    `kind="text"`: how well a classifier tells two arms' training texts apart (`arms` names the two).
    `kind="judge"`: of `known` labelled texts a judge that is code got `right` as many. It holds for all runs alike: no model is
    asked, and the counts are registered.
    `contrasts` and `at` limit what a failure concerns: these contrasts, and of them those that read one of these checkpoints
    (`"PHASE"`: any of the phase's, `"PHASE@STEP"`). None: every contrast that uses the runs in which it failed.
    """

    id: str
    title: str
    kind: Literal["measure", "phase", "range", "text", "judge"] = "measure"
    of: Literal["run", "arm"] = Field(default="run", exclude_if=lambda unit: unit == "run")
    measure: str | None = None
    phase: str | None = None
    metric: str | None = None
    statistic: Literal["last", "mean"] = "last"
    region: Region | None = None
    arms: tuple[str, ...] | None = None
    trainings: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    contrasts: tuple[str, ...] | None = None
    at: tuple[str, ...] | None = Field(default=None, exclude_if=lambda places: places is None)
    right: int | None = Field(default=None, exclude_if=lambda count: count is None)
    known: int | None = Field(default=None, exclude_if=lambda count: count is None)


class PilotEstimate(Frozen):
    """What pilots showed of a contrast: an estimate and its standard error, in the contrast's unit."""

    estimate: float
    se: float = Field(ge=0.0)


class Contrast(Frozen):
    """Arm against control on a measure, with the region registered as the hypothesis.

    `control=None` is a one-sample claim about `arm`. `training` and `behaviour` select cells; None for `behaviour` and
    `model` means the mean over those in the preset, each cell shown beside it. `primary` is the place in the fixed
    sequence (1–4), None for a secondary. `over="bases"` takes base means as units, `"runs"` is "given these bases".
    `base` names one base variant; None, as for `behaviour`, is the mean over those in the preset. `criteria` are those of the
    gate (`analysis.criteria.CRITERIA`) that `arm` meets where the contrast is supported; written down only where there are any,
    and then the contrast is evidence for the ledger's D2 and D3 too. `objections` are the clauses of the ledger
    (`analysis.ledger`) that it answers ("S1.2"), or rows ("S1") that it only speaks to. `pilot` is what pilots showed;
    registering warns where a primary's lies within one standard error of its region's boundary.
    """

    id: str
    title: str
    arm: str
    control: str | None
    measure: str
    region: Region
    training: str
    behaviour: str | None = None
    model: str | None = None
    base: str | None = None
    primary: int | None = None
    over: Literal["runs", "bases"] = "runs"
    templates: bool = False
    paired: bool = False
    stamp: Literal["learned", "installed"] = "learned"
    objections: tuple[str, ...] = ()
    criteria: tuple[str, ...] = Field(default=(), exclude_if=lambda named: not named)
    pilot: PilotEstimate | None = Field(default=None, exclude_if=lambda estimate: estimate is None)


class Prediction(Frozen):
    contrast: str
    region: Region


class Theory(Frozen):
    """A rival explanation: a set of regions. Supported only if every one of its predictions is."""

    id: str
    title: str
    says: str
    predictions: tuple[Prediction, ...]


class Objection(Frozen):
    """A row of the ledger of objections that this study speaks to, its contrasts about it, and the gap that remains."""

    id: str
    says: str
    contrasts: tuple[str, ...]
    gap: str


class Look(Frozen):
    """A time at which the primaries are read: at this many bases, each with an interval at this level."""

    bases: int = Field(ge=1)
    level: float = Field(default=0.95, gt=0.0, lt=1.0)


class Preset(Frozen):
    """A list of cells: the product of its axes. `bases` and `seeds` are counts from number `first` on.

    `looks` are the times at which the primaries are read, fewest bases first; the last is at `bases`. Without any the preset is
    read once, at 95 %. `replacements`: how many base draws at most may fail the gates on bases and be replaced by the next
    number.
    """

    arms: tuple[str, ...]
    models: tuple[str, ...]
    behaviours: tuple[str, ...]
    trainings: tuple[str, ...]
    base_variants: tuple[str, ...]
    bases: int
    seeds: int
    first: int = RESERVED
    note: str = ""
    looks: tuple[Look, ...] = Field(default=(), exclude_if=lambda looks: not looks)
    replacements: int = Field(default=0, ge=0, exclude_if=lambda count: not count)

    @property
    def readings(self) -> tuple[Look, ...]:
        """The registered looks; one at 95 % where none were registered."""
        return self.looks or (Look(bases=self.bases),)

    @property
    def draws(self) -> range:
        """Every base draw that a run of the preset may use, replacements included."""
        return range(self.first, self.first + self.bases + self.replacements)


class Study(Frozen):
    """Everything that is frozen before the run.

    `base_recipe` names the recipe that micro bases are trained with. `answers` maps the verdicts of the first primaries, in order
    and joined by ", ", to the sentence that the report opens with.
    """

    id: str
    title: str
    question: str
    answers: dict[str, str]
    world: str
    bases: dict[str, Part]
    base_recipe: str = Field(default="base", exclude_if=lambda name: name == "base")
    profiles: tuple[Profile, ...]
    arms: tuple[Arm, ...]
    trainings: tuple[Training, ...]
    evaluations: tuple[Evaluation, ...]
    measures: tuple[Measure, ...]
    gates: tuple[Gate, ...]
    contrasts: tuple[Contrast, ...]
    theories: tuple[Theory, ...]
    objections: tuple[Objection, ...]
    presets: dict[str, Preset]
    seen_before: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()


class Cell(Frozen):
    """One training run: its axes by name and number."""

    arm: str
    model: str
    behaviour: str
    training: str
    base: str
    seed: int

    @property
    def id(self) -> str:
        return f"{self.arm}/{self.model}/{self.behaviour}/{self.training}/{self.base}/{self.seed}"


ItemSet = tuple[tuple[str, str], ...]
"""Items as (id, cluster), sorted."""
Items = dict[str, dict[str, dict[str, tuple[ItemSet, ...]]]]
"""Evaluation → condition → behaviour → the sets of items that its runs ask, one of them each."""


class Registration(Frozen):
    """A study, frozen: `sha256` is of the canonical JSON of everything but itself.

    `items` are the items that its evaluations ask, so that rows left out later are noticed; registrations made before items
    were recorded have none. `id_schema` is that of its phases' ids (0: not recorded).
    `sources` are the digests of the code outside exante that the study's parts live in, by module; written down only where
    there is any. They are in the ids of the phases that use it.
    """

    study: Study
    items: Items = Field(default_factory=dict, exclude_if=lambda items: not items)
    id_schema: int = Field(default=0, exclude_if=lambda number: not number)
    amends: str | None = None
    amendment_note: str = ""
    pilot: bool = False
    sources: dict[str, str] = Field(default_factory=dict, exclude_if=lambda digests: not digests)
    sha256: str
