"""The world of ``evaluate.py dialogue``: seekers of a corpus, a ladder of policies, trained planners.

The generator as the supporter's voice in simulated conversations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from corpus.dialogue import Dialogue, Message
from corpus.load import load_corpus
from corpus.strategy import Strategy
from env.conversation import DialogueRules, SeekerProfile, seeker_profiles
from evaluation.dialogue.policies import (
    Acting,
    DialoguePolicy,
    MarkovPolicy,
    PlannerPolicy,
    RandomPolicy,
    ReplayPolicy,
    fixed_policies,
    gold_plans,
)
from evaluation.dialogue.seeker import SeekerChoice
from evaluation.dialogue.world import DialogueWorld
from generator.realizer import Realizer
from planner.baselines.markov import MarkovPlanner
from planner.planner import StrategyPlanner


class GeneratorResponder:
    """Writes one text per strategy of every plan; implements :class:`env.conversation.Responder`.

    Args:
        realizer: A generator that follows plans.

    Raises:
        ValueError: It follows none.
    """

    def __init__(self, realizer: Realizer) -> None:
        if realizer.variant == "vanilla":
            raise ValueError("the generator is of variant vanilla and follows no plan, expected another variant")
        self._realizer = realizer

    def texts(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[tuple[Strategy, ...]],
        *,
        rng: np.random.Generator,
    ) -> list[tuple[str, ...]]:
        """As :meth:`env.conversation.Responder.texts`."""
        return [tuple(text for _, text in turn) for turn in self._realizer.realize_all(histories, plans, rng=rng)]


Ladder = Literal["full", "short", "none"]
_LONGEST = 3  # K, strategies in a plan: as in the turn protocol's ladder


@dataclass(frozen=True)
class CorpusRecipe:
    """What a worker needs to make the world; all of it decides the result, but for the paths' spelling.

    Attributes:
        data: Corpus, as :func:`corpus.load.load_corpus` takes it; the seeker and the ladder learn from its train split.
        split: Where the seekers come from: one split, because gold is replayed by the dialogue's number in its file.
        planners: Run folders of trained planners.
        generator: Run folder of the generator that writes the supporter's texts; ``None``: strategies alone.
        seeker: Who answers.
        seekers: How many profiles are drawn at most.
        runs: Conversations of each policy with each profile.
        seed: Draws the profiles; a model's answers grow from it too.
        ladder: ``full``, ``short`` (without the fixed rules and the planners' other way of acting), or ``none``.
        acting: How the planners act, see :class:`evaluation.dialogue.policies.PlannerPolicy`.
        max_turns: Supporter turns after which a conversation is cut off.
    """

    data: str | None
    split: str
    planners: tuple[Path, ...]
    generator: Path | None
    seeker: SeekerChoice
    seekers: int
    runs: int
    seed: int
    ladder: Ladder = "full"
    acting: Acting = "drawn"
    max_turns: int = 10

    def __post_init__(self) -> None:
        if self.seekers < 1:
            raise ValueError(f"seekers: got {self.seekers}, expected at least 1")
        if self.ladder == "none" and not self.planners:
            raise ValueError("nothing to play: expected --planner, or a ladder")

    def open(self) -> DialogueWorld:
        """Makes the world.

        Raises:
            CorpusError: The data cannot be read.
            ValueError: No seekers, a damaged run, or a seeker that cannot be opened.
        """
        corpus = load_corpus(self.data)
        train, dialogues = corpus.split("train"), corpus.split(self.split)
        planners = [StrategyPlanner.load(run) for run in self.planners]
        own = [PlannerPolicy(planner, acting=self.acting) for planner in planners]
        other: Acting = "planned" if self.acting == "drawn" else "drawn"
        otherwise = [PlannerPolicy(planner, acting=other) for planner in planners if self.ladder == "full"]
        responder = GeneratorResponder(Realizer.load(self.generator)) if self.generator is not None else None
        return DialogueWorld(
            profiles=draw_profiles(dialogues, number=self.seekers, rng=np.random.default_rng(self.seed)),
            seekers=self.seeker.open(train, runs=self.runs, seed=self.seed),
            policies=(*own, *otherwise, *self._ladder(train, dialogues)),
            own=tuple(policy.name for policy in own),
            responder=responder,
            responder_name=self.generator.resolve().name if self.generator is not None else "none",
            rules=DialogueRules(max_turns=self.max_turns),
        )

    def _ladder(self, train: tuple[Dialogue, ...], dialogues: tuple[Dialogue, ...]) -> list[DialoguePolicy]:
        if self.ladder == "none":
            return []
        golds = gold_plans(dialogues, max_strategies=_LONGEST)
        chain = MarkovPlanner(train, max_strategies=_LONGEST)
        return [
            ReplayPolicy(golds, shuffled=False),
            ReplayPolicy(golds, shuffled=True),
            RandomPolicy(max_strategies=_LONGEST),
            MarkovPolicy(chain, max_strategies=_LONGEST),
            *(fixed_policies() if self.ladder == "full" else []),
        ]


def draw_profiles(
    dialogues: tuple[Dialogue, ...], *, number: int, rng: np.random.Generator
) -> tuple[SeekerProfile, ...]:
    """So many of the dialogues that can be profiles, in order; all of them where there are no more.

    Raises:
        ValueError: There is none.
    """
    profiles = seeker_profiles(dialogues)
    rows = sorted(rng.permutation(len(profiles))[:number].tolist())
    return tuple(profiles[row] for row in rows)
