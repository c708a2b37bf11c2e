"""Screening: does a message say that the person who wrote it, or somebody else, may be in danger, and how urgently?

:class:`Screener` asks the rules (``rules.py``) and the learned detector (``detector.py``). Two levels come out of it:
*urgent*, where a fixed message with helplines takes the place of the reply, and *worried*, where the reply is a direct
question about safety. ``docs/care.md`` has the policy, the figures and what happens at each level.

The screening knows English only and misses part of what people only hint at. It is a net below research software and
assesses nobody. ``python evaluate.py screening`` measures it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from safety.rules import CrisisKind, RuleMatch, match_rules

_FOLDER = Path(__file__).parent


class Level(StrEnum):
    """How sure and how pressing a danger is; the value is what files hold."""

    WORRIED = "worried"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True)
class Screening:
    """What the screening of one message found.

    Attributes:
        level: None where there is no sign of danger.
        kind: The likeliest kind of danger; None where there is no sign of any.
        matched: What triggered it: words in plain form, or the detector's probability; empty where nothing did.
    """

    level: Level | None = None
    kind: CrisisKind | None = None
    matched: str = ""

    def __post_init__(self) -> None:
        if (self.level is None) != (self.kind is None):
            raise ValueError(f"screening: level {self.level} and kind {self.kind}, expected both or neither")


CALM = Screening()


class MessageDetector(Protocol):
    """What a screener asks of a learned detector; :class:`safety.detector.Detector` is one."""

    def detect(self, texts: Sequence[str], matches: Sequence[RuleMatch | None]) -> list[Screening]:
        """What each message shows, given what the rules found in it."""


class Screener:
    """Screens what people write. The same message always gets the same answer.

    Args:
        detector: The learned part; None: only the rules run, and every match of theirs is urgent.
    """

    def __init__(self, detector: MessageDetector | None) -> None:
        self.detector = detector

    @property
    def complete(self) -> bool:
        """Whether both parts run."""
        return self.detector is not None

    def screen(self, text: str, history: Sequence[str] = ()) -> Screening:
        """Screens a message before anything else is done with it.

        Args:
            text: The message as it was typed, any text at all.
            history: What was said before by both, oldest first. Only the last entry counts, as the question that a
                short answer ("yes", "only when he drinks") may answer.
        """
        return self.screen_all([text], [history])[0]

    def screen_all(self, texts: Sequence[str], histories: Sequence[Sequence[str]]) -> list[Screening]:
        """Screens N messages, each as :meth:`screen` does; the detector takes them together."""
        matches = [match_rules(text, history) for text, history in zip(texts, histories, strict=True)]
        found = [CALM if match is None else Screening(Level.URGENT, match.kind, match.matched) for match in matches]
        return found if self.detector is None else self.detector.detect(texts, matches)


def deciding_files() -> list[Path]:
    """Everything that decides what the screening of either side finds: code, rules, weights."""
    decide = ("rules", "normalization", "patterns", "spelling", "screening", "replies", "detector")
    weights = (_FOLDER.parent / "pretrained" / "safety").rglob("detector.*")
    return [*sorted(path for path in _FOLDER.iterdir() if path.stem in decide), *sorted(weights)]
