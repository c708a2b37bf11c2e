"""Average, Extrema, Greedy on vectors small enough to work by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from metrics.text.embedding_scores import average_score, extrema_score, greedy_score

SETTINGS = settings(max_examples=40, deadline=None)
SCORES = [average_score, extrema_score, greedy_score]
texts = hnp.arrays(np.float64, st.tuples(st.integers(1, 5), st.just(3)), elements=st.integers(-4, 4).map(float))
RIGHT, UP, LEFT = [1.0, 0.0], [0.0, 1.0], [-2.0, 0.0]


def test_average_by_hand() -> None:
    # (1,0) + (0,1) against (1,0): 1/sqrt(2). Adding (-2,0): (-1,1) against (1,0): -1/sqrt(2).
    assert average_score(np.array([RIGHT, UP]), np.array([RIGHT])) == pytest.approx(2**-0.5)
    assert average_score(np.array([RIGHT, UP, LEFT]), np.array([RIGHT])) == pytest.approx(-(2**-0.5))


def test_extrema_by_hand() -> None:
    # Of 1, 0, -2 the value farthest from 0 is -2, of 0, 1, 0 it is 1: (-2, 1) against (1, 0): -2/sqrt(5).
    assert extrema_score(np.array([RIGHT, UP, LEFT]), np.array([RIGHT])) == pytest.approx(-2 / 5**0.5)
    # The greatest value wins where it is the farthest: (1, 1) against (1, 0).
    assert extrema_score(np.array([RIGHT, UP]), np.array([RIGHT])) == pytest.approx(2**-0.5)


def test_greedy_by_hand() -> None:
    # Cosines to (1,0): right 1, up 0. From the reference: best 1. From the response: (1 + 0)/2. Together 3/4.
    assert greedy_score(np.array([RIGHT, UP]), np.array([RIGHT])) == pytest.approx(0.75)
    # right, up, left against up: cosines 0, 1, 0: (1 + 1/3)/2.
    assert greedy_score(np.array([RIGHT, UP, LEFT]), np.array([UP])) == pytest.approx(2 / 3)


@pytest.mark.parametrize("score", SCORES)
def test_no_words_and_null_vectors_score_zero(score: object) -> None:
    some, none, null = np.array([RIGHT]), np.zeros((0, 2)), np.zeros((1, 2))
    assert score(some, none) == score(none, some) == score(none, none) == score(some, null) == 0.0


@pytest.mark.parametrize("score", SCORES)
@SETTINGS
@given(texts, texts, st.randoms(use_true_random=False))
def test_symmetric_bounded_and_blind_to_order(score: object, a: np.ndarray, b: np.ndarray, random: object) -> None:
    order = list(range(len(a)))
    random.shuffle(order)
    assert score(a, b) == pytest.approx(score(b, a))
    assert -1 - 1e-9 <= score(a, b) <= 1 + 1e-9
    assert score(a[order], b) == pytest.approx(score(a, b))
    identity = score(np.abs(a) + 1, np.abs(a) + 1)
    assert identity == pytest.approx(1.0)
