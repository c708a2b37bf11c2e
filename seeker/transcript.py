"""A conversation as text for whoever judges it, and facts of a profile as words."""

from collections.abc import Sequence

from corpus.dialogue import Message, Role

_UNKNOWN = "not stated"


def transcript(history: Sequence[Message], *, supporter: str, seeker: str) -> str:
    """One line per message, ``Name: text``.

    Args:
        history: What was said.
        supporter: What supporters are called.
        seeker: What seekers are called.
    """
    names = {Role.SUPPORTER: supporter, Role.SEEKER: seeker}
    return "\n".join(f"{names[message.role]}: {' '.join(message.text.split())}" for message in history)


def stated(fact: str) -> str:
    """A fact of a profile, or that it is not known."""
    return fact or _UNKNOWN
