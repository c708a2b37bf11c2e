"""Protocol message: the strategy of every supporter message, predicted one by one (EmoDynamiX, NAACL 2025)."""

from collections.abc import Sequence

import numpy as np

from metrics.statistics.bootstrap import Tally, dialogue_index, estimates
from metrics.statistics.estimate import Estimate, ratio, signature
from metrics.strategy.classification import (
    CLASSES,
    STAGES,
    class_scores,
    confusion_f1,
    entropy,
    preference_bias,
    strategy_labels,
)


def message_signature(*, samples: int = 1000, **fields: object) -> str:
    """Signature of :func:`score_messages`; ``fields`` are added, e.g. what the caller scored."""
    return signature(
        "message",
        classes=CLASSES,
        macro="all-classes-absent-0",
        bias="bradley-terry-20-absent-kept",
        entropy="bits",
        stages=STAGES,
        bootstrap=f"dialogue-{samples}",
        **fields,
    )


def message_tally(
    gold: Sequence[int] | np.ndarray, predicted: Sequence[int] | np.ndarray, dialogue: Sequence[int] | np.ndarray
) -> Tally:
    """Each dialogue's confusion matrix: all that the metrics depend on. Arguments as score_messages."""
    gold_labels = strategy_labels(gold, name="gold")
    predicted_labels = strategy_labels(predicted, name="predicted")
    if len(gold_labels) != len(predicted_labels):
        raise ValueError(f"got {len(gold_labels)} gold labels but {len(predicted_labels)} predicted ones")
    dialogues, position = dialogue_index(dialogue, items=len(gold_labels))
    cells = (position * CLASSES + gold_labels) * CLASSES + predicted_labels
    totals = np.bincount(cells, minlength=len(dialogues) * CLASSES**2).astype(np.float64)
    return Tally(dialogues, totals.reshape(len(dialogues), CLASSES**2), _formula)


def _formula(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Metrics from confusion matrices (R, 64)."""
    confusion = sums.reshape(-1, CLASSES, CLASSES)
    scores = confusion_f1(confusion)  # (R, 8)
    gold = confusion.sum(axis=2)
    hits = np.trace(confusion, axis1=1, axis2=2)
    items = confusion.sum(axis=(1, 2))
    return {
        "accuracy": 100.0 * ratio(hits, items, empty=np.nan),
        "macro_f1": 100.0 * scores.mean(axis=1),
        "weighted_f1": 100.0 * ratio((scores * gold).sum(axis=1), items, empty=np.nan),
        "preference_bias": preference_bias(confusion),
        "entropy": entropy(confusion.sum(axis=1)),
        **class_scores(confusion),
    }


def score_messages(
    gold: Sequence[int] | np.ndarray,
    predicted: Sequence[int] | np.ndarray,
    dialogue: Sequence[int] | np.ndarray,
    *,
    rng: np.random.Generator,
    samples: int = 1000,
) -> dict[str, Estimate]:
    """Scores one predicted strategy per supporter message.

    Args:
        gold: (N,) gold strategies, 0..7.
        predicted: (N,) predicted strategies, 0..7.
        dialogue: (N,) the dialogue number of every message; what is resampled.
        rng: Source of the resamples.
        samples: How many.

    Returns:
        ``accuracy``, ``macro_f1`` (mean over all eight classes, absent ones score 0) and ``weighted_f1`` (weighted by
        gold counts), 0..100; ``preference_bias``, 0..2.65; ``entropy`` of the predictions in bits, 0..3;
        ``f1_question`` ... and ``f1_exploration`` ... of :func:`metrics.strategy.classification.class_scores`, 0..100.

    Raises:
        ValueError: Different lengths, nothing to score, or a label that is not 0..7.
    """
    return estimates(message_tally(gold, predicted, dialogue), rng=rng, samples=samples)
