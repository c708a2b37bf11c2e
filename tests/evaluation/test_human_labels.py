from pathlib import Path

import pytest

from corpus.errors import CorpusError
from evaluation.corpus.threshold_search import read_human_labels


def written(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_columns_in_any_order_and_others_left_alone(tmp_path: Path) -> None:
    path = written(tmp_path, 'note,label,dialogue\n"two\nlines, one comma",approved,3\n, Reject ,1\nx,APPROVE,2\n')
    assert read_human_labels(path, numbers=[1, 2, 3, 4]) == {3: True, 1: False, 2: True}


def test_windows_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffdialogue,label\r\n1,rejected\r\n\r\n2,approved\r\n")
    assert read_human_labels(path, numbers=range(1, 3)) == {1: False, 2: True}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("number,label\n1,approve\n", "line 1: no column 'dialogue', expected the columns dialogue, label"),
        ("dialogue,label\n1,approve\n9,approve\n", "line 3: field 'dialogue': no dialogue '9' in the data"),
        ("dialogue,label\none,approve\n", "line 2: field 'dialogue': no dialogue 'one' in the data"),
        ("dialogue,label\n1,unknown\n", "line 2: field 'label': got 'unknown', expected approved or rejected"),
        ("dialogue,label\n1\n", "line 2: field 'label': got '', expected approved or rejected"),
        ("dialogue,label\n1,reject\n1,reject\n", "line 3: field 'dialogue': dialogue 1 has two labels"),
        ("dialogue,label\n", "no labels, expected at least one line below the heading"),
        ("dialogue,label\n1," + "x" * 200_000, "line 2: not CSV (field larger than field limit (131072))"),
        (" \n", "empty file"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, problem: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(CorpusError) as error:
        read_human_labels(path, numbers=[1, 2])
    assert str(error.value).startswith(f"{path}: {problem}")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"labels\.csv: cannot be read"):
        read_human_labels(tmp_path / "labels.csv", numbers=[1])
