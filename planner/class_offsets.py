"""One additive offset per strategy, chosen on validation data: the decision rule against preference bias.

A classifier trained for likelihood on unbalanced classes prefers frequent ones (Kang et al. 2024 call it preference
bias). Shifting each log-probability by a constant moves the decision boundaries without touching the model ("logit
adjustment", Menon et al., ICLR 2021); the constants are fitted, not derived, because labels are noisy.
"""

import numpy as np

from corpus.strategy import Strategy
from metrics.confusion import confusion_f1, preference_bias

_STEPS = (0.6, 0.3, 0.15, 0.08)  # coordinate search from coarse to fine, in nats
_BIAS_WEIGHT = 10.0  # points of F1 that one unit of preference bias costs: it breaks near-ties towards balance


def fit_offsets(log_probabilities: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Maximises macro-F1 + weighted-F1 - 10 B by coordinate search.

    Args:
        log_probabilities: Shape: (N, 8).
        gold: Gold strategies. Shape: (N,).

    Returns:
        Offsets with mean 0. Shape: (8,).
    """
    offsets = np.zeros(len(Strategy))
    best = _objective(log_probabilities, gold)
    for step in _STEPS:
        improved = True
        while improved:
            improved = False
            for strategy in range(len(Strategy)):
                for change in (step, -step):
                    candidate = offsets.copy()
                    candidate[strategy] += change
                    score = _objective(log_probabilities + candidate, gold)
                    if score > best + 1e-9:
                        best, offsets, improved = score, candidate, True
    return offsets - offsets.mean()


def with_offsets(probabilities: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Shifted and renormalised probabilities. Shapes: (N, 8), (8,) -> (N, 8)."""
    shifted = probabilities * np.exp(offsets)
    return shifted / shifted.sum(axis=1, keepdims=True)


def _objective(scores: np.ndarray, gold: np.ndarray) -> float:
    table = np.zeros((len(Strategy), len(Strategy)))
    np.add.at(table, (gold, scores.argmax(axis=1)), 1)
    f1 = confusion_f1(table)
    weighted = (f1 * table.sum(axis=1)).sum() / len(gold)
    return float(100 * (f1.mean() + weighted) - _BIAS_WEIGHT * preference_bias(table))
