"""Who the supporter talks to: what a simulated help-seeker is given, what it answers, and what it may remember.

The environment (:mod:`env.dialogue_process`) asks a :class:`Seeker` once a step for all its conversations; a
:class:`Responder`, where there is one, writes the texts of the supporter's plans first. Both are injected.

Seekers out of the corpus: whom a dialogue environment can let the supporter talk to.

A conversation as plain values and back: for checkpoints and transcripts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from corpus.dialogue import Dialogue, Message, Role, Turn
from corpus.strategy import Strategy

LOWEST_INTENSITY, HIGHEST_INTENSITY = 1, 5  # ESConv's survey: 5 = worst


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
        profile: The seeker.
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
        """Answers one supporter turn in every conversation, in one batched call.

        The conversations are as they were before the turn; the environment adds turn and reply afterwards. Only
        ``exchanges`` may be changed here.

        Args:
            conversations: B conversations.
            plans: The supporter's plan in each, none empty.
            texts: What the supporter says, one text per strategy; ``None`` where nobody wrote any.
            rng: Makes every random choice.

        Returns:
            Length B.
        """


class Responder(Protocol):
    """Writes what the supporter says: the generator, seen from here."""

    def texts(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[tuple[Strategy, ...]],
        *,
        rng: np.random.Generator,
    ) -> list[tuple[str, ...]]:
        """One text per strategy of each plan, none empty. Length B."""


LEAST_INTENSITY = 2  # a seeker at 1 feels as well as the survey can say: nothing can fall


def first_answer(dialogue: Dialogue) -> Turn | None:
    """The first supporter turn that follows a seeker message; ``None`` where there is none."""
    return next((turn for turn in dialogue.turns() if turn.start > 0), None)


def profile_of(dialogue: Dialogue) -> SeekerProfile | None:
    """The seeker of a dialogue, as it was before the first supporter turn that follows a message by the seeker.

    Returns:
        ``None`` where the dialogue can be no profile: its intensity before is not known or below
        ``LEAST_INTENSITY``, or the supporter never answers.
    """
    intensity, turn = dialogue.survey.initial_intensity, first_answer(dialogue)
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


def message_json(message: Message) -> dict[str, Any]:
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
        "history": [message_json(message) for message in conversation.history],
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
