"""Every kind of wrong file, directory or record is one error that names the place and what was expected."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


OFFICIAL_ROLES = "seeker, supporter, speaker, listener"


def put(*steps: Any) -> Callable[[list], None]:
    """Sets the value at ``steps[:-1]`` to the last step."""

    def change(records: list) -> None:
        *path, name, value = steps
        for step in path:
            records = records[step]
        records[name] = value

    return change


def drop(*steps: Any) -> Callable[[list], None]:
    def change(records: list) -> None:
        for step in steps[:-1]:
            records = records[step]
        del records[steps[-1]]

    return change


# (change to the third dialogue or its second message, what the message says after "FILE: ")
OFFICIAL_CASES = {
    "unknown label": (
        put(2, "dialog", 1, "annotation", "strategy", "Advice"),
        f"dialogue 3: message 2: field 'strategy': unknown strategy 'Advice', expected one of {ALL_LABELS}",
    ),
    "supporter without strategy": (
        drop(2, "dialog", 1, "annotation", "strategy"),
        "dialogue 3: message 2: field 'strategy': missing, expected a strategy on every supporter message",
    ),
    "supporter without annotation": (
        drop(2, "dialog", 1, "annotation"),
        "dialogue 3: message 2: field 'strategy': missing, expected a strategy on every supporter message",
    ),
    "seeker with strategy": (
        put(2, "dialog", 0, "annotation", "strategy", "Others"),
        "dialogue 3: message 1: field 'strategy': a seeker's message has no strategy",
    ),
    "supporter with feedback": (
        put(2, "dialog", 1, "annotation", "feedback", "4"),
        "dialogue 3: message 2: field 'feedback': a supporter's message has no feedback",
    ),
    "unknown role": (
        put(2, "dialog", 1, "speaker", "bot"),
        f"dialogue 3: message 2: field 'speaker': unknown role 'bot', expected one of {OFFICIAL_ROLES}",
    ),
    "missing role": (
        drop(2, "dialog", 1, "speaker"),
        "dialogue 3: message 2: field 'speaker': missing, expected a role",
    ),
    "empty dialogue": (
        put(2, "dialog", []),
        "dialogue 3: field 'dialog': empty dialogue, expected at least one message",
    ),
    "missing dialogue": (drop(2, "dialog"), "dialogue 3: field 'dialog': missing, expected a list"),
    "dialogue of another type": (
        put(2, "dialog", {"a": 1}),
        "dialogue 3: field 'dialog': got {'a': 1}, expected a list",
    ),
    "message of another type": (
        put(2, "dialog", 1, "hello"),
        "dialogue 3: message 2: field 'dialog': got 'hello', expected an object",
    ),
    "annotation of another type": (
        put(2, "dialog", 1, "annotation", "Question"),
        "dialogue 3: message 2: field 'annotation': got 'Question', expected an object",
    ),
    "missing text": (drop(2, "dialog", 1, "content"), "dialogue 3: message 2: field 'content': missing, expected text"),
    "empty text": (
        put(2, "dialog", 1, "content", " \n"),
        "dialogue 3: message 2: field 'content': got ' \\n', expected text that is not empty",
    ),
    "text of another type": (
        put(2, "dialog", 1, "content", 7),
        "dialogue 3: message 2: field 'content': got 7, expected text",
    ),
    "half a character": (
        put(2, "dialog", 1, "content", "so \ud83d"),
        "dialogue 3: message 2: field 'content': holds half a character (a lone surrogate), expected Unicode text",
    ),
    "missing problem": (drop(2, "problem_type"), "dialogue 3: field 'problem_type': missing, expected text"),
    "rating that is no number": (
        put(2, "dialog", 0, "annotation", "feedback", "good"),
        "dialogue 3: message 1: field 'feedback': got 'good', expected a whole number from 1 to 5",
    ),
    "rating out of range": (
        put(2, "survey_score", "seeker", "initial_emotion_intensity", "6"),
        "dialogue 3: field 'initial_emotion_intensity': got '6', expected a whole number from 1 to 5",
    ),
    "rating of another type": (
        put(2, "survey_score", "supporter", "relevance", 3.0),
        "dialogue 3: field 'relevance': got 3.0, expected a whole number from 1 to 5",
    ),
    "rating that is a truth value": (
        put(2, "survey_score", "seeker", "empathy", True),
        "dialogue 3: field 'empathy': got True, expected a whole number from 1 to 5",
    ),
    "scores of another type": (
        put(2, "survey_score", 5),
        "dialogue 3: field 'survey_score': got 5, expected an object",
    ),
    "record of another type": (put(2, "hello"), "dialogue 3: got 'hello', expected an object with a field 'dialog'"),
}

REFORMATTED_CASES = {
    "supporter without strategy": (
        drop(2, "dialog", 1, "strategy"),
        "dialogue 3: message 2: field 'strategy': missing, expected a strategy on every supporter message",
    ),
    "unknown role": (
        put(2, "dialog", 1, "speaker", "supporter"),
        "dialogue 3: message 2: field 'speaker': unknown role 'supporter', expected one of usr, sys",
    ),
    "empty text": (
        put(2, "dialog", 1, "text", ""),
        "dialogue 3: message 2: field 'text': got '', expected text that is not empty",
    ),
    "message of another type": (
        put(2, "dialog", 1, None),
        "dialogue 3: message 2: field 'dialog': got None, expected an object",
    ),
    "rating of another type": (
        put(2, "dialog", 0, "rating", [4]),
        "dialogue 3: message 1: field 'rating': got [4], expected a whole number from 1 to 5",
    ),
    "intensity out of range": (
        put(2, "init_intensity", -2),
        "dialogue 3: field 'init_intensity': got -2, expected a whole number from 1 to 5",
    ),
}


@pytest.mark.parametrize("case", OFFICIAL_CASES)
def test_official_schema(tmp_path: Path, case: str) -> None:
    change, message = OFFICIAL_CASES[case]
    records = copy.deepcopy(OFFICIAL)
    change(records)
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    check(path, message)


@pytest.mark.parametrize("case", REFORMATTED_CASES)
def test_reformatted_lines(tmp_path: Path, case: str) -> None:
    change, message = REFORMATTED_CASES[case]
    records = copy.deepcopy(REFORMATTED)
    change(records)
    path = tmp_path / "train.txt"
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    check(path, message)


def test_unchanged_records_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    path.write_text(json.dumps(OFFICIAL), encoding="utf-8")
    assert len(load_corpus(path).split("train")) == 3
    path.write_text(json.dumps(REFORMATTED), encoding="utf-8")
    assert len(load_corpus(path).split("train")) == 3
