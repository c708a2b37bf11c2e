"""Three good dialogues in each JSON format, for tests that spoil one of them, and a writer of the reformatted lines."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from corpus.dialogue import Dialogue, Role, SupporterMessage
from corpus.errors import CorpusError
from corpus.files import write_whole
from corpus.formats.records import Record
from corpus.load import load_corpus

OFFICIAL = [
    {
        "emotion_type": "anger",
        "problem_type": "job crisis",
        "situation": "My colleague is rude.",
        "survey_score": {"seeker": {"initial_emotion_intensity": "4"}, "supporter": {}},
        "dialog": [
            {"speaker": "seeker", "annotation": {"feedback": "4"}, "content": f"Hello {number}"},
            {"speaker": "supporter", "annotation": {"strategy": "Question"}, "content": "How are you?"},
        ],
    }
    for number in (1, 2, 3)
]

REFORMATTED = [
    {
        "emotion_type": "anger",
        "problem_type": "job crisis",
        "situation": "My colleague is rude.",
        "init_intensity": 4,
        "final_intensity": -1,
        "empathy": 0,
        "relevance": None,
        "dialog": [
            {"speaker": "usr", "rating": "4", "text": f"Hello {number}"},
            {"speaker": "sys", "strategy": "Question", "text": "How are you?"},
        ],
    }
    for number in (1, 2, 3)
]


def check(path: Path, message: str) -> None:
    """Loading ``path`` fails with exactly this message behind the path."""
    with pytest.raises(CorpusError) as caught:
        load_corpus(path)
    assert str(caught.value) == f"{path}: {message}"


def write_reformatted(path: Path, dialogues: Iterable[Dialogue]) -> None:
    """Writes one dialogue per line, in order.

    The format has no place for ``experience`` and ``survey.supporter_relevance``: they are not written.
    """
    lines = [json.dumps(_record(dialogue), ensure_ascii=False) + "\n" for dialogue in dialogues]
    write_whole(path, "".join(lines))


def _record(dialogue: Dialogue) -> Record:
    survey = dialogue.survey
    return {
        "emotion_type": dialogue.emotion,
        "problem_type": dialogue.problem,
        "situation": dialogue.situation,
        "init_intensity": survey.initial_intensity or -1,
        "final_intensity": survey.final_intensity or -1,
        "relevance": survey.relevance or -1,
        "empathy": survey.empathy or -1,
        "dialog": [_message_record(dialogue, index) for index in range(len(dialogue.messages))],
    }


def _message_record(dialogue: Dialogue, index: int) -> Record:
    message = dialogue.messages[index]
    if message.role is Role.SUPPORTER:
        return {"text": message.text, "speaker": "sys", "strategy": SupporterMessage(dialogue, index).strategy.label}
    rating = None if message.feedback is None else str(message.feedback)
    return {"text": message.text, "speaker": "usr", "rating": rating}
