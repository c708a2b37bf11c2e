"""What the dialogue environments play: seekers, who answers for them, who writes for the supporter, what is seen.

When a conversation ends and what a turn is worth: the rules of the dialogue environments, and their settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from encoding.observation import HistoryEncoder
from encoding.plan_codec import PlanCodec
from encoding.reasoning_codec import ReasoningCodec
from env.conversation import Conversation, Responder, Seeker, SeekerProfile, SeekerReply

TERMS = ("fall", "feedback", "turn", "ending")  # of the reward, in this order


class ConversationStatus(Enum):
    """How a conversation stands."""

    ONGOING = "ongoing"
    SUCCESS = "success"
    GAVE_UP = "gave up"
    OUT_OF_TURNS = "out of turns"


@dataclass(frozen=True)
class DialogueRules:
    """Ends and rewards.

    The return of a conversation is, but for the small terms, how much better the seeker feels at its end: the falls of
    all turns telescope. Feedback is given to few turns and is nearly always good, so it counts little; the cost of a
    turn makes short help better than long help; the ending sets success apart from a fall that stops above it.

    Attributes:
        max_turns: Supporter turns after which a conversation is cut off (truncation), at least 1.
        relieved: Highest intensity of a success, 1..5.
        least_fall: How far the intensity must have fallen for a success: half a point is what a rating in whole
            numbers would show. Matters only to seekers who begin at ``relieved`` or little above.
        fall: Weight of the fall in intensity over the turn, points (negative where it rose).
        feedback: Weight of the seeker's rating, scaled to -1 (1 star) .. 1 (5 stars); 0 where none was given.
        turn_cost: What every supporter turn costs.
        ending: Paid for a success, and taken where the seeker gives up.
    """

    max_turns: int = 10
    relieved: float = 2.0
    least_fall: float = 0.5
    fall: float = 1.0
    feedback: float = 0.1
    turn_cost: float = 0.05
    ending: float = 0.5

    def __post_init__(self) -> None:
        if self.max_turns < 1:
            raise ValueError(f"max_turns: got {self.max_turns}, expected at least 1")
        if not 1 <= self.relieved < 5:
            raise ValueError(f"relieved: got {self.relieved}, expected an intensity from 1 to below 5")
        for name in ("least_fall", "fall", "feedback", "turn_cost", "ending"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected 0 or more")

    def outcome(self, conversation: Conversation, *, gives_up: bool) -> ConversationStatus:
        """How a conversation stands after a turn; a success counts before everything else.

        Args:
            conversation: With the turn and its reply.
            gives_up: Whether the seeker ended it with this reply.
        """
        before, now = conversation.intensities[0], conversation.intensities[-1]
        if now <= self.relieved and before - now >= self.least_fall:
            return ConversationStatus.SUCCESS
        if gives_up:
            return ConversationStatus.GAVE_UP
        return (
            ConversationStatus.OUT_OF_TURNS if len(conversation.plans) >= self.max_turns else ConversationStatus.ONGOING
        )

    def terms(
        self, intensities: Sequence[float], replies: Sequence[SeekerReply], outcomes: Sequence[ConversationStatus]
    ) -> np.ndarray:
        """The weighted reward terms of one turn in each of B conversations.

        Args:
            intensities: Before the turn. Length: B.
            replies: What the seekers answered. Length: B.
            outcomes: How the conversations stand after it. Length: B.

        Returns:
            Columns as ``TERMS``. Shape: (B, 4), float64.
        """
        stars = np.array([reply.feedback for reply in replies], np.float64)
        endings = {ConversationStatus.SUCCESS: self.ending, ConversationStatus.GAVE_UP: -self.ending}
        return np.stack(
            [
                self.fall * (np.array(intensities) - np.array([reply.intensity for reply in replies])),
                self.feedback * np.where(stars > 0, (stars - 3) / 2, 0.0),
                np.full(len(replies), -self.turn_cost),
                np.array([endings.get(outcome, 0.0) for outcome in outcomes]),
            ],
            axis=1,
        )


@dataclass(frozen=True)
class DialogueTask:
    """All that decides a dialogue environment beside its seed.

    Attributes:
        profiles: Seekers; an episode draws one.
        seeker: Answers for all of them.
        encoder: Makes observations of histories.
        codec: Which plans can be made.
        responder: Writes the supporter's texts; ``None``: the seeker reacts to strategies alone.
        rules: Ends and rewards.
        reasoning_codec: What is reasoned about before every plan (chosen, and paid nothing); ``None``: nothing.
        lowest: Smallest entry that ``encoder`` gives.
        highest: Largest entry that ``encoder`` gives.
    """

    profiles: tuple[SeekerProfile, ...]
    seeker: Seeker
    encoder: HistoryEncoder
    codec: PlanCodec
    responder: Responder | None = None
    rules: DialogueRules = field(default_factory=DialogueRules)
    reasoning_codec: ReasoningCodec | None = None
    lowest: float = -1.0
    highest: float = 1.0

    def __post_init__(self) -> None:
        if not self.profiles:
            raise ValueError("profiles: got none, expected at least 1 seeker")
        if not self.lowest < self.highest:
            raise ValueError(f"bounds of the history: got {self.lowest} to {self.highest}, expected the lower first")
