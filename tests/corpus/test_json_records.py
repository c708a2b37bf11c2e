import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.errors import CorpusError
from corpus.formats.records import decode_records

records = st.lists(st.dictionaries(st.text(), st.none() | st.text() | st.integers()), min_size=1, max_size=4)


@settings(max_examples=50, deadline=None)
@given(expected=records, indent=st.none() | st.integers(0, 2))
def test_array_and_lines_give_the_same_records(expected: list[dict], indent: int | None) -> None:
    assert decode_records(json.dumps(expected, indent=indent)) == expected
    assert decode_records("\n".join(json.dumps(record, ensure_ascii=False) for record in expected)) == expected


def test_a_line_separator_inside_a_text_does_not_cut_a_line() -> None:
    assert decode_records('{"a": "x\u2028y"}\n{"a": "z"}\n') == [{"a": "x\u2028y"}, {"a": "z"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n{"a": \n', "line 3: dialogue 2: broken JSON at column 1 (Expecting value), expected valid JSON"),
        (
            '[{"a": 1},\n {"a" 2}]',
            "line 2: dialogue 2: broken JSON at column 7 (Expecting ':' delimiter), expected valid JSON",
        ),
        (
            '[{"a": 1} {"a": 2}]',
            "line 1: dialogue 1: broken JSON at column 11 (Expecting ',' or ']'), expected valid JSON",
        ),
        ('[{"a": 1},]', "line 1: dialogue 1: broken JSON at column 11 (Illegal trailing comma), expected valid JSON"),
        ('[{"a": 1}', "line 1: dialogue 1: broken JSON at column 10 (Expecting ',' or ']'), expected valid JSON"),
        ('[{"a": 1},', "line 1: dialogue 1: broken JSON at column 11 (Expecting ']'), expected valid JSON"),
        ("[", "line 1: broken JSON at column 2 (Expecting ']'), expected valid JSON"),
        ("[{}] x", "line 1: dialogue 1: broken JSON at column 5 (Extra data after the array), expected valid JSON"),
        ("[{}, 3]", "dialogue 2: got 3, expected an object with a field 'dialog'"),
        ("[ ]", "an empty array, expected dialogues"),
    ],
)
def test_broken_text_is_located(text: str, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        decode_records(text)
    assert str(caught.value) == message
