"""TF-IDF vectors of messages: hand-computed weights, and what an embedder promises."""

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role
from encoding.observation import Observer
from planner.tfidf_embedder import TfidfEmbedder


def dialogue(*texts: str) -> Dialogue:
    return Dialogue(1, tuple(Message(Role.SEEKER, text) for text in texts))


def test_weights_by_hand():
    embedder = TfidfEmbedder([dialogue("sad sad day", "sad night")], words=10)
    assert embedder.dimension == 3  # day, night, sad
    # Smooth idf: ln((1 + 2) / (1 + document frequency)) + 1; tf: 1 + ln(count).
    weights = np.array([np.log(3 / 2) + 1, 0.0, (1 + np.log(2)) * 1.0])
    np.testing.assert_allclose(embedder.encode(["Sad, sad day"])[0], weights / np.linalg.norm(weights), rtol=1e-6)


def test_question_marks_and_one_letter_words_count():
    embedder = TfidfEmbedder([dialogue("am I", "am I?")], words=10)
    assert embedder.dimension == 3
    assert not np.allclose(*embedder.encode(["am I", "am I?"]))


def test_rows_have_length_one_or_zero():
    embedder = TfidfEmbedder([dialogue("one two three", "two four")], words=3)
    vectors = embedder.encode(["two", "one two", "unheard-of"])
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, 3)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 0], rtol=1e-6)


def test_serves_an_observer():
    observer = Observer(TfidfEmbedder([dialogue("one two three")], words=3), window=2)
    assert observer.encode_histories([(), dialogue("one").messages]).shape == (2, observer.history_size)


def test_empty_batch():
    assert TfidfEmbedder([dialogue("word")], words=3).encode([]).shape == (0, 1)


def test_fingerprint_changes_with_words_and_with_weights():
    prints = [
        TfidfEmbedder([dialogue(*texts)], words=5).fingerprint
        for texts in (("one two", "two"), ("one two", "one"), ("one three", "three"), ("one two", "two"))
    ]
    assert prints[0] == prints[3]
    assert len(set(prints)) == 3


def test_no_word_is_an_error():
    with pytest.raises(ValueError, match="empty vocabulary"):
        TfidfEmbedder([dialogue("...")], words=5)
