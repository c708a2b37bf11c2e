import json
from pathlib import Path

import pytest
from hypothesis import given, settings

from corpus.dialogue import Dialogue, Message, Role, Survey
from corpus.formats import reformatted as reformatted_format
from corpus.formats.detection import read_dialogues
from corpus.strategy import Strategy
from tests.corpus.random_dialogues import corpora

RECORD = {
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
    path.write_text(json.dumps(RECORD) + "\n\n" + json.dumps(RECORD) + "\n", encoding="utf-8")
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
    record = {name: RECORD[name] for name in ("emotion_type", "problem_type", "situation")}
    path = tmp_path / "a"
    path.write_text(json.dumps(record | {"dialog": [{"text": "hi", "speaker": "usr"}]}), encoding="utf-8")
    assert read_dialogues(path)[0].survey == Survey()


@settings(max_examples=30, deadline=None)
@given(dialogues=corpora(all_fields=False))
def test_read_gives_back_what_write_was_given(dialogues: tuple[Dialogue, ...], tmp_path_factory) -> None:
    path = tmp_path_factory.getbasetemp() / "round_trip.txt"
    reformatted_format.write(path, dialogues)
    assert read_dialogues(path) == dialogues


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["train.txt", "valid.txt"])
def test_writing_a_real_file_gives_the_real_file(esconv: Path, tmp_path: Path, name: str) -> None:
    reformatted_format.write(tmp_path / name, read_dialogues(esconv / name))
    copy = [json.loads(line) for line in (tmp_path / name).read_text(encoding="utf-8").split("\n") if line]
    real = [json.loads(line) for line in (esconv / name).read_text(encoding="utf-8").split("\n") if line]
    for record in real:
        record["situation"] = record["situation"].strip()  # the one field that has white space around it
    assert copy == real
