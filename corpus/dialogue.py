"""What a dialogue is: frozen types that check themselves, so that wrong data die where they enter."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from corpus.errors import CorpusError
from corpus.strategy import Strategy


class Role(Enum):
    """Who speaks."""

    SEEKER = "seeker"
    SUPPORTER = "supporter"


@dataclass(frozen=True, slots=True)
class Message:
    """One line by one speaker.

    Attributes:
        role: Who wrote it.
        text: What was written, without surrounding white space; never empty.
        strategy: The supporter's strategy; always ``None`` for a seeker. A supporter's message may lack it only
            in a live history (a person typed it); file formats demand it.
        feedback: The seeker's rating of the supporter's last messages, 1..5 stars; ``None`` where none was given.
    """

    role: Role
    text: str
    strategy: Strategy | None = None
    feedback: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.role, Role):
            raise CorpusError(f"got {self.role!r}, expected a Role", field="role")
        if self.strategy is not None and not isinstance(self.strategy, Strategy):
            raise CorpusError(f"got {self.strategy!r}, expected a Strategy", field="strategy")
        if not self.text or self.text != self.text.strip():
            raise CorpusError(
                f"got {self.text!r}, expected text without surrounding blanks that is not empty", field="text"
            )
        if self.role is Role.SEEKER and self.strategy is not None:
            raise CorpusError("a seeker's message has no strategy", field="strategy")
        if self.role is Role.SUPPORTER and self.feedback is not None:
            raise CorpusError("a supporter's message has no feedback", field="feedback")
        if not _is_rating(self.feedback):
            raise CorpusError(f"got {self.feedback!r}, expected a whole number from 1 to 5", field="feedback")


@dataclass(frozen=True, slots=True)
class Survey:
    """The seeker's answers before and after the conversation, each 1..5, ``None`` where not given.

    Attributes:
        initial_intensity: Emotion intensity before (5 = worst).
        final_intensity: Emotion intensity after (5 = worst).
        empathy: How well the supporter understood the seeker's feelings.
        relevance: How relevant the supporter's messages were.
        supporter_relevance: How relevant the supporter found the seeker's messages (only in unfiltered releases).
    """

    initial_intensity: int | None = None
    final_intensity: int | None = None
    empathy: int | None = None
    relevance: int | None = None
    supporter_relevance: int | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not _is_rating(value):
                raise CorpusError(f"got {value!r}, expected a whole number from 1 to 5", field=name)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One conversation.

    Attributes:
        number: Position in its file, from 1: what error messages and transcripts call it.
        messages: In order; at least one.
        problem: Problem type, e.g. ``job crisis``; empty where the format does not carry it.
        emotion: Emotion type, e.g. ``anxiety``; empty where the format does not carry it.
        situation: The seeker's own description of the problem; empty where the format does not carry it.
        experience: ``Current Experience`` or ``Previous Experience``, where given; else empty.
        survey: Ratings before and after.
    """

    number: int
    messages: tuple[Message, ...]
    problem: str = ""
    emotion: str = ""
    situation: str = ""
    experience: str = ""
    survey: Survey = field(default_factory=Survey)

    def __post_init__(self) -> None:
        if self.number < 1:
            raise CorpusError(f"got {self.number}, expected a number from 1", field="number")
        if not self.messages:
            raise CorpusError("empty dialogue, expected at least one message", dialogue=self.number, field="dialog")

    def turns(self) -> Iterator["Turn"]:
        """The supporter's turns in order: maximal runs of consecutive supporter messages."""
        start: int | None = None
        for index, message in enumerate(self.messages):
            if message.role is Role.SUPPORTER:
                start = index if start is None else start
            elif start is not None:
                yield Turn(self, start, index)
                start = None
        if start is not None:
            yield Turn(self, start, len(self.messages))


@dataclass(frozen=True, slots=True)
class Turn:
    """A supporter's turn: ``dialogue.messages[start:stop]``, all by the supporter, maximal."""

    dialogue: Dialogue
    start: int
    stop: int

    def __post_init__(self) -> None:
        roles = [message.role for message in self.dialogue.messages]
        inside = 0 <= self.start < self.stop <= len(roles) and set(roles[self.start : self.stop]) == {Role.SUPPORTER}
        if not inside or Role.SUPPORTER in (roles[self.start - 1 : self.start] + roles[self.stop : self.stop + 1]):
            raise CorpusError(
                f"messages {self.start} to {self.stop} are not a maximal run by the supporter",
                dialogue=self.dialogue.number,
            )

    @property
    def history(self) -> tuple[Message, ...]:
        """All messages before the turn; empty where the supporter opens the dialogue."""
        return self.dialogue.messages[: self.start]

    @property
    def messages(self) -> tuple[Message, ...]:
        """The turn's own messages."""
        return self.dialogue.messages[self.start : self.stop]

    @property
    def plan(self) -> tuple[Strategy, ...]:
        """The gold plan: one strategy per message, repeats included."""
        return tuple(SupporterMessage(self.dialogue, index).strategy for index in range(self.start, self.stop))


@dataclass(frozen=True, slots=True)
class SupporterMessage:
    """One supporter message in its place, ``dialogue.messages[index]``: the unit of the message protocol."""

    dialogue: Dialogue
    index: int

    @property
    def history(self) -> tuple[Message, ...]:
        """All messages before it, those of the same turn with their strategies included."""
        return self.dialogue.messages[: self.index]

    @property
    def message(self) -> Message:
        """The message itself."""
        return self.dialogue.messages[self.index]

    @property
    def strategy(self) -> Strategy:
        """Its gold strategy.

        Raises:
            CorpusError: The message carries none.
        """
        if self.message.strategy is None:
            raise CorpusError(
                "missing, expected a strategy on every supporter message",
                dialogue=self.dialogue.number,
                message=self.index + 1,
                field="strategy",
            )
        return self.message.strategy

    @property
    def progress(self) -> float:
        """Position in the conversation as the 2021 paper counts it (section 4.2): index / number of messages, 0..1."""
        return self.index / len(self.dialogue.messages)


def _is_rating(value: object) -> bool:
    """Whether a value is a whole number from 1 to 5, or not given."""
    return value is None or (type(value) is int and 1 <= value <= 5)


def turn_view(dialogues: Iterable[Dialogue]) -> list[Turn]:
    """Every supporter turn, in order: the items of the turn protocol."""
    return [turn for dialogue in dialogues for turn in dialogue.turns()]


def message_view(dialogues: Iterable[Dialogue]) -> list[SupporterMessage]:
    """Every supporter message, in order: the items of the message protocol."""
    return [
        SupporterMessage(dialogue, index)
        for dialogue in dialogues
        for index, message in enumerate(dialogue.messages)
        if message.role is Role.SUPPORTER
    ]
