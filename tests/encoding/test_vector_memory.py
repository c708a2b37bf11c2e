"""A bounded memory: what was kept comes back, the oldest makes room, and it never holds more than its limit."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoding.embedding_cache import VectorMemory


def vectors(texts: list[str]) -> np.ndarray:
    """A vector of its own for every letter. Shape: (N, 2)."""
    return np.array([[ord(text), -ord(text)] for text in texts], np.float32).reshape(-1, 2)


def held(memory: VectorMemory, letters: str) -> str:
    """Those of the letters that are held."""
    return "".join(np.array(list(letters))[memory.recall(list(letters))[0]])


def test_oldest_makes_room() -> None:
    memory = VectorMemory(3)
    assert memory.recall([])[1].shape[0] == 0
    for letters, left in (("ab", "ab"), ("bc", "abc"), ("d", "bcd"), ("ae", "ade"), ("wxyz", "xyz")):
        memory.keep(list(letters), vectors(list(letters)))
        assert held(memory, "abcdewxyz") == left


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 5), st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8), max_size=8))
def test_behaves_as_a_queue(limit: int, batches: list[list[str]]) -> None:
    memory = VectorMemory(limit)
    queue: list[str] = []
    for batch in batches:
        known, found = memory.recall(batch)
        assert known.tolist() == [text in queue for text in batch]
        np.testing.assert_array_equal(found.reshape(-1, 2), vectors([text for text in batch if text in queue]))
        memory.keep(batch, vectors(batch))
        queue = (queue + [text for text in batch if text not in queue])[-limit:] if limit else []
        assert len(memory) == len(queue) <= limit
        known, found = memory.recall(queue)
        assert known.all()
        np.testing.assert_array_equal(found.reshape(-1, 2), vectors(queue))


def test_what_is_handed_out_is_a_copy() -> None:
    memory = VectorMemory(1)
    memory.keep(["a"], vectors(["a"]))
    _, first = memory.recall(["a"])
    first[:] = 0
    np.testing.assert_array_equal(memory.recall(["a"])[1], vectors(["a"]))


def test_threads() -> None:
    memory = VectorMemory(50)
    letters = [chr(number) for number in range(97, 197)]
    wrong = []

    def work(shift: int) -> None:
        for turn in range(30):
            texts = letters[(shift + 7 * turn) % 60 :][:40]
            memory.keep(texts, vectors(texts))
            known, found = memory.recall(texts)
            if not np.array_equal(found.reshape(-1, 2), vectors(list(np.array(texts)[known]))):
                wrong.append(texts)

    threads = [threading.Thread(target=work, args=(shift,)) for shift in (0, 13, 26, 39)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not wrong
    assert len(memory) == 50


def test_negative_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="limit: got -1"):
        VectorMemory(-1)
