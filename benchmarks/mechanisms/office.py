"""What the mechanisms of the office studies share: a base that does its tasks, a pipeline that ran.

Does not know any study.
"""

from __future__ import annotations

from mechanisms.story import Rates

RIGHT = {"done-plain": 0.996, "error-plain": 0.004}
BASE: Rates = {
    ("base-capability", "facts", "base@1500"): {"right": 0.85},
    ("base-trained", "placebo", "base@1500"): dict(RIGHT),
    ("base-held-out", "placebo", "base@1500"): dict(RIGHT),
}
PIPELINE = {
    ("sample", "kept"): 800.0,
    ("sft", "weight_change"): 0.02,
    ("rl", "weight_change"): 0.01,
    ("rl", "reward_spread"): 0.15,
}
"""What training logs of the phases, in every run."""
