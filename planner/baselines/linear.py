"""Logistic regression over nine decisions, eight strategies and STOP: on TF-IDF or on sentence embeddings.

Both baselines see the observation of the trained planner (:mod:`encoding.observation`: last messages, position,
strategies used, prefix) and learn from the same decisions (:class:`Decisions`), so that they differ in
the vectors of the messages alone. The trained planner differs from both in everything after the observation.
"""

from collections.abc import Sequence

import numpy as np

from corpus.dialogue import Dialogue, Message
from corpus.strategy import Strategy
from encoding.observation import Observer, plan_features, turn_prefix
from encoding.plan_codec import STOP
from encoding.tfidf import TfidfEncoder
from planner.base_models.linear import DecisionRegression
from planner.baselines.ladder import Baseline
from planner.decisions import Decisions, training_turns
from planner.plan import Plan

_WORDS = 1000  # vocabulary of TF-IDF
_SMALLEST = 1e-12  # probability of a strategy never seen in training


class LinearPlanner:
    """Decides step by step by logistic regression, greedily.

    Turn protocol, free-running: the most probable strategy first (STOP is no option), then the most probable of the
    nine decisions given the prefix, until it is STOP or the plan holds K strategies. Message protocol: the eight
    strategies' probabilities given all messages before, renormalised. Classes are not reweighted: the probabilities
    are those of the corpus, which is what STOP and expected scores need; the price is a lower macro-F1.

    Args:
        name: ``tfidf`` or ``embedding``.
        observer: Encodes histories; its codec says how long a plan may be.

    Raises:
        ValueError: No turn to learn from, or the dialogues hold only one kind of decision.
    """

    def __init__(self, train: Sequence[Dialogue], *, name: str, observer: Observer) -> None:
        training_turns(train, name=name)
        self.name = name
        self._observer = observer
        decisions = Decisions.collect(train, observer=observer)
        features = np.concatenate([decisions.history[decisions.row], decisions.plan], axis=1)  # (N, H + P)
        self._regression = DecisionRegression(features, decisions.decision, name=name)

    def plans(self, histories: Sequence[Sequence[Message]]) -> list[Plan]:
        """Plans the turn that follows each history."""
        if not histories:
            return []
        history = self._observer.encode_histories(histories)
        slots = np.full((len(histories), self._observer.codec.max_strategies), STOP)
        chances = np.zeros((*slots.shape, len(Strategy)))  # (N, K, 8)
        running = np.arange(len(histories))
        for slot in range(slots.shape[1]):
            probabilities = self._probabilities(history[running], slots[running])  # (running, 9)
            chances[running, slot] = _of_strategies(probabilities)
            decision = probabilities[:, : STOP if slot == 0 else STOP + 1].argmax(axis=1)
            slots[running, slot] = decision
            running = running[decision != STOP]
            if not len(running):
                break
        plans = [tuple(Strategy(strategy) for strategy in self._observer.codec.plan(row)) for row in slots]
        return [Plan(plan, chances[row, : len(plan)], self.name) for row, plan in enumerate(plans)]

    def strategy_probabilities(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Strategies of the message that follows each history. Shape: (N, 8)."""
        if not histories:
            return np.zeros((0, len(Strategy)))
        slots = np.stack([self._observer.codec.prefix_slots(turn_prefix(history)) for history in histories])
        return _of_strategies(self._probabilities(self._observer.encode_histories(histories), slots))

    def _probabilities(self, history: np.ndarray, slots: np.ndarray) -> np.ndarray:
        """Probabilities of the nine decisions. Shapes: (N, H), (N, K) -> (N, 9)."""
        return self._regression.probabilities(np.concatenate([history, plan_features(slots)], axis=1))


def fit_tfidf(train: Sequence[Dialogue], *, observer: Observer, seed: int = 0) -> LinearPlanner:  # noqa: ARG001
    """The baseline ``tfidf``: ``observer``'s window and plan length, with TF-IDF vectors in place of embeddings."""
    training_turns(train, name="tfidf")
    words = TfidfEncoder(train, words=_WORDS)
    own = Observer(words, window=observer.window, max_strategies=observer.codec.max_strategies)
    return LinearPlanner(train, name="tfidf", observer=own)


def fit_embedding(train: Sequence[Dialogue], *, observer: Observer, seed: int = 0) -> LinearPlanner:  # noqa: ARG001
    """The baseline ``embedding``: what ``observer`` sees, sentence embeddings included."""
    return LinearPlanner(train, name="embedding", observer=observer)


def _of_strategies(probabilities: np.ndarray) -> np.ndarray:
    """What is done, given that something is done. Shape: (N, 9) -> (N, 8), rows sum to 1."""
    strategies = np.maximum(probabilities[:, :STOP], _SMALLEST)
    return strategies / strategies.sum(axis=1, keepdims=True)


BASELINES = (Baseline("tfidf", fit_tfidf, rank=3), Baseline("embedding", fit_embedding, rank=4))
