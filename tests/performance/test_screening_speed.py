"""The rules take no noticeable time, whatever is typed: a fraction of a millisecond, linear in the length."""

import time
from collections.abc import Sequence

import pytest

from safety.lines import read_lines, training_files
from safety.rules import match_rules

pytestmark = pytest.mark.slow


def test_a_usual_message_takes_less_than_a_millisecond() -> None:
    texts = [line.text for file in training_files("person") for line in read_lines(file)]
    match_rules(texts[0])  # reads the patterns
    fastest = min(_seconds(texts) for _ in range(3))
    assert fastest / len(texts) < 0.001


def _seconds(texts: Sequence[str]) -> float:
    start = time.process_time()
    for text in texts:
        match_rules(text)
    return time.process_time() - start


@pytest.mark.parametrize(
    "piece",
    ["a", "i ", "i want to ", "he she they my friend ", "k ", "k.", "*", "a*", "'", "i'", "i want to kill , ",
     "kiiill ", "my my my husband ", "\u200b", "1", "i want wants wish hope ", "no reason point "],
)  # fmt: skip
def test_long_input_costs_time_in_proportion(piece: str) -> None:
    match_rules("warm")
    short, long = piece * (5_000 // len(piece)), piece * (40_000 // len(piece))
    assert _seconds([long]) < max(0.5, 30 * _seconds([short]))
