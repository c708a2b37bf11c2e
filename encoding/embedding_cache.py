"""Every distinct message is embedded once, ever: a cache on disk keyed by text and model fingerprint.

In front of it stands a bounded memory, so that a warm process does not ask the disk again.

Vectors by text, in memory, of bounded size: the oldest make room.

Sentence vectors that are never written to disk: what a person says in a chat does not belong into a data cache.

An embedder that looks up what it has embedded before: in simulated conversations the same messages come again.
"""

import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from encoding.observation import Embedder
from encoding.sentence_encoder import TextEncoder


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


# Vectors computed between two writes to disk: a killed run loses at most this many.
_CHUNK = 4096


def default_cache_folder() -> Path:
    """``$ESC_CACHE``, else ``.cache`` in the working directory."""
    return Path(os.environ.get("ESC_CACHE", ".cache"))


class CachedEncoder:
    """Embeds texts through a cache; a second run over the same texts embeds nothing and loads no model.

    SQLite, because it is safe against kills and against two runs at once, and rows can be added without rewriting
    the file. One file per model fingerprint. The last vectors used for the first time are also held in memory: looking
    them up again costs no query.

    Args:
        encoder: Computes what is missing.
        folder: Where the cache lives; made when needed.
        remembered: Vectors held in memory at most. ESConv has 38,365 messages: all of it takes 59 MB at 384 entries;
            the default bounds memory to 100 MB there.

    Attributes:
        computed: Texts embedded by this object so far.
        reused: Texts found in the cache, in memory or on disk, by this object so far.
        seconds: Time spent embedding.
    """

    def __init__(self, encoder: TextEncoder, *, folder: Path | None = None, remembered: int = 65_536) -> None:
        self.encoder = encoder
        folder = folder if folder is not None else default_cache_folder() / "embeddings"
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{encoder.fingerprint[:32]}.sqlite"
        self.computed = 0
        self.reused = 0
        self.seconds = 0.0
        self._memory = VectorMemory(remembered)
        self._dimension: int | None = None
        with closing(self._connect()) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")

    @property
    def fingerprint(self) -> str:
        """The model's fingerprint."""
        return self.encoder.fingerprint

    @property
    def dimension(self) -> int:
        """Length D of a vector; read from the cache where one is there, so that no model is loaded for it."""
        if self._dimension is None:
            with closing(self._connect()) as connection:
                row = connection.execute("SELECT length(vector) FROM vectors LIMIT 1").fetchone()
            self._dimension = row[0] // 4 if row else self.encoder.dimension
        return self._dimension

    def encode(self, texts: Iterable[str]) -> np.ndarray:
        """Embeds texts, each distinct one at most once.

        Args:
            texts: N texts, repeats allowed.

        Returns:
            Shape: (N, D), float32, rows of Euclidean length 1.
        """
        texts = list(texts)
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        row = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        distinct = list(row)
        known, vectors = self._memory.recall(distinct)
        self.reused += len(vectors)
        if not known.all():
            missing = [distinct[number] for number in np.flatnonzero(~known)]
            fetched = self._fetch(missing)
            self._memory.keep(missing, fetched)
            remembered, vectors = vectors, np.empty((len(distinct), fetched.shape[1]), np.float32)
            vectors[~known] = fetched
            if known.any():
                vectors[known] = remembered
        return vectors if len(row) == len(texts) else vectors[[row[text] for text in texts]]

    def _fetch(self, texts: list[str]) -> np.ndarray:
        """Vectors of M distinct texts from the disk, computed and written where they are not there. Shape: (M, D)."""
        keys = [hashlib.sha256(text.encode()).digest() for text in texts]
        wanted = dict(zip(keys, texts, strict=True))
        with closing(self._connect()) as connection:
            found = self._read(connection, list(wanted))
            missing = [key for key in wanted if key not in found]
            self.reused += len(found)
            for start in range(0, len(missing), _CHUNK):
                chunk = missing[start : start + _CHUNK]
                began = time.perf_counter()
                vectors = self.encoder.encode([wanted[key] for key in chunk])
                self.seconds += time.perf_counter() - began
                self.computed += len(chunk)
                found |= dict(zip(chunk, vectors, strict=True))
                with connection:
                    connection.executemany(
                        "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
                        [(key, np.ascontiguousarray(found[key], "<f4").tobytes()) for key in chunk],
                    )
        return np.stack([found[key] for key in keys])

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=60)

    @staticmethod
    def _read(connection: sqlite3.Connection, keys: list[bytes]) -> dict[bytes, np.ndarray]:
        found = {}
        for start in range(0, len(keys), 500):  # below SQLite's oldest limit of 999 parameters
            chunk = keys[start : start + 500]
            marks = ",".join("?" * len(chunk))
            for key, vector in connection.execute(f"SELECT text, vector FROM vectors WHERE text IN ({marks})", chunk):
                found[key] = np.frombuffer(vector, "<f4")
        return found


REMEMBERED = 4096  # vectors held at most, some dozens of long conversations


class MemoryEncoder:
    """Embeds each text once while it is remembered; a conversation's history is read again with every message.

    Args:
        encoder: Computes what is not remembered.
    """

    def __init__(self, encoder: TextEncoder) -> None:
        self.encoder = encoder
        self.fingerprint = encoder.fingerprint
        self.dimension = encoder.dimension
        self._memory = VectorMemory(REMEMBERED)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Embeds N texts. Shape: (N, D), float32."""
        distinct = list(dict.fromkeys(texts))
        known, remembered = self._memory.recall(distinct)
        vectors = np.empty((len(distinct), self.dimension), np.float32)
        if known.any():
            vectors[known] = remembered
        missing = [text for text, there in zip(distinct, known, strict=True) if not there]
        if missing:
            vectors[~known] = self.encoder.encode(missing)
            self._memory.keep(missing, vectors[~known])
        row = {text: number for number, text in enumerate(distinct)}
        return vectors[[row[text] for text in texts]]


class RememberedEmbedder:
    """An :class:`encoding.observation.Embedder` in front of a slower one.

    Args:
        embedder: Embeds what is new.
        remembered: Vectors held in memory at most. ESConv's training split has some 26,000 messages: 145 MB at 1,384
            entries.
    """

    def __init__(self, embedder: Embedder, *, remembered: int = 65_536) -> None:
        self._embedder = embedder
        self._memory = VectorMemory(remembered)

    @property
    def dimension(self) -> int:
        """That of the embedder behind."""
        return self._embedder.dimension

    @property
    def fingerprint(self) -> str:
        """That of the embedder behind."""
        return self._embedder.fingerprint

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Shape: (N, D), float32."""
        known, vectors = self._memory.recall(texts)
        if known.all() and len(vectors):
            return vectors
        new = [text for text, held in zip(texts, known, strict=True) if not held]
        embedded = self._embedder.encode(new)
        self._memory.keep(list(dict.fromkeys(new)), embedded[_first_places(new)])
        joined = np.empty((len(texts), self.dimension), np.float32)
        joined[~known] = embedded
        if known.any():
            joined[known] = vectors
        return joined


def _first_places(texts: Sequence[str]) -> list[int]:
    """Where each distinct text stands first, in order."""
    places: dict[str, int] = {}
    for place, text in enumerate(texts):
        places.setdefault(text, place)
    return list(places.values())
