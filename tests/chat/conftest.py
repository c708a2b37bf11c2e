"""What the chat's tests share: a screening that is easy to set off, whatever the real one recognises."""

from collections.abc import Sequence

import pytest

import chat.conversation
from safety.screening import CrisisKind, Screening

ALARM = "ALARM"


def _screen(text: str, history: Sequence[str] = ()) -> Screening:
    crisis = ALARM in text
    return Screening(crisis=crisis, kind=next(iter(CrisisKind)) if crisis else None)


@pytest.fixture
def easy_screening(monkeypatch: pytest.MonkeyPatch) -> CrisisKind:
    """Every text with the word ALARM is a crisis of the kind returned."""
    monkeypatch.setattr(chat.conversation, "screen", _screen)
    return next(iter(CrisisKind))
