"""TF-IDF vectors of messages: hand-computed weights, and what an embedder promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from corpus.dialogue import Dialogue, Message, Role
from encoding.observation import Observer
from encoding.tfidf import TfidfEmbedder


def dialogue(*texts: str) -> Dialogue:
    return Dialogue(1, tuple(Message(Role.SEEKER, text) for text in texts))


def test_weights_by_hand():
    embedder = TfidfEmbedder([dialogue("sad sad day", "sad night")], words=10)
    assert embedder.dimension == 3  # day, night, sad
    # Smooth idf: ln((1 + 2) / (1 + document frequency)) + 1; tf: 1 + ln(count).
    weights = np.array([np.log(3 / 2) + 1, 0.0, (1 + np.log(2)) * 1.0])
    np.testing.assert_allclose(embedder.encode(["Sad, sad day"])[0], weights / np.linalg.norm(weights), rtol=1e-6)


words = st.lists(
    st.sampled_from(["I", "i'm", "sad", "Sad!", "?", "so-so", "été", "unheard", "2", "_", "x"]), max_size=9
)


@settings(max_examples=50, deadline=None)
@given(st.lists(words.map(" ".join), min_size=1, max_size=6))
def test_equals_scikit_learn(texts: list[str]):
    train = ["I am sad, so sad!", "i'm 2 x so?", "so-so? _ été", "sad I"]
    reference = TfidfVectorizer(token_pattern=r"(?u)\b\w+\b|[?!]", sublinear_tf=True, max_features=9).fit(train)
    embedder = TfidfEmbedder([dialogue(*train)], words=9)
    np.testing.assert_allclose(embedder.encode(texts), reference.transform(texts).toarray(), atol=1e-6)


def test_write_fills_part_of_a_wider_array():
    embedder = TfidfEmbedder([dialogue("one two three", "two four")], words=3)
    wide = np.zeros((2, 5), np.float32)
    embedder.write(["two", "one two"], wide[:, 1:4])
    np.testing.assert_array_equal(wide[:, 1:4], embedder.encode(["two", "one two"]))
    assert not wide[:, [0, 4]].any()


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
