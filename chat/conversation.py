"""A conversation with one system, in memory: a message is checked, screened, answered, and may be taken back.

Care comes first: every message of the person is screened for a crisis *before* anything else is done with it. A crisis
is answered with a fixed text instead of the model's, and from then on no model text appears in the conversation, until
that message is taken back. No argument switches this off.

What everybody reads before they chat.

A conversation on disk: in the official schema, so that every tool for corpora reads it, or as text for people.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chat.system import System
from corpus.dialogue import Dialogue, Message, Role
from corpus.files import write_whole
from corpus.formats.official import to_record
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


MAX_CHARACTERS = 1000  # of one message; ESConv's longest seeker message has fewer
MAX_EXCHANGES = 60  # a conversation; ESConv's have 15 on average
MAX_STRATEGIES = 3  # of one turn, as the planner's own plans


@dataclass(frozen=True)
class Exchange:
    """A message of the person and the turn that answers it.

    Attributes:
        seeker: What the person wrote.
        replies: The supporter's messages.
        plan: What the planner chose; ``None`` where it was not asked.
        chosen: Strategies the person chose for this turn; ``None`` where they did not.
        crisis: Why the fixed text was given instead of the model's; ``None`` in an ordinary exchange.
    """

    seeker: Message
    replies: tuple[Message, ...]
    plan: Plan | None = None
    chosen: tuple[Strategy, ...] | None = None
    crisis: CrisisKind | None = None


class ChatSession:
    """One person, one system.

    Args:
        system: Answers.
        seed: Of the texts. The same messages get the same answers, also when a conversation is taken up again.
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
        """The first crisis that marks the conversation."""
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
            message: By the person.
            strategies: Instead of the planner's, for this turn.

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
            # Pointers to help are what ESConv calls Information (useful resources).
            fixed = Message(Role.SUPPORTER, CRISIS_REPLY.strip(), Strategy.INFORMATION)
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
    """Reads strategies between commas, by any known spelling or the beginning of a word of the label: ``refl, sugg``.

    Raises:
        ValueError: One is unknown or could be several, or there are not 1 to 3.
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
    """One line without control characters (they could steer a terminal) and broken halves of characters."""
    kinds = {"Cc": " ", "Cs": ""}
    return re.sub(r"\s+", " ", "".join(kinds.get(unicodedata.category(one), one) for one in text)).strip()


SUFFIXES = (".json", ".txt")


def save(conversation: ChatSession, path: Path) -> None:
    """Writes a conversation: ``.json`` as :func:`official_json`, ``.txt`` as :func:`readable_text`.

    Raises:
        ValueError: Nothing was said yet, another suffix, the file exists, or the schema cannot hold it.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: expected a name that ends in {' or '.join(SUFFIXES)}")
    if path.exists():
        raise ValueError(f"{path}: exists already, choose another name")
    write_whole(path, official_json(conversation) if path.suffix == ".json" else readable_text(conversation))


def official_json(conversation: ChatSession) -> str:
    """The schema of ``ESConv.json``: an array with this one dialogue.

    Two fields are added, which readers pass over: ``system``, and ``crisis`` where the screening marked it.

    Raises:
        ValueError: Nothing was said yet, or a message has no strategy (a generator that knows none), which the schema
            demands.
    """
    _demand(conversation)
    record = to_record(Dialogue(1, tuple(conversation.history))) | {"system": conversation.system.name}
    if conversation.crisis is not None:
        record["crisis"] = conversation.crisis.value
    return json.dumps([record], ensure_ascii=False, indent=1) + "\n"


def readable_text(conversation: ChatSession) -> str:
    """Everything that was said, with plans and the reasons for them.

    Raises:
        ValueError: Nothing was said yet.
    """
    _demand(conversation)
    head = [f"Conversation with {conversation.system.name}", *NOTICE.strip().splitlines(), ""]
    if conversation.crisis is not None:
        head.append(f"Marked by the crisis screening: {conversation.crisis.value}\n")
    return (
        "\n".join([*head, *(line for exchange in conversation.exchanges for line in exchange_lines(exchange))]) + "\n"
    )


def exchange_lines(exchange: Exchange) -> list[str]:
    """The lines of one exchange."""
    return [f"you: {exchange.seeker.text}", *plan_lines(exchange), *reply_lines(exchange), ""]


def reply_lines(exchange: Exchange) -> list[str]:
    """What the supporter said, with its strategies."""
    marks = [
        "" if reply.strategy is None or exchange.crisis else f" [{reply.strategy.label}]" for reply in exchange.replies
    ]
    return [f"supporter{mark}: {reply.text}" for mark, reply in zip(marks, exchange.replies, strict=True)]


def plan_lines(exchange: Exchange, *, shown: int = 3) -> list[str]:
    """How the turn came about: each planned strategy with the likeliest alternatives, and the planner's reasons."""
    if exchange.crisis is not None:
        return [f"    crisis screening: {exchange.crisis.value}; a fixed text instead of the model's"]
    if exchange.chosen is not None:
        return ["    plan, chosen by hand: " + " -> ".join(strategy.label for strategy in exchange.chosen)]
    if exchange.plan is None:
        return ["    plan: the generator's own"]
    lines = [f"    plan ({exchange.plan.mode}): {exchange.plan}"]
    for place, row in enumerate(exchange.plan.probabilities, start=1):
        lines.append(f"      {place}. " + ", ".join(f"{label} {share:.0%}" for label, share in likeliest(row)[:shown]))
    if exchange.plan.reasoning is not None:
        lines += [f"    {line}" for line in str(exchange.plan.reasoning).splitlines()]
    return lines


def likeliest(row: Sequence[float]) -> list[tuple[str, float]]:
    """Labels with their probabilities, the likeliest first. ``row``: the eight strategies' probabilities."""
    return sorted(zip(LABELS, map(float, row), strict=True), key=lambda pair: -pair[1])


def _demand(conversation: ChatSession) -> None:
    if not conversation.exchanges:
        raise ValueError("nothing to save yet")
