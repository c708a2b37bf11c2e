"""The widespread reformatted files: JSON lines with the speakers ``usr`` and ``sys``.

A dialogue is ``{emotion_type, problem_type, situation, init_intensity?, final_intensity?, relevance?, empathy?,
dialog: [{text, speaker: usr, rating?} or {text, speaker: sys, strategy}]}``. Ratings stand as number or text; 0, -1
and null say that none was given. Earlier files lack them altogether.

Source: ``codes_zcj/_reformat/process.py`` in https://github.com/thu-coai/Emotional-Support-Conversation and the hub's
``thu-coai/esconv``.
"""

from corpus.dialogue import Dialogue, Message, Role, Survey
from corpus.errors import located
from corpus.formats.detection import Content, Format
from corpus.formats.records import (
    Record,
    filled_text_field,
    message_key,
    messages_field,
    rating_field,
    role_field,
    strategy_field,
    text_field,
)

ROLES: dict[str, Role] = {"usr": Role.SEEKER, "sys": Role.SUPPORTER}

_NOT_GIVEN = ("0", "-1")  # beside null; what the files that carry ratings write


def _dialogue(record: Record, number: int) -> Dialogue:
    with located(dialogue=number):
        return Dialogue(
            number=number,
            messages=messages_field(record, "dialog", _message),
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


def _message(entry: Record) -> Message:
    role = role_field(entry, "speaker", roles=ROLES)
    text = filled_text_field(entry, "text")
    strategy = strategy_field(entry, "strategy", role=role)
    return Message(role, text, strategy=strategy, feedback=_rating(entry, "rating"))


def _rating(record: Record, name: str) -> int | None:
    return rating_field(record, name, not_given=_NOT_GIVEN)


def _recognises(content: Content) -> bool:
    return message_key(content.records, "content", "text") == "text"


def _parse(content: Content) -> tuple[Dialogue, ...]:
    return tuple(_dialogue(record, number) for number, record in enumerate(content.records, start=1))


FORMAT = Format("reformatted JSON lines (messages with 'text')", _recognises, _parse)
