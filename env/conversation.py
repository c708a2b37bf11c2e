"""Conversations with simulated help-seekers: the protocol of a seeker, one turn of a conversation, and when it ends.

A :class:`Seeker` is asked once a turn for all conversations; a :class:`Responder`, where there is one, writes the texts
of the supporter's plans before. Both are passed in: :mod:`env.seekers` holds seekers, the generator is a responder. A
seeker of one's own is one class with ``name``, ``signature`` and ``replies``; nothing is registered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from typing import Any, Protocol

import numpy as np

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy

LOWEST_INTENSITY, HIGHEST_INTENSITY = 1, 5  # ESConv's survey: 5 = worst
LEAST_INTENSITY = 2  # a seeker at 1 feels as well as the survey can say: nothing can fall


@dataclass(frozen=True)
class SeekerProfile:
    """A help-seeker before the first plan.

    Attributes:
        dialogue: Number of the dialogue in its file, from 1.
        problem: Problem type, e.g. ``job crisis``; empty where the data do not say.
        emotion: Emotion type, e.g. ``anxiety``; empty where the data do not say.
        situation: The seeker's own description; empty where the data do not say.
        intensity: Emotion intensity before the conversation, 1..5 (5 = worst).
        opening: The real messages before the first supporter turn that follows a seeker message: what the seeker said,
            and the supporter's greetings before, as history. The last one is the seeker's.
    """

    dialogue: int
    problem: str
    emotion: str
    situation: str
    intensity: int
    opening: tuple[Message, ...]

    def __post_init__(self) -> None:
        if not LOWEST_INTENSITY <= self.intensity <= HIGHEST_INTENSITY:
            raise ValueError(f"profile {self.dialogue}: intensity {self.intensity}, expected 1 to 5")
        if not self.opening or self.opening[-1].role is not Role.SEEKER:
            raise ValueError(f"profile {self.dialogue}: expected an opening that ends with a message by the seeker")


@dataclass(frozen=True)
class SeekerReply:
    """What a seeker answers to one supporter turn.

    Attributes:
        messages: What it says, at least one message, none empty.
        feedback: Its rating of the supporter, 1..5 stars; 0 where it gives none.
        intensity: How bad it feels now, 1..5 (5 = worst); the planner never sees it.
        gives_up: Whether it ends the conversation, unhelped.
        supporter: Texts of the supporter's turn, one per strategy of the plan: the responder's where it wrote any, else
            stand-ins of the seeker's choice, so that histories hold messages as those of the corpus do.
    """

    messages: tuple[str, ...]
    feedback: int
    intensity: float
    gives_up: bool
    supporter: tuple[str, ...]


@dataclass
class Conversation:
    """A conversation under way.

    Attributes:
        history: All messages so far, the opening first.
        plans: The supporter's plans so far, one per turn; empty where it said nothing.
        intensities: Hidden intensity after each turn, 1..5; the first entry is the profile's, so one more than plans.
        feedbacks: Rating after each turn, 0 where none was given; as many as plans.
        exchanges: For the seeker's own memory, e.g. of the exchanges it has retrieved.
    """

    profile: SeekerProfile
    history: list[Message] = field(default_factory=list)
    plans: list[tuple[Strategy, ...]] = field(default_factory=list)
    intensities: list[float] = field(default_factory=list)
    feedbacks: list[int] = field(default_factory=list)
    exchanges: list[int] = field(default_factory=list)

    @classmethod
    def start(cls, profile: SeekerProfile) -> "Conversation":
        """A conversation in which only the opening has been said."""
        return cls(profile, history=list(profile.opening), intensities=[float(profile.intensity)])


class Seeker(Protocol):
    """A simulated help-seeker.

    Attributes:
        name: What tables call it, e.g. ``retrieval``.
        signature: What its answers depend on (model, data, settings), for the signature of results.
    """

    name: str
    signature: str

    def replies(
        self,
        conversations: Sequence[Conversation],
        plans: Sequence[tuple[Strategy, ...]],
        texts: Sequence[tuple[str, ...] | None],
        *,
        rng: np.random.Generator,
    ) -> list[SeekerReply]:
        """Answers one supporter turn in each of B conversations, in one batched call.

        The conversations are as they were before the turn; the environment adds turn and reply afterwards. Only
        ``exchanges`` may be changed here.

        Args:
            plans: The supporter's plan in each, none empty.
            texts: What the supporter says, one text per strategy; ``None`` where none were written.

        Returns:
            Length B.
        """


class Responder(Protocol):
    """Writes what the supporter says; a generator is one."""

    def texts(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[tuple[Strategy, ...]],
        *,
        rng: np.random.Generator,
    ) -> list[tuple[str, ...]]:
        """One text per strategy of each plan, none empty. Length B."""


class ConversationStatus(Enum):
    """Whether a conversation is over, and how it ended."""

    ONGOING = "ongoing"
    SUCCESS = "success"
    GAVE_UP = "gave up"
    OUT_OF_TURNS = "out of turns"


@dataclass(frozen=True)
class DialogueRules:
    """When a conversation ends.

    Attributes:
        max_turns: Supporter turns after which a conversation is cut off (truncation), at least 1.
        relieved: Highest intensity of a success, 1..5.
        least_fall: How far the intensity must have fallen for a success: half a point is what a rating in whole
            numbers would show. Matters only to seekers who begin at ``relieved`` or little above.
    """

    max_turns: int = 10
    relieved: float = 2.0
    least_fall: float = 0.5

    def __post_init__(self) -> None:
        if self.max_turns < 1:
            raise ValueError(f"max_turns: got {self.max_turns}, expected at least 1")
        if not LOWEST_INTENSITY <= self.relieved < HIGHEST_INTENSITY:
            raise ValueError(f"relieved: got {self.relieved}, expected an intensity from 1 to below 5")
        if not 0 <= self.least_fall < inf:
            raise ValueError(f"least_fall: got {self.least_fall}, expected 0 or more")

    def outcome(self, conversation: Conversation, *, gives_up: bool) -> ConversationStatus:
        """Whether a conversation is over after a turn, and how it ended; a success counts before everything else.

        Args:
            conversation: With the turn and its reply.
            gives_up: Whether the seeker ended it with this reply.
        """
        before, now = conversation.intensities[0], conversation.intensities[-1]
        if now <= self.relieved and before - now >= self.least_fall:
            return ConversationStatus.SUCCESS
        if gives_up:
            return ConversationStatus.GAVE_UP
        out_of_turns = len(conversation.plans) >= self.max_turns
        return ConversationStatus.OUT_OF_TURNS if out_of_turns else ConversationStatus.ONGOING


def take_turn(
    conversations: Sequence[Conversation],
    plans: Sequence[tuple[Strategy, ...]],
    *,
    seeker: Seeker,
    responder: Responder | None,
    rng: np.random.Generator,
) -> list[SeekerReply]:
    """Lets every supporter carry out its plan and every seeker answer; adds both to the conversations.

    A supporter with an empty plan says nothing: the seeker is not asked, feels as before and rates nothing, the turn
    counts. (Planners always plan something; an agent in an environment need not.)

    Args:
        conversations: B different conversations; they are changed.
        plans: Length: B.
        responder: ``None``: the seeker reacts to strategies alone.

    Returns:
        The replies; of a turn without a plan one without messages. Length: B.

    Raises:
        ValueError: Seeker or responder break their contract.
    """
    speaking = [number for number, plan in enumerate(plans) if plan]
    asked, planned = [conversations[number] for number in speaking], [plans[number] for number in speaking]
    texts: Sequence[tuple[str, ...] | None] = [None] * len(asked)
    if responder is not None and asked:
        texts = responder.texts([conversation.history for conversation in asked], planned, rng=rng)
        _check_texts(texts, planned, by="the responder")
    answers = seeker.replies(asked, planned, texts, rng=rng) if asked else []
    _check_texts([answer.supporter for answer in answers], planned, by=f"seeker {seeker.name}")
    replies = [
        SeekerReply((), feedback=0, intensity=conversation.intensities[-1], gives_up=False, supporter=())
        for conversation in conversations
    ]
    for number, answer in zip(speaking, answers, strict=True):
        replies[number] = answer
    for conversation, plan, reply in zip(conversations, plans, replies, strict=True):
        _record(conversation, plan, reply, name=seeker.name)
    return replies


def _record(conversation: Conversation, plan: tuple[Strategy, ...], reply: SeekerReply, *, name: str) -> None:
    """Adds a turn and its reply to a conversation; refuses a reply that no seeker may give."""
    if plan and not reply.messages:
        raise ValueError(f"seeker {name}: an answer without a message, expected at least one")
    if not LOWEST_INTENSITY <= reply.intensity <= HIGHEST_INTENSITY:
        raise ValueError(f"seeker {name}: intensity {reply.intensity}, expected 1 to 5")
    if reply.feedback not in range(6):
        raise ValueError(f"seeker {name}: {reply.feedback} stars, expected 1 to 5, or 0 for no rating")
    conversation.history += [
        Message(Role.SUPPORTER, text, strategy=strategy) for text, strategy in zip(reply.supporter, plan, strict=True)
    ]
    # As in the corpus, the first message after a turn carries its rating.
    conversation.history += [
        Message(Role.SEEKER, text, feedback=reply.feedback or None if number == 0 else None)
        for number, text in enumerate(reply.messages)
    ]
    conversation.plans.append(plan)
    conversation.intensities.append(reply.intensity)
    conversation.feedbacks.append(reply.feedback)


def _check_texts(texts: Sequence[tuple[str, ...] | None], plans: Sequence[tuple[Strategy, ...]], *, by: str) -> None:
    if len(texts) != len(plans):
        raise ValueError(f"{by}: {len(texts)} answers to {len(plans)} plans, expected one for each")
    for written, plan in zip(texts, plans, strict=True):
        if written is None or len(written) != len(plan):
            raise ValueError(
                f"{by}: {0 if written is None else len(written)} texts for a plan of {len(plan)} strategies"
            )


def profile_of(dialogue: Dialogue) -> SeekerProfile | None:
    """The seeker of a dialogue, as it was before the first supporter turn that follows a message by the seeker.

    Returns:
        ``None`` where the dialogue can be no profile: its intensity before is not known or below
        ``LEAST_INTENSITY``, or the supporter never answers.
    """
    intensity = dialogue.survey.initial_intensity
    turn = next((turn for turn in dialogue.turns() if turn.start > 0), None)
    if intensity is None or intensity < LEAST_INTENSITY or turn is None:
        return None
    return SeekerProfile(
        dialogue=dialogue.number,
        problem=dialogue.problem,
        emotion=dialogue.emotion,
        situation=dialogue.situation,
        intensity=intensity,
        opening=turn.history,
    )


def seeker_profiles(dialogues: Sequence[Dialogue]) -> list[SeekerProfile]:
    """The profiles of all dialogues that can be one, in order.

    Raises:
        ValueError: There is none.
    """
    profiles = [profile for dialogue in dialogues if (profile := profile_of(dialogue)) is not None]
    if not profiles:
        raise ValueError(
            f"no seeker among {len(dialogues)} dialogues: a profile needs an intensity before the conversation of "
            f"{LEAST_INTENSITY} to 5 and a supporter turn after a message by the seeker"
        )
    return profiles


def _message_json(message: Message) -> dict[str, Any]:
    """A message; strategy and feedback only where it has them."""
    written: dict[str, Any] = {"role": message.role.value, "text": message.text}
    if message.strategy is not None:
        written["strategy"] = message.strategy.label
    if message.feedback is not None:
        written["feedback"] = message.feedback
    return written


def conversation_state(conversation: Conversation) -> dict[str, Any]:
    """All of a conversation but its profile, ready for JSON."""
    return {
        "history": [_message_json(message) for message in conversation.history],
        "plans": [[int(strategy) for strategy in plan] for plan in conversation.plans],
        "intensities": list(conversation.intensities),
        "feedbacks": list(conversation.feedbacks),
        "exchanges": [int(exchange) for exchange in conversation.exchanges],
    }


def restored_conversation(state: Mapping[str, Any], profile: SeekerProfile) -> Conversation:
    """What :func:`conversation_state` was given."""
    return Conversation(
        profile,
        history=[_message(written) for written in state["history"]],
        plans=[tuple(Strategy(strategy) for strategy in plan) for plan in state["plans"]],
        intensities=list(state["intensities"]),
        feedbacks=list(state["feedbacks"]),
        exchanges=list(state["exchanges"]),
    )


def _message(written: Mapping[str, Any]) -> Message:
    strategy = Strategy.parse(written["strategy"]) if "strategy" in written else None
    return Message(Role(written["role"]), written["text"], strategy=strategy, feedback=written.get("feedback"))
