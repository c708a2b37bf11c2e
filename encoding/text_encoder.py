"""The one protocol of what turns texts into vectors.

Sentence encoders (:mod:`encoding.sentence_encoder`), TF-IDF (:mod:`encoding.tfidf`) and the cache in front of either
(:mod:`encoding.embedding_cache`) follow it. To add a text encoder is to write a class with these four attributes: it
can then be cached, observed with and planned with. What turns whole histories into observations is another thing:
:class:`encoding.observation.HistoryEncoder`.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np

Arithmetic = Literal["bf16", "fp32"]


class TextEncoder(Protocol):
    """Turns texts into vectors, and says which model it is."""

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest of the model, at least 32 digits: who learned from another model's vectors refuses it."""

    @property
    def precision(self) -> Arithmetic:
        """What the model computes in, here and now: a cache keeps apart what only rounding makes different."""

    @property
    def dimension(self) -> int:
        """Length D of a vector."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Embeds N texts one by one: a vector depends on its text alone.

        Returns:
            Shape: (N, D), float32, rows of Euclidean length 1, or 0 where a text has nothing that the model knows.
        """
