"""Builds what ``evaluate.py dialogue`` plays, in every worker: seekers, policies, planners, generator."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from corpus.dialogue import Dialogue, Message
from corpus.load import load_corpus
from corpus.strategy import Strategy
from encoding.embedding_cache import EmbeddingCache, cache_folder
from encoding.plan_codec import PlanCodec
from encoding.sentence_encoder import SentenceEncoder
from env.conversation import DialogueRules, Seeker, SeekerProfile, seeker_profiles
from env.seekers.prompted.settings import ModelSettings, model_seeker, open_chat
from env.seekers.retrieval.seeker import RetrievalSeeker
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
from evaluation.dialogue.rollout import DialogueWorld
from generator.turn_writer import TurnWriter, load_writer
from language_models.chat.record import CallRecord
from planner.baselines.markov import MarkovPlanner
from planner.files import dialogue_reward
from planner.planner import StrategyPlanner

SeekerKind = Literal["retrieval", "model"]


@dataclass(frozen=True)
class SeekerChoice:
    """Which seeker, and what it needs.

    Attributes:
        kind: ``retrieval``: real replies out of the training dialogues; ``model``: a language model.
        run: Run folder of a fitted retrieval seeker; ``None``: it is fitted when opened, without failed conversations.
        record: Folder where the language model's answers are recorded.
    """

    kind: SeekerKind = "retrieval"
    run: Path | None = None
    model: ModelSettings = field(default_factory=ModelSettings)
    record: Path | None = None

    def __post_init__(self) -> None:
        if self.kind == "retrieval" and (self.record is not None or self.model.model):
            raise ValueError("seeker retrieval: --model and --record are for --seeker model")
        if self.kind == "model" and self.run is not None:
            raise ValueError("seeker model: --seeker-run is for --seeker retrieval")
        if self.kind == "model" and self.record is None:
            raise ValueError("seeker model: expected --record, the folder where its answers are recorded")

    def open(self, train: Sequence[Dialogue], *, runs: int, seed: int) -> tuple[Seeker, ...]:
        """Opens the seeker of all runs, or one for each.

        Args:
            train: Training dialogues.
            runs: How many runs there are: a model with a record of its answers must know which run it is in.
            seed: Of the first run; the next ones count on.

        Raises:
            ValueError: A seeker that cannot be opened, or is of other data.
        """
        if self.record is None:
            text_encoder = EmbeddingCache(SentenceEncoder(), folder=cache_folder())
            if self.run is not None:
                return (RetrievalSeeker.load(self.run, train, text_encoder=text_encoder),)
            return (RetrievalSeeker.fit(train, text_encoder=text_encoder),)
        chat, record = open_chat(self.model), CallRecord(self.record)
        return tuple(model_seeker(self.model, chat, record, seed=seed + run) for run in range(runs))


class GeneratorResponder:
    """Writes one text per strategy of every plan; implements :class:`env.conversation.Responder`.

    Args:
        realizer: A generator that follows plans.

    Raises:
        ValueError: It follows none.
    """

    def __init__(self, realizer: TurnWriter) -> None:
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


@dataclass(frozen=True)
class CorpusRecipe:
    """What a worker needs to make the world; all of it decides the result, but for the paths' spelling.

    Attributes:
        data: Corpus, as :func:`corpus.load.load_corpus` takes it; the seeker and the ladder learn from its train split.
        split: Where the seekers come from: one split, because gold is replayed by the dialogue's number in its file.
        planners: Run folders of trained planners.
        generator: Run folder of the generator that writes the supporter's texts; ``None``: strategies alone.
        seeker: Who answers.
        seekers: How many profiles are sampled at most.
        runs: Conversations of each policy with each profile.
        seed: Samples the profiles; a language model's answers grow from it too.
        ladder: ``full``, ``short`` (without the fixed rules and the planners' other kind of plans), or ``none``.
        acting: Which plans the planners take, see :class:`evaluation.dialogue.policies.PlannerPolicy`.
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
    acting: Acting = "sampled"
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
        rewards = {policy.name: dialogue_reward(run) for policy, run in zip(own, self.planners, strict=True)}
        other: Acting = "expected-lr" if self.acting == "sampled" else "sampled"
        otherwise = [PlannerPolicy(planner, acting=other) for planner in planners if self.ladder == "full"]
        # No planner may plan longer than the ladder.
        codecs = [PlanCodec(), *(planner.observer.codec for planner in planners)]
        longest = max(codec.max_strategies for codec in codecs)
        responder = GeneratorResponder(load_writer(self.generator)) if self.generator is not None else None
        return DialogueWorld(
            profiles=sample_profiles(dialogues, number=self.seekers, rng=np.random.default_rng(self.seed)),
            seekers=self.seeker.open(train, runs=self.runs, seed=self.seed),
            policies=(*own, *otherwise, *self._ladder(train, dialogues, longest=longest)),
            own=tuple(policy.name for policy in own),
            responder=responder,
            responder_name=self.generator.resolve().name if self.generator is not None else "none",
            rules=DialogueRules(max_turns=self.max_turns),
            rewards={name: weights for name, weights in rewards.items() if weights is not None},
        )

    def _ladder(
        self, train: tuple[Dialogue, ...], dialogues: tuple[Dialogue, ...], *, longest: int
    ) -> list[DialoguePolicy]:
        if self.ladder == "none":
            return []
        golds = gold_plans(dialogues, max_strategies=longest)
        return [
            ReplayPolicy(golds, shuffled=False),
            ReplayPolicy(golds, shuffled=True),
            RandomPolicy(max_strategies=longest),
            MarkovPolicy(MarkovPlanner(train, max_strategies=longest), max_strategies=longest),
            *(fixed_policies() if self.ladder == "full" else []),
        ]


def sample_profiles(
    dialogues: tuple[Dialogue, ...], *, number: int, rng: np.random.Generator
) -> tuple[SeekerProfile, ...]:
    """So many of the dialogues that can be profiles, in order; all of them where there are no more.

    Raises:
        ValueError: There is none.
    """
    profiles = seeker_profiles(dialogues)
    rows = sorted(rng.permutation(len(profiles))[:number].tolist())
    return tuple(profiles[row] for row in rows)
