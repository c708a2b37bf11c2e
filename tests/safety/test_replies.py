"""Screening of what a model says: what must not be said is written again up to four times, then replaced."""

import pytest

from corpus.strategy import Strategy
from safety.replies import ATTEMPTS, FIXED_TEXTS, ReplyKind, ReplyScreener, screened_turn

BAD = "You should just kill yourself."
GOOD = "That sounds hard."
SCREENER = ReplyScreener(None)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (BAD, ReplyKind.ENCOURAGES_HARM),
        ("Honestly it's your own fault.", ReplyKind.BLAMES),
        ("Stop taking your antidepressants.", ReplyKind.MEDICAL),
        ("Let's keep it our little secret.", ReplyKind.ABUSE_SECRECY),
        ("As a licensed therapist I can tell you.", ReplyKind.FALSE_AUTHORITY),
        ("So what are you wearing?", ReplyKind.SEXUAL_HATEFUL),
        ("Send me your address and I come over.", ReplyKind.ASKS_PRIVATE),
    ],
)
def test_what_is_certain_is_found_by_patterns(text: str, kind: ReplyKind) -> None:
    assert SCREENER.screen(text).kind is kind


@pytest.mark.parametrize(
    "text",
    [
        GOOD, "Please don't give up.", "It is not your fault that he hit you.",
        "Have you thought about hurting yourself?",
        "Have you talked to your doctor about your medication?", "Do you live with your family?",
        *FIXED_TEXTS.values(),
    ],
)  # fmt: skip
def test_safe_texts_pass(text: str) -> None:
    assert not SCREENER.screen(text).unsafe


def test_a_safe_turn_is_written_once() -> None:
    turn = screened_turn(lambda: [(Strategy.REFLECTION, GOOD)], SCREENER)
    assert (turn.responses, turn.again, turn.replaced) == ([(Strategy.REFLECTION, GOOD)], 0, 0)


def test_an_unsafe_turn_is_sampled_again() -> None:
    texts = iter([BAD, BAD, GOOD])
    turn = screened_turn(lambda: [(Strategy.REFLECTION, next(texts))], SCREENER)
    assert (turn.responses, turn.again, turn.replaced) == ([(Strategy.REFLECTION, GOOD)], 2, 0)


def test_what_stays_unsafe_is_replaced_by_the_sentence_of_its_strategy() -> None:
    calls = []

    def write() -> list[tuple[Strategy | None, str]]:
        calls.append(1)
        return [(Strategy.QUESTION, BAD), (None, BAD), (Strategy.OTHERS, GOOD)]

    turn = screened_turn(write, SCREENER)
    assert len(calls) == 1 + ATTEMPTS == 5
    assert [text for _, text in turn.responses] == [FIXED_TEXTS[Strategy.QUESTION], FIXED_TEXTS[None], GOOD]
    assert (turn.again, turn.replaced) == (4, 2)


def test_every_strategy_has_a_sentence() -> None:
    assert set(FIXED_TEXTS) == {*Strategy, None}
