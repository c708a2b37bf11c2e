"""A conversation of one person with one system: a message is checked, screened and answered, and can be taken back.

Care comes first: every message of the person is screened *before* anything else is done with it, and every text of a
model before the person reads it. An urgent message is answered with the fixed message, and from then on no model's text
appears in the conversation, until that message is taken back; a worried one is answered with a question about safety
(``safety/care.py``). No argument switches this off.
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
from safety.rules import CrisisKind
from safety.screening import CALM, Level, Screening

NOTICE = """\
This is research software, not a therapist, not a doctor and not a crisis service. A small language model writes the \
replies; they can be wrong, unkind or senseless. Nobody reads along and nobody can send help. Please do not use it \
when you are in distress: if you are, or are in danger, call your local emergency number or find a helpline at \
https://findahelpline.com. Messages that sound like danger are answered with a fixed text that names places to turn \
to; this check misses some such messages, and it reads English only. Please write no names, no addresses and nothing \
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
        screening: What the message showed in its conversation. With a level the reply is a fixed one and no model's.
        replaced: How many of the replies are fixed sentences in the place of texts that must not be said.
    """

    seeker: Message
    replies: tuple[Message, ...]
    plan: Plan | None = None
    chosen: tuple[Strategy, ...] | None = None
    screening: Screening = CALM
    replaced: int = 0

    @property
    def crisis(self) -> CrisisKind | None:
        """Kind of an urgent exchange; ``None`` in any other."""
        return self.screening.kind if self.screening.level is Level.URGENT else None


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
        """Kind of the first urgent message of the conversation; ``None`` where there was none."""
        return next((exchange.crisis for exchange in self.exchanges if exchange.crisis is not None), None)

    def say(self, text: str, *, strategies: Sequence[Strategy] | None = None) -> Exchange:
        """Takes a message and answers it; see :meth:`accept` and :meth:`answer`."""
        return self.answer(self.accept(text), strategies=strategies)

    def accept(self, text: str) -> Message:
        """Checks and tidies what a person wrote.

        A message that shows danger is taken whatever its length: who is in danger is not told about limits.

        Raises:
            ValueError: It is empty or too long, or the conversation is.
        """
        tidy = _tidy(text)
        if not tidy:
            raise ValueError("empty message, expected some words")
        if self._screen(tidy).level is None:
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
        earlier = [exchange.screening for exchange in self.exchanges]
        screening = self._screen(message.text)
        fixed = self.system.care.fixed_reply(screening, earlier=earlier)
        if fixed is not None:
            if self.crisis is not None and screening.level is not Level.URGENT:
                screening = Screening(Level.URGENT, self.crisis, "after an urgent message")
            # Helplines are what ESConv calls Information (useful resources).
            strategy = Strategy.QUESTION if screening.level is Level.WORRIED else Strategy.INFORMATION
            exchange = Exchange(message, (Message(Role.SUPPORTER, fixed, strategy),), screening=screening)
        else:
            rng = np.random.default_rng([self.seed, len(self.exchanges)])
            plan, turn = self.system.reply([*self.history, message], strategies=strategies, rng=rng)
            replies = tuple(Message(Role.SUPPORTER, text, strategy) for strategy, text in turn.responses)
            chosen = None if strategies is None else tuple(strategies)
            exchange = Exchange(message, replies, plan, chosen, replaced=turn.replaced)
        self.exchanges.append(exchange)
        return exchange

    def undo(self) -> Exchange | None:
        """Takes the last exchange back; ``None`` where there is none."""
        return self.exchanges.pop() if self.exchanges else None

    def _screen(self, text: str) -> Screening:
        return self.system.care.screen(
            text,
            history=[message.text for message in self.history],
            earlier=[exchange.screening for exchange in self.exchanges],
        )


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
