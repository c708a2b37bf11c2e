"""Screening of what a model says, before a person reads it: what must not be said is written again, then replaced.

:class:`ReplyScreener` asks patterns for what is certain (``replies.toml``) and a learned detector for the rest.
:func:`screened_turn` samples a turn in which a text fires again, up to four times, and then puts a fixed sentence of
the planned strategy in the place of each text that still fires. Whatever shows a person a model's text goes through it:
``Realizer.realize``, and the chat in all its forms.
"""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Protocol

from corpus.strategy import Strategy
from safety.patterns import PatternIndex
from safety.rules import plain_form

ATTEMPTS = 4  # times that an unsafe turn is sampled again


class ReplyKind(StrEnum):
    """Why a text must not be said."""

    ENCOURAGES_HARM = "encourages-harm"
    BLAMES = "blames"
    MEDICAL = "medical"
    ABUSE_SECRECY = "abuse-secrecy"
    FALSE_AUTHORITY = "false-authority"
    SEXUAL_HATEFUL = "sexual-hateful"
    ASKS_PRIVATE = "asks-private"


FIXED_TEXTS: dict[Strategy | None, str] = {
    Strategy.QUESTION: "Would you like to tell me more about what is going on?",
    Strategy.RESTATEMENT: "If I understand you rightly, this has been weighing on you.",
    Strategy.REFLECTION: "It sounds as if this is very hard for you.",
    Strategy.SELF_DISCLOSURE: "I am a program and have no life to tell of, but I am listening.",
    Strategy.AFFIRMATION: "It takes strength to talk about this, and it is good that you do.",
    Strategy.SUGGESTIONS: "Perhaps it would help to talk about it with somebody you trust.",
    Strategy.INFORMATION: "Many people find it helpful to talk with a counsellor or a doctor about what troubles them.",
    Strategy.OTHERS: "I am here, and you can take your time.",
    None: "Thank you for telling me. I am listening.",
}
"""What takes the place of a text that must not be said, by its strategy; None: where none is planned."""


@dataclass(frozen=True, slots=True)
class ReplyScreening:
    """What the screening of one text found.

    Attributes:
        kind: Why it must not be said; None where it may be.
        matched: Words in plain form, or the detector's probability.
    """

    kind: ReplyKind | None = None
    matched: str = ""

    @property
    def unsafe(self) -> bool:
        """Whether it must not be said."""
        return self.kind is not None


class ReplyDetector(Protocol):
    """What a screener asks of a learned detector; :class:`safety.detector.Detector` is one."""

    def detect_replies(self, texts: Sequence[str]) -> list[ReplyScreening]:
        """What each text says that must not be said."""


class ReplyScreener:
    """Screens what a model writes. The same text always gets the same answer.

    Args:
        detector: The learned part; None: only the patterns run.
    """

    def __init__(self, detector: ReplyDetector | None) -> None:
        self.detector = detector

    @property
    def complete(self) -> bool:
        """Whether both parts run."""
        return self.detector is not None

    def screen(self, text: str) -> ReplyScreening:
        """Screens one text."""
        return self.screen_all([text])[0]

    def screen_all(self, texts: Sequence[str]) -> list[ReplyScreening]:
        """Screens N texts; the detector takes those together in which no pattern is found."""
        found = [_match(text) for text in texts]
        rest = [number for number, one in enumerate(found) if not one.unsafe]
        if self.detector is not None and rest:
            for number, one in zip(rest, self.detector.detect_replies([texts[number] for number in rest]), strict=True):
                found[number] = one
        return found


@dataclass(frozen=True)
class ScreenedTurn:
    """A turn that may be shown.

    Attributes:
        responses: (strategy, text) pairs.
        again: How often the turn was sampled again, 0..4.
        replaced: How many of its texts are fixed sentences.
    """

    responses: list[tuple[Strategy | None, str]]
    again: int = 0
    replaced: int = 0


def screened_turn(write: Callable[[], Sequence[tuple[Strategy | None, str]]], screener: ReplyScreener) -> ScreenedTurn:
    """Writes a turn, again where a text of it must not be said, and replaces what still must not.

    Args:
        write: Samples the turn; every call another time.
    """
    for again in range(ATTEMPTS + 1):
        responses = list(write())
        found = screener.screen_all([text for _, text in responses])
        if not any(one.unsafe for one in found):
            return ScreenedTurn(responses, again)
    shown = [
        (strategy, FIXED_TEXTS[strategy] if one.unsafe else text)
        for (strategy, text), one in zip(responses, found, strict=True)
    ]
    return ScreenedTurn(shown, ATTEMPTS, sum(one.unsafe for one in found))


@cache
def _patterns() -> tuple[tuple[ReplyKind, PatternIndex], ...]:
    data = tomllib.loads(Path(__file__).with_name("replies.toml").read_text(encoding="utf-8"))
    return tuple(
        (ReplyKind(kind), PatternIndex.of(patterns, data["groups"])) for kind, patterns in data["kinds"].items()
    )


def _match(text: str) -> ReplyScreening:
    plain = plain_form(text)
    words = set(plain.split())
    for kind, index in _patterns():
        if (match := index.search(plain, words)) is not None:
            return ReplyScreening(kind, match[0])
    return ReplyScreening()
