"""Scores of one confusion matrix: accuracy, F1 of strategies and stages, preference bias, entropy of the predictions.

Rows are gold, columns are predicted. All functions take any number of leading axes, so that a corpus and its thousand
resamples go through the same lines.
"""

from collections.abc import Callable, Sequence
from itertools import zip_longest

import numpy as np

from corpus.strategy import Stage, Strategy, stage_of
from metrics.metric import Metric
from metrics.statistics.estimate import ratio

CLASSES = len(Strategy)
SWEEPS = 20  # EmoDynamiX: 20 sweeps of the fixed-point iteration
_MISSING = CLASSES  # the ninth row and column: "no message here"
_SIDE = CLASSES + 1
EPSILON = 1e-6  # EmoDynamiX: keeps two classes of preference 0 from dividing by zero


def strategy_labels(labels: Sequence[int] | np.ndarray, *, name: str) -> np.ndarray:
    """Checks labels: (N,) int64, each 0..7.

    Raises:
        ValueError: Not one-dimensional, not whole numbers, or out of range; says ``name`` and the first item, from 0.
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


def confusion_f1(confusion: np.ndarray) -> np.ndarray:
    """F1 of every class.

    Args:
        confusion: (..., 8, 8) or (..., 9, 9) counts, rows gold, columns predicted; the ninth means "no message here":
            such a prediction is a false alarm of its class, such a gold message a miss.

    Returns:
        (..., 8), 0..1; a class that neither occurs nor is predicted scores 0 (scikit-learn: ``zero_division=0``).
    """
    known = confusion[..., :CLASSES, :CLASSES]
    gold, predicted = confusion[..., :CLASSES, :].sum(axis=-1), confusion[..., :, :CLASSES].sum(axis=-2)
    return ratio(2.0 * np.diagonal(known, axis1=-2, axis2=-1), gold + predicted, empty=0.0)


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

_OF_STAGE = np.array([[stage_of(strategy) is stage for stage in Stage] for strategy in Strategy], dtype=np.float64)


def stage_f1(confusion: np.ndarray) -> np.ndarray:
    """F1 of the three stages (:mod:`corpus.strategy`), each the set of its strategies.

    Restatement for a gold Question is right: both explore. Items whose gold strategy is *Others* have no stage to find
    and are left out; *Others* predicted for an item that has a stage is a miss.

    Args:
        confusion: As for :func:`confusion_f1`.

    Returns:
        (..., 3), 0..1; a stage that neither occurs nor is predicted scores 0.
    """
    known = confusion[..., :CLASSES, :CLASSES]
    gold = confusion[..., :CLASSES, :].sum(axis=-1)
    predicted = confusion[..., :, :CLASSES].sum(axis=-2) - confusion[..., Strategy.OTHERS, :CLASSES]
    hits = ((_OF_STAGE.T @ known) * _OF_STAGE.T).sum(axis=-1)  # (..., 3): the stage's own block
    return ratio(2.0 * hits, gold @ _OF_STAGE + predicted @ _OF_STAGE, empty=0.0)


def slot_confusion(gold: tuple[int, ...], predicted: tuple[int, ...]) -> list[int]:
    """Slot k of the gold plan beside slot k of the predicted one, as a 9 x 9 confusion, flat.

    The ninth row and column mean "no message here". A message is a plan of one strategy.
    """
    cells = [0] * _SIDE**2
    for row, column in zip_longest(gold, predicted, fillvalue=_MISSING):
        cells[row * _SIDE + column] += 1
    return cells


def _of_confusion(score: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The formula of a score of confusion matrices (R, 9, 9)."""
    return lambda sums, _: score(sums.reshape(-1, _SIDE, _SIDE))


def _accuracy(confusion: np.ndarray) -> np.ndarray:
    return 100.0 * ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum(axis=(-2, -1)), empty=np.nan)


def _weighted_f1(confusion: np.ndarray) -> np.ndarray:
    gold = confusion[..., :CLASSES, :].sum(axis=-1)
    return 100.0 * ratio((confusion_f1(confusion) * gold).sum(axis=-1), gold.sum(axis=-1), empty=np.nan)


def _one_of(scores: Callable[[np.ndarray], np.ndarray], place: int) -> Callable[[np.ndarray], np.ndarray]:
    """One of the scores of each confusion matrix, in percent."""
    return lambda confusion: 100.0 * scores(confusion)[..., place]


def _metric(
    name: str,
    label: str,
    meaning: str,
    score: Callable[[np.ndarray], np.ndarray],
    *,
    better: str = "higher",
    decimals: int = 2,
    protocols: tuple[str, ...] = ("message", "turn"),
) -> Metric:
    return Metric(
        name, label, meaning, better, decimals, protocols, statistics=slot_confusion, formula=_of_confusion(score)
    )


STRATEGY_F1: tuple[str, ...] = tuple(f"f1_{strategy.name.lower()}" for strategy in Strategy)
STAGE_F1: tuple[str, ...] = tuple(f"f1_{stage.name.lower()}" for stage in Stage)
_SHORT = ("Question", "Restatement", "Reflection", "Self-discl.", "Affirmation", "Suggestions", "Information", "Others")
_STAGE_MEANINGS = (
    "F1 of stage Exploration: Question, Restatement; %",
    "F1 of stage Comforting: Reflection, Self-disclosure, Affirmation; %",
    "F1 of stage Action: Suggestions, Information; gold Others aside; %",
)

METRICS = (
    _metric("accuracy", "Accuracy", "share of messages whose strategy is right, %", _accuracy, protocols=("message",)),
    _metric(
        "macro_f1",
        "macro-F1",
        "mean F1 over the eight strategies, %",
        lambda confusion: 100.0 * confusion_f1(confusion).mean(axis=-1),
    ),
    _metric("weighted_f1", "weighted-F1", "mean F1 weighted by gold counts, %", _weighted_f1, protocols=("message",)),
    _metric(
        "preference_bias",
        "Bias B",
        "preference bias (Kang et al. 2024), 0 = none",
        lambda confusion: preference_bias(confusion[:, :CLASSES, :CLASSES]),  # a preference is between two strategies
        better="lower",
    ),
    _metric(
        "entropy",
        "Entropy",
        "entropy of the predicted strategies, bits (0 to 3)",
        lambda confusion: entropy(confusion[:, :, :CLASSES].sum(axis=1)),
        better="",
    ),
    *(
        _metric(name, short, f"F1 of {strategy.label}, %", _one_of(confusion_f1, strategy), decimals=1)
        for name, short, strategy in zip(STRATEGY_F1, _SHORT, Strategy, strict=True)
    ),
    *(
        _metric(name, stage.label, meaning, _one_of(stage_f1, stage), decimals=1)
        for name, stage, meaning in zip(STAGE_F1, Stage, _STAGE_MEANINGS, strict=True)
    ),
)
