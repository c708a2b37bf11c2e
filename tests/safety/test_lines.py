"""Labelled lines are read from JSON lines and CSV, and a wrong one is named; the lines of the package are sound."""

from pathlib import Path

import pytest

from safety.lines import DANGER, LabelledLine, Side, measuring_files, read_lines, training_files
from safety.replies import ReplyKind
from safety.rules import CrisisKind


def test_json_lines_and_csv_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"text": "a, \\"b\\"", "label": "crisis", "kind": "abuse", "manner": "long", "history": ["x?"]}\n\n'
        '{"text": "c", "label": "harmless", "kind": null, "author": 3}\n'
    )
    (tmp_path / "a.csv").write_text('label,text,kind,manner,history\ncrisis,"a, ""b""",abuse,long,x?\nharmless,c,,,\n')
    expected = [LabelledLine('a, "b"', True, "abuse", "long", ("x?",)), LabelledLine("c", False)]
    assert read_lines(tmp_path / "a.jsonl") == read_lines(tmp_path / "a.csv") == expected


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", "{", "line 1: no JSON"),
        ("a.jsonl", '{"text": "a"}', "line 1: field 'label': got None"),
        ("a.jsonl", '{"text": " ", "label": "crisis"}', "line 1: field 'text': got ' '"),
        ("a.jsonl", '{"text": "a", "label": "unsafe"}', "field 'label': got 'unsafe', expected crisis or harmless"),
        ("a.jsonl", '{"text": "a", "label": "crisis", "kind": 1}', "field 'kind': got 1"),
        ("a.jsonl", '{"text": "a", "label": "crisis", "history": [1]}', "field 'history': expected a list"),
        ("a.csv", "text,label\na,crisis,b\n", "line 2: more fields"),
        ("a.csv", "text\na\n", "line 2: field 'label': got None"),
        ("a.csv", "text,label\n", "no lines below the first"),
        ("a.csv", 'text,label\n"a,crisis\n', "no CSV"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=name) as error:
        read_lines(tmp_path / name)
    assert said in str(error.value)


@pytest.mark.parametrize("side", DANGER)
def test_the_lines_of_the_package(side: Side) -> None:
    training, test = (
        [line for file in files(side) for line in read_lines(file, side=side)]
        for files in (training_files, measuring_files)
    )
    kinds = {*CrisisKind} if side == "person" else {*ReplyKind}
    assert {line.kind for line in (*training, *test) if line.dangerous} <= kinds
    assert not {line.text for line in training} & {line.text for line in test}
