"""The screening takes no noticeable time, whatever is typed: a fraction of a millisecond, linear in the length."""

import time
from collections.abc import Sequence

import pytest

from evaluation.screening import read_test_set
from safety.screening import TEST_SET, screen

pytestmark = pytest.mark.slow


def test_a_usual_message_takes_less_than_a_millisecond() -> None:
    texts = [line.text for part in ("development", "held_out", "blind") for line in read_test_set(TEST_SET, part)]
    screen(texts[0])  # reads the patterns
    fastest = min(_seconds(texts) for _ in range(3))
    assert fastest / len(texts) < 0.001


def _seconds(texts: Sequence[str]) -> float:
    start = time.process_time()
    for text in texts:
        screen(text)
    return time.process_time() - start


@pytest.mark.parametrize(
    "piece",
    ["a", "i ", "i want to ", "he she they my friend ", "k ", "k.", "*", "a*", "'", "i'", "i want to kill , ",
     "kiiill ", "my my my husband ", "\u200b", "1", "i want wants wish hope ", "no reason point "],
)  # fmt: skip
def test_long_input_costs_time_in_proportion(piece: str) -> None:
    screen("warm")
    short, long = piece * (5_000 // len(piece)), piece * (40_000 // len(piece))
    assert _seconds([long]) < max(0.5, 30 * _seconds([short]))
