"""Features of the strategies used so far in many conversations, and the support penalty: how far the data reach.

Constant strategies do not occur in the corpus. What they would do to a seeker is extrapolation, and a policy that is
optimised finds where a model extrapolates in its favour. As in pessimistic model-based reinforcement learning (Kidambi
et al., "MOReL", NeurIPS 2020) a conversation earns credit only where training conversations went (:class:`Support`).
The measure is the effective number of strategies used so far (exponential of the entropy of their shares). A turn has
full credit unless it leaves the conversation more one-sided than the most one-sided 5 % of training conversations at
that turn; below, credit is the share of training conversations that were as one-sided, divided by 5 %. The support of a
conversation is the mean credit of its turns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy

_RECENCY_DECAY = 0.7  # what is left of a strategy's recency with every turn since it was used
_SATURATION = 0.5  # what is left of a strategy's freshness with every turn that used it
_POSITION_EDGES = np.array([1, 2, 3, 4, 6, 8, 11, 15])  # supporter turns before
STATISTICS = 4 * len(Strategy) + len(_POSITION_EDGES) + 1
_RARE = 0.05  # share of training conversations, the most one-sided ones, below which credit falls
_STEPS = 20  # of the credit, from none to full
_LAST_TURN = 12  # later turns are measured as this one
_ROUNDING = 1e-6  # equal numbers of strategies may differ by this much


@dataclass(frozen=True, eq=False)
class StrategyTracks:
    """The supporter turns of N conversations, padded to T turns.

    Attributes:
        used: Whether a turn has a message of a strategy. Shape: (N, T, 8), bool; False after a conversation's end.
        turns: Number of supporter turns of each. Shape: (N,), int.
    """

    used: np.ndarray
    turns: np.ndarray

    @classmethod
    def of(cls, plans: Sequence[Sequence[Sequence[Strategy]]]) -> "StrategyTracks":
        """Takes in the plans of each conversation's turns, in order."""
        turns = np.array([len(of_one) for of_one in plans], np.int64)
        used = np.zeros((len(plans), int(turns.max(initial=0)), len(Strategy)), bool)
        places = [
            (row, turn, strategy)
            for row, of_one in enumerate(plans)
            for turn, plan in enumerate(of_one)
            for strategy in plan
        ]
        if places:
            rows, columns, strategies = np.array(places).T
            used[rows, columns, strategies] = True
        return cls(used, turns)

    def counts(self) -> np.ndarray:
        """In how many turns each strategy was used. Shape: (N, 8), int."""
        return self.used.sum(axis=1)

    def statistics(self) -> np.ndarray:
        """Share, saturated count and recency of each strategy, the last turn's strategies, the position one-hot.

        Returns:
            Shape: (N, 41), float64, each 0..1. Bounded, because a policy may do what no supporter ever did: a feature
            that grows without end would let a linear model say anything about it.
        """
        counts = self.counts()
        ago = self.turns[:, None] - 1 - np.arange(self.used.shape[1])  # (N, T), negative after the end
        weight = np.where(ago >= 0, _RECENCY_DECAY ** np.maximum(ago, 0), 0.0)
        recency = (self.used * weight[..., None]).max(axis=1, initial=0.0)
        last = (self.used & (ago == 0)[..., None]).any(axis=1)
        position = np.searchsorted(_POSITION_EDGES, self.turns, side="right")
        return np.concatenate(
            [
                counts / np.maximum(1, counts.sum(axis=1, keepdims=True)),
                1 - _SATURATION**counts,
                recency,
                last,
                position[:, None] == np.arange(len(_POSITION_EDGES) + 1),
            ],
            axis=1,
        )

    def earlier_use(self, plans: "StrategyTracks") -> np.ndarray:
        """How worn the strategies of the next turn are: mean of 1 - 0.5^c over them, c = earlier turns with each.

        Args:
            plans: The next turn of each conversation, as tracks of one turn.

        Returns:
            Shape: (N,), 0..1.
        """
        now = plans.used[:, 0]
        worn = (1 - _SATURATION ** self.counts()) * now
        return worn.sum(axis=1) / np.maximum(1, now.sum(axis=1))


def supporter_plans(history: Sequence[Message]) -> list[tuple[Strategy, ...]]:
    """The plans of the supporter's turns in a history, in order.

    Raises:
        ValueError: A supporter's message has no strategy.
    """
    plans: list[tuple[Strategy, ...]] = []
    speaking = False
    for message in history:
        if message.role is not Role.SUPPORTER:
            speaking = False
            continue
        if message.strategy is None:
            raise ValueError(f"supporter message {message.text[:40]!r} has no strategy: a seeker cannot rate it")
        if speaking:
            plans[-1] += (message.strategy,)
        else:
            plans.append((message.strategy,))
        speaking = True
    return plans


@dataclass(frozen=True, eq=False)
class Support:
    """A fitted measure.

    Attributes:
        quantiles: Effective number of strategies, from the lowest to the 5 % quantile, after each of the first turns.
            Shape: (turns, 21), rows ascending.
    """

    quantiles: np.ndarray

    @classmethod
    def fit(cls, tracks: StrategyTracks) -> "Support":
        """Fits whole training conversations; turns that fewer than one in ten reach are measured as the last before."""
        numbers = effective_strategies(tracks)
        reached = [int((tracks.turns > turn).sum()) for turn in range(min(_LAST_TURN, numbers.shape[1]))]
        turns = [turn for turn, count in enumerate(reached) if count >= max(1, len(tracks.turns) / 10)]
        levels = np.linspace(0, _RARE, _STEPS + 1)
        return cls(
            np.stack([np.quantile(numbers[tracks.turns > turn, turn], levels, method="lower") for turn in turns])
        )

    def __call__(self, tracks: StrategyTracks) -> np.ndarray:
        """Support of conversations after all their turns. Shape: (N,), 0..1."""
        numbers = effective_strategies(tracks) + _ROUNDING
        rows = self.quantiles[np.minimum(np.arange(numbers.shape[1]), len(self.quantiles) - 1)]  # (T, 21)
        credit = (numbers[..., None] >= rows).mean(axis=2)
        happened = np.arange(numbers.shape[1]) < tracks.turns[:, None]
        return (credit * happened).sum(axis=1) / np.maximum(1, tracks.turns)


def effective_strategies(tracks: StrategyTracks) -> np.ndarray:
    """Effective number of strategies after each turn. Shape: (N, T), 1..8."""
    counts = np.cumsum(tracks.used, axis=1)
    shares = counts / np.maximum(1, counts.sum(axis=2, keepdims=True))
    return np.exp(-(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=2))
