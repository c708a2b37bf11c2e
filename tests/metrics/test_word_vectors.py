"""Reading word vectors: what a good file gives, and what is wrong with a broken one."""

import hashlib
import logging
from pathlib import Path

import numpy as np
import pytest

from metrics.text.embedding_scores import WordVectors


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


def test_names_differ_with_the_contents(tmp_path: Path) -> None:
    one = WordVectors.read(_write(tmp_path, b"a 1 0\n")).name
    assert one != WordVectors.read(_write(tmp_path, b"a 1 1\n")).name


def test_a_word_may_hold_blanks_and_the_first_of_two_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        vectors = WordVectors.read(_write(tmp_path, "ü 1 2\n. . . 3 4\nü 5 6\n".encode()))
    assert vectors.rows == {"ü": 0, ". . .": 1}
    assert vectors.vectors(("ü",)).tolist() == [[1.0, 2.0]]
    assert "1 words come again" in caplog.text


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
