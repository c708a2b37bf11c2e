"""Unigram F1 of a response."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.text.unigram_f1 import unigram_f1

responses = st.lists(st.sampled_from("abcd"), max_size=8).map(tuple)


@pytest.mark.parametrize(
    ("hypothesis", "reference", "score"),
    [
        ("", "", 0.0),
        ("", "a", 0.0),
        ("a", "a", 1.0),
        ("a", "b", 0.0),
        ("aab", "abbb", 4 / 7),  # shared a once and b once: 2 * 2 / (3 + 4); P = 2/3, R = 2/4, harmonic mean 4/7
        ("ba", "ab", 1.0),  # order does not count
    ],
)
def test_hand_worked_pairs(hypothesis: str, reference: str, score: float) -> None:
    assert unigram_f1(tuple(hypothesis), tuple(reference)) == pytest.approx(score)


@given(responses, responses)
def test_symmetric_and_bounded(a: tuple[str, ...], b: tuple[str, ...]) -> None:
    assert unigram_f1(a, b) == unigram_f1(b, a)
    assert 0.0 <= unigram_f1(a, b) <= 1.0
