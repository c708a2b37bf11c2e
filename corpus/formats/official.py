"""The schema of the official ``ESConv.json`` and of its relatives such as ``FailedESConv.json``.

One JSON array; a dialogue is ``{experience_type?, emotion_type, problem_type, situation, survey_score: {seeker:
{initial_emotion_intensity, empathy, relevance, final_emotion_intensity}, supporter: {relevance}}, dialog: [{speaker,
annotation: {strategy} or {feedback}, content}]}``, all ratings as text, those not given left out. Further fields
(the release's four free-text questions) are ignored.

Source: https://github.com/thu-coai/Emotional-Support-Conversation
"""

import json
from collections.abc import Iterable
from pathlib import Path

from corpus.dialogue import Dialogue, Message, Role, SupporterMessage, Survey
from corpus.errors import located
from corpus.files import write_whole
from corpus.formats.detection import Content, Format
from corpus.formats.records import (
    Record,
    filled_text_field,
    message_key,
    messages_field,
    object_field,
    optional_text_field,
    rating_field,
    role_field,
    strategy_field,
    text_field,
)

ROLES: dict[str, Role] = {
    "seeker": Role.SEEKER,
    "supporter": Role.SUPPORTER,
    "speaker": Role.SEEKER,  # FailedESConv.json
    "listener": Role.SUPPORTER,
}


def write(path: Path, dialogues: Iterable[Dialogue]) -> None:
    """Writes the dialogues in their order, with the official roles and labels."""
    records = [to_record(dialogue) for dialogue in dialogues]
    write_whole(path, json.dumps(records, ensure_ascii=False, indent=1) + "\n")


def to_record(dialogue: Dialogue) -> Record:
    """One dialogue in the official schema; its number is its place in the file and not part of it.

    Raises:
        CorpusError: A supporter's message has no strategy: the schema demands one.
    """
    survey = dialogue.survey
    record: Record = {"experience_type": dialogue.experience} if dialogue.experience else {}
    return record | {
        "emotion_type": dialogue.emotion,
        "problem_type": dialogue.problem,
        "situation": dialogue.situation,
        "survey_score": {
            "seeker": _given(
                initial_emotion_intensity=survey.initial_intensity,
                empathy=survey.empathy,
                relevance=survey.relevance,
                final_emotion_intensity=survey.final_intensity,
            ),
            "supporter": _given(relevance=survey.supporter_relevance),
        },
        "dialog": [_message_record(dialogue, index) for index in range(len(dialogue.messages))],
    }


def _dialogue(record: Record, number: int) -> Dialogue:
    with located(dialogue=number):
        scores = object_field(record, "survey_score")
        seeker_scores = object_field(scores, "seeker")
        return Dialogue(
            number=number,
            messages=messages_field(record, "dialog", _message),
            problem=text_field(record, "problem_type"),
            emotion=text_field(record, "emotion_type"),
            situation=text_field(record, "situation"),
            experience=optional_text_field(record, "experience_type"),
            survey=Survey(
                initial_intensity=rating_field(seeker_scores, "initial_emotion_intensity"),
                final_intensity=rating_field(seeker_scores, "final_emotion_intensity"),
                empathy=rating_field(seeker_scores, "empathy"),
                relevance=rating_field(seeker_scores, "relevance"),
                supporter_relevance=rating_field(object_field(scores, "supporter"), "relevance"),
            ),
        )


def _message(entry: Record) -> Message:
    role = role_field(entry, "speaker", roles=ROLES)
    text = filled_text_field(entry, "content")
    annotation = object_field(entry, "annotation")
    strategy = strategy_field(annotation, "strategy", role=role)
    return Message(role, text, strategy=strategy, feedback=rating_field(annotation, "feedback"))


def _message_record(dialogue: Dialogue, index: int) -> Record:
    message = dialogue.messages[index]
    if message.role is Role.SUPPORTER:
        annotation = {"strategy": SupporterMessage(dialogue, index).strategy.label}
    else:
        annotation = _given(feedback=message.feedback)
    return {"speaker": message.role.value, "annotation": annotation, "content": message.text}


def _given(**ratings: int | None) -> dict[str, str]:
    return {name: str(rating) for name, rating in ratings.items() if rating is not None}


def _recognises(content: Content) -> bool:
    return message_key(content.records, "content", "text") == "content"


def _parse(content: Content) -> tuple[Dialogue, ...]:
    return tuple(_dialogue(record, number) for number, record in enumerate(content.records, start=1))


FORMAT = Format("the official ESConv.json schema (messages with 'content')", _recognises, _parse)
