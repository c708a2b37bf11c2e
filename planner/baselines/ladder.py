"""The baseline ladder: what a trained planner stands beside, from a random draw up to gold.

The ceiling of the ladder: a planner that looks up what the supporter really did.
"""

import logging
import time
from collections.abc import Callable, Sequence

import numpy as np

from corpus.dialogue import Dialogue, Turn, Utterance
from corpus.strategy import Strategy
from encoding.observation import Observer
from planner.base_models.decisions import training_turns
from planner.baselines.frequencies import MajorityPlanner, RandomPlanner
from planner.baselines.linear import fit_embedding, fit_tfidf
from planner.baselines.markov import MarkovPlanner
from planner.plan import Plan, Planner


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


logger = logging.getLogger(__name__)


def fit_ladder(train: Sequence[Dialogue], *, observer: Observer, seed: int) -> list[Planner]:
    """Fits every baseline.

    Args:
        train: Training dialogues.
        observer: Encodes histories for ``tfidf`` and ``embedding``; its codec gives K, the longest plan, for all.
        seed: Of the random baseline; the others draw nothing.

    Returns:
        The planners ``random majority markov tfidf embedding gold``, in this order.

    Raises:
        ValueError: No supporter turn to learn from, or only one kind of decision.
    """
    training_turns(train, name="baselines")
    longest = observer.codec.max_strategies
    rungs: list[Callable[[], Planner]] = [
        lambda: RandomPlanner(train, max_strategies=longest, rng=np.random.default_rng(seed)),
        lambda: MajorityPlanner(train, max_strategies=longest),
        lambda: MarkovPlanner(train, max_strategies=longest),
        lambda: fit_tfidf(train, observer=observer),
        lambda: fit_embedding(train, observer=observer),
        GoldPlanner,
    ]
    ladder = []
    for fit in rungs:
        began = time.perf_counter()
        ladder.append(fit())
        logger.info("baseline %s fitted in %.1f s", ladder[-1].name, time.perf_counter() - began)
    return ladder
