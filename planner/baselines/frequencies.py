"""Two baselines that ignore the history: a random draw, and always the most frequent answer."""

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from corpus.dialogue import Dialogue, Message
from corpus.strategy import ESCONV_COUNTS, Strategy
from encoding.observation import Observer
from planner.baselines.ladder import Baseline
from planner.decisions import training_turns
from planner.plan import Plan


class PlanFrequencies:
    """How often each plan occurs in training.

    Args:
        max_strategies: K; a longer plan counts as its first K strategies.
        name: Who counts; named in the error.

    Attributes:
        plans: The distinct plans, the most frequent first; equally frequent ones by their strategies' numbers.
        shares: Share of each among the training turns. Shape: (len(plans),), sums to 1.

    Raises:
        ValueError: No turn to learn from.
    """

    def __init__(self, train: Sequence[Dialogue], *, max_strategies: int, name: str) -> None:
        counts = Counter(turn.plan[:max_strategies] for turn in training_turns(train, name=name))
        self.plans = sorted(counts, key=lambda plan: (-counts[plan], plan))
        self.shares = np.array([counts[plan] for plan in self.plans]) / counts.total()

    def slot_probabilities(self, plan: Sequence[Strategy]) -> np.ndarray:
        """What is in each slot of the training plans that begin like ``plan`` and reach this slot.

        Returns:
            Shape: (len(plan), 8), rows sum to 1.
        """
        rows = np.zeros((len(plan), len(Strategy)))
        for slot, row in enumerate(rows):
            for other, share in zip(self.plans, self.shares, strict=True):
                if len(other) > slot and other[:slot] == tuple(plan[:slot]):
                    row[other[slot]] += share
        return rows / rows.sum(axis=1, keepdims=True)


class RandomPlanner:
    """Draws without looking.

    Message protocol: a strategy from ESConv's distribution, as the Random baseline of Liu et al. (ACL 2021, section
    6.1); the probabilities are the one-hot of the draw, because their arg-max is the prediction. Turn protocol: the
    plan of a random training turn.

    A draw is a hash of the history with a key from ``rng``: a history gets the same answer in any batch, in any order
    and at any repetition, and equal histories get equal answers.

    Args:
        train: Training dialogues: the plans to draw from.
        max_strategies: K; longer plans are cut.

    Raises:
        ValueError: No turn to learn from.
    """

    name = "random"

    def __init__(self, train: Sequence[Dialogue], *, max_strategies: int, rng: np.random.Generator) -> None:
        frequencies = PlanFrequencies(train, max_strategies=max_strategies, name=self.name)
        self._plans = [
            Plan(plan, frequencies.slot_probabilities(plan), self.name) for plan in frequencies.plans
        ]  # one object per distinct plan
        self._plan_bounds = np.cumsum(frequencies.shares)
        counts = np.array([ESCONV_COUNTS[strategy] for strategy in Strategy])
        self._strategy_bounds = np.cumsum(counts / counts.sum())
        self._key = rng.bytes(16)

    def plans(self, histories: Sequence[Sequence[Message]]) -> list[Plan]:
        """A random training plan for every history."""
        uniform = [self._uniform("turn", history) for history in histories]
        return [self._plans[index] for index in _inverse_distribution(self._plan_bounds, uniform)]

    def strategy_probabilities(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """One-hot random strategies. Shape: (N, 8)."""
        uniform = [self._uniform("message", history) for history in histories]
        return np.eye(len(Strategy))[_inverse_distribution(self._strategy_bounds, uniform)]

    def _uniform(self, protocol: str, history: Sequence[Message]) -> float:
        """Uniform in 0..1, a function of the key and the history."""
        digest = hashlib.blake2b(f"{protocol}:{len(history)}".encode(), digest_size=8, key=self._key)
        for message in history:
            digest.update(b"\n" + message.text.encode())
        return int.from_bytes(digest.digest(), "big") / 2**64


class MajorityPlanner:
    """Always the most frequent plan of the training turns, and the most frequent strategy of the training messages.

    Args:
        max_strategies: K; longer plans are cut.

    Raises:
        ValueError: No turn to learn from.
    """

    name = "majority"

    def __init__(self, train: Sequence[Dialogue], *, max_strategies: int) -> None:
        frequencies = PlanFrequencies(train, max_strategies=max_strategies, name=self.name)
        plan = frequencies.plans[0]
        self._plan = Plan(plan, frequencies.slot_probabilities(plan), self.name)
        used = [strategy for turn in training_turns(train, name=self.name) for strategy in turn.plan]
        self._shares = np.bincount(used, minlength=len(Strategy)) / len(used)  # (8,)

    def plans(self, histories: Sequence[Sequence[Message]]) -> list[Plan]:
        """The same plan after every history."""
        return [self._plan] * len(histories)

    def strategy_probabilities(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Training shares of the strategies after every history. Shape: (N, 8)."""
        return np.tile(self._shares, (len(histories), 1))


def _inverse_distribution(bounds: np.ndarray, uniform: Sequence[float]) -> np.ndarray:
    """Which interval of a cumulative distribution each number in 0..1 falls in. Shape: (N,), 0..len(bounds) - 1."""
    # Rounding can leave the last bound a hair below 1.
    return np.minimum(np.searchsorted(bounds, np.array(uniform), side="right"), len(bounds) - 1)


def _fit_random(train: Sequence[Dialogue], *, observer: Observer, seed: int) -> RandomPlanner:
    return RandomPlanner(train, max_strategies=observer.codec.max_strategies, rng=np.random.default_rng(seed))


def _fit_majority(train: Sequence[Dialogue], *, observer: Observer, seed: int) -> MajorityPlanner:  # noqa: ARG001
    return MajorityPlanner(train, max_strategies=observer.codec.max_strategies)


BASELINES = (Baseline("random", _fit_random, rank=0), Baseline("majority", _fit_majority, rank=1))
