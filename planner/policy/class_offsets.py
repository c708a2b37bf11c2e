"""Class offsets of the message protocol: one additive logit for each strategy, against preference bias.

A classifier trained for likelihood on unbalanced classes prefers frequent ones (Kang et al. 2024). Shifting each
log-probability by a constant moves the decision boundaries without touching the model ("logit adjustment", Menon et
al., ICLR 2021); the constants are fitted, not derived, because labels are noisy.
"""

import numpy as np

from corpus.strategy import Strategy
from metrics.strategy.classification import confusion_f1, preference_bias

_STEPS = (0.6, 0.3, 0.15, 0.08)  # of offsets, from coarse to fine, in nats
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
    best = _objectives(log_probabilities.argmax(axis=1)[None], gold)[0]
    for step in _STEPS:
        moves = step * np.concatenate([np.eye(len(Strategy)), -np.eye(len(Strategy))])  # (16, 8)
        while True:
            scores = _objectives(_predictions(log_probabilities + offsets, step), gold)
            if scores.max() <= best + 1e-9:
                break
            best, offsets = scores.max(), offsets + moves[scores.argmax()]
    return offsets - offsets.mean()


def with_offsets(probabilities: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Shifted and renormalised probabilities. Shapes: (N, 8), (8,) -> (N, 8)."""
    shifted = probabilities * np.exp(offsets)
    return shifted / shifted.sum(axis=1, keepdims=True)


def _predictions(scores: np.ndarray, step: float) -> np.ndarray:
    """What is predicted if one class's score rises, or falls, by a step.

    Only the two best classes of an item matter: a class that rises wins where it passes the best one; one that falls
    loses where it was the best and the second passes it.

    Args:
        scores: Shape: (N, 8).
        step: In nats.

    Returns:
        First for each class that rises, then for each that falls. Shape: (16, N).
    """
    items, classes = np.arange(len(scores)), range(scores.shape[1])
    top = scores.argmax(axis=1)
    best = scores[items, top]
    others = scores.copy()
    others[items, top] = -np.inf
    second = others.argmax(axis=1)
    loses = best - others[items, second] < step
    rising = [np.where(scores[:, one] + step > best, one, top) for one in classes]
    falling = [np.where((top == one) & loses, second, top) for one in classes]
    return np.stack(rising + falling)


def _objectives(predicted: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """The objective, in points, of several sets of predictions at once. Shapes: (M, N), (N,) -> (M,)."""
    classes = len(Strategy)
    tables = np.stack([np.bincount(gold * classes + one, minlength=classes**2) for one in predicted])
    tables = tables.reshape(-1, classes, classes)
    f1 = confusion_f1(tables)  # (M, 8)
    weighted = (f1 * tables.sum(axis=2)).sum(axis=1) / len(gold)
    return 100 * (f1.mean(axis=1) + weighted) - _BIAS_WEIGHT * preference_bias(tables)
