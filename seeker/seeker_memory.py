"""What the retrieval seeker remembers of a conversation, as the whole numbers that a conversation carries for it.

Nothing lives in the seeker itself: conversations can be checkpointed, resumed and shared between workers.
Layout: receptiveness, generosity, then per turn: exchange, expected stars, typicality; all but exchanges in millionths.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_UNIT = 1_000_000
_HEAD, _TURN = 2, 3
_OTHER_TURN = -1


@dataclass(frozen=True, eq=False)
class SeekerMemory:
    """Of B conversations, turns padded to T.

    Attributes:
        receptiveness: How much of what is offered is taken in; NaN before the first turn. Shape: (B,).
        generosity: Of the seeker's ratings, logits; NaN before the first turn. Shape: (B,).
        exchanges: Retrieved so far, in order; -1 after the last. Shape: (B, T), int.
        stars: Sum of expected stars so far. Shape: (B,).
        typicality: Sum so far. Shape: (B,).
        turns: Answered so far. Shape: (B,), int.
    """

    receptiveness: np.ndarray
    generosity: np.ndarray
    exchanges: np.ndarray
    stars: np.ndarray
    typicality: np.ndarray
    turns: np.ndarray

    @classmethod
    def read(cls, carried: Sequence[Sequence[int]]) -> "SeekerMemory":
        """Reads what conversations carry.

        Raises:
            ValueError: Somebody else wrote there.
        """
        lengths = np.array([len(numbers) for numbers in carried], np.int64)
        if np.any((lengths > 0) & ((lengths < _HEAD) | ((lengths - _HEAD) % _TURN != 0))):
            raise ValueError("retrieval seeker: a conversation carries the memory of another kind of seeker")
        padded = np.full((len(carried), max(_HEAD, int(lengths.max(initial=0)))), _OTHER_TURN, np.int64)
        for row, numbers in zip(padded, carried, strict=True):
            row[: len(numbers)] = numbers
        turns = np.maximum(0, lengths - _HEAD) // _TURN
        by_turn = padded[:, _HEAD:].reshape(len(carried), -1, _TURN)  # (B, T, 3)
        answered = np.arange(by_turn.shape[1]) < turns[:, None]
        sums = np.where(answered[..., None], by_turn, 0).sum(axis=1)
        head = np.where((lengths > 0)[:, None], padded[:, :_HEAD] / _UNIT, np.nan)
        return cls(head[:, 0], head[:, 1], by_turn[..., 0], sums[:, 1] / _UNIT, sums[:, 2] / _UNIT, turns)

    @property
    def last_exchange(self) -> np.ndarray:
        """The exchange retrieved last; -1 before the first turn. Shape: (B,), int."""
        if self.exchanges.shape[1] == 0:
            return np.full(len(self.turns), _OTHER_TURN)
        last = self.exchanges[np.arange(len(self.turns)), np.maximum(0, self.turns - 1)]
        return np.where(self.turns > 0, last, _OTHER_TURN)


def millionths(values: np.ndarray) -> list[int]:
    """As whole numbers. Shape: (N,)."""
    return np.rint(values * _UNIT).astype(np.int64).tolist()
