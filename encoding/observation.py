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
from itertools import pairwise
from typing import Protocol

import numpy as np

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from encoding.history_statistics import STATISTICS, history_statistics
from encoding.message_chains import MessageChains
from encoding.plan_codec import STOP, PlanCodec

_STRATEGIES = len(Strategy)
# Histories written at a time: the copies in between stay in the processor's cache.
_BLOCK = 64


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
        return self._size(self.embedder.dimension)

    def encode_histories(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Encodes N histories; each distinct message among them is embedded once.

        Returns:
            Shape: (N, H), float32.
        """
        chains = MessageChains.link(histories)
        row: dict[str, int] = {}
        rows = np.array([row.setdefault(message.text, len(row)) for message in chains.messages], np.int64)  # (T,)
        vectors = self.embedder.encode(list(row))  # (M, D)
        encoded = np.zeros((len(histories), self._size(vectors.shape[1])), np.float32)
        self._write_window(encoded, chains, vectors, rows)
        self._write_problem(encoded, chains, vectors, rows)
        encoded[:, -STATISTICS:] = history_statistics(chains)
        return encoded

    def _size(self, dimension: int) -> int:
        return self.window * (dimension + 2 + _STRATEGIES) + dimension + STATISTICS

    def _write_window(self, encoded: np.ndarray, chains: MessageChains, vectors: np.ndarray, rows: np.ndarray) -> None:
        width = vectors.shape[1] + 2 + _STRATEGIES
        marks = np.zeros((len(rows), 2 + _STRATEGIES), np.float32)  # (T, 10)
        for number, message in enumerate(chains.messages):
            marks[number, int(message.role is Role.SUPPORTER)] = 1.0
            if message.strategy is not None:
                marks[number, 2 + message.strategy] = 1.0
        stops = chains.starts + chains.lengths
        for begin in range(0, len(encoded), _BLOCK):
            block = encoded[begin : begin + _BLOCK]
            for back in range(1, self.window + 1):
                present = np.flatnonzero(chains.lengths[begin : begin + _BLOCK] >= back)
                message = stops[begin + present] - back
                left = (self.window - back) * width
                block[present, left : left + width - 2 - _STRATEGIES] = vectors[rows[message]]
                block[present, left + width - 2 - _STRATEGIES : left + width] = marks[message]

    def _write_problem(self, encoded: np.ndarray, chains: MessageChains, vectors: np.ndarray, rows: np.ndarray) -> None:
        dimension = vectors.shape[1]
        left = self.window * (dimension + 2 + _STRATEGIES)
        by_seeker = np.array([message.role is Role.SEEKER for message in chains.messages], bool)  # (T,)
        before = np.concatenate([[0], np.cumsum(by_seeker)])  # (T + 1,)
        counts = before[chains.starts + chains.lengths] - before[chains.starts]  # (N,) of seeker messages
        order = np.argsort(chains.starts, kind="stable")  # histories of a chain side by side
        starts, first = np.unique(chains.starts[order], return_index=True)
        for start, (begin, end) in zip(starts, pairwise([*first, len(encoded)]), strict=True):
            here = order[begin:end]
            stop = start + chains.lengths[here].max()
            spoken = rows[start:stop][by_seeker[start:stop]]
            if len(spoken):
                sums = np.cumsum(vectors[spoken], axis=0)
                heard = counts[here, None]
                means = sums[heard[:, 0] - 1] / np.maximum(1, heard).astype(np.float32)
                encoded[here, left : left + dimension] = np.where(heard > 0, means, 0.0)


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
