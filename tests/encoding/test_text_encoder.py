"""A text encoder is added by one class: it is then cached, joined with TF-IDF and observed with like any other."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from corpus.dialogue import turn_view
from corpus.load import load_corpus
from encoding.embedding_cache import EmbeddingCache
from encoding.observation import Observer
from encoding.tfidf import JoinedEncoder, TfidfEncoder


class LetterEncoder:
    """Which of the 26 letters a text has."""

    fingerprint = "1e77e6" * 6
    dimension = 26

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        found = np.array([[letter in text.lower() for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts])
        return (found / np.maximum(1, np.linalg.norm(found, axis=1, keepdims=True))).astype(np.float32)


def test_a_new_text_encoder_serves_cache_and_observer(tmp_path: Path) -> None:
    train = load_corpus(None).split("train")
    cached = EmbeddingCache(LetterEncoder(), folder=tmp_path)
    observer = Observer(JoinedEncoder(cached, TfidfEncoder(train, words=50)))
    encoded = observer.encode_histories([turn.history for turn in turn_view(train)])
    assert encoded.shape == (len(turn_view(train)), 3 * (26 + 50 + 10) + 26 + 50 + 45)
    assert np.isfinite(encoded).all()
