"""The plain numbers among the history features: position, strategies, runs, habits (:mod:`encoding.observation`).

All histories at once: each number is read off a running count over the messages of a chain, at the message where the
history ends.
"""

import numpy as np

from corpus.dialogue import Role
from corpus.strategy import Strategy
from encoding.message_chains import MessageChains

_STRATEGIES = len(Strategy)
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
    number, several, total = (_counted(sums, start, stop) for sums in (finishes, length > 1, length))
    latest = length[np.maximum.accumulate(np.where(finishes, index, 0))[end]]
    divisor = np.maximum(1, number)
    features = [
        *(np.log1p(words) / np.log(101.0), asks, seeker_run / 5, trailing / 5),
        *(several / divisor, total / divisor / 5, np.where(number, latest, 0) / 5, np.log1p(number) / np.log(41.0)),
    ]
    return np.minimum(np.stack(features, axis=1), 1.0)


def _counted(values: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Sums of the values from ``start`` to before ``stop``. Shape: (T, ...) -> (N, ...), int."""
    before = np.zeros((len(values) + 1, *values.shape[1:]), np.int64)
    np.cumsum(values, axis=0, out=before[1:])
    return before[stop] - before[start]
