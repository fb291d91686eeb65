"""Can two arms' training texts be told apart? A bag-of-words classifier, cross-validated.

Where it does no better than chance the arms were trained on the same thing, and a contrast between them could not differ.
Does not know about runs, measures or verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from exante.stats.proportions import wilson

FOLDS = 5
MOST = 1000
"""Texts used per arm, evenly spaced: enough for a Wilson interval of ± 2 pp."""


def tell_apart(left: Sequence[str], right: Sequence[str]) -> tuple[float, float, float]:
    """Balanced accuracy in % of a classifier between two sets of texts, with its Wilson interval: (value, low, high).

    Copies of one text stay in one fold: otherwise shared texts would push the accuracy below chance, and repeated ones above.
    """
    texts = np.array([*_thinned(left), *_thinned(right)], dtype=object)
    labels = np.repeat([0, 1], [min(len(left), MOST), min(len(right), MOST)])
    groups = np.unique(texts.astype(str), return_inverse=True)[1]
    folds = min(FOLDS, *(len(np.unique(groups[labels == side])) for side in (0, 1)))
    guess = _by_lookup(groups, labels) if folds < 2 else _by_classifier(texts, labels, groups, folds)
    accuracy = float(balanced_accuracy_score(labels, guess))
    low, high = wilson(np.asarray(accuracy * len(labels)), np.asarray(float(len(labels))))
    return 100 * accuracy, 100 * float(low), 100 * float(high)


def _thinned(texts: Sequence[str]) -> list[str]:
    texts = sorted(texts)
    return texts if len(texts) <= MOST else [texts[int(k)] for k in np.linspace(0, len(texts) - 1, MOST)]


def _by_classifier(texts: np.ndarray, labels: np.ndarray, groups: np.ndarray, folds: int) -> np.ndarray:
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+"),
        LogisticRegression(C=10.0, max_iter=1000, class_weight="balanced"),
    )
    split = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    return np.asarray(cross_val_predict(model, texts, labels, groups=groups, cv=split))


def _by_lookup(groups: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """An arm with a single text leaves nothing to train on: guess the arm in which each text is commoner (ties: the first)."""
    share = [np.bincount(groups[labels == side], minlength=groups.max() + 1) / (labels == side).sum() for side in (0, 1)]
    return (share[1] > share[0]).astype(int)[groups]
