"""What a participant of a comparison has done so far, and what comes next: a fold over their events.

The events, in order: ``joined {order}``; ``intensity {value}`` (before); any number of ``seeker {text}`` and
``reply {messages, crisis, plan, seconds}``; ``intensity`` (after the first conversation); the same for the second;
``answer {question, verdict}`` for the five questions, each as often as the participant changes it, the last counts;
``submitted``. A reply with a crisis ends the study for this participant: nothing else is asked of them.

A reader joins with ``{order, pair, after}``, reads the two conversations that another participant lets others read, and
answers the same questions: several people then judge one pair.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from chat.conversation import Exchange
from chat.study.store import Event, read_events
from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from evaluation.human import HumanStudy, ParticipantAnswers, Preference
from evaluation.published import QUESTIONS
from safety.screening import CrisisKind

MINIMUM_EXCHANGES = 4  # with each system, before it can be judged; the 2021 paper asks for conversations of substance
TIE = "tie"


class StudyStep(Enum):
    """Where a participant is."""

    NEW = "new"
    BEFORE = "before"  # intensity is asked
    FIRST = "first"
    SECOND = "second"
    QUESTIONS = "questions"
    DONE = "done"
    STOPPED = "stopped"  # a crisis was met


@dataclass(frozen=True)
class Session:
    """One participant.

    Attributes:
        order: Index (0 or 1) of the system that came first, and of the one that came second; empty for a stranger.
        intensities: Given so far: before, after the first, after the second conversation; 1..5, 5 = worst.
        conversations: Exchanges with the first and the second to come.
        pending: A message that waits for its reply: the server died in between.
        answers: Question -> 0 (the first to come was better), 1, or ``tie``.
        submitted: Whether the answers are final.
        pair: Of a reader: the participant whose conversations are judged.
        after: Of a reader: the participant that the same person was before.
        readable: Whether others may read the conversations.
        events: How many events make up this session.
    """

    order: tuple[int, ...] = ()
    intensities: tuple[int, ...] = ()
    conversations: tuple[tuple[Exchange, ...], tuple[Exchange, ...]] = ((), ())
    pending: Message | None = None
    answers: Mapping[str, int | str] | None = None
    submitted: bool = False
    pair: str | None = None
    after: str | None = None
    readable: bool = False
    events: int = 0

    @property
    def stage(self) -> StudyStep:
        """What comes next."""
        if not self.order:
            return StudyStep.NEW
        if self.crisis:
            return StudyStep.STOPPED
        if self.submitted:
            return StudyStep.DONE
        if self.pair is not None:
            return StudyStep.QUESTIONS
        return (StudyStep.BEFORE, StudyStep.FIRST, StudyStep.SECOND, StudyStep.QUESTIONS)[len(self.intensities)]

    @property
    def crisis(self) -> bool:
        """Whether the screening met a crisis."""
        return any(exchange.crisis is not None for part in self.conversations for exchange in part)

    @property
    def place(self) -> int:
        """0 in the first conversation, 1 in the second."""
        return 1 if len(self.intensities) > 1 else 0

    @property
    def current(self) -> tuple[Exchange, ...]:
        """The conversation under way."""
        return self.conversations[self.place]

    @property
    def long_enough(self) -> bool:
        """Whether the conversation under way may be ended."""
        return len(self.current) >= MINIMUM_EXCHANGES

    @property
    def complete(self) -> bool:
        """Whether all questions are answered."""
        return set(self.answers or ()) == set(QUESTIONS)


def fold(events: Sequence[Event]) -> Session:
    """The session that events make up.

    Raises:
        ValueError: They are not in an order that can happen.
    """
    order: tuple[int, ...] = ()
    joined: Mapping[str, Any] = {}
    intensities: list[int] = []
    conversations: tuple[list[Exchange], list[Exchange]] = ([], [])
    pending: Message | None = None
    answers: dict[str, int | str] = {}
    submitted = False
    for number, event in enumerate(events, start=1):
        content = event.content
        try:
            if event.kind == "joined":
                order, joined = tuple(content["order"]), content
            elif event.kind == "intensity":
                intensities.append(content["value"])
            elif event.kind == "seeker":
                pending = Message(Role.SEEKER, content["text"])
            elif event.kind == "reply" and pending is not None:
                conversations[len(intensities) - 1].append(exchange_of(pending, content))
                pending = None
            elif event.kind == "answer":
                answers[content["question"]] = content["verdict"]
            elif event.kind == "submitted":
                submitted = True
            else:
                raise ValueError("not expected here")
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise ValueError(f"event {number} of a participant, {event.kind!r}: {error}") from error
    both = (tuple(conversations[0]), tuple(conversations[1]))
    return Session(
        order,
        tuple(intensities),
        both,
        pending,
        answers,
        submitted,
        pair=joined.get("pair"),
        after=joined.get("after"),
        readable=joined.get("readable", False),
        events=len(events),
    )


def reply_content(exchange: Exchange, *, seconds: float) -> dict[str, Any]:
    """A reply as plain values."""
    plan = exchange.plan
    return {
        "messages": [{"strategy": one.strategy, "text": one.text} for one in exchange.replies],
        "crisis": None if exchange.crisis is None else exchange.crisis.value,
        "plan": None if plan is None else [int(strategy) for strategy in plan.strategies],
        "probabilities": None if plan is None else plan.probabilities.round(4).tolist(),
        "reasoning": None if plan is None or plan.reasoning is None else str(plan.reasoning),
        "seconds": round(seconds, 2),
    }


def exchange_of(message: Message, content: Mapping[str, Any]) -> Exchange:
    """The exchange that :func:`reply_content` described."""
    replies = tuple(
        Message(Role.SUPPORTER, one["text"], None if one["strategy"] is None else Strategy(one["strategy"]))
        for one in content["messages"]
    )
    crisis = content["crisis"]
    return Exchange(message, replies, crisis=None if crisis is None else CrisisKind(crisis))


def read_study(path: Path) -> HumanStudy:
    """All finished judgements of a study's file, seen from its first system.

    Raises:
        ValueError: No study there, or a damaged one.
    """
    systems, events = read_events(path)
    judgements = []
    intensities: dict[str, list[tuple[int, int]]] = {system: [] for system in systems}
    talkers = stopped = 0
    for participant, own in events.items():
        try:
            session = fold(own)
        except ValueError as error:
            raise ValueError(f"{path}: participant {participant}: {error}") from error
        talkers += session.pair is None
        stopped += session.stage is StudyStep.STOPPED
        if session.stage is not StudyStep.DONE:
            continue
        judgements.append(ParticipantAnswers(session.pair or participant, participant, _verdicts(session)))
        for place, (before, after) in enumerate(zip(session.intensities, session.intensities[1:], strict=False)):
            intensities[systems[session.order[place]]].append((before, after))
    return HumanStudy(systems, tuple(judgements), intensities, started=talkers, stopped=stopped)


def _verdicts(session: Session) -> dict[str, Preference]:
    meaning = {TIE: Preference.TIE} | {
        place: Preference.WIN if system == 0 else Preference.LOSE for place, system in enumerate(session.order)
    }
    return {question: meaning[answer] for question, answer in (session.answers or {}).items()}
