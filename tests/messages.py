"""Short ways to write messages in tests."""

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy


def seeker(text: str, feedback: int | None = None) -> Message:
    return Message(Role.SEEKER, text, feedback=feedback)


def supporter(text: str, strategy: Strategy | None = Strategy.OTHERS) -> Message:
    return Message(Role.SUPPORTER, text, strategy)
