"""One additive offset per strategy, chosen on validation data: the decision rule against preference bias.

A classifier trained for likelihood on unbalanced classes prefers frequent ones (Kang et al. 2024 call it preference
bias). Shifting each log-probability by a constant moves the decision boundaries without touching the model ("logit
adjustment", Menon et al., ICLR 2021); the constants are fitted, not derived, because labels are noisy.
"""

import numpy as np

from corpus.strategy import Strategy
from metrics.confusion import confusion_f1, preference_bias

_STEPS = (0.6, 0.3, 0.15, 0.08)  # from coarse to fine, in nats
_BIAS_WEIGHT = 10.0  # points of F1 that one unit of preference bias costs: it breaks near-ties towards balance


def fit_offsets(log_probabilities: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Maximises macro-F1 + weighted-F1 - 10 B by steepest ascent over single coordinates.

    Args:
        log_probabilities: Shape: (N, 8).
        gold: Gold strategies. Shape: (N,).

    Returns:
        Offsets with mean 0. Shape: (8,).
    """
    offsets = np.zeros(len(Strategy))
    best = _objectives(log_probabilities, gold, offsets[None])[0]
    for step in _STEPS:
        moves = step * np.concatenate([np.eye(len(Strategy)), -np.eye(len(Strategy))])  # (16, 8)
        while True:
            scores = _objectives(log_probabilities, gold, offsets + moves)
            if scores.max() <= best + 1e-9:
                break
            best, offsets = scores.max(), offsets + moves[scores.argmax()]
    return offsets - offsets.mean()


def with_offsets(probabilities: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Shifted and renormalised probabilities. Shapes: (N, 8), (8,) -> (N, 8)."""
    shifted = probabilities * np.exp(offsets)
    return shifted / shifted.sum(axis=1, keepdims=True)


def _objectives(log_probabilities: np.ndarray, gold: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The objective, in points, of several offsets at once. Shapes: (N, 8), (N,), (M, 8) -> (M,)."""
    classes = len(Strategy)
    tables = np.stack(
        [
            np.bincount(gold * classes + (log_probabilities + one).argmax(axis=1), minlength=classes**2)
            for one in offsets
        ]
    ).reshape(-1, classes, classes)
    f1 = confusion_f1(tables)  # (M, 8)
    weighted = (f1 * tables.sum(axis=2)).sum(axis=1) / len(gold)
    return 100 * (f1.mean(axis=1) + weighted) - _BIAS_WEIGHT * preference_bias(tables)
