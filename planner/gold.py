"""The ceiling of the ladder: a planner that looks up what the supporter really did."""

from collections.abc import Sequence

import numpy as np

from corpus.dialogue import Turn, Utterance
from corpus.strategy import Strategy
from planner.plan import Plan


class GoldPlanner:
    """Answers with the gold plan, uncut, however long it is; proves that a protocol's scores can reach their best."""

    name = "gold"

    def plans(self, turns: Sequence[Turn]) -> list[Plan]:
        """The gold plan of every turn, with all probability on it."""
        return [Plan(turn.plan, _one_hot(turn.plan), self.name) for turn in turns]

    def strategy_probabilities(self, utterances: Sequence[Utterance]) -> np.ndarray:
        """One-hot gold strategies. Shape: (N, 8)."""
        return _one_hot([utterance.strategy for utterance in utterances])


def _one_hot(strategies: Sequence[Strategy]) -> np.ndarray:
    """Shape: (N, 8)."""
    return np.eye(len(Strategy))[np.array(strategies, np.int64)]
