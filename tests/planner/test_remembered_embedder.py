import numpy as np

from encoding.embedding_cache import RememberedEmbedder
from tests.planner.toy_task import FakeEmbedder


class _Counting(FakeEmbedder):
    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: list[str]) -> np.ndarray:
        self.asked += texts
        return super().encode(texts)


def test_every_text_is_embedded_once_and_nothing_else_changes() -> None:
    slow = _Counting()
    embedder = RememberedEmbedder(slow)
    assert (embedder.dimension, embedder.fingerprint) == (slow.dimension, slow.fingerprint)
    for texts in (["a", "b"], ["b", "c", "a"], ["c"], ["d", "a", "d"], []):
        assert np.array_equal(embedder.encode(texts), FakeEmbedder().encode(texts))
    assert slow.asked[:3] == ["a", "b", "c"]
    assert set(slow.asked[3:]) == {"d"}


def test_more_than_is_held_is_embedded_again() -> None:
    slow = _Counting()
    embedder = RememberedEmbedder(slow, remembered=2)
    for text in ("a", "b", "c", "a"):
        assert np.array_equal(embedder.encode([text]), FakeEmbedder().encode([text]))
    assert slow.asked == ["a", "b", "c", "a"]
