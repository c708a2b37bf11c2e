"""What a planner sees: a history as one vector, and the prefix of the turn as another.

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
habits             4             of the supporter's finished turns: share of two or more messages, mean length / 5,
                                 length of the last one / 5, log(1 + number) / log(41)
opening            3             history empty; supporter has not spoken; seeker has not spoken
=================  ============  =====================================================================================

Supporter messages that end the history belong to the turn being planned: its earlier responses, with their text.

Prefix features, P = 9 K + 1 entries: the slots of the prefix one-hot (0..7, 8 = STOP), and its length / K.

A thousand histories are encoded at once: the turns of a dialogue share their messages, so what is computed for each
message of a dialogue, with running sums, serves every history that ends somewhere in it (:class:`MessageChains`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from encoding.plan_codec import STOP, PlanCodec
from encoding.text_encoder import TextEncoder

_STRATEGIES = len(Strategy)
_BLOCK = 64  # histories written at a time: the copies in between stay in the processor's cache
_ALIKE = 4  # messages by which dialogues are told apart; if all are the same, they are only joined less


@dataclass(frozen=True)
class MessageChains:
    """N histories over T messages: history i is ``messages[starts[i] : starts[i] + lengths[i]]``.

    Attributes:
        messages: The messages of all chains, one chain after another.
        starts: Where the chain of each history begins. Shape: (N,), int.
        lengths: Number of messages of each history. Shape: (N,), int.
    """

    messages: tuple[Message, ...]
    starts: np.ndarray
    lengths: np.ndarray

    @classmethod
    def link(cls, histories: Sequence[Sequence[Message]]) -> "MessageChains":
        """Joins histories of which one begins with the other, as the turns of a dialogue do, whatever their order."""
        finished: list[Message] = []
        chain: tuple[Message, ...] = ()
        starts = np.zeros(len(histories), np.int64)
        # Side by side those that begin alike: of one dialogue, as far as dialogues differ in their first messages.
        for number in sorted(range(len(histories)), key=lambda one: [first.text for first in histories[one][:_ALIKE]]):
            messages = tuple(histories[number])
            shared = min(len(messages), len(chain))
            if messages[:shared] != chain[:shared]:  # compares by identity first, so mostly without looking inside
                finished += chain
                chain = messages
            elif len(messages) > len(chain):
                chain = messages
            starts[number] = len(finished)
        lengths = [len(history) for history in histories]
        return cls((*finished, *chain), starts, np.array(lengths, np.int64))

    @property
    def first_of_chain(self) -> np.ndarray:
        """Whether each message begins a chain. Shape: (T,), bool."""
        first = np.zeros(len(self.messages), bool)
        first[self.starts[self.lengths > 0]] = True
        return first


_POSITION_EDGES = np.array([1, 2, 3, 5, 8, 12, 18, 26, 40])
_RECENCY_DECAY = 0.7
# Position, three of each strategy, last run, habits, opening.
STATISTICS = 10 + 3 * _STRATEGIES + 4 + 4 + 3


def history_statistics(chains: MessageChains) -> np.ndarray:
    """The blocks from position to opening. Shape: (N, 45), float64, each 0..1."""
    features = np.zeros((len(chains.lengths), STATISTICS))
    position = np.searchsorted(_POSITION_EDGES, chains.lengths, side="right")
    features[:, :10] = position[:, None] == np.arange(10)
    features[:, -3:] = 1.0  # of an empty history: it is empty, nobody has spoken
    spoken = np.flatnonzero(chains.lengths)
    if len(spoken):
        start, stop = chains.starts[spoken], (chains.starts + chains.lengths)[spoken]
        by_supporter = np.array([message.role is Role.SUPPORTER for message in chains.messages])  # (T,)
        features[spoken, 10:34] = _strategy_use(chains, start, stop)
        features[spoken, 34:42] = _runs(chains, by_supporter, start, stop)
        turns = _counted(by_supporter, start, stop)
        features[spoken, -3:] = np.stack([np.zeros(len(spoken)), turns == 0, turns == stop - start], axis=1)
    return features


def _strategy_use(chains: MessageChains, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Share, count and recency of each strategy. Shape: (N, 24)."""
    values = np.array([-1 if message.strategy is None else message.strategy for message in chains.messages])
    used = values[:, None] == np.arange(_STRATEGIES)  # (T, 8)
    counts = _counted(used, start, stop)  # (N, 8)
    total = counts.sum(axis=1, keepdims=True)
    # Messages with a strategy are numbered from 1; the last number of each strategy tells how long ago it was.
    number = np.cumsum(values >= 0)
    last = np.maximum.accumulate(np.where(used, number[:, None], 0), axis=0)[stop - 1]  # (N, 8)
    steps = number[stop - 1, None] - last
    recency = np.where(counts > 0, _RECENCY_DECAY ** np.where(counts > 0, steps, 0), 0.0)
    frequency = np.minimum(np.log1p(counts) / np.log(21.0), 1.0)
    return np.concatenate([counts / np.maximum(1, total), frequency, recency], axis=1)


