from pathlib import Path

import pytest

from corpus.errors import CorpusError
from corpus.files import read_json_lines, read_text, replace_whole, write_whole


def number(record) -> int:
    if not isinstance(record.get("k"), int):
        raise CorpusError("missing", field="k")
    return record["k"]


def test_one_object_a_line(tmp_path: Path):
    path = tmp_path / "lines.jsonl"
    path.write_bytes('\ufeff{"k": 1}\r\n\n{"k": 2, "text": "a\u2028b"}'.encode())
    assert read_json_lines(path, number) == [1, 2]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b'{"k": 1}\n{"k": "x"}\n', r"lines\.jsonl: line 2: field 'k': missing"),
        (b'{"k": 1}\n{"k": \n', r"lines\.jsonl: line 2: no JSON"),
        (b"[1]\n", r"lines\.jsonl: line 1: got \[1\], expected an object"),
        (b"\n\n", r"lines\.jsonl: empty file"),
        (b"\xff", r"lines\.jsonl: not UTF-8 at byte 0"),
    ],
)
def test_what_is_wrong_is_located(tmp_path: Path, content: bytes, complaint: str):
    (tmp_path / "lines.jsonl").write_bytes(content)
    with pytest.raises(CorpusError, match=complaint) as caught:
        read_json_lines(tmp_path / "lines.jsonl", number)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path: Path):
    with pytest.raises(CorpusError, match=r"none\.jsonl: cannot be read"):
        read_json_lines(tmp_path / "none.jsonl", number)


def test_writes_and_makes_missing_folders(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b.txt", "grün\n")
    assert (tmp_path / "a" / "b.txt").read_text(encoding="utf-8") == "grün\n"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_an_error_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), replace_whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_the_file_is_not_seen_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with replace_whole(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"


def test_an_error_without_number_still_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Path) -> bytes:
        raise OSError("the disk is gone")

    monkeypatch.setattr(Path, "read_bytes", broken)
    with pytest.raises(CorpusError, match=r"a: cannot be read \(the disk is gone\), expected a file"):
        read_text(tmp_path / "a", expected="text")
