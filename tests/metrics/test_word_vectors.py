"""Word vectors: good and broken files, and Average, Extrema, Greedy on vectors small enough to work by hand."""

import hashlib
import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from metrics.text.embedding_scores import WordVectors, average_score, extrema_score, greedy_score


def _write(folder: Path, content: bytes) -> Path:
    path = folder / "small.txt"
    path.write_bytes(content)
    return path


def test_known_words_and_the_mean_for_unknown_ones(tmp_path: Path) -> None:
    path = _write(tmp_path, b"a 1 0\nb 0 1\nc -2.5 5e-1\n")
    vectors = WordVectors.read(path)
    assert vectors.name == f"small.txt-{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
    mean = [-0.5, 0.5]  # (1 + 0 - 2.5)/3, (0 + 1 + 0.5)/3
    assert vectors.vectors(("c", "zzz", "a")).tolist() == pytest.approx(np.array([[-2.5, 0.5], mean, [1, 0]]))
    assert vectors.vectors(()).shape == (0, 2)


def test_a_word_may_hold_blanks_and_the_first_of_two_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        vectors = WordVectors.read(_write(tmp_path, "ü 1 2\n. . . 3 4\nü 5 6\n".encode()))
    assert vectors.rows == {"ü": 0, ". . .": 1}
    assert vectors.vectors(("ü",)).tolist() == [[1.0, 2.0]]
    assert "1 words occur more than once" in caplog.text


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "small.txt: no word vectors in it"),
        (b"word\n", "line 1: got 0 numbers after the word, expected at least 2"),
        (b"a 1 0\nb 1\n", "line 2: got 1 numbers, expected a word and 2 numbers"),
        (b"a 1 0\n\n", "line 2: got 0 numbers"),
        (b"a 1 0\nb 1 x\n", "line 2: could not convert string to float: 'x'"),
        (b"a 1 nan\n", "line 1: a number is not finite"),
        (b"a 1 0\n\xff 1 0\n", "line 2: not UTF-8 text"),
        (b"400000 50\na 1 0\n", "line 1: got 1 numbers after the word, expected at least 2"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        WordVectors.read(_write(tmp_path, content))
    assert "\n" not in str(caught.value)
    assert "small.txt" in str(caught.value)


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
