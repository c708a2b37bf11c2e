"""A message as meaning and words: its sentence embedding, then its TF-IDF vector."""

import hashlib
from collections.abc import Sequence

import numpy as np

from encoding.observation import Embedder
from planner.tfidf_embedder import TfidfEmbedder


class JoinedEmbedder:
    """An :class:`encoding.observation.Embedder` that writes two others' vectors side by side.

    Args:
        meaning: Sentence embeddings of length D.
        words: TF-IDF vectors of length V.
    """

    def __init__(self, meaning: Embedder, words: TfidfEmbedder) -> None:
        self.meaning = meaning
        self.words = words

    @property
    def dimension(self) -> int:
        """D + V."""
        return self.meaning.dimension + self.words.dimension

    @property
    def fingerprint(self) -> str:
        """Digest of both."""
        return hashlib.sha256(f"{self.meaning.fingerprint}+{self.words.fingerprint}".encode()).hexdigest()

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Shape: (N, D + V), float32."""
        meaning = self.meaning.encode(texts)
        joined = np.zeros((len(meaning), meaning.shape[1] + self.words.dimension), np.float32)
        joined[:, : meaning.shape[1]] = meaning
        self.words.write(texts, joined[:, meaning.shape[1] :])
        return joined
