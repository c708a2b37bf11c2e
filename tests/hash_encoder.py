"""A sentence encoder that needs no model, for tests of whole commands."""

from collections.abc import Sequence

import numpy as np


class HashEncoder:
    """Stands in for the sentence encoder: unit vectors drawn from the text's bytes."""

    dimension = 12
    fingerprint = "f" * 64

    def __init__(self, name: str = "") -> None:
        self.name = name

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.stack(
            [np.random.default_rng(list(text.encode()[:64])).normal(size=self.dimension) for text in texts]
        )
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
