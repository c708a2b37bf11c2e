"""Where a participant of a study is: what they have done so far, computed from their events, and what comes next.

The events of somebody who talks, in order: ``joined {order, readable}``; ``intensity {value}`` (before); any number of
``seeker {text}`` and ``reply {messages, crisis, worried, replaced, plan, probabilities, reasoning, seconds}``;
``intensity`` (after the first conversation); the same for the second; ``answer {question, verdict}`` for the five
questions, each as often as the participant changes it (the last counts); ``submitted``. A reply to an urgent message
(``crisis``) ends the study for this participant: nothing else is asked of them.

A *rater* joins with ``joined {order, pair, after}``, sees the two conversations that another participant lets others
see, and answers the same questions, so that any number of people can compare one pair of conversations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from evaluation.human.comparison import HumanStudy, ParticipantAnswers, Preference
from evaluation.human.study_file import Event, read_events
from evaluation.published import QUESTIONS
from planner.plan import Plan
from safety.rules import CrisisKind
from safety.screening import CALM, Level, Screening

MINIMUM_EXCHANGES = 4  # with each system before it can be compared; the 2021 paper asks for conversations of substance
TIE = "tie"


class StudyStep(Enum):
    """What a participant does next."""

    NEW = "new"
    BEFORE = "before"  # the intensity before the first conversation is asked
    FIRST = "first"  # the first conversation
    SECOND = "second"
    QUESTIONS = "questions"
    DONE = "done"
    STOPPED = "stopped"  # the screening found a crisis


@dataclass(frozen=True)
class StudyExchange:
    """A message of the participant and the turn that answered it.

    Attributes:
        seeker: What the participant wrote.
        replies: The supporter's messages.
        screening: What the message showed; with a level the reply is a fixed one.
        replaced: How many of the replies are fixed sentences in the place of texts that must not be said.
    """

    seeker: Message
    replies: tuple[Message, ...]
    screening: Screening = CALM
    replaced: int = 0


@dataclass(frozen=True)
class ParticipantState:
    """One participant so far.

    Attributes:
        order: Index (0 or 1) of the system met first, and of the one met second; empty for a stranger.
        intensities: Given so far: before, after the first, after the second conversation; 1..5, 5 = worst.
        conversations: Exchanges with the first and with the second system met.
        pending: A message without a reply yet: the server was killed in between.
        answers: Question -> 0 (the first system met was better), 1, or ``tie``.
        submitted: Whether the answers are final.
        pair: Of a rater: the participant whose conversations are compared.
        after: Of a rater: the participant that the same person was before.
        readable: Whether others may see the conversations.
        events: How many events make up this state.
    """

    order: tuple[int, ...] = ()
    intensities: tuple[int, ...] = ()
    conversations: tuple[tuple[StudyExchange, ...], tuple[StudyExchange, ...]] = ((), ())
    pending: Message | None = None
    answers: Mapping[str, int | str] | None = None
    submitted: bool = False
    pair: str | None = None
    after: str | None = None
    readable: bool = False
    events: int = 0

    @property
    def step(self) -> StudyStep:
        """What comes next."""
        if not self.order:
            return StudyStep.NEW
        if Level.URGENT in self.levels:
            return StudyStep.STOPPED
        if self.submitted:
            return StudyStep.DONE
        if self.pair is not None:
            return StudyStep.QUESTIONS
        return (StudyStep.BEFORE, StudyStep.FIRST, StudyStep.SECOND, StudyStep.QUESTIONS)[len(self.intensities)]

    @property
    def exchanges(self) -> tuple[StudyExchange, ...]:
        """Those of both conversations."""
        return self.conversations[0] + self.conversations[1]

    @property
    def levels(self) -> set[Level | None]:
        """What the screening said of any message."""
        return {exchange.screening.level for exchange in self.exchanges}

    @property
    def place(self) -> int:
        """0 until the first conversation is over, then 1."""
        return 1 if len(self.intensities) > 1 else 0

    @property
    def current(self) -> tuple[StudyExchange, ...]:
        """The exchanges of the conversation under way."""
        return self.conversations[self.place]

    @property
    def long_enough(self) -> bool:
        """Whether the conversation under way may be ended."""
        return len(self.current) >= MINIMUM_EXCHANGES

    @property
    def complete(self) -> bool:
        """Whether all questions are answered."""
        return set(self.answers or ()) == set(QUESTIONS)


def participant_state(events: Sequence[Event]) -> ParticipantState:
    """The state that a participant's events make up.

    Raises:
        ValueError: They are not in an order that can happen.
    """
    joined: Mapping[str, Any] = {}
    order: tuple[int, ...] = ()
    intensities: list[int] = []
    conversations: tuple[list[StudyExchange], list[StudyExchange]] = ([], [])
    pending: Message | None = None
    answers: dict[str, int | str] = {}
    submitted = False
    for number, event in enumerate(events, start=1):
        content = event.content
        try:
            if event.kind == "joined":
                joined, order = content, tuple(content["order"])
            elif event.kind == "intensity":
                intensities.append(content["value"])
            elif event.kind == "seeker":
                pending = Message(Role.SEEKER, content["text"])
            elif event.kind == "reply" and pending is not None:
                conversations[len(intensities) - 1].append(_exchange(pending, content))
                pending = None
            elif event.kind == "answer":
                answers[content["question"]] = content["verdict"]
            elif event.kind == "submitted":
                submitted = True
            else:
                raise ValueError("not expected here")
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise ValueError(f"event {number} of a participant, {event.kind!r}: {error}") from error
    return ParticipantState(
        order=order,
        intensities=tuple(intensities),
        conversations=(tuple(conversations[0]), tuple(conversations[1])),
        pending=pending,
        answers=answers,
        submitted=submitted,
        pair=joined.get("pair"),
        after=joined.get("after"),
        readable=joined.get("readable", False),
        events=len(events),
    )


def reply_event(
    replies: Sequence[Message], *, screening: Screening, plan: Plan | None, seconds: float, replaced: int = 0
) -> Event:
    """The event that stores a turn of the supporter, with how it was planned and how long it took."""
    content = {
        "messages": [{"strategy": one.strategy, "text": one.text} for one in replies],
        "crisis": screening.kind if screening.level is Level.URGENT else None,
        "worried": screening.kind if screening.level is Level.WORRIED else None,
        "replaced": replaced,
        "plan": None if plan is None else [int(strategy) for strategy in plan.strategies],
        "probabilities": None if plan is None else plan.probabilities.round(4).tolist(),
        "reasoning": None if plan is None or plan.reasoning is None else str(plan.reasoning),
        "seconds": round(seconds, 2),
    }
    return Event("reply", content)


def _exchange(message: Message, content: Mapping[str, Any]) -> StudyExchange:
    """The exchange of a message and the reply that :func:`reply_event` stored."""
    replies = tuple(
        Message(Role.SUPPORTER, one["text"], None if one["strategy"] is None else Strategy(one["strategy"]))
        for one in content["messages"]
    )
    screening = CALM
    for level, name in ((Level.WORRIED, "worried"), (Level.URGENT, "crisis")):
        if content.get(name) is not None:  # files of before there were two levels hold no "worried"
            screening = Screening(level, CrisisKind(content[name]))
    return StudyExchange(message, replies, screening, content.get("replaced", 0))


def read_study(path: Path) -> HumanStudy:
    """All final answers in a study's file, seen from its first system.

    Raises:
        ValueError: No study there, or a damaged one.
    """
    systems, events = read_events(path)
    answers = []
    intensities: dict[str, list[tuple[int, int]]] = {system: [] for system in systems}
    started = stopped = worried = replaced = 0
    for participant, own in events.items():
        try:
            state = participant_state(own)
        except ValueError as error:
            raise ValueError(f"{path}: participant {participant}: {error}") from error
        started += state.pair is None
        stopped += state.step is StudyStep.STOPPED
        worried += Level.WORRIED in state.levels
        replaced += sum(exchange.replaced for exchange in state.exchanges)
        if state.step is not StudyStep.DONE:
            continue
        answers.append(ParticipantAnswers(state.pair or participant, participant, _verdicts(state)))
        for place, (before, after) in enumerate(zip(state.intensities, state.intensities[1:], strict=False)):
            intensities[systems[state.order[place]]].append((before, after))
    return HumanStudy(systems, tuple(answers), intensities, started, stopped, worried, replaced)


def _verdicts(state: ParticipantState) -> dict[str, Preference]:
    meaning: dict[int | str, Preference] = {TIE: Preference.TIE}
    meaning |= {place: Preference.WIN if system == 0 else Preference.LOSE for place, system in enumerate(state.order)}
    return {question: meaning[answer] for question, answer in (state.answers or {}).items()}
