"""Every kind of wrong file or directory is one error that names the place and what was expected."""

import json
from pathlib import Path

import pytest

from corpus.errors import CorpusError
from corpus.load import load_corpus
from corpus.strategy import LABELS
from tests.corpus.good_records import OFFICIAL, REFORMATTED, check

ALL_LABELS = ", ".join(LABELS)
FORMATS = (
    "expected the official ESConv.json schema (messages with 'content'), reformatted JSON lines (messages with 'text') "
    "or windows of the 2021 release ('FLAG ROLE NUMBER text EOS ...')"
)


WINDOW = "1.0 0 0 Hi EOS 1.0 1 1 [Questions] What is up?\n"

# (text of the file, what the message says after "FILE: ")
TEXT_CASES = {
    "empty file": ("", "empty file, expected dialogues"),
    "blank file": (" \n\n", "empty file, expected dialogues"),
    "empty array": ("[]", "an empty array, expected dialogues"),
    "prose": ("Dear diary", f"in no known format, {FORMATS}"),
    "JSON of something else": ('{"title": "recipes"}', f"in no known format, {FORMATS}"),
    "messages of something else": ('[{"dialog": ["hi"]}]', f"in no known format, {FORMATS}"),
    "only an empty dialogue": (
        '[{"dialog": []}]',
        "dialogue 1: field 'dialog': empty dialogue, expected at least one message",
    ),
    "broken JSON array": (
        json.dumps(OFFICIAL, indent=1).replace('Hello 3"', "Hello 3"),
        "line 72: dialogue 3: broken JSON at column 24 (Invalid control character at), expected valid JSON",
    ),
    "broken JSON lines": (
        json.dumps(REFORMATTED[0]) + "\n" + json.dumps(REFORMATTED[1])[:-2] + "\n" + json.dumps(REFORMATTED[2]),
        "line 3: dialogue 2: broken JSON at column 1 (Expecting ',' delimiter), expected valid JSON",
    ),
    "window: unknown label": (
        WINDOW + WINDOW.replace("Questions", "Advice"),
        f"line 2: dialogue 2: message 2: field 'strategy': unknown strategy 'Advice', expected one of {ALL_LABELS}",
    ),
    "window: no label": (
        WINDOW + "1.0 0 0 Hi EOS 1.0 1 1 What is up?",
        "line 2: dialogue 2: message 2: field 'strategy': missing, expected a supporter message to begin with its "
        "'[Strategy]', got 'What is up?'",
    ),
    "window: unknown role": (
        WINDOW + "1.0 0 0 Hi EOS 1.0 2 1 bye EOS 1.0 1 2 [Other] ok",
        "line 2: dialogue 1: message 2: field 'ROLE': unknown role '2', expected 0 (seeker) or 1 (supporter)",
    ),
    "window: broken line": (
        WINDOW + "Hi EOS 1.0 1 1 [Other] ok",
        "line 2: dialogue 1: got 'Hi', expected 'FLAG ROLE NUMBER text' as in '1.0 0 3 text'",
    ),
    "window: numbers with a hole": (
        WINDOW + "1.0 0 0 Hi EOS 1.0 1 2 [Other] ok",
        "line 2: dialogue 1: message 3: message number 2 follows 0, expected consecutive numbers",
    ),
    "window: ends with the seeker": (
        WINDOW + "1.0 0 0 Hi EOS 1.0 0 1 bye",
        "line 2: dialogue 1: message 2: field 'ROLE': the window ends with the seeker, expected a supporter message",
    ),
    "window: empty text": (
        WINDOW + "1.0 0 0 EOS 1.0 1 1 [Other] ok",
        "line 2: dialogue 2: message 1: field 'text': got '', expected text that is not empty",
    ),
    "window: empty text after the label": (
        WINDOW + "1.0 0 0 Hi EOS 1.0 1 1 [Other]",
        "line 2: dialogue 2: message 2: field 'text': got '[Other]', expected text that is not empty",
    ),
    "window: copies differ": (
        WINDOW + "0.0 1 1 [Questions] What now? EOS 0.0 0 2 a EOS 0.0 0 3 b EOS 0.0 0 4 c EOS 1.0 1 5 [Other] ok",
        "line 2: dialogue 1: message 2: field 'text': got '[Questions] What now?', expected '[Questions] What is up?' "
        "as in the windows before",
    ),
    "window: line missing": (
        WINDOW
        + "1.0 0 0 Hi EOS 1.0 1 1 [Questions] What is up? EOS 1.0 1 2 [Other] Hm EOS 1.0 0 3 Oh EOS 1.0 1 4 [Other] Ah",
        "dialogue 1: message 3: no window ends with this supporter message: lines are missing or out of order, "
        "expected one each",
    ),
}


@pytest.mark.parametrize("case", TEXT_CASES)
def test_text(tmp_path: Path, case: str) -> None:
    text, message = TEXT_CASES[case]
    path = tmp_path / "data"
    path.write_text(text, encoding="utf-8")
    check(path, message)


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(b'[{"dialog": "caf\xe9"}]')
    check(path, "not UTF-8 at byte 16, expected UTF-8 text")


def test_no_such_file(tmp_path: Path) -> None:
    check(tmp_path / "gone.json", "does not exist, expected a file, a directory or the hub id thu-coai/esconv")


def test_a_fault_in_a_split_file_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(json.dumps(REFORMATTED[0]), encoding="utf-8")
    (tmp_path / "valid.txt").write_text("", encoding="utf-8")
    with pytest.raises(CorpusError) as caught:
        load_corpus(tmp_path)
    assert str(caught.value) == f"{tmp_path / 'valid.txt'}: empty file, expected dialogues"


def test_missing_split(tmp_path: Path) -> None:
    for name in ("train.txt", "valid.txt"):
        (tmp_path / name).write_text(json.dumps(REFORMATTED[0]), encoding="utf-8")
    corpus = load_corpus(tmp_path)
    for wrong in ("test", "dev"):
        with pytest.raises(CorpusError) as caught:
            corpus.split(wrong)
        assert str(caught.value) == f"{tmp_path}: no split {wrong!r}, expected one of train, valid, all"


def test_directory_without_the_files(tmp_path: Path) -> None:
    expected = (
        "has no split file, expected train|valid|test.(txt|jsonl|json|tsv) in the directory or the path of one file; "
        "it holds "
    )
    check(tmp_path, expected + "nothing")
    (tmp_path / "ESConv.json").write_text(json.dumps(OFFICIAL), encoding="utf-8")
    (tmp_path / "LICENSE").write_text("CC BY-NC", encoding="utf-8")
    check(tmp_path, expected + "ESConv.json, LICENSE")


def test_directory_with_two_files_for_one_split(tmp_path: Path) -> None:
    for name in ("valid.txt", "dev.json"):
        (tmp_path / name).write_text(json.dumps(REFORMATTED[0]), encoding="utf-8")
    check(tmp_path, "has two files for split 'valid', dev.json and valid.txt, expected one")
