"""Vectors by text, in memory, of bounded size: the oldest make room."""

import threading
from collections.abc import Sequence

import numpy as np


class VectorMemory:
    """Holds at most ``limit`` vectors as rows of one matrix, which grows with need; safe between threads.

    Args:
        limit: Most vectors held, from 0. Memory is bounded by limit * D * 4 bytes and the texts themselves.
    """

    def __init__(self, limit: int) -> None:
        if limit < 0:
            raise ValueError(f"limit: got {limit}, expected at least 0 vectors")
        self._limit = limit
        self._row: dict[str, int] = {}
        self._texts: list[str] = []  # of the rows
        self._next = 0  # the row that is written next once all are in use: the oldest
        self._vectors = np.zeros((0, 0), np.float32)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._texts)

    def recall(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Which of N texts are held (N,), bool, and the vectors of those, in order (held, D), float32, copied."""
        with self._lock:
            rows = np.array([self._row.get(text, -1) for text in texts], np.int64)
            held = rows >= 0
            return held, self._vectors[rows[held]]

    def keep(self, texts: Sequence[str], vectors: np.ndarray) -> None:
        """Takes in vectors of distinct texts; of more than the limit, the last. ``vectors``: (N, D)."""
        with self._lock:
            new = [number for number, text in enumerate(texts) if text not in self._row]
            new = new[max(0, len(new) - self._limit) :]
            if new:
                self._grow(len(self._texts) + len(new), vectors.shape[1])
                self._vectors[[self._place(texts[number]) for number in new]] = vectors[new]

    def _grow(self, wanted: int, dimension: int) -> None:
        if wanted > len(self._vectors) < self._limit:
            rows = min(self._limit, max(wanted, 2 * len(self._vectors)))
            grown = np.zeros((rows, dimension), np.float32)
            if len(self._vectors):
                grown[: len(self._vectors)] = self._vectors
            self._vectors = grown

    def _place(self, text: str) -> int:
        """Gives a text a row: a free one, else that of the oldest text."""
        if len(self._texts) < self._limit:
            row = len(self._texts)
            self._texts.append(text)
        else:
            row, self._next = self._next, (self._next + 1) % self._limit
            del self._row[self._texts[row]]
            self._texts[row] = text
        self._row[text] = row
        return row
