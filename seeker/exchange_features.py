"""What the seeker's models see of an exchange: projected embeddings, strategy statistics, lengths.

State (what the supporter could know), S = C + 41 entries: the seeker's last messages projected to C components, and
:meth:`seeker.strategy_tracks.StrategyTracks.statistics`.

Exchange, S + 8 + 8 + 5 + 2 C entries: state; the plan's strategies; the same again in the first four supporter turns,
else zero; typicality of the plan, wear of its strategies, its length / 3, log(1 + n) / 4 of the supporter's words
and of the reply's; supporter's messages and reply, projected.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.strategy import Strategy
from seeker.exchanges import Exchanges
from seeker.strategy_tracks import StrategyTracks

EARLY_TURNS = 4  # a third of ESConv's mean number of supporter turns: the first stage of three


@dataclass(frozen=True, eq=False)
class Projection:
    """Principal components of embeddings.

    Attributes:
        mean: Shape: (D,), float32.
        components: Scaled so that the first component has unit variance. Shape: (D, C), float32.
    """

    mean: np.ndarray
    components: np.ndarray

    @classmethod
    def fit(cls, vectors: np.ndarray, *, components: int) -> "Projection":
        """Of (N, D) vectors; fewer components where D or N are smaller."""
        mean = vectors.mean(axis=0)
        centred = (vectors - mean).astype(np.float64)
        variances, directions = np.linalg.eigh(centred.T @ centred / len(vectors))
        kept = min(components, *vectors.shape)
        scale = 1 / np.sqrt(max(variances[-1], 1e-12))
        return cls(mean.astype(np.float32), (directions[:, ::-1][:, :kept] * scale).astype(np.float32))

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Shape: (N, D) -> (N, C), float32. A zero vector (nothing said) stays zero: it is not centred."""
        said = np.any(vectors != 0, axis=1, keepdims=True)
        return np.where(said, (vectors - self.mean) @ self.components, np.float32(0))


@dataclass(frozen=True, eq=False)
class ExchangeView:
    """What models see of N exchanges, of training or of conversations under way.

    Attributes:
        tracks: Supporter turns before.
        plans: The supporter's plan.
        before: The seeker's last messages, projected. Shape: (N, C).
        supporter: The supporter's messages, projected. Shape: (N, C).
        after: The reply, projected. Shape: (N, C).
        supporter_words: Shape: (N,).
        reply_words: Shape: (N,).
    """

    tracks: StrategyTracks
    plans: Sequence[Sequence[Strategy]]
    before: np.ndarray
    supporter: np.ndarray
    after: np.ndarray
    supporter_words: np.ndarray
    reply_words: np.ndarray

    @classmethod
    def of(cls, exchanges: Exchanges, projection: Projection) -> "ExchangeView":
        """Of exchanges as they stand in dialogues."""
        return cls(
            exchanges.tracks,
            exchanges.plans,
            projection(exchanges.before),
            projection(exchanges.supporter),
            projection(exchanges.after),
            exchanges.supporter_words,
            exchanges.reply_words,
        )

    def state(self) -> np.ndarray:
        """Shape: (N, S), float64; see the module."""
        return state_features(self.tracks, self.before)

    def features(self, typicality: np.ndarray, *, texts: bool = True) -> np.ndarray:
        """All features of the exchanges; see the module.

        Args:
            typicality: Of the plans. Shape: (N,).
            texts: Whether the texts and lengths after the plan are seen; else zero.
        """
        next_turn = StrategyTracks.of([[plan] for plan in self.plans])
        now = next_turn.used[:, 0].astype(np.float64)
        early = now * (self.tracks.turns < EARLY_TURNS)[:, None]
        shown = float(texts)
        scalars = [
            typicality,
            self.tracks.earlier_use(next_turn),
            np.array([len(plan) for plan in self.plans]) / 3,
            shown * np.log1p(self.supporter_words) / 4,
            shown * np.log1p(self.reply_words) / 4,
        ]
        return np.concatenate(
            [self.state(), now, early, np.stack(scalars, axis=1), shown * self.supporter, shown * self.after], axis=1
        )


def state_features(tracks: StrategyTracks, before: np.ndarray) -> np.ndarray:
    """What the supporter could know. Shape: (N, S), float64."""
    return np.concatenate([before.astype(np.float64), tracks.statistics()], axis=1)
