"""Text encoders without a model: vectors follow from the text alone, and every text asked for is written down."""

import hashlib
from collections.abc import Sequence

import numpy as np

DIMENSION = 6


def vector(text: str) -> np.ndarray:
    """The vector of a text. Shape: (6,), float32, of length 1."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    drawn = np.random.default_rng(seed).normal(size=DIMENSION)
    return (drawn / np.linalg.norm(drawn)).astype(np.float32)


class FakeEncoder:
    """Counts what it embeds.

    Args:
        fingerprint: What it claims to be.

    Attributes:
        embedded: Every text embedded so far, in order, repeats kept.
        calls: Number of texts of every call.
    """

    dimension = DIMENSION

    def __init__(self, fingerprint: str = "a" * 64) -> None:
        self.fingerprint = fingerprint
        self.embedded: list[str] = []
        self.calls: list[int] = []

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Embeds texts. Shape: (N, 6), float32."""
        self.embedded += texts
        self.calls.append(len(texts))
        return np.array([vector(text) for text in texts], np.float32).reshape(len(texts), DIMENSION)


class UntouchableEncoder:
    """Knows its fingerprint; anything else means that a model would have been loaded."""

    fingerprint = "a" * 64

    @property
    def dimension(self) -> int:
        """Never to be asked."""
        raise AssertionError("the encoder was asked for its dimension")

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Never to be asked."""
        raise AssertionError(f"the encoder was asked for {len(texts)} texts")
