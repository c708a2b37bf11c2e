from pathlib import Path

import pytest

from corpus.errors import CorpusError
from corpus.files import read_lines


def number(record) -> int:
    if not isinstance(record.get("k"), int):
        raise CorpusError("missing", field="k")
    return record["k"]


def test_one_object_a_line(tmp_path: Path):
    path = tmp_path / "lines.jsonl"
    path.write_bytes('\ufeff{"k": 1}\r\n\n{"k": 2, "text": "a\u2028b"}'.encode())
    assert read_lines(path, number) == [1, 2]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b'{"k": 1}\n{"k": "x"}\n', r"lines\.jsonl: line 2: field 'k': missing"),
        (b'{"k": 1}\n{"k": \n', r"lines\.jsonl: line 2: no JSON"),
        (b"[1]\n", r"lines\.jsonl: line 1: got \[1\], expected an object"),
        (b"\n\n", r"lines\.jsonl: empty file"),
        (b"\xff", r"lines\.jsonl: not UTF-8 \(byte 1\)"),
    ],
)
def test_what_is_wrong_is_located(tmp_path: Path, content: bytes, complaint: str):
    (tmp_path / "lines.jsonl").write_bytes(content)
    with pytest.raises(CorpusError, match=complaint) as caught:
        read_lines(tmp_path / "lines.jsonl", number)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path: Path):
    with pytest.raises(CorpusError, match=r"none\.jsonl: cannot be read"):
        read_lines(tmp_path / "none.jsonl", number)
