"""The fixed replies name the helplines, say what the program is, and ask what a short answer can be understood to."""

import pytest

from safety.helplines import read_helplines
from safety.reply import CRISIS_REPLY, QUESTIONS, short_reply, worried_reply
from safety.rules import CrisisKind, match_rules

HELPLINES = read_helplines()


def test_the_crisis_message_says_what_the_program_is_and_names_every_helpline() -> None:
    for words in ("computer program", "cannot help in an emergency", "emergency number", "deserve to be believed"):
        assert words in CRISIS_REPLY
    for line in HELPLINES.all():
        assert line.contact in CRISIS_REPLY
        assert line.name in CRISIS_REPLY
    assert CRISIS_REPLY.index("911") < 120, "help comes first"


def test_the_short_reply_is_short_and_names_numbers() -> None:
    short = short_reply(HELPLINES)
    assert "\n" not in short
    for contact in ("911", "999", "112", "988", "116 123", "findahelpline.com"):
        assert contact in short
    assert "988" not in short_reply(HELPLINES.of("GB"))


@pytest.mark.parametrize("kind", CrisisKind)
def test_a_worried_reply_is_a_question_and_one_line_of_helplines(kind: CrisisKind) -> None:
    replies = [worried_reply(kind, HELPLINES, asked=asked) for asked in range(3)]
    assert replies[0] == replies[2] != replies[1]
    for reply in replies:
        question, helplines = reply.split("\n")
        assert question.endswith("?")
        assert "988 (US and Canada)" in helplines
        assert ("0808 2000 247" in helplines) == (kind is CrisisKind.ABUSE)


@pytest.mark.parametrize("kind", CrisisKind)
def test_yes_to_every_question_is_understood(kind: CrisisKind) -> None:
    for asked in range(len(QUESTIONS[kind])):
        reply = worried_reply(kind, HELPLINES, asked=asked)
        assert match_rules("yes", [reply]) is not None
        assert match_rules("no, nothing like that", [reply]) is None
