"""Sentence vectors that are never written to disk: what a person says in a chat does not belong into a data cache."""

from collections.abc import Sequence

import numpy as np

from encoding.text_encoder import TextEncoder
from encoding.vector_memory import VectorMemory

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
