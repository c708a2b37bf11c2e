"""What a benchmark of conversations is played in, and how a worker process comes by it."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import numpy as np

from env.conversation import DialogueRules, Responder, Seeker, SeekerProfile
from evaluation.dialogue.policies import DialoguePolicy
from evaluation.dialogue.rollout import PlayedConversation, roll_out


@dataclass(frozen=True)
class DialogueWorld:
    """Seekers, policies and rules.

    Attributes:
        profiles: Whom the policies talk to.
        seekers: Answer for all of them: one in every run, or one for each run (a language model with a record of its
            calls must be told which run it is in, to say something else).
        policies: Rows of the table, in order, with different names.
        own: Names of the trained planners among them.
        responder: Writes the supporter's texts; ``None``: the seeker reacts to strategies alone.
        responder_name: For the signature.
        rules: Ends.
    """

    profiles: tuple[SeekerProfile, ...]
    seekers: tuple[Seeker, ...]
    policies: tuple[DialoguePolicy, ...]
    own: tuple[str, ...] = ()
    responder: Responder | None = None
    responder_name: str = "none"
    rules: DialogueRules = field(default_factory=DialogueRules)

    def __post_init__(self) -> None:
        names = [policy.name for policy in self.policies]
        if not self.profiles or not names or not self.seekers:
            raise ValueError(f"nothing to play: {len(self.profiles)} profiles, {len(names)} policies")
        if repeated := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two policies are called {repeated[0]!r}; each needs its own name in the table")
        if unknown := [name for name in self.own if name not in names]:
            raise ValueError(f"no policy {unknown[0]!r} among {', '.join(names)}")

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


class WorldRecipe(Protocol):
    """How to make a world: small, plain, hashable and sendable, unlike the networks and tables a world holds."""

    def __hash__(self) -> int:
        """Equal for equal recipes."""

    def open(self) -> DialogueWorld:
        """Makes the world; equal recipes make equal worlds, in whatever process."""


@dataclass(frozen=True)
class RolloutShare:
    """One piece of work: one policy with some of the profiles under one seed.

    Attributes:
        recipe: Of the world.
        policy: Row of its policies.
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
def opened(recipe: WorldRecipe) -> DialogueWorld:
    """The world of a recipe; a process that plays many pieces of one makes it once."""
    return recipe.open()


def play(piece: RolloutShare) -> list[PlayedConversation]:
    """Plays a piece of work."""
    world = opened(piece.recipe)
    return roll_out(
        world.profiles[piece.start : piece.stop],
        world.policies[piece.policy],
        seeker=world.seeker(piece.run),
        responder=world.responder,
        rules=world.rules,
        rng=np.random.default_rng((piece.seed, piece.run, piece.start)),
    )


def cut(recipe: WorldRecipe, world: DialogueWorld, *, seed: int, runs: int, block: int) -> list[RolloutShare]:
    """All pieces of a benchmark: run by run, policy by policy, block by block.

    All policies meet a block under the same randomness.
    """
    starts = range(0, len(world.profiles), block)
    return [
        RolloutShare(recipe, policy, seed, run, start, min(start + block, len(world.profiles)))
        for policy in range(len(world.policies))
        for run in range(runs)
        for start in starts
    ]
