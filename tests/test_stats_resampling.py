"""The sign-flip test against brute force and scipy, and what it is for: noise of wordings is not a difference.

scipy: `permutation_test((a,), mean, permutation_type="samples")` flips signs of one outcome's differences.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import chi2_contingency, permutation_test

from exante.stats.resampling import sign_flip, total_variation


def noisy(rng: np.random.Generator, items: int, samples: int, shift: float = 0.0, noise: float = 1.0) -> np.ndarray:
    """Counts (I, 2 conditions, 2 outcomes): each item × condition has a wording of its own, which moves its log-odds."""
    p = expit(rng.normal(0, noise, (items, 2)) + rng.normal(0, 0.5, (items, 1)) + np.array([0.0, shift]))
    hits = rng.binomial(samples, p)
    return np.stack([hits, samples - hits], axis=-1)


def p_sign_flip(counts: np.ndarray) -> float:
    shares = counts / counts.sum(-1, keepdims=True)
    return sign_flip(shares[:, 0] - shares[:, 1], flips=499)


def p_pooled(counts: np.ndarray) -> float:
    return float(chi2_contingency(counts.sum(0), correction=False, lambda_="log-likelihood").pvalue)  # type: ignore[attr-defined]


def scipy_s(d: np.ndarray, resamples: float) -> float:
    """p of the absolute mean of one outcome's differences."""
    test = permutation_test(
        (d,),
        lambda x, axis: np.abs(x.mean(axis)),
        permutation_type="samples",
        alternative="greater",
        n_resamples=resamples,
        rng=1,
    )
    return float(test.pvalue)


@pytest.mark.parametrize("seed", range(5))
def test_exact_is_what_brute_force_gives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d = rng.dirichlet(np.ones(3), 6) - rng.dirichlet(np.ones(3), 6)
    flipped = [[s * row for s, row in zip(signs, d, strict=True)] for signs in itertools.product((1, -1), repeat=6)]
    found = [abs(np.mean(rows, axis=0)).sum() / 2 for rows in flipped]
    observed = abs(d.mean(0)).sum() / 2
    assert sign_flip(d) == pytest.approx(np.mean([value >= observed - 1e-12 for value in found]))


def test_with_two_outcomes_it_is_scipy_s() -> None:
    rng = np.random.default_rng(3)
    d = rng.normal(0.15, 0.3, 10)
    theirs = scipy_s(d, np.inf)
    assert sign_flip(np.stack([d, -d], axis=-1)) == pytest.approx(theirs)


def test_random_signs_come_close_to_all_signs() -> None:
    rng = np.random.default_rng(4)
    d = rng.normal(0.1, 0.25, 20)
    theirs = scipy_s(d, 20000)
    assert sign_flip(np.stack([d, -d], axis=-1)) == pytest.approx(theirs, abs=0.01)


def test_noise_of_wordings_is_no_difference() -> None:
    """False positives at 5 % where only wordings differ: pooled samples find a difference in a third of studies."""
    rng = np.random.default_rng(5)
    studies = [noisy(rng, 20, 12) for _ in range(400)]
    ours, pooled = (np.mean([p(counts) <= 0.05 for counts in studies]) for p in (p_sign_flip, p_pooled))
    assert 0.02 <= ours <= 0.075
    assert pooled > 0.2


def test_a_difference_is_found() -> None:
    rng = np.random.default_rng(6)
    assert np.mean([p_sign_flip(noisy(rng, 40, 4, shift=1.5)) <= 0.05 for _ in range(100)]) > 0.9


def test_distances_and_nothing_at_all() -> None:
    assert total_variation(np.array([0.3, -0.2, -0.1])) == pytest.approx(0.3)
    assert sign_flip(np.zeros((0, 2))) != sign_flip(np.zeros((0, 2)))
    assert sign_flip(np.zeros((5, 2))) == 1.0
