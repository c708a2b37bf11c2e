"""JSON records, the official schema and the reformatted lines: written and read back, ratings, roles, real files."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.dialogue import Dialogue, Message, Role, Survey
from corpus.errors import CorpusError
from corpus.formats import official as official_format
from corpus.formats.detection import read_dialogues
from corpus.formats.records import decode_records
from corpus.strategy import Strategy
from tests.corpus.good_records import write_reformatted
from tests.corpus.random_dialogues import corpora

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


RECORD = {
    "experience_type": "Previous Experience",
    "emotion_type": "fear",
    "problem_type": "job crisis",
    "situation": " My contract ends soon.\n",
    "survey_score": {
        "seeker": {"initial_emotion_intensity": "5", "final_emotion_intensity": "2"},
        "supporter": {"relevance": "4"},
    },
    "seeker_question1": "not used",
    "dialog": [
        {"speaker": "speaker", "annotation": {}, "content": "Hi there\n"},
        {"speaker": "listener", "annotation": {"strategy": "Questions"}, "content": "Hello, what is up?"},
        {"speaker": "seeker", "annotation": {"feedback": "3"}, "content": "My boss"},
        {"speaker": "supporter", "annotation": {"strategy": "Other"}, "content": "Oh"},
    ],
}

DIALOGUE = Dialogue(
    number=1,
    messages=(
        Message(Role.SEEKER, "Hi there"),
        Message(Role.SUPPORTER, "Hello, what is up?", strategy=Strategy.QUESTION),
        Message(Role.SEEKER, "My boss", feedback=3),
        Message(Role.SUPPORTER, "Oh", strategy=Strategy.OTHERS),
    ),
    problem="job crisis",
    emotion="fear",
    situation="My contract ends soon.",
    experience="Previous Experience",
    survey=Survey(initial_intensity=5, final_intensity=2, supporter_relevance=4),
)


def test_reads_both_pairs_of_roles_aliases_and_ratings(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([RECORD]), encoding="utf-8")
    assert read_dialogues(path) == (DIALOGUE,)


def test_writes_the_official_schema(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    official_format.write(path, [DIALOGUE])
    assert json.loads(path.read_text(encoding="utf-8")) == [
        {
            "experience_type": "Previous Experience",
            "emotion_type": "fear",
            "problem_type": "job crisis",
            "situation": "My contract ends soon.",
            "survey_score": {
                "seeker": {"initial_emotion_intensity": "5", "final_emotion_intensity": "2"},
                "supporter": {"relevance": "4"},
            },
            "dialog": [
                {"speaker": "seeker", "annotation": {}, "content": "Hi there"},
                {"speaker": "supporter", "annotation": {"strategy": "Question"}, "content": "Hello, what is up?"},
                {"speaker": "seeker", "annotation": {"feedback": "3"}, "content": "My boss"},
                {"speaker": "supporter", "annotation": {"strategy": "Others"}, "content": "Oh"},
            ],
        }
    ]


def test_refuses_to_write_a_supporter_message_without_strategy(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="dialogue 7: message 1: field 'strategy': missing"):
        official_format.write(tmp_path / "a.json", [Dialogue(7, (Message(Role.SUPPORTER, "hi"),))])


@settings(max_examples=30, deadline=None)
@given(dialogues=corpora(all_fields=True))
def test_read_gives_back_what_write_was_given(dialogues: tuple[Dialogue, ...], tmp_path_factory) -> None:
    path = tmp_path_factory.getbasetemp() / "round_trip.json"
    official_format.write(path, dialogues)
    assert read_dialogues(path) == dialogues


def stripped(value):
    """JSON with surrounding white space removed from every text."""
    if isinstance(value, dict):
        return {name: stripped(part) for name, part in value.items()}
    if isinstance(value, list):
        return [stripped(part) for part in value]
    return value.strip() if isinstance(value, str) else value


@pytest.mark.real_data
def test_writing_the_real_file_gives_the_real_file(esconv: Path, tmp_path: Path) -> None:
    source = esconv / "ESConv-trainvalid.json"
    official_format.write(tmp_path / "copy.json", read_dialogues(source))
    copy = json.loads((tmp_path / "copy.json").read_text(encoding="utf-8"))
    assert copy == stripped(json.loads(source.read_text(encoding="utf-8")))


@pytest.mark.real_data
def test_writing_the_failed_conversations_changes_roles_and_labels_only(esconv: Path, tmp_path: Path) -> None:
    source = esconv / "FailedESConv.json"
    dialogues = read_dialogues(source)
    assert len(dialogues) == 196
    assert [dialogue.number for dialogue in dialogues] == list(range(1, 197))
    assert sum(dialogue.survey.supporter_relevance is not None for dialogue in dialogues) == 126
    official_format.write(tmp_path / "copy.json", dialogues)
    assert read_dialogues(tmp_path / "copy.json") == dialogues
    copy = json.loads((tmp_path / "copy.json").read_text(encoding="utf-8"))
    expected = stripped(json.loads(source.read_text(encoding="utf-8")))
    for record in expected:
        for message in record["dialog"]:
            message["speaker"] = {"speaker": "seeker", "listener": "supporter"}[message["speaker"]]
            if "strategy" in message["annotation"]:
                message["annotation"]["strategy"] = Strategy.parse(message["annotation"]["strategy"]).label
    assert copy == expected


LINE = {
    "emotion_type": "shame",
    "problem_type": "Procrastination",
    "situation": "I put things off.",
    "init_intensity": 4,
    "final_intensity": "2",
    "relevance": -1,
    "empathy": 0,
    "dialog": [
        {"text": "Good evening ", "speaker": "usr", "rating": None},
        {"text": "Welcome", "speaker": "sys", "strategy": "Others"},
        {"text": "It got late again", "speaker": "usr", "rating": "5"},
    ],
}


def test_reads_ratings_as_number_or_text_and_what_says_that_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text(json.dumps(LINE) + "\n\n" + json.dumps(LINE) + "\n", encoding="utf-8")
    first, second = read_dialogues(path)
    assert first == Dialogue(
        number=1,
        messages=(
            Message(Role.SEEKER, "Good evening"),
            Message(Role.SUPPORTER, "Welcome", strategy=Strategy.OTHERS),
            Message(Role.SEEKER, "It got late again", feedback=5),
        ),
        problem="Procrastination",
        emotion="shame",
        situation="I put things off.",
        survey=Survey(initial_intensity=4, final_intensity=2),
    )
    assert (second.number, second.messages) == (2, first.messages)


def test_earlier_files_without_any_rating_are_read(tmp_path: Path) -> None:
    record = {name: LINE[name] for name in ("emotion_type", "problem_type", "situation")}
    path = tmp_path / "a"
    path.write_text(json.dumps(record | {"dialog": [{"text": "hi", "speaker": "usr"}]}), encoding="utf-8")
    assert read_dialogues(path)[0].survey == Survey()


@settings(max_examples=30, deadline=None)
@given(dialogues=corpora(all_fields=False))
def test_reformatted_lines_are_read_as_they_were_written(dialogues: tuple[Dialogue, ...], tmp_path_factory) -> None:
    path = tmp_path_factory.getbasetemp() / "round_trip.txt"
    write_reformatted(path, dialogues)
    assert read_dialogues(path) == dialogues


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["train.txt", "valid.txt"])
def test_writing_a_real_file_gives_the_real_file(esconv: Path, tmp_path: Path, name: str) -> None:
    write_reformatted(tmp_path / name, read_dialogues(esconv / name))
    copy = [json.loads(line) for line in (tmp_path / name).read_text(encoding="utf-8").split("\n") if line]
    real = [json.loads(line) for line in (esconv / name).read_text(encoding="utf-8").split("\n") if line]
    for record in real:
        record["situation"] = record["situation"].strip()  # the one field that has white space around it
    assert copy == real
