"""A warm process encodes thousands of turns a second."""

import time
from collections.abc import Sequence

import numpy as np
import pytest

from corpus.dialogue import turn_view
from corpus.load import load_corpus
from encoding.embedding_cache import EmbeddingCache
from encoding.observation import Observer
from tests.hash_encoder import HashEncoder

pytestmark = pytest.mark.slow


def test_five_thousand_turns_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    """A warm process: embeddings of 384 numbers in memory, every turn of the bundled sample, five times over."""

    class Wide(HashEncoder):
        dimension = 384

        def encode(self, texts: Sequence[str]) -> np.ndarray:
            return np.tile(super().encode(texts), (1, 24))

    observer = Observer(EmbeddingCache(Wide(), folder=None))
    histories = [turn.history for turn in turn_view(load_corpus(None).split("train"))] * 5
    observer.encode_histories(histories)
    best = 0.0
    for _ in range(5):
        began = time.perf_counter()
        observer.encode_histories(histories)
        best = max(best, len(histories) / (time.perf_counter() - began))
    with capsys.disabled():
        print(f"\n{best:,.0f} turns encoded a second")
    assert best >= 5_000
