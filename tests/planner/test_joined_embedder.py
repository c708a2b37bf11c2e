from pathlib import Path

import numpy as np

from encoding.tfidf import JoinedEmbedder, TfidfEmbedder
from tests.planner.toy_task import FakeEmbedder, toy_dialogues

_WORDS = TfidfEmbedder(toy_dialogues(3, seed=0), words=8)


def test_meaning_then_words() -> None:
    joined = JoinedEmbedder(FakeEmbedder(), _WORDS)
    texts = ["my boss yelled at me", "thank you"]
    vectors = joined.encode(texts)
    assert vectors.shape == (2, joined.dimension) == (2, 16 + 8)
    np.testing.assert_array_equal(vectors[:, :16], FakeEmbedder().encode(texts))
    np.testing.assert_array_equal(vectors[:, 16:], _WORDS.encode(texts))


def test_the_fingerprint_follows_both_halves() -> None:
    other = TfidfEmbedder(toy_dialogues(3, seed=0), words=7)
    assert JoinedEmbedder(FakeEmbedder(), _WORDS).fingerprint != JoinedEmbedder(FakeEmbedder(), other).fingerprint


def test_a_saved_lexicon_gives_the_same_vectors(tmp_path: Path) -> None:
    _WORDS.save(tmp_path / "lexicon.json")
    loaded = TfidfEmbedder.load(tmp_path / "lexicon.json")
    texts = ["what should i do", "hello hello", "nothing known ?"]
    np.testing.assert_allclose(loaded.encode(texts), _WORDS.encode(texts), atol=1e-6)
    assert loaded.dimension == _WORDS.dimension
