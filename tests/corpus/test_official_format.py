import json
from pathlib import Path

import pytest
from hypothesis import given, settings

from corpus.dialogue import Dialogue, Message, Role, Survey
from corpus.errors import CorpusError
from corpus.formats import official as official_format
from corpus.formats.detection import read_dialogues
from corpus.strategy import Strategy
from tests.corpus.random_dialogues import corpora

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
        return {name: stripped(member) for name, member in value.items()}
    if isinstance(value, list):
        return [stripped(member) for member in value]
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
