"""The ladder on real data: no constant strategy and no alternating pair beats gold replay or a planner that draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from corpus.dialogue import Dialogue
from corpus.load import load_corpus, read_dialogues
from corpus.strategy import Strategy
from encoding.observation import Observer
from encoding.tfidf import TfidfEncoder
from env.conversation import Conversation, seeker_profiles
from env.seekers.retrieval.config import SeekerConfig, divide_failed
from env.seekers.retrieval.models import fit_seeker
from env.seekers.retrieval.seeker import RetrievalSeeker
from evaluation.dialogue.benchmark import benchmark_dialogues
from evaluation.dialogue.policies import (
    MarkovPolicy,
    RandomPolicy,
    ReplayPolicy,
    StrategyPlan,
    fixed_policies,
    gold_plans,
)
from evaluation.dialogue.rollout import DialogueWorld
from evaluation.dialogue.workers import WorkerPool
from planner.baselines.linear import LinearPlanner
from planner.baselines.markov import MarkovPlanner

_LEARNT_FROM = 250  # dialogues: enough for the planner in the test, and quick
_PROFILES = 100


class DrawingPolicy:
    """One strategy a turn, drawn from what a small planner believes: how trained planners act, in little time."""

    name = "drawn"

    def __init__(self, train: tuple[Dialogue, ...]) -> None:
        observer = Observer(TfidfEncoder(train, words=60), window=2, max_strategies=1)
        self._planner = LinearPlanner(train, name="small", observer=observer)

    def plans(self, conversations: Sequence[Conversation], *, rng: np.random.Generator) -> list[StrategyPlan]:
        histories = [conversation.history for conversation in conversations]
        bounds = self._planner.strategy_probabilities(histories).cumsum(axis=1)
        luck = rng.random((len(histories), 1))
        return [(Strategy(number),) for number in (bounds <= luck * bounds[:, -1:]).sum(axis=1).tolist()]


@dataclass(frozen=True)
class RealWorld:
    """Seeker fitted to ESConv's training split and failed conversations, words in place of sentence embeddings."""

    esconv: Path

    def open(self) -> DialogueWorld:
        return _world(self.esconv)


@cache
def _world(esconv: Path) -> DialogueWorld:
    corpus = load_corpus(esconv)
    train, valid = corpus.split("train"), corpus.split("valid")
    text_encoder = TfidfEncoder(train, words=150)
    failed, _ = divide_failed(read_dialogues(esconv / "FailedESConv.json"), share=0.5, rng=np.random.default_rng(0))
    models = fit_seeker(train, failed, text_encoder=text_encoder, config=SeekerConfig(components=16, folds=2))
    return DialogueWorld(
        profiles=tuple(seeker_profiles(valid)[:_PROFILES]),
        seekers=(RetrievalSeeker(models, train, text_encoder=text_encoder),),
        policies=(
            DrawingPolicy(train[:_LEARNT_FROM]),
            ReplayPolicy(gold_plans(valid, max_strategies=3), shuffled=False),
            MarkovPolicy(MarkovPlanner(train, max_strategies=3), max_strategies=3),
            RandomPolicy(max_strategies=3),
            *fixed_policies(),
        ),
        own=(DrawingPolicy.name,),
    )


@pytest.mark.real_data
def test_no_fixed_rule_beats_gold_or_a_planner(esconv: Path) -> None:
    benchmark = benchmark_dialogues(
        RealWorld(esconv), seeds=1, seed=0, split="valid", data="esconv", workers=WorkerPool(), samples=20
    )
    assert len(benchmark.fixed) == 8 + 28
    assert benchmark.exploits == ()  # of gold and the planner, in success and in the fall of intensity
    scores = {name: row["success_rate"].value for name, row in benchmark.result.systems.items()}
    chance = scores["markov"], scores["random"]
    assert scores["gold replay"] > max(chance)
    assert min(chance) > max(scores[name] for name in benchmark.fixed)
    assert scores["drawn"] > max(scores[name] for name in benchmark.fixed)
