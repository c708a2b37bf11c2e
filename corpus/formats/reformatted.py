"""The widespread reformatted files: JSON lines with the speakers ``usr`` and ``sys``.

A dialogue is ``{emotion_type, problem_type, situation, init_intensity?, final_intensity?, relevance?, empathy?,
dialog: [{text, speaker: usr, rating?} or {text, speaker: sys, strategy}]}``. Ratings stand as number or text; 0, -1
and null say that none was given. Earlier files lack them altogether.

Source: ``codes_zcj/_reformat/process.py`` in https://github.com/thu-coai/Emotional-Support-Conversation and the hub's
``thu-coai/esconv``.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from corpus.dialogue import Dialogue, Message, Role, Survey, Utterance
from corpus.errors import CorpusError, located
from corpus.files import write_whole
from corpus.formats.detection import Content, Format
from corpus.formats.records import (
    Record,
    filled_text_field,
    list_field,
    message_key,
    rating_field,
    role_field,
    text_field,
)
from corpus.strategy import Strategy

ROLES: dict[str, Role] = {"usr": Role.SEEKER, "sys": Role.SUPPORTER}

NOT_GIVEN = -1  # what the files that carry ratings write
_NOT_GIVEN_VALUES = ("0", str(NOT_GIVEN))


def write(path: Path, dialogues: Iterable[Dialogue]) -> None:
    """Writes one dialogue per line, in order.

    The format has no place for ``experience`` and ``survey.supporter_relevance``: they are not written.
    """
    lines = [json.dumps(_record(dialogue), ensure_ascii=False) + "\n" for dialogue in dialogues]
    write_whole(path, "".join(lines))


def _dialogue(record: Record, number: int) -> Dialogue:
    with located(dialogue=number):
        return Dialogue(
            number=number,
            messages=tuple(_message(entry, place) for place, entry in enumerate(list_field(record, "dialog"), start=1)),
            problem=text_field(record, "problem_type"),
            emotion=text_field(record, "emotion_type"),
            situation=text_field(record, "situation"),
            survey=Survey(
                initial_intensity=_rating(record, "init_intensity"),
                final_intensity=_rating(record, "final_intensity"),
                empathy=_rating(record, "empathy"),
                relevance=_rating(record, "relevance"),
            ),
        )


def _message(entry: object, place: int) -> Message:
    with located(message=place):
        if not isinstance(entry, dict):
            raise CorpusError(f"got {entry!r:.60}, expected an object", field="dialog")
        role = role_field(entry, "speaker", roles=ROLES)
        text = filled_text_field(entry, "text")
        label = entry.get("strategy")
        if label is None and role is Role.SUPPORTER:
            raise CorpusError("missing, expected a strategy on every supporter message", field="strategy")
        strategy = None if label is None else Strategy.parse(label)
        return Message(role, text, strategy=strategy, feedback=_rating(entry, "rating"))


def _record(dialogue: Dialogue) -> Record:
    survey = dialogue.survey
    return {
        "emotion_type": dialogue.emotion,
        "problem_type": dialogue.problem,
        "situation": dialogue.situation,
        "init_intensity": survey.initial_intensity or NOT_GIVEN,
        "final_intensity": survey.final_intensity or NOT_GIVEN,
        "relevance": survey.relevance or NOT_GIVEN,
        "empathy": survey.empathy or NOT_GIVEN,
        "dialog": [_message_record(dialogue, index) for index in range(len(dialogue.messages))],
    }


def _message_record(dialogue: Dialogue, index: int) -> Record:
    message = dialogue.messages[index]
    if message.role is Role.SUPPORTER:
        return {"text": message.text, "speaker": "sys", "strategy": Utterance(dialogue, index).strategy.label}
    rating = None if message.feedback is None else str(message.feedback)
    return {"text": message.text, "speaker": "usr", "rating": rating}


def _rating(record: Record, name: str) -> int | None:
    return rating_field(record, name, not_given=_NOT_GIVEN_VALUES)


def _recognises(content: Content) -> bool:
    return message_key(content.records, "content", "text") == "text"


def _parse(content: Content) -> tuple[Dialogue, ...]:
    return tuple(_dialogue(record, number) for number, record in enumerate(content.records, start=1))


FORMAT = Format("reformatted JSON lines (messages with 'text')", _recognises, _parse)
