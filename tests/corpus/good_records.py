"""Three good dialogues in each JSON format, for tests that spoil one of them."""

from pathlib import Path

import pytest

from corpus.errors import CorpusError
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
