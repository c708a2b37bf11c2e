"""Plays conversations to their ends: policy and seeker in turn, until the seeker is helped, gives up, or time is up."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from encoding.embedding_cache import memory_only
from env.conversation import (
    Conversation,
    ConversationStatus,
    DialogueRules,
    Responder,
    Seeker,
    SeekerProfile,
    take_turn,
)
from evaluation.dialogue.policies import DialoguePolicy
from metrics.strategy.dialogues import DialogueOutcome


@dataclass(frozen=True)
class PlayedConversation:
    """A conversation that has ended, and how."""

    conversation: Conversation
    outcome: ConversationStatus

    def scored(self) -> DialogueOutcome:
        """What the metrics see of it."""
        return DialogueOutcome(
            success=self.outcome is ConversationStatus.SUCCESS,
            gave_up=self.outcome is ConversationStatus.GAVE_UP,
            intensities=tuple(self.conversation.intensities),
            feedbacks=tuple(self.conversation.feedbacks),
            plans=tuple(tuple(int(strategy) for strategy in plan) for plan in self.conversation.plans),
        )


@memory_only()  # what simulated conversations say is no data
def roll_out(
    profiles: Sequence[SeekerProfile],
    policy: DialoguePolicy,
    *,
    seeker: Seeker,
    responder: Responder | None,
    rules: DialogueRules,
    rng: np.random.Generator,
) -> list[PlayedConversation]:
    """Plays one conversation with every profile, all side by side.

    Args:
        profiles: The seekers.
        policy: Plans the supporter's turns.
        seeker: Answers.
        responder: Writes the supporter's texts; ``None``: the seeker reacts to strategies alone.
        rules: When a conversation ends.
        rng: Two generators are split off it, so that a policy that draws much and one that draws nothing meet seekers
            with the same luck as long as their conversations run alike.

    Raises:
        ValueError: The policy does not give every conversation a plan, or seeker or responder break their contract.
    """
    policy_rng, world_rng = rng.spawn(2)
    conversations = [Conversation.start(profile) for profile in profiles]
    outcomes = [ConversationStatus.ONGOING] * len(conversations)
    while ongoing := [number for number, outcome in enumerate(outcomes) if outcome is ConversationStatus.ONGOING]:
        talking = [conversations[number] for number in ongoing]
        plans = policy.plans(talking, rng=policy_rng)
        if len(plans) != len(talking) or not all(plans):
            raise ValueError(
                f"policy {policy.name}: expected {len(talking)} plans that are not empty, got {len(plans)}, "
                f"{sum(not plan for plan in plans)} of them empty"
            )
        replies = take_turn(talking, plans, seeker=seeker, responder=responder, rng=world_rng)
        for number, reply in zip(ongoing, replies, strict=True):
            outcomes[number] = rules.outcome(conversations[number], gives_up=reply.gives_up)
    return [
        PlayedConversation(conversation, outcome) for conversation, outcome in zip(conversations, outcomes, strict=True)
    ]
