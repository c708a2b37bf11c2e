import numpy as np
import pytest

from env.seekers.retrieval.seeker import SeekerMemory, millionths


def test_memory_by_hand() -> None:
    memory = SeekerMemory.read(
        [[], [1_500_000, -250_000, 7, 4_000_000, -1_000_000, 9, 3_000_000, 500_000], [1_000_000, 0, 3, 5_000_000, 0]]
    )
    assert np.isnan(memory.receptiveness[0])
    assert memory.receptiveness[1:].tolist() == [1.5, 1.0]
    assert memory.generosity[1:].tolist() == [-0.25, 0.0]
    assert memory.exchanges.tolist() == [[-1, -1], [7, 9], [3, -1]]
    assert memory.stars.tolist() == [0, 7, 5]
    assert memory.typicality.tolist() == [0, -0.5, 0]
    assert memory.turns.tolist() == [0, 2, 1]
    assert memory.last_exchange.tolist() == [-1, 9, 3]


def test_nothing_remembered_yet() -> None:
    memory = SeekerMemory.read([[], []])
    assert memory.last_exchange.tolist() == [-1, -1]
    assert memory.exchanges.shape == (2, 0)


def test_another_seekers_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="the memory of another kind of seeker"):
        SeekerMemory.read([[1, 2, 3]])


def test_millionths() -> None:
    assert millionths(np.array([0.25, -1.0])) == [250_000, -1_000_000]
