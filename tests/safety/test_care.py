"""Levels in a conversation: what is answered at each, what two worried messages mean, what follows an urgent one."""

import pytest

import safety.care
from safety.care import Care, load_care, rules_alone
from safety.detector import Detector
from safety.replies import ReplyScreener
from safety.reply import CRISIS_REPLY, short_reply, worried_reply
from safety.rules import CrisisKind
from safety.screening import CALM, Level, Screener, Screening
from tests.hash_encoder import HashEncoder
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


def test_the_package_has_detectors_for_the_default_encoder() -> None:
    care = load_care(country="GB")
    assert care.complete
    assert "999" in care.fixed_reply(Screening(Level.URGENT, CrisisKind.SUICIDE))
    texts = ["I want to kill myself", "I have written the letters and I am saying goodbye tonight", "my phone died"]
    assert [one.level for one in care.screener.screen_all(texts, [()] * 3)] == [Level.URGENT, Level.URGENT, None]
    assert care.replies.screen("You brought this on yourself, so stop complaining.").unsafe
    assert not care.replies.screen("That sounds really hard. How long has this been going on?").unsafe


def test_an_encoder_without_detectors_is_not_used() -> None:
    detector = load_care(HashEncoder()).screener.detector
    assert isinstance(detector, Detector)
    assert detector.settings.encoder == "all-MiniLM-L6-v2"


def test_a_missing_encoder_leaves_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ValueError("no such folder")

    monkeypatch.setattr(safety.care, "default_encoder", missing)
    with pytest.raises(ValueError, match="no such folder"):
        load_care()
    assert rules_alone().screener.screen("I want to kill myself").level is Level.URGENT
    assert not rules_alone().complete
