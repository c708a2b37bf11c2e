"""Training a planner from dialogues: encode, clone, improve by PPO, fit the decision rule, save."""

import copy
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from corpus.dialogue import Dialogue
from encoding.embedding_cache import CachedEncoder
from encoding.observation import Embedder, Observer
from encoding.text_encoder import SentenceEncoder
from env.turn_task import TurnTask
from metrics.confusion import confusion_f1
from metrics.edit_distance import levenshtein_ratio
from planner.checkpoint import Checkpoint
from planner.class_offsets import fit_offsets
from planner.cloning import clone_behaviour
from planner.config import PlannerConfig
from planner.decisions import Decisions
from planner.joined_embedder import JoinedEmbedder
from planner.linear_members import fit_linear_members
from planner.network import DecisionNetwork
from planner.reinforcement import improve_by_ppo
from planner.strategy_planner import PlannerSettings, StrategyPlanner, shape_for
from planner.tfidf_embedder import TfidfEmbedder
from planner.training_log import TrainingLog

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainedPlanner:
    """What training gives back.

    Attributes:
        planner: Ready to use; also saved in the run folder.
        cloned: The planner as it was before PPO, with offsets of its own; saved in ``cloned/``.
        before: Validation scores of the cloned planner.
        after: Validation scores of the kept planner.
        curves: Learning curves, name -> {step: value}.
    """

    planner: StrategyPlanner
    cloned: StrategyPlanner
    before: dict[str, float]
    after: dict[str, float]
    curves: dict[str, dict[int, float]]


class ValidationSet:
    """Validation decisions and turns, encoded once, and the scores that choose between candidates."""

    def __init__(self, decisions: Decisions, turns: TurnTask) -> None:
        count = decisions.utterances
        self._turns = turns
        self._history = decisions.history[decisions.row[:count]]
        self._slots = decisions.slots[:count]
        self._gold = decisions.decision[:count]

    def fit_offsets(self, planner: StrategyPlanner) -> StrategyPlanner:
        """The planner with its offsets fitted here."""
        probabilities = planner.decision_probabilities(self._history, self._slots)
        return planner.with_offsets(fit_offsets(np.log(probabilities + 1e-12), self._gold))

    def scores(self, planner: StrategyPlanner) -> dict[str, float]:
        """Turn protocol: ``lr``, ``emr``, ``multi_rate``; message protocol, with the planner's offsets: ``macro_f1``.

        Percentages.
        """
        plans = [tuple(int(s) for s in plan.strategies) for plan in planner.plans_of_encoded(self._turns.history)]
        probabilities = planner.decision_probabilities(self._history, self._slots)
        shifted = np.log(probabilities + 1e-12) + np.array(planner.settings.offsets)
        table = np.zeros((probabilities.shape[1],) * 2)
        np.add.at(table, (self._gold, shifted.argmax(axis=1)), 1)
        pairs = list(zip(plans, self._turns.golds, strict=True))
        return {
            "lr": 100 * float(np.mean([levenshtein_ratio(plan, gold) for plan, gold in pairs])),
            "emr": 100 * float(np.mean([plan == gold for plan, gold in pairs])),
            "multi_rate": 100 * float(np.mean([len(plan) > 1 for plan in plans])),
            "macro_f1": 100 * float(confusion_f1(table).mean()),
        }


def train_planner(
    train: Sequence[Dialogue],
    valid: Sequence[Dialogue],
    *,
    config: PlannerConfig,
    out: Path,
    seed: int,
    embedder: Embedder | None = None,
) -> TrainedPlanner:
    """Trains a planner; a run that was killed goes on where it stopped.

    Args:
        train: Dialogues to learn from.
        valid: Dialogues that choose epoch, PPO checkpoint and offsets; never learned from.
        config: Settings.
        out: Run folder; receives weights, settings, curves, and ``checkpoints/`` while training.
        seed: Seeds weights, orders, dropout, environments and PPO.
        embedder: Turns texts into vectors; by default the configured encoder behind the embedding cache.

    Returns:
        The trained planner with what led to it.
    """
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - SB3's rollout buffer draws from numpy's global generator
    embedder = embedder if embedder is not None else CachedEncoder(SentenceEncoder(config.encoder))
    words = TfidfEmbedder(train, words=config.words)
    joined = JoinedEmbedder(embedder, words)
    observer = Observer(joined, window=config.window, max_strategies=config.max_strategies)
    log = TrainingLog(out)
    decisions, held_out = (Decisions.collect(split, observer=observer) for split in (train, valid))
    task, valid_task = (TurnTask.build(split, observer=observer) for split in (train, valid))
    validation = ValidationSet(held_out, valid_task)
    shape = shape_for(observer, joined, members=config.members, width=config.width)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = DecisionNetwork(shape, dropout=config.dropout, input_dropout=config.input_dropout).to(device)
    settings = PlannerSettings(
        mode=config.mode,
        decoding=config.decoding,
        encoder=config.encoder,
        encoder_fingerprint=embedder.fingerprint,
        window=config.window,
        max_strategies=config.max_strategies,
        shape=shape,
    )
    checkpoints = out / "checkpoints"
    if not Checkpoint(checkpoints / "cloning").exists():
        fit_linear_members(network, decisions)
    clone_behaviour(
        network,
        decisions,
        held_out,
        config=config,
        rng=np.random.default_rng(seed),
        folder=checkpoints / "cloning",
        log=log,
    )

    def planner_of(trained: DecisionNetwork, name: str) -> StrategyPlanner:
        planner = StrategyPlanner(trained, observer=observer, words=words, settings=settings, name=name)
        return validation.fit_offsets(planner)

    cloned = planner_of(network, "cloned")
    cloned.save(out / "cloned")
    before = after = validation.scores(cloned)
    planner = cloned
    if config.ppo_steps:
        improved = copy.deepcopy(network)
        improve_by_ppo(
            improved,
            task,
            config=config,
            validate=lambda candidate: validation.scores(planner_of(candidate, "candidate")),
            seed=seed,
            folder=checkpoints / "ppo",
            log=log,
        )
        planner = planner_of(improved, out.resolve().name)
        after = validation.scores(planner)
    planner.save(out)
    log.close()
    shutil.rmtree(checkpoints)
    return TrainedPlanner(planner=planner, cloned=cloned, before=before, after=after, curves=log.curves)
