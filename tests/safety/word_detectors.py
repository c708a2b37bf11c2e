"""Detectors that look for one word, where a test is about what follows from a level and not about finding it."""

from collections.abc import Sequence

from safety.care import Care
from safety.replies import ReplyKind, ReplyScreener, ReplyScreening
from safety.rules import CrisisKind, RuleMatch
from safety.screening import CALM, Level, Screener, Screening

WORRY = Screening(Level.WORRIED, CrisisKind.SUICIDE, "0.40")


class WordDetector:
    """Worried where a message says "worried", urgent where a rule matches."""

    def detect(self, texts: Sequence[str], matches: Sequence[RuleMatch | None]) -> list[Screening]:
        return [
            Screening(Level.URGENT, match.kind, match.matched) if match else WORRY if "worried" in text else CALM
            for text, match in zip(texts, matches, strict=True)
        ]


class UnsafeWordDetector:
    """Unsafe where a text says "unsafe"."""

    def detect_replies(self, texts: Sequence[str]) -> list[ReplyScreening]:
        return [ReplyScreening(ReplyKind.BLAMES if "unsafe" in text else None) for text in texts]


def word_care() -> Care:
    """Care whose detectors look for words."""
    return Care(Screener(WordDetector()), ReplyScreener(UnsafeWordDetector()))
