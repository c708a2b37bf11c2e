"""What a planner sees: the conversation so far as one vector, and the plan so far as another.

History features, H = W * (D + 10) + D + 45 entries, each in -1..1, for W window messages and embeddings of length D:

=================  ============  =====================================================================================
block              entries       meaning
=================  ============  =====================================================================================
window             W * (D + 10)  the last W messages, oldest first, absent ones zero: embedding (D), seeker or
                                 supporter one-hot (2), strategy one-hot (8, zero for a seeker)
problem            D             mean embedding of all messages by the seeker
position           10            one-hot over the number of messages before (0, 1, 2, 3-4, 5-7, 8-11, 12-17, 18-25,
                                 26-39, 40 and more)
strategy share     8             share of each strategy among the supporter's messages
strategy count     8             log(1 + count) / log(21) of each strategy, at most 1
strategy recency   8             0.7^k for the k-th last supporter message with the strategy, 0 where never used
last run           4             log(1 + words of the last seeker message) / log(101); whether it asks (`?`); length of
                                 the seeker's last run / 5; length of the supporter's run that ends the history / 5
habits             4             of the supporter's finished turns: share with several messages, mean length / 5,
                                 length of the last one / 5, log(1 + number) / log(41)
opening            3             history empty; supporter has not spoken; seeker has not spoken
=================  ============  =====================================================================================

Supporter messages that end the history belong to the turn being planned: its earlier responses, with their text.

Plan features, P = 9 K + 1 entries: the plan's slots one-hot (0..7, 8 = STOP), and its length / K.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from encoding.plan_codec import STOP, PlanCodec

_STRATEGIES = len(Strategy)
_POSITION_EDGES = np.array([1, 2, 3, 5, 8, 12, 18, 26, 40])
_SCALARS = 10 + 3 * _STRATEGIES + 4 + 4 + 3
_RECENCY_DECAY = 0.7


class Embedder(Protocol):
    """Turns texts into vectors; :class:`encoding.embedding_cache.CachedEncoder` is one."""

    @property
    def dimension(self) -> int:
        """Length D of a vector."""

    @property
    def fingerprint(self) -> str:
        """Digest of the model behind it."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Shape: (N, D), float32, rows of length 1."""


class Observer:
    """Encodes histories.

    Args:
        embedder: Turns message texts into vectors of length D.
        window: W, number of last messages that are seen one by one.
        max_strategies: K, longest plan that can be made.
    """

    def __init__(self, embedder: Embedder, *, window: int = 3, max_strategies: int = 3) -> None:
        if window < 1:
            raise ValueError(f"window: got {window}, expected at least 1 message")
        self.embedder = embedder
        self.window = window
        self.codec = PlanCodec(max_strategies)

    @property
    def history_size(self) -> int:
        """H, see the module."""
        dimension = self.embedder.dimension
        return self.window * (dimension + 2 + _STRATEGIES) + dimension + _SCALARS

    def encode_histories(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Encodes N histories; each distinct message among them is embedded once.

        Returns:
            Shape: (N, H), float32.
        """
        row: dict[str, int] = {}
        for history in histories:
            for message in history:
                row.setdefault(message.text, len(row))
        vectors = self.embedder.encode(list(row))  # (M, D)
        encoded = np.zeros((len(histories), self.history_size), np.float32)
        for features, history in zip(encoded, histories, strict=True):
            if history:
                self._write(features, history, vectors[[row[message.text] for message in history]])
            else:
                features[-_SCALARS], features[-3:] = 1.0, 1.0  # position: no message; opening: nobody has spoken
        return encoded

    def _write(self, features: np.ndarray, history: Sequence[Message], vectors: np.ndarray) -> None:
        dimension = vectors.shape[1]
        width = dimension + 2 + _STRATEGIES
        window = features[: self.window * width].reshape(self.window, width)
        for slot, message, vector in zip(window[::-1], reversed(history), vectors[::-1], strict=False):
            slot[:dimension] = vector
            slot[dimension + (message.role is Role.SUPPORTER)] = 1.0
            if message.strategy is not None:
                slot[dimension + 2 + message.strategy] = 1.0
        by_seeker = np.array([message.role is Role.SEEKER for message in history])
        if by_seeker.any():
            features[self.window * width : self.window * width + dimension] = vectors[by_seeker].mean(axis=0)
        features[-_SCALARS:] = np.concatenate(
            [
                np.arange(10) == np.searchsorted(_POSITION_EDGES, len(history), side="right"),
                _strategy_use(history),
                _last_run(history),
                _habits(history),
                [0.0, bool(by_seeker.all()), not by_seeker.any()],
            ]
        )


def plan_features_size(max_strategies: int) -> int:
    """P, see the module."""
    return (STOP + 1) * max_strategies + 1


def plan_features(slots: np.ndarray) -> np.ndarray:
    """Encodes plans so far. Shape: (N, K) slots -> (N, P), float32."""
    one_hot = (slots[..., None] == np.arange(STOP + 1)).reshape(len(slots), -1)
    length = PlanCodec.lengths(slots)[:, None] / slots.shape[1]
    return np.concatenate([one_hot, length], axis=1).astype(np.float32)


def plan_so_far(history: Sequence[Message]) -> tuple[Strategy, ...]:
    """Strategies of the supporter messages that end the history: what the current turn holds already."""
    strategies: list[Strategy] = []
    for message in reversed(history):
        if message.role is Role.SEEKER or message.strategy is None:
            break
        strategies.append(message.strategy)
    return tuple(reversed(strategies))


def _strategy_use(history: Sequence[Message]) -> np.ndarray:
    used = [message.strategy for message in history if message.strategy is not None]
    counts = np.bincount(used, minlength=_STRATEGIES) if used else np.zeros(_STRATEGIES)
    recency = np.zeros(_STRATEGIES)
    for steps, strategy in enumerate(reversed(used)):
        recency[strategy] = max(recency[strategy], _RECENCY_DECAY**steps)
    return np.concatenate([counts / max(1, len(used)), np.minimum(np.log1p(counts) / np.log(21.0), 1.0), recency])


def _last_run(history: Sequence[Message]) -> np.ndarray:
    runs = _runs(history)
    trailing = runs.pop()[1] if runs[-1][0] is Role.SUPPORTER else 0
    seeker = runs[-1][1] if runs else 0
    last = next((message.text for message in reversed(history) if message.role is Role.SEEKER), "")
    words = np.log1p(len(last.split())) / np.log(101.0)
    return np.minimum([words, "?" in last, seeker / 5, trailing / 5], 1.0)


def _habits(history: Sequence[Message]) -> np.ndarray:
    runs = _runs(history)
    finished = runs[:-1] if runs[-1][0] is Role.SUPPORTER else runs
    lengths = np.array([length for role, length in finished if role is Role.SUPPORTER])
    if not len(lengths):
        return np.zeros(4)
    features = [(lengths > 1).mean(), lengths.mean() / 5, lengths[-1] / 5, np.log1p(len(lengths)) / np.log(41.0)]
    return np.minimum(features, 1.0)


def _runs(history: Sequence[Message]) -> list[tuple[Role, int]]:
    """Maximal runs of one speaker: (role, number of messages), in order."""
    runs: list[tuple[Role, int]] = []
    for message in history:
        if runs and runs[-1][0] is message.role:
            runs[-1] = (message.role, runs[-1][1] + 1)
        else:
            runs.append((message.role, 1))
    return runs
