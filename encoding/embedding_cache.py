"""Every distinct message is embedded once, ever: a cache on disk keyed by text and model fingerprint.

In front of it stands a bounded memory, so that a warm process does not ask the disk again.
"""

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np

from encoding.text_encoder import TextEncoder
from encoding.vector_memory import VectorMemory

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
