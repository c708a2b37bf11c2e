from pathlib import Path

import numpy as np
import pytest

from evaluation.result import EvaluationResult
from evaluation.score import score_files


def score(tmp_path: Path, hypotheses: bytes, references: bytes) -> EvaluationResult:
    (tmp_path / "out.txt").write_bytes(hypotheses)
    (tmp_path / "gold.txt").write_bytes(references)
    return score_files(tmp_path / "out.txt", tmp_path / "gold.txt", rng=np.random.default_rng(0), samples=50)


def test_equal_files(tmp_path: Path):
    text = b"this is a response of some words\nand this is another one\n"
    result = score(tmp_path, text, text)
    assert (result.command, result.protocol, result.split, result.n) == ("score", "text", "none", 2)
    assert list(result.systems) == ["hypotheses"]
    assert result.systems["hypotheses"]["bleu_2"].value == pytest.approx(100.0)
    assert result.systems["hypotheses"]["unigram_f1"].value == pytest.approx(100.0)
    assert "ppl" not in result.systems["hypotheses"]
    assert "bootstrap:line-50" in result.signature  # every line stands for itself


def test_lines_are_paired_in_order(tmp_path: Path):
    right = score(tmp_path, b"one two\nthree four\n", b"one two\nthree four\n")
    wrong = score(tmp_path, b"three four\none two\n", b"one two\nthree four\n")
    assert right.systems["hypotheses"]["unigram_f1"].value == pytest.approx(100.0)
    assert wrong.systems["hypotheses"]["unigram_f1"].value == pytest.approx(0.0)


@pytest.mark.parametrize(
    "text",
    [
        b"first line\nsecond line",  # no line end after the last line
        b"first line\r\nsecond line\r\n",
        b"\xef\xbb\xbffirst line\nsecond line\n",  # byte order mark
        "first line\nsecond\u2028line\n".encode(),  # not a line end in a text file
    ],
)
def test_what_a_line_is(tmp_path: Path, text: bytes):
    result = score(tmp_path, text, b"first line\nsecond line\n")
    assert result.n == 2
    assert result.systems["hypotheses"]["unigram_f1"].value == pytest.approx(100.0)


def test_an_empty_response_counts(tmp_path: Path):
    result = score(tmp_path, b"first line\n\n", b"first line\nsecond line\n")
    assert result.n == 2
    assert result.systems["hypotheses"]["unigram_f1"].value == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("hypotheses", "references", "message"),
    [
        (b"a\nb\n", b"a\n", r"numbers of lines differ: .*out\.txt: 2 lines; .*gold\.txt: 1 lines"),
        (b"", b"a\n", r"cannot score.*out\.txt: 0 lines; .*gold\.txt: 1 lines"),
        (b"a\nb\n", b"", r"cannot score.*out\.txt: 2 lines; .*gold\.txt: 0 lines"),
        (b"a\n\xff\n", b"a\nb\n", r"cannot score.*out\.txt: not UTF-8 \(byte 3\); .*gold\.txt: 2 lines"),
    ],
)
def test_refusals_name_both_files_in_one_line(tmp_path: Path, hypotheses: bytes, references: bytes, message: str):
    with pytest.raises(ValueError, match=message) as error:
        score(tmp_path, hypotheses, references)
    assert type(error.value) is ValueError and "\n" not in str(error.value)


def test_missing_file_and_folder(tmp_path: Path):
    (tmp_path / "gold.txt").write_text("a\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"none\.txt: no such file or directory; .*gold\.txt: 1 lines"):
        score_files(tmp_path / "none.txt", tmp_path / "gold.txt", rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="is a directory"):
        score_files(tmp_path, tmp_path / "gold.txt", rng=np.random.default_rng(0))
