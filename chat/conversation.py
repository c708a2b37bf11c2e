"""A conversation of one person with one system: a message is checked, screened and answered, and can be taken back.

Care comes first: every message of the person is screened for a crisis *before* anything else is done with it. A crisis
is answered with the fixed reply instead of a model's, and from then on no model's text appears in the conversation,
until that message is taken back. No argument switches this off.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chat.system import System
from corpus.dialogue import Message, Role
from corpus.strategy import LABELS, Strategy
from planner.plan import Plan
from safety.reply import CRISIS_REPLY
from safety.screening import CrisisKind, Screening, screen

NOTICE = """\
This is research software, not a therapist, not a doctor and not a crisis service. A small language model writes the \
replies; they can be wrong, unkind or senseless. Nobody reads along and nobody can send help. Please do not use it \
when you are in distress: if you are, or are in danger, call your local emergency number or find a helpline at \
https://findahelpline.com. Messages that sound like a crisis are answered with a fixed text that names places to turn \
to; this check misses many such messages, and it reads English only. Please write no names, no addresses and nothing \
that you would not want stored."""
"""What everybody is shown before they chat."""

MAX_CHARACTERS = 1000  # of one message; ESConv's longest seeker message has fewer
MAX_EXCHANGES = 60  # of one conversation; ESConv's have 15 on average
MAX_STRATEGIES = 3  # of one turn, as in the planner's own plans


@dataclass(frozen=True)
class Exchange:
    """A message of the person and the turn that answers it.

    Attributes:
        seeker: What the person wrote.
        replies: The supporter's messages.
        plan: What the planner chose; ``None`` where it was not asked.
        chosen: Strategies that the person chose for this turn; ``None`` where they chose none.
        crisis: Why the fixed reply was given instead of a model's; ``None`` in an ordinary exchange.
    """

    seeker: Message
    replies: tuple[Message, ...]
    plan: Plan | None = None
    chosen: tuple[Strategy, ...] | None = None
    crisis: CrisisKind | None = None


class ChatSession:
    """One person, one system.

    Args:
        seed: Of the texts. The same messages get the same answers, also when a conversation is resumed.
        exchanges: What was said before.
    """

    def __init__(self, system: System, *, seed: int = 0, exchanges: Sequence[Exchange] = ()) -> None:
        self.system = system
        self.seed = seed
        self.exchanges = list(exchanges)

    @property
    def history(self) -> list[Message]:
        """All messages so far."""
        return [message for exchange in self.exchanges for message in (exchange.seeker, *exchange.replies)]

    @property
    def crisis(self) -> CrisisKind | None:
        """The first crisis of the conversation; ``None`` where there was none."""
        return next((exchange.crisis for exchange in self.exchanges if exchange.crisis is not None), None)

    def say(self, text: str, *, strategies: Sequence[Strategy] | None = None) -> Exchange:
        """Takes a message and answers it; see :meth:`accept` and :meth:`answer`."""
        return self.answer(self.accept(text), strategies=strategies)

    def accept(self, text: str) -> Message:
        """Checks and tidies what a person wrote.

        A message that shows a crisis is taken whatever its length: who is in danger is not told about limits.

        Raises:
            ValueError: It is empty or too long, or the conversation is.
        """
        tidy = _tidy(text)
        if not tidy:
            raise ValueError("empty message, expected some words")
        if not self._screen(tidy).crisis:
            if len(tidy) > MAX_CHARACTERS:
                raise ValueError(f"message of {len(tidy)} characters, expected at most {MAX_CHARACTERS}")
            if len(self.exchanges) >= MAX_EXCHANGES:
                raise ValueError(f"this conversation has reached its {MAX_EXCHANGES} exchanges, please begin a new one")
        return Message(Role.SEEKER, tidy)

    def answer(self, message: Message, *, strategies: Sequence[Strategy] | None = None) -> Exchange:
        """Screens an accepted message, answers it, and adds both to the conversation.

        Args:
            strategies: Of this turn, instead of the planner's.

        Raises:
            ValueError: Strategies for a generator that knows none, or not 1 to 3 of them.
        """
        if strategies is not None:
            if not self.system.knows_strategies:
                raise ValueError("this generator knows no strategies, so none can be chosen")
            if not 1 <= len(strategies) <= MAX_STRATEGIES:
                raise ValueError(f"got {len(strategies)} strategies, expected 1 to {MAX_STRATEGIES}")
        screening = self._screen(message.text)
        crisis = screening.kind if screening.crisis else self.crisis
        if crisis is not None:
            # Helplines are what ESConv calls Information (useful resources).
            fixed = Message(Role.SUPPORTER, CRISIS_REPLY, Strategy.INFORMATION)
            exchange = Exchange(message, (fixed,), crisis=crisis)
        else:
            rng = np.random.default_rng([self.seed, len(self.exchanges)])
            plan, responses = self.system.reply([*self.history, message], strategies=strategies, rng=rng)
            replies = tuple(Message(Role.SUPPORTER, text, strategy) for strategy, text in responses)
            exchange = Exchange(message, replies, plan, None if strategies is None else tuple(strategies))
        self.exchanges.append(exchange)
        return exchange

    def undo(self) -> Exchange | None:
        """Takes the last exchange back; ``None`` where there is none."""
        return self.exchanges.pop() if self.exchanges else None

    def _screen(self, text: str) -> Screening:
        return screen(text, [message.text for message in self.history])


def parse_strategies(text: str) -> tuple[Strategy, ...]:
    """Strategies between commas, in any known spelling or by the beginning of a word of the label: ``refl, sugg``.

    Raises:
        ValueError: One is unknown or ambiguous, or there are not 1 to 3.
    """
    strategies = []
    for word in filter(None, (part.strip().lower() for part in text.split(","))):
        matches = [label for label in LABELS if label.lower().startswith(word)]
        matches = matches or [label for label in LABELS if f" {word}" in label.lower()]
        if len(matches) > 1:
            raise ValueError(f"{word!r} could be {' or '.join(matches)}")
        strategies.append(Strategy.parse(matches[0] if len(matches) == 1 else word))
    if not 1 <= len(strategies) <= MAX_STRATEGIES:
        raise ValueError(f"got {len(strategies)} strategies, expected 1 to {MAX_STRATEGIES} between commas")
    return tuple(strategies)


def _tidy(text: str) -> str:
    """One line, without control characters (they could steer a terminal) and without broken halves of characters."""
    replacements = {"Cc": " ", "Cs": ""}
    return re.sub(r"\s+", " ", "".join(replacements.get(unicodedata.category(one), one) for one in text)).strip()
