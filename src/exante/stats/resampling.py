"""Sign-flip test over items: do two conditions give the same outcome distribution on the same items?

The item is the unit. Samples of one item share its wording, so pooling them (a G test on the table of counts) mistakes the noise
of wordings for a difference. Does not know what the outcomes are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
EXACT = 13
"""Up to so many items all assignments of signs are gone through."""


def total_variation(difference_K: Array) -> Array:
    """Half the sum of absolute differences of shares, 0 to 1; outcomes on the last axis."""
    return np.abs(difference_K).sum(-1) / 2


def sign_flip(difference_IK: Array, flips: int = 9999, seed: int = 0) -> float:
    """p value, in (0, 1], of the total variation between two conditions: `difference_IK` holds, for each of I items, the share
    of each of K outcomes under the one minus that under the other.

    Under the null an item's two conditions might as well have changed places: all its differences change sign together. Exact
    for up to `EXACT` items, else (1 + hits) / (1 + flips) over random signs (Phipson and Smyth 2010). NaN without items.
    """
    items = len(difference_IK)
    if not items:
        return float("nan")
    observed = total_variation(difference_IK.mean(0))
    if items <= EXACT:
        signs_BI = 1 - 2 * ((np.arange(2**items)[:, None] >> np.arange(items)) & 1)
        return float(np.mean(_flipped(signs_BI, difference_IK) >= observed - 1e-12))
    signs_BI = np.random.default_rng(seed).choice((-1, 1), size=(flips, items))
    return float((1 + np.sum(_flipped(signs_BI, difference_IK) >= observed - 1e-12)) / (1 + flips))


def _flipped(signs_BI: NDArray[np.int64], difference_IK: Array) -> Array:
    return total_variation(signs_BI @ difference_IK / len(difference_IK))
