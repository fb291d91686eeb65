"""The answer of a run in one sentence: what the study registered for the verdicts of its primaries.

Does not know where it is shown: the page opens with it, and so does what a run prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exante.study import Study

FALLBACK = {
    "supported": "The registered hypothesis is supported.",
    "contradicted": "The registered hypothesis is contradicted.",
    "undecided": "This run does not decide the question.",
    "exploratory": "These results are exploratory: they can neither support nor contradict the hypothesis.",
    "estimate": "No hypothesis was registered: these are estimates with their intervals.",
}
NOT_REACHED = "The question was not reached: something it depends on failed, or an earlier question was left undecided."


def answer(study: Study, primaries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The sentence registered for the primaries' verdicts (in their order), and the first of them: `verdict, sentence, row`.

    The longest registered key that the sequence of verdicts begins with counts: "supported, contradicted" before "supported".
    """
    if not primaries:
        return {"verdict": "exploratory", "sentence": FALLBACK["exploratory"], "row": None}
    first = primaries[0]
    verdict = str(first["verdict"])
    sequence = [str(row["verdict"]) for row in primaries]
    keys = [", ".join(sequence[:count]) for count in range(len(sequence), 0, -1)]
    registered = next((study.answers[key] for key in keys if key in study.answers), None)
    sentence = registered or FALLBACK.get(verdict, FALLBACK["undecided"])
    if first["low"] is None and verdict == "undecided":
        sentence = f"{sentence} {NOT_REACHED}"
    return {"verdict": verdict, "sentence": sentence, "row": first}
