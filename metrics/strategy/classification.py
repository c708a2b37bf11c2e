"""Scores of classification, from counts: per-class F1, its means, preference bias, entropy of the predictions.

Orientation everywhere: rows are gold, columns are predicted. All functions take any number of leading axes, so that
a corpus and its thousand resamples go through the same lines.

F1 of every strategy and of every stage, from one confusion matrix: where a mean F1 comes from.
"""

from collections.abc import Sequence

import numpy as np

from corpus.strategy import Stage, Strategy, stage_of
from metrics.statistics.estimate import ratio

CLASSES = len(Strategy)
SWEEPS = 20  # EmoDynamiX: 20 sweeps of the fixed-point iteration
EPSILON = 1e-6  # EmoDynamiX: keeps two classes of preference 0 from dividing by zero


def strategy_labels(labels: Sequence[int] | np.ndarray, *, name: str) -> np.ndarray:
    """Checks labels: (N,) int64, each 0..7.

    Args:
        labels: (N,) whole numbers.
        name: What they are, for the error.

    Raises:
        ValueError: Not one-dimensional, not whole numbers, or out of range; names the first offending item, from 0.
    """
    array = np.asarray(labels)
    if array.ndim != 1:
        raise ValueError(f"got {name} labels of shape {array.shape}, expected one number for each item")
    if array.size == 0:
        return array.astype(np.int64)
    if not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"got {name} labels of type {array.dtype}, expected whole numbers")
    (wrong,) = np.nonzero((array < 0) | (array >= CLASSES))
    if wrong.size:
        raise ValueError(f"{name} label {array[wrong[0]]} of item {wrong[0]} is not in 0..{CLASSES - 1}")
    return array.astype(np.int64)


def class_f1(hits: np.ndarray, gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """F1 of every class: 2 hits / (gold + predicted).

    Args:
        hits: (..., 8) items of the class that were predicted as it (the diagonal).
        gold: (..., 8) items of the class (row sums).
        predicted: (..., 8) items predicted as the class (column sums).

    Returns:
        (..., 8), 0..1; a class that neither occurs nor is predicted scores 0 (scikit-learn: ``zero_division=0``).
    """
    return ratio(2.0 * hits, gold + predicted, empty=0.0)


def confusion_f1(confusion: np.ndarray) -> np.ndarray:
    """:func:`class_f1` of a confusion matrix (..., 8, 8): (..., 8), 0..1."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return class_f1(hits, confusion.sum(axis=-1), confusion.sum(axis=-2))


def preference_bias(confusion: np.ndarray) -> np.ndarray:
    """How unevenly a system prefers strategies, beyond what gold asks for: 0 = not at all, at most sqrt(7) = 2.65.

    Source: Kang et al. 2024 (arXiv 2402.13211, section 4), computed as EmoDynamiX does (Wan et al., NAACL 2025):
    a Bradley-Terry model in which predicting j for gold i is a win of j over i, solved by Newman's iteration. With
    C[i, j] = items of gold i predicted as j and all p at 1, 20 sweeps over i = 0..7, each using the p already
    renewed in the same sweep:

        p_i = sum_j C[j, i] p_j / (p_i + p_j + eps)  /  sum_j C[i, j] / (p_i + p_j + eps),    eps = 1e-6,

    j = i included; p is scaled to mean 1 after each sweep; the bias is the population standard deviation of p.

    A class without gold items has no lost comparison: its denominator is empty and no finite p would fit. It keeps the
    p it has, so it is neither called preferred nor shunned, and a perfect prediction has bias 0 whatever classes occur.

    Args:
        confusion: (..., 8, 8) counts, rows gold, columns predicted.

    Returns:
        (...,) float64.
    """
    counts = np.asarray(confusion, dtype=np.float64)
    preference = np.ones(counts.shape[:-1])  # (..., 8)
    for _ in range(SWEEPS):
        for i in range(CLASSES):
            closeness = 1.0 / (preference[..., i, None] + preference + EPSILON)  # (..., 8) over j
            wins = (counts[..., :, i] * preference * closeness).sum(axis=-1)
            losses = (counts[..., i, :] * closeness).sum(axis=-1)
            preference[..., i] = np.where(losses > 0, ratio(wins, losses, empty=0.0), preference[..., i])
        preference /= preference.mean(axis=-1, keepdims=True)
    return preference.std(axis=-1)


def entropy(counts: np.ndarray) -> np.ndarray:
    """Entropy of a distribution in bits: 0 = always the same class, 3 = all eight equally often.

    Args:
        counts: (..., 8) how often each class was predicted; without any prediction the entropy is 0.

    Returns:
        (...,) float64.
    """
    shares = ratio(counts, np.asarray(counts).sum(axis=-1, keepdims=True), empty=0.0)
    logarithms = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)  # 0 log 0 = 0
    return np.abs(-(shares * logarithms).sum(axis=-1))  # abs: -0.0 would print with its sign


STAGES = "liu2021-primary-gold-others-left-out"  # for signatures

STRATEGY_F1: tuple[str, ...] = tuple(f"f1_{strategy.name.lower()}" for strategy in Strategy)
STAGE_F1: tuple[str, ...] = tuple(f"f1_{stage.name.lower()}" for stage in Stage)

_MEMBERS = np.array([[stage_of(strategy) is stage for stage in Stage] for strategy in Strategy], dtype=np.float64)


def class_scores(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """F1 of the eight strategies and the three stages (:mod:`corpus.strategy`).

    A stage is the set of its strategies: Restatement for a gold Question is right. Items whose gold strategy is
    *Others* have no stage to find and are left out; *Others* predicted for an item that has a stage is a miss. A last
    row and column beyond the eight classes, where given, mean "no message here": such a prediction is a false alarm
    of its class and stage, such a gold message a miss.

    Args:
        confusion: (..., 8, 8) or (..., 9, 9) counts, rows gold, columns predicted.

    Returns:
        ``f1_question`` ... ``f1_others``, ``f1_exploration``, ``f1_comforting``, ``f1_action``, each (...,), 0..100;
        a class or stage that neither occurs nor is predicted scores 0, as in macro-F1.
    """
    of_gold = confusion[..., :CLASSES, :].sum(axis=-1)  # (..., 8)
    of_predicted = confusion[..., :, :CLASSES].sum(axis=-2)
    known = confusion[..., :CLASSES, :CLASSES]
    strategies = class_f1(np.diagonal(known, axis1=-2, axis2=-1), of_gold, of_predicted)
    judged = of_predicted - confusion[..., Strategy.OTHERS, :CLASSES]  # without the items whose gold is Others
    hits = ((_MEMBERS.T @ known) * _MEMBERS.T).sum(axis=-1)  # (..., 3): the stage's own block
    stages = ratio(2.0 * hits, of_gold @ _MEMBERS + judged @ _MEMBERS, empty=0.0)
    scores = np.concatenate([strategies, stages], axis=-1)
    return {name: 100.0 * scores[..., place] for place, name in enumerate((*STRATEGY_F1, *STAGE_F1))}
