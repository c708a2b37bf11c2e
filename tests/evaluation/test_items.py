import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.dialogue import Dialogue, message_view, turn_view
from evaluation.items import dialogue_units, progress_interval, strategies_by_progress


def test_units_tell_dialogues_of_one_number_apart(dialogues: tuple[Dialogue, ...]):
    assert dialogue_units(message_view(dialogues)).tolist() == [0, 0, 0, 1, 1]
    assert dialogue_units(turn_view(dialogues)).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("index", "messages", "interval"),
    [
        (0, 6, 0),
        (1, 6, 1),
        (5, 6, 5),
        (6, 6, 5),
        (9, 6, 5),
        (0, 1, 0),
        (1, 12, 0),
        (2, 12, 1),
        (29, 30, 5),
        (14, 30, 2),
    ],
)
def test_intervals(index: int, messages: int, interval: int):
    assert progress_interval(index, messages) == interval


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
def test_interval_holds_the_progress(place: tuple[int, int]):
    index, messages = place
    interval = progress_interval(index, messages)
    assert interval <= 6 * index / messages < interval + 1


def test_counts_by_hand():
    counts = strategies_by_progress([0, 0, 5, 0], [3, 3, 7, 1])
    expected = np.zeros((6, 8), dtype=int)
    expected[0, 3], expected[0, 1], expected[5, 7] = 2, 1, 1
    assert (counts == expected).all()
