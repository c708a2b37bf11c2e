"""How far a system's use of the strategies over the course of a conversation is from the corpus's own."""

from collections.abc import Sequence

import numpy as np

from metrics.metric import Metric
from metrics.statistics.bootstrap import Tally, dialogue_index
from metrics.statistics.estimate import ratio
from metrics.strategy.classification import CLASSES, strategy_labels

PROGRESS_TV = "mean-total-variation"  # for signatures
METRICS = (
    Metric(
        "progress_tv",
        "Progress TV",
        "strategies to exchange for gold's shares in each sixth of the conversation, mean, %",
        better="lower",
        protocols=("message", "turn"),
        requires="progress",
    ),
)


def progress_tally(
    gold: tuple[np.ndarray, np.ndarray, np.ndarray],
    predicted: tuple[np.ndarray, np.ndarray, np.ndarray],
    *,
    intervals: int,
) -> Tally:
    """Tally of ``progress_tv``: the mean over the intervals of the total variation between two distributions.

    Total variation is half the sum of absolute differences: the share of strategies that would have to be exchanged.
    An interval in which gold has no strategy is left out; one in which only the system has none counts in full.

    Args:
        gold: Of every gold strategy its interval (from 0), its class (0..7) and its dialogue. Each (N,).
        predicted: The same of every predicted strategy. Each (M,), of dialogues that occur in ``gold``.
        intervals: Into how many a conversation is cut.

    Raises:
        ValueError: No gold strategies, a wrong label, interval or dialogue number.
    """
    dialogues, _ = dialogue_index(gold[2], items=len(gold[2]))
    counts = [
        _counts(*part, dialogues=dialogues, intervals=intervals, name=name)
        for name, part in (("gold", gold), ("predicted", predicted))
    ]
    totals = np.concatenate(counts, axis=1)  # (D, 2 * intervals * 8)
    return Tally(dialogues, totals, lambda sums: _formula(sums, intervals), centred=frozenset({"progress_tv"}))


def _counts(
    interval: Sequence[int] | np.ndarray,
    strategy: Sequence[int] | np.ndarray,
    dialogue: Sequence[int] | np.ndarray,
    *,
    dialogues: np.ndarray,
    intervals: int,
    name: str,
) -> np.ndarray:
    """Strategies per dialogue, interval and class. Shape: (D, intervals * 8)."""
    labels = strategy_labels(strategy, name=name)
    places, numbers = np.asarray(interval), np.asarray(dialogue)
    if places.shape != labels.shape or numbers.shape != labels.shape:
        raise ValueError(f"{name}: {len(labels)} labels, {len(places)} intervals, {len(numbers)} dialogue numbers")
    if ((places < 0) | (places >= intervals)).any() or not np.isin(numbers, dialogues).all():
        raise ValueError(f"{name}: an interval outside 0..{intervals - 1}, or a dialogue without gold strategies")
    counts = np.zeros((len(dialogues), intervals, CLASSES))
    np.add.at(counts, (np.searchsorted(dialogues, numbers), places, labels), 1)
    return counts.reshape(len(dialogues), -1)


def _formula(sums: np.ndarray, intervals: int) -> dict[str, np.ndarray]:
    """Mean total variation from counts (R, 2 * intervals * 8)."""
    gold, predicted = np.moveaxis(sums.reshape(-1, 2, intervals, CLASSES), 1, 0)  # each (R, intervals, 8)
    of_gold, of_predicted = gold.sum(axis=2, keepdims=True), predicted.sum(axis=2, keepdims=True)
    apart = np.abs(ratio(gold, of_gold, empty=0.0) - ratio(predicted, of_predicted, empty=0.0)).sum(axis=2) / 2
    distance = np.where(of_predicted[..., 0] > 0, apart, 1.0)  # (R, intervals)
    known = of_gold[..., 0] > 0
    return {"progress_tv": 100.0 * ratio((distance * known).sum(axis=1), known.sum(axis=1), empty=np.nan)}
