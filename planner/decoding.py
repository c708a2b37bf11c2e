"""From a distribution over plans to one plan: the most probable, or the one of highest expected utility.

Both modes plan ahead by the same rule. In the turn environments the gold plan does not depend on what the planner does,
so the best One-by-One policy carries out, step by step, the plan of highest expected return. What stands in the history
with its text is a fact, and only plans that begin with it count: this is how a One-by-One planner is asked again after
every realized message whether to stop.
"""

import numpy as np

from encoding.plan_codec import PlanCodec
from metrics.edit_distance import levenshtein_ratio_table


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
