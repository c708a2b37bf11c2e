"""An embedder that looks up what it has embedded before: in simulated conversations the same messages come again."""

from collections.abc import Sequence

import numpy as np

from encoding.observation import Embedder
from encoding.vector_memory import VectorMemory


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
