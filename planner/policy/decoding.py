"""From a distribution over plans to one plan: the most probable, or the one of highest expected utility.

Both modes plan ahead by the same rule. In the turn environments the gold plan does not depend on what the planner does,
so the best One-by-One policy carries out, step by step, the plan of highest expected return. What stands in the history
with its text is a fact, and only plans that begin with it count: this is how a One-by-One planner is asked again after
every realized message whether to stop.

One additive offset per strategy, chosen on validation data: the decision rule against preference bias.

A classifier trained for likelihood on unbalanced classes prefers frequent ones (Kang et al. 2024 call it preference
bias). Shifting each log-probability by a constant moves the decision boundaries without touching the model ("logit
adjustment", Menon et al., ICLR 2021); the constants are fitted, not derived, because labels are noisy.
"""

import numpy as np

from corpus.strategy import Strategy
from encoding.plan_codec import PlanCodec
from metrics.strategy.classification import confusion_f1, preference_bias
from metrics.strategy.edit_distance import levenshtein_ratio_table


class PlanDecoder:
    """Chooses plans from their probabilities.

    The plan with the highest expected Levenshtein ratio is the minimum-risk decision for the metric LR (Kumar and
    Byrne, "Minimum Bayes-Risk Decoding", NAACL 2004): near misses of many plausible plans can be worth more than the
    single most probable one.

    Args:
        codec: Which plans there are.
        exact_weight: What an exact match counts beside the Levenshtein ratio, from 0: more of it means shorter plans.
        several_weight: What it counts in addition where the plan has several strategies, from 0: four turns in five
            have one message, so whoever wants to be right as often as possible never plans two.
    """

    def __init__(self, codec: PlanCodec, *, exact_weight: float = 0.0, several_weight: float = 0.0) -> None:
        self.codec = codec
        ratios = levenshtein_ratio_table(codec.plans, codec.plans)
        of_match = [exact_weight + several_weight * (len(plan) > 1) for plan in codec.plans]
        self._utility = ratios + np.diag(np.array(of_match, np.float32))  # (plans, plans)

    def best_expected(self, probabilities: np.ndarray, *, prefix: tuple[int, ...] = ()) -> np.ndarray:
        """Plans of highest expected Levenshtein ratio plus weighted exact match.

        Args:
            probabilities: Probability of every plan of the codec. Shape: (B, plans).
            prefix: Strategies that stand already; only plans that begin with them are possible.

        Returns:
            Index into the codec's plans. Shape: (B,).
        """
        possible = self._possible(prefix)
        scores = (probabilities * possible) @ self._utility.T
        return np.where(possible, scores, -np.inf).argmax(axis=1)

    def most_probable(self, probabilities: np.ndarray, *, prefix: tuple[int, ...] = ()) -> np.ndarray:
        """The most probable whole plans: highest expected exact match. Shape: (B, plans) -> (B,)."""
        return np.where(self._possible(prefix), probabilities, -np.inf).argmax(axis=1)

    def _possible(self, prefix: tuple[int, ...]) -> np.ndarray:
        """Plans that are not empty and begin with the prefix. Shape: (plans,), bool."""
        length = max(1, len(prefix))
        return np.array([len(plan) >= length and plan[: len(prefix)] == prefix for plan in self.codec.plans])


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
