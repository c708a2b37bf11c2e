"""A rollout loop for tests: policies talk to a seeker until the rules end the conversations."""

from collections.abc import Callable, Sequence

import numpy as np

from corpus.strategy import Strategy
from env.conversation import Conversation, ConversationStatus, DialogueRules, Seeker, SeekerProfile, take_turn

Policy = Callable[[int, int], tuple[Strategy, ...]]  # profile's row, turn -> plan


def play(
    profiles: Sequence[SeekerProfile], seeker: Seeker, policy: Policy, *, rng: np.random.Generator
) -> tuple[list[Conversation], np.ndarray]:
    """Plays every profile once. Returns the conversations, and whether each was a success, (N,) bool."""
    rules = DialogueRules()
    conversations = [Conversation.start(profile) for profile in profiles]
    success = np.zeros(len(profiles), bool)
    live = list(range(len(profiles)))
    while live:
        plans = [policy(row, len(conversations[row].plans)) for row in live]
        here = [conversations[row] for row in live]
        replies = take_turn(here, plans, seeker=seeker, responder=None, rng=rng)
        going = []
        for row, reply in zip(live, replies, strict=True):
            outcome = rules.outcome(conversations[row], gives_up=reply.gives_up)
            success[row] = outcome is ConversationStatus.SUCCESS
            if outcome is ConversationStatus.ONGOING:
                going.append(row)
        live = going
    return conversations, success
