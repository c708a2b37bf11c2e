"""Plays simulated conversations to their ends: one policy in one world, in shares for worker processes.

A world holds networks and tables, so a worker makes it from a recipe, which is small and plain. The shares do not
depend on the number of workers, and each has a seed of its own: results are the same for any number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

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
from env.rewards import DialogueRewardWeights
from evaluation.dialogue.policies import DialoguePolicy
from metrics.strategy.dialogues import DialogueOutcome


@dataclass(frozen=True, eq=False)
class DialogueWorld:
    """Seekers, policies and rules; its own recipe where all is played in the present process.

    Attributes:
        profiles: Whom the policies talk to.
        seekers: One seeker simulator for all runs, or one for each run: a language model with a record of its calls
            must know which run it is in, to say something else.
        policies: Rows of the table, in order, with different names.
        own: Names of the trained planners among them.
        responder: Writes the supporter's texts; ``None``: the seeker reacts to strategies alone.
        responder_name: For the signature.
        rules: Ends.
        rewards: Planner among ``own`` -> what its training in dialogues paid; for the result alone.
    """

    profiles: tuple[SeekerProfile, ...]
    seekers: tuple[Seeker, ...]
    policies: tuple[DialoguePolicy, ...]
    own: tuple[str, ...] = ()
    responder: Responder | None = None
    responder_name: str = "none"
    rules: DialogueRules = field(default_factory=DialogueRules)
    rewards: Mapping[str, DialogueRewardWeights] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [policy.name for policy in self.policies]
        if not self.profiles or not names or not self.seekers:
            raise ValueError(f"nothing to play: {len(self.profiles)} profiles, {len(names)} policies")
        if repeated := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two policies are called {repeated[0]!r}; each needs its own name in the table")
        if unknown := [name for name in self.own if name not in names]:
            raise ValueError(f"no policy {unknown[0]!r} among {', '.join(names)}")

    def open(self) -> "DialogueWorld":
        """The world itself."""
        return self

    def seeker(self, run: int) -> Seeker:
        """Who answers in a run, from 0.

        Raises:
            ValueError: There are seekers for fewer runs.
        """
        if len(self.seekers) == 1:
            return self.seekers[0]
        if run >= len(self.seekers):
            raise ValueError(f"run {run + 1}: there are seekers for {len(self.seekers)} runs")
        return self.seekers[run]


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
        responder: Writes the supporter's texts; ``None``: the seeker reacts to strategies alone.
        rng: Two generators are split off it, so that the seekers' randomness does not depend on how
            often the policy samples.

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


class WorldRecipe(Protocol):
    """How to make a world: small, plain, hashable and sendable, unlike the networks and tables a world holds."""

    def __hash__(self) -> int:
        """Equal for equal recipes."""

    def open(self) -> DialogueWorld:
        """Makes the world; equal recipes make equal worlds, in whatever process."""


@dataclass(frozen=True)
class RolloutShare:
    """One policy with a block of the profiles in one run.

    Attributes:
        recipe: Of the world.
        policy: Place among its policies.
        seed: Of the benchmark.
        run: Which of its runs, from 0.
        start: First profile.
        stop: After the last profile.
    """

    recipe: WorldRecipe
    policy: int
    seed: int
    run: int
    start: int
    stop: int


@lru_cache(maxsize=1)
def open_world(recipe: WorldRecipe) -> DialogueWorld:
    """The world of a recipe; a process that plays many of its shares makes it once."""
    return recipe.open()


def play_share(share: RolloutShare) -> list[PlayedConversation]:
    """Plays the conversations of a share."""
    world = open_world(share.recipe)
    return roll_out(
        world.profiles[share.start : share.stop],
        world.policies[share.policy],
        seeker=world.seeker(share.run),
        responder=world.responder,
        rules=world.rules,
        rng=np.random.default_rng((share.seed, share.run, share.start)),
    )


def rollout_shares(
    recipe: WorldRecipe, world: DialogueWorld, *, seed: int, runs: int, block: int
) -> list[RolloutShare]:
    """All shares of a benchmark: policy by policy, run by run, block by block of so many profiles.

    All policies meet a block under the same randomness.
    """
    starts = range(0, len(world.profiles), block)
    return [
        RolloutShare(recipe, policy, seed, run, start, min(start + block, len(world.profiles)))
        for policy in range(len(world.policies))
        for run in range(runs)
        for start in starts
    ]
