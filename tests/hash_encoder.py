"""The text encoder of all tests: it needs no model, and counts what it embeds."""

import hashlib
from collections.abc import Sequence

import numpy as np

from encoding.text_encoder import Arithmetic

DIMENSION = 16


def vector(text: str) -> np.ndarray:
    """Random normal numbers seeded with the text. Shape: (16,), float32, of length 1."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    normal = np.random.default_rng(seed).normal(size=DIMENSION)
    return (normal / np.linalg.norm(normal)).astype(np.float32)


class HashEncoder:
    """Stands in for a sentence encoder, also where one is made by its name.

    Attributes:
        embedded: Every text embedded so far, in order, repeats included.
        calls: Number of texts of every call.
    """

    dimension = DIMENSION
    fingerprint = "f" * 64
    precision: Arithmetic = "fp32"

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.embedded: list[str] = []
        self.calls: list[int] = []

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        self.embedded += texts
        self.calls.append(len(texts))
        return np.array([vector(text) for text in texts], np.float32).reshape(len(texts), DIMENSION)
