"""Levels in a conversation: what is answered at each, what two worried messages mean, what follows an urgent one."""

from safety.care import Care
from safety.replies import ReplyScreener
from safety.reply import CRISIS_REPLY, short_reply, worried_reply
from safety.rules import CrisisKind
from safety.screening import CALM, Level, Screener, Screening
from tests.safety.word_detectors import WORRY, word_care

CARE = word_care()


def levels(*messages: str) -> list[Level | None]:
    found: list[Screening] = []
    for message in messages:
        found.append(CARE.screen(message, history=[], earlier=found))
    return [one.level for one in found]


def test_two_worried_messages_in_a_row_are_urgent() -> None:
    assert levels("worried", "worried") == [Level.WORRIED, Level.URGENT]
    assert levels("worried", "fine", "worried") == [Level.WORRIED, None, Level.WORRIED]
    assert levels("I want to kill myself") == [Level.URGENT]


def test_what_is_answered() -> None:
    urgent = Screening(Level.URGENT, CrisisKind.ABUSE)
    assert CARE.fixed_reply(CALM) is None
    assert CARE.fixed_reply(urgent) == CRISIS_REPLY
    assert CARE.fixed_reply(WORRY) == worried_reply(CrisisKind.SUICIDE, CARE.helplines)
    assert CARE.fixed_reply(WORRY, earlier=[WORRY, CALM]) == worried_reply(CrisisKind.SUICIDE, CARE.helplines, asked=1)
    for after in (CALM, WORRY, urgent):
        assert CARE.fixed_reply(after, earlier=[CALM, urgent, CALM]) == short_reply(CARE.helplines)


def test_care_is_complete_with_both_detectors_alone() -> None:
    assert CARE.complete
    assert not Care(Screener(None), CARE.replies).complete
    assert not Care(CARE.screener, ReplyScreener(None)).complete
