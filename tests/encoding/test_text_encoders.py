"""Text encoders: TF-IDF with hand-computed weights, two encoders side by side, and one that is added by one class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from corpus.dialogue import Dialogue, Message, Role, turn_view
from corpus.load import load_corpus
from encoding.embedding_cache import EmbeddingCache
from encoding.observation import Observer
from encoding.text_encoder import Arithmetic
from encoding.tfidf import JoinedEncoder, TfidfEncoder
from tests.hash_encoder import DIMENSION, HashEncoder


def dialogue(*texts: str) -> Dialogue:
    return Dialogue(1, tuple(Message(Role.SEEKER, text) for text in texts))


def test_weights_by_hand():
    encoder = TfidfEncoder([dialogue("sad sad day", "sad night")], words=10)
    assert encoder.dimension == 3  # day, night, sad
    # Smooth idf: ln((1 + 2) / (1 + document frequency)) + 1; tf: 1 + ln(count).
    weights = np.array([np.log(3 / 2) + 1, 0.0, (1 + np.log(2)) * 1.0])
    np.testing.assert_allclose(encoder.encode(["Sad, sad day"])[0], weights / np.linalg.norm(weights), rtol=1e-6)


words = st.lists(
    st.sampled_from(["I", "i'm", "sad", "Sad!", "?", "so-so", "été", "unheard", "2", "_", "x"]), max_size=9
)


@settings(max_examples=50, deadline=None)
@given(st.lists(words.map(" ".join), min_size=1, max_size=6))
def test_equals_scikit_learn(texts: list[str]):
    train = ["I am sad, so sad!", "i'm 2 x so?", "so-so? _ été", "sad I"]
    reference = TfidfVectorizer(token_pattern=r"(?u)\b\w+\b|[?!]", sublinear_tf=True, max_features=9).fit(train)
    encoder = TfidfEncoder([dialogue(*train)], words=9)
    np.testing.assert_allclose(encoder.encode(texts), reference.transform(texts).toarray(), atol=1e-6)


def test_write_fills_part_of_a_wider_array():
    encoder = TfidfEncoder([dialogue("one two three", "two four")], words=3)
    wide = np.zeros((2, 5), np.float32)
    encoder.write(["two", "one two"], wide[:, 1:4])
    np.testing.assert_array_equal(wide[:, 1:4], encoder.encode(["two", "one two"]))
    assert not wide[:, [0, 4]].any()


def test_question_marks_and_one_letter_words_count():
    encoder = TfidfEncoder([dialogue("am I", "am I?")], words=10)
    assert encoder.dimension == 3
    assert not np.allclose(*encoder.encode(["am I", "am I?"]))


def test_rows_have_length_one_or_zero():
    encoder = TfidfEncoder([dialogue("one two three", "two four")], words=3)
    vectors = encoder.encode(["two", "one two", "unheard-of"])
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, 3)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 0], rtol=1e-6)


def test_empty_batch():
    assert TfidfEncoder([dialogue("word")], words=3).encode([]).shape == (0, 1)


def test_fingerprint_changes_with_words_and_with_weights():
    prints = [
        TfidfEncoder([dialogue(*texts)], words=5).fingerprint
        for texts in (("one two", "two"), ("one two", "one"), ("one three", "three"), ("one two", "two"))
    ]
    assert prints[0] == prints[3]
    assert len(set(prints)) == 3


def test_no_word_is_an_error():
    with pytest.raises(ValueError, match="empty vocabulary"):
        TfidfEncoder([dialogue("...")], words=5)


def test_a_saved_vocabulary_gives_the_same_vectors(tmp_path: Path):
    encoder = TfidfEncoder([dialogue("sad sad day ?", "sad night")], words=4)
    encoder.save(tmp_path / "lexicon.json")
    loaded = TfidfEncoder.load(tmp_path / "lexicon.json")
    texts = ["sad night", "hello hello", "nothing known ?"]
    np.testing.assert_array_equal(loaded.encode(texts), encoder.encode(texts))
    assert (loaded.dimension, loaded.fingerprint) == (encoder.dimension, encoder.fingerprint)


def test_joined_meaning_then_words():
    words = TfidfEncoder([dialogue("one two three", "two four")], words=3)
    joined, texts = JoinedEncoder(HashEncoder(), words), ["two", "unheard-of"]
    vectors = joined.encode(texts)
    assert vectors.shape == (2, joined.dimension) == (2, DIMENSION + 3)
    np.testing.assert_array_equal(vectors[:, :DIMENSION], HashEncoder().encode(texts))
    np.testing.assert_array_equal(vectors[:, DIMENSION:], words.encode(texts))
    other = TfidfEncoder([dialogue("one two three", "two four")], words=2)
    assert joined.fingerprint != JoinedEncoder(HashEncoder(), other).fingerprint


class LetterEncoder:
    """Which of the 26 letters a text has."""

    fingerprint = "1e77e6" * 6
    precision: Arithmetic = "fp32"
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