def _runs(chains: MessageChains, by_supporter: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """The seeker's last run, and habits: the supporter's finished runs. Shape: (N, 8)."""
    index = np.arange(len(by_supporter))
    first = chains.first_of_chain
    changes = np.concatenate([[True], by_supporter[1:] != by_supporter[:-1]]) | first
    run_start = np.maximum.accumulate(np.where(changes, index, 0))  # (T,)
    end = stop - 1
    trailing = np.where(by_supporter[end], stop - run_start[end], 0)

    seeker = np.maximum.accumulate(np.where(by_supporter, -1, index))[end]  # the seeker's last message
    heard = seeker >= start
    seeker_run = np.where(heard, seeker - run_start[seeker] + 1, 0)
    words, asks = np.zeros(len(stop)), np.zeros(len(stop))
    for row in np.flatnonzero(heard):
        text = chains.messages[seeker[row]].text
        words[row], asks[row] = len(text.split()), "?" in text

    # A supporter's run is finished by the seeker's message after it.
    finishes = changes & ~first & ~by_supporter
    length = np.zeros(len(index), np.int64)
    length[finishes] = index[finishes] - run_start[index[finishes] - 1]
    number, multi, total = (_counted(sums, start, stop) for sums in (finishes, length > 1, length))
    latest = length[np.maximum.accumulate(np.where(finishes, index, 0))[end]]
    divisor = np.maximum(1, number)
    features = [
        *(np.log1p(words) / np.log(101.0), asks, seeker_run / 5, trailing / 5),
        *(multi / divisor, total / divisor / 5, np.where(number, latest, 0) / 5, np.log1p(number) / np.log(41.0)),
    ]
    return np.minimum(np.stack(features, axis=1), 1.0)


def _counted(values: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Sums of the values from ``start`` to before ``stop``. Shape: (T, ...) -> (N, ...), int."""
    before = np.zeros((len(values) + 1, *values.shape[1:]), np.int64)
    np.cumsum(values, axis=0, out=before[1:])
    return before[stop] - before[start]


class HistoryEncoder(Protocol):
    """Turns histories into observations: :class:`Observer`, or what a planner predicts of them."""

    @property
    def history_size(self) -> int:
        """H, entries of an encoded history."""

    def encode_histories(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Shape: (N, H), float32."""


class Observer:
    """Encodes histories as the table above says; a :class:`HistoryEncoder`.

    Args:
        text_encoder: Turns message texts into vectors of length D.
        window: W, number of last messages that are seen one by one.
        max_strategies: K, longest plan that can be made.
    """

    def __init__(self, text_encoder: TextEncoder, *, window: int = 3, max_strategies: int = 3) -> None:
        if window < 1:
            raise ValueError(f"window: got {window}, expected at least 1 message")
        self.text_encoder = text_encoder
        self.window = window
        self.codec = PlanCodec(max_strategies)

    @property
    def history_size(self) -> int:
        """H, see the module."""
        return self._size(self.text_encoder.dimension)

    def encode_histories(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Encodes N histories; each distinct message among them is embedded once.

        Returns:
            Shape: (N, H), float32.
        """
        chains = MessageChains.link(histories)
        row: dict[str, int] = {}
        rows = np.array([row.setdefault(message.text, len(row)) for message in chains.messages], np.int64)  # (T,)
        vectors = self.text_encoder.encode(list(row))  # (M, D)
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
    """Encodes prefixes. Shape: (N, K) slots -> (N, P), float32."""
    one_hot = (slots[..., None] == np.arange(STOP + 1)).reshape(len(slots), -1)
    length = PlanCodec.lengths(slots)[:, None] / slots.shape[1]
    return np.concatenate([one_hot, length], axis=1).astype(np.float32)


def turn_prefix(history: Sequence[Message]) -> tuple[Strategy, ...]:
    """The prefix: the strategies, in order, of the supporter's messages since the seeker's last one.

    It is what the current turn holds already, and empty where the seeker spoke last. A message whose strategy nobody
    knows (a person typed it, or it is a fixed reply) is left out; the strategies before and after it count.
    """
    strategies: list[Strategy] = []
    for message in reversed(history):
        if message.role is Role.SEEKER:
            break
        if message.strategy is not None:
            strategies.append(message.strategy)
    return tuple(reversed(strategies))
