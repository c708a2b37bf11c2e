"""Invented seekers for training in conversations: what helps them is known."""

from collections.abc import Sequence

import numpy as np

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from env.conversation import Conversation, SeekerProfile, SeekerReply
from tests.planner.toy_task import ANSWERS


def toy_profiles(count: int) -> tuple[SeekerProfile, ...]:
    """Seekers of intensity 4 who open with one of the toy world's messages."""
    texts = list(ANSWERS)
    return tuple(
        SeekerProfile(number, "job crisis", "fear", "", 4, (Message(Role.SEEKER, texts[number % len(texts)]),))
        for number in range(1, count + 1)
    )


class RiggedSeeker:
    """Feels one point better where the supporter suggests right after a question, else as before.

    Args:
        patience: Turns after which it gives up.
    """

    name = "rigged"
    signature = "rigged-1"

    def __init__(self, *, patience: int = 100) -> None:
        self._patience = patience

    def replies(
        self,
        conversations: Sequence[Conversation],
        plans: Sequence[tuple[Strategy, ...]],
        texts: Sequence[tuple[str, ...] | None],
        *,
        rng: np.random.Generator,
    ) -> list[SeekerReply]:
        phrases = rng.integers(3, size=len(plans))
        return [
            SeekerReply(
                messages=(f"phrase {phrase}",),
                feedback=5 if helped else 0,
                intensity=conversation.intensities[-1] - float(helped),
                gives_up=len(conversation.plans) + 1 >= self._patience,
                supporter=tuple(f"reply {strategy.name.lower()}" for strategy in plan),
            )
            for conversation, plan, phrase in zip(conversations, plans, phrases.tolist(), strict=True)
            for helped in [_helps(conversation, plan)]
        ]


def _helps(conversation: Conversation, plan: tuple[Strategy, ...]) -> bool:
    asked = bool(conversation.plans) and conversation.plans[-1][-1] is Strategy.QUESTION
    return asked and plan[0] is Strategy.SUGGESTIONS and conversation.intensities[-1] > 1
