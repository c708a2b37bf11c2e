"""ROUGE-L: hand-worked F, and the bit-parallel subsequence against the textbook table."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.text.rouge_l import longest_common_subsequence, rouge_l

SETTINGS = settings(max_examples=150, deadline=None)
responses = st.lists(st.sampled_from("abcd"), max_size=12).map(tuple)


def _textbook(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, left in enumerate(a):
        for j, right in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if left == right else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


@SETTINGS
@given(responses, responses)
def test_subsequence_equals_the_textbook_table(a: tuple[str, ...], b: tuple[str, ...]) -> None:
    assert longest_common_subsequence(a, b) == longest_common_subsequence(b, a) == _textbook(a, b)


def test_subsequence_longer_than_a_machine_word() -> None:
    assert longest_common_subsequence(tuple("ab" * 100), tuple("a" * 150)) == 100


def test_hand_worked_f() -> None:
    # "a b c d" against "a c e": common "a c"; P = 2/4, R = 2/3; beta^2 = 1.44:
    # F = 2.44 * 1/2 * 2/3 / (2/3 + 1.44 * 1/2) = 0.813333 / 1.386667 = 0.586538
    assert rouge_l(tuple("abcd"), tuple("ace")) == pytest.approx(0.586538, abs=1e-6)
    # Swapped: P = 2/3, R = 1/2: 0.813333 / (1/2 + 1.44 * 2/3) = 0.813333 / 1.46 = 0.557078: recall weighs more.
    assert rouge_l(tuple("ace"), tuple("abcd")) == pytest.approx(0.557078, abs=1e-6)


@pytest.mark.parametrize(
    ("hypothesis", "reference", "score"),
    [("", "", 0.0), ("", "a", 0.0), ("a", "", 0.0), ("a", "a", 1.0), ("a", "b", 0.0)],
)
def test_empty_and_one_token(hypothesis: str, reference: str, score: float) -> None:
    assert rouge_l(tuple(hypothesis), tuple(reference)) == score


@SETTINGS
@given(responses, responses)
def test_bounds_and_identity(a: tuple[str, ...], b: tuple[str, ...]) -> None:
    assert 0.0 <= rouge_l(a, b) <= 1.0
    assert rouge_l(a, a) == pytest.approx(1.0 if a else 0.0)
