"""How far the data reach: what no real supporter ever did must not be credited with what real support achieved.

Constant strategies do not occur in the corpus, so that what they would do to a seeker is extrapolation, and a policy
that is optimised finds where a model extrapolates in its favour. As in pessimistic model-based reinforcement learning
(Kidambi et al., "MOReL", NeurIPS 2020) a conversation earns credit only where training conversations went. The measure
is the effective number of strategies used so far (exponential of the entropy of their shares). A turn has full credit
unless it leaves the conversation more one-sided than the most one-sided 5 % of training conversations at that turn;
below, credit is the share of training conversations that were as one-sided, divided by 5 %. The support of a
conversation is the mean credit of its turns.
"""

from dataclasses import dataclass

import numpy as np

from seeker.strategy_tracks import StrategyTracks

_RARE = 0.05
_STEPS = 20
_LAST_TURN = 12  # later turns are measured as this one
_ROUNDING = 1e-6


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
