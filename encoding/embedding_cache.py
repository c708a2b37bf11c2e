"""A cache in front of a text encoder: every distinct message is embedded once, on disk for ever or in memory only.

On disk because the 38,365 messages of ESConv take minutes to embed, and every training and every benchmark asks for the
same ones. In memory only where texts are no data: what a person writes in a chat, what simulated conversations invent,
what a latency measurement makes up. Nothing of these is written to disk, not even by a cache further behind.
"""

import hashlib
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from pathlib import Path

import numpy as np

from encoding.cache import cache_root
from encoding.text_encoder import Arithmetic, TextEncoder

# Vectors computed between two writes to disk: a killed run loses at most this many.
_CHUNK = 4096
_LONG = 8192  # texts from which the time is said beforehand

logger = logging.getLogger(__name__)

_writes: ContextVar[bool] = ContextVar("writes", default=True)


def cache_folder() -> Path:
    """Where embeddings are kept: ``$ESC_CACHE/embeddings``, else ``.cache/embeddings`` in the working directory."""
    return cache_root() / "embeddings"


@contextmanager
def memory_only() -> Iterator[None]:
    """While the block runs, no cache writes to disk; what is there already is still found."""
    token = _writes.set(False)
    try:
        yield
    finally:
        _writes.reset(token)


class EmbeddingCache:
    """A :class:`encoding.text_encoder.TextEncoder` that asks the encoder behind it for each distinct text once.

    On disk it is an SQLite file for each model and precision: safe against kills and against two runs at once, and rows
    are added without rewriting the file. A second run over the same texts embeds nothing and loads no model.

    Args:
        encoder: Computes what is missing.
        folder: Where vectors are kept, mostly :func:`cache_folder`; made when needed. ``None``: in memory only.
        remembered: Vectors held in memory at most; the oldest make room. ESConv's messages take 59 MB at 384 entries.

    Attributes:
        computed: Texts embedded by this object so far.
        reused: Texts found in the cache, in memory or on disk, by this object so far.
        seconds: Time spent embedding.
    """

    def __init__(self, encoder: TextEncoder, *, folder: Path | None, remembered: int = 65_536) -> None:
        self.encoder = encoder
        self.path = None if folder is None else folder / f"{_key(encoder)}.sqlite"
        self.computed = 0
        self.reused = 0
        self.seconds = 0.0
        self._memory = _VectorMemory(remembered)
        self._dimension: int | None = None
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(_connect(self.path)) as connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID"
                )

    @property
    def fingerprint(self) -> str:
        """The model's fingerprint."""
        return self.encoder.fingerprint

    @property
    def precision(self) -> Arithmetic:
        """What the model computes in."""
        return self.encoder.precision

    @property
    def dimension(self) -> int:
        """Length D of a vector; read from the disk where one is there, so that no model is loaded for it."""
        if self._dimension is None:
            row = None
            if self.path is not None:
                with closing(_connect(self.path)) as connection:
                    row = connection.execute("SELECT length(vector) FROM vectors LIMIT 1").fetchone()
            self._dimension = row[0] // 4 if row else self.encoder.dimension
        return self._dimension

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Embeds N texts, repeats allowed. Shape: (N, D), float32."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        row = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        distinct = list(row)
        known, vectors = self._memory.recall(distinct)
        self.reused += len(vectors)
        if not known.all():
            missing = [distinct[number] for number in np.flatnonzero(~known)]
            found = self._found_or_computed(missing)
            self._memory.hold(missing, found)
            remembered, vectors = vectors, np.empty((len(distinct), found.shape[1]), np.float32)
            vectors[~known] = found
            if known.any():
                vectors[known] = remembered
        return vectors if len(row) == len(texts) else vectors[[row[text] for text in texts]]

    def _found_or_computed(self, texts: list[str]) -> np.ndarray:
        """Vectors of M distinct texts that the memory does not hold. Shape: (M, D)."""
        if self.path is None:
            with memory_only():  # of a cache further behind as well
                return np.concatenate([self._computed(texts[at : at + _CHUNK]) for at in range(0, len(texts), _CHUNK)])
        keys = [hashlib.sha256(text.encode()).digest() for text in texts]
        wanted = dict(zip(keys, texts, strict=True))
        with closing(_connect(self.path)) as connection:
            found = _read(connection, keys)
            self.reused += len(found)
            missing = [key for key in keys if key not in found]
            if len(missing) >= _LONG:
                self._announce([wanted[key] for key in missing])
            for start in range(0, len(missing), _CHUNK):
                chunk = missing[start : start + _CHUNK]
                found |= zip(chunk, self._computed([wanted[key] for key in chunk]), strict=True)
                if _writes.get():
                    with connection:
                        connection.executemany(
                            "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
                            [(key, np.ascontiguousarray(found[key], "<f4").tobytes()) for key in chunk],
                        )
        return np.stack([found[key] for key in keys])

    def _announce(self, texts: list[str]) -> None:
        """Says how long it will take, by what a few of the texts take once the model is loaded."""
        some = texts[:: len(texts) // 64]
        self.encoder.encode(some[:2])
        began = time.perf_counter()
        self.encoder.encode(some)
        minutes = (time.perf_counter() - began) * len(texts) / len(some) / 60
        logger.info("embedding %d messages, once: about %.1f minutes", len(texts), minutes)

    def _computed(self, texts: list[str]) -> np.ndarray:
        began = time.perf_counter()
        vectors = self.encoder.encode(texts)
        self.seconds += time.perf_counter() - began
        self.computed += len(texts)
        return vectors


def _key(encoder: TextEncoder) -> str:
    return encoder.fingerprint[:32] + ("" if encoder.precision == "fp32" else f"-{encoder.precision}")


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=60)


def _read(connection: sqlite3.Connection, keys: list[bytes]) -> dict[bytes, np.ndarray]:
    found = {}
    for start in range(0, len(keys), 500):  # below SQLite's oldest limit of 999 parameters
        chunk = keys[start : start + 500]
        marks = ",".join("?" * len(chunk))
        for key, vector in connection.execute(f"SELECT text, vector FROM vectors WHERE text IN ({marks})", chunk):
            found[key] = np.frombuffer(vector, "<f4")
    return found


class _VectorMemory:
    """Vectors by text, the last ``limit`` of them, as rows of one matrix that grows with need; safe between threads.

    One matrix, because taking a thousand rows of it is a single copy: planning reads whole histories at a time.
    """

    def __init__(self, limit: int) -> None:
        if limit < 0:
            raise ValueError(f"remembered: got {limit}, expected at least 0 vectors")
        self._limit = limit
        self._row: dict[str, int] = {}
        self._texts: list[str] = []  # of the rows
        self._next = 0  # the row that is written next once all are in use: the oldest
        self._vectors = np.zeros((0, 0), np.float32)
        self._lock = threading.Lock()

    def recall(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Which of N texts are held (N,), bool, and the vectors of those, in order (held, D), float32, copied."""
        with self._lock:
            rows = np.array([self._row.get(text, -1) for text in texts], np.int64)
            held = rows >= 0
            return held, self._vectors[rows[held]]

    def hold(self, texts: Sequence[str], vectors: np.ndarray) -> None:
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
