"""Calibration: of the decisions made with confidence 0.4, four in ten should be right.

Expected calibration error (Naeini et al., AAAI 2015; Guo et al., ICML 2017, equations 3 and 5): confidences are sorted
into bins, and ECE is the mean over items of |accuracy of the bin - mean confidence of the bin|.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics.metric import Metric
from metrics.statistics.bootstrap import Tally, dialogue_index, dialogue_totals
from metrics.statistics.estimate import ratio
from metrics.strategy.classification import CLASSES, strategy_labels

# Equal width, 15 bins, as in Guo et al.: edges that do not depend on the system or the resample. With eight classes and
# hard decisions most confidences lie in five or six of the bins, so each holds many items, and the noise that ECE adds
# up (a bin's accuracy is never exactly its confidence) stays small; bins of equal mass would be fifteen noisy ones.
BINS = 15
CALIBRATION = f"max-probability-equal-width-{BINS}"  # for signatures
METRICS = (
    Metric(
        "ece",
        "ECE",
        "expected calibration error of the probabilities without offsets, %",
        better="lower",
        protocols=("message",),
        requires="probabilities",
    ),
)
_ROUNDING = 1e-6  # a float32 softmax may exceed 1 by this much


@dataclass(frozen=True, eq=False)
class Reliability:
    """The reliability curve: confidence and accuracy bin by bin; bins without items are left out.

    Attributes:
        confidence: Mean confidence of the bin's items, 0..1. Shape: (B,).
        accuracy: Share of them that are right, 0..1. Shape: (B,).
        items: How many they are. Shape: (B,).
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    items: np.ndarray


def calibration_tally(
    gold: Sequence[int] | np.ndarray, probabilities: np.ndarray, dialogue: Sequence[int] | np.ndarray
) -> Tally:
    """Tally of ``ece``, 0..100.

    Args:
        gold: (N,) gold strategies, 0..7.
        probabilities: (N, 8) a distribution for every item; its arg-max is the decision, its maximum the confidence.
        dialogue: (N,) the dialogue number of every item; what is resampled.

    Raises:
        ValueError: Different lengths, nothing to score, or rows that are no probabilities.
    """
    statistics = _statistics(gold, probabilities)
    dialogues, position = dialogue_index(dialogue, items=len(statistics))
    return Tally(dialogues, dialogue_totals(statistics, position), _formula, centred=frozenset({"ece"}))


def reliability(gold: Sequence[int] | np.ndarray, probabilities: np.ndarray) -> Reliability:
    """The reliability curve of a system, in the bins of ``ece``. Arguments and errors as in calibration_tally."""
    items, confident, right = _statistics(gold, probabilities).sum(axis=0).reshape(3, BINS)
    used = items > 0
    return Reliability(confident[used] / items[used], right[used] / items[used], items[used].astype(np.int64))


def _statistics(gold: Sequence[int] | np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """What every item adds to its bin: (N, 3 * BINS), counts, then confidences, then right decisions."""
    labels = strategy_labels(gold, name="gold")
    rows = np.asarray(probabilities, dtype=np.float64)
    if rows.shape != (len(labels), CLASSES):
        raise ValueError(f"got probabilities of shape {rows.shape}, expected {(len(labels), CLASSES)}")
    if not ((rows >= -_ROUNDING) & (rows <= 1 + _ROUNDING)).all():  # also false for NaN
        raise ValueError("expected probabilities from 0 to 1")
    confidence = rows.max(axis=1, initial=0.0).clip(0.0, 1.0)  # (N,)
    right = rows.argmax(axis=1) == labels if len(labels) else np.zeros(0, dtype=bool)
    # Bins are open below and closed above, as in Guo et al.: a confidence of 1 belongs to the last.
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    statistics = np.zeros((len(labels), 3, BINS))
    places = np.arange(len(labels))
    for kind, amount in enumerate((np.ones(len(labels)), confidence, right)):
        statistics[places, kind, bins] = amount
    return statistics.reshape(len(labels), 3 * BINS)


def _formula(sums: np.ndarray) -> dict[str, np.ndarray]:
    """ECE from sums (R, 3 * BINS)."""
    items, confident, right = np.moveaxis(sums.reshape(-1, 3, BINS), 1, 0)  # each (R, BINS)
    return {"ece": 100.0 * ratio(np.abs(right - confident).sum(axis=1), items.sum(axis=1), empty=np.nan)}
