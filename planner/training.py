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
from corpus.strategy import Strategy
from encoding.embedding_cache import CachedEncoder
from encoding.observation import Embedder, Observer
from encoding.text_encoder import SentenceEncoder
from env.turn_task import TurnTask
from planner.checkpoint import Checkpoint
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
from planner.training_turns import training_turns
from planner.validation import ValidationSet

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainedPlanner:
    """What training gives back.

    Attributes:
        planner: Ready to use; also saved in the run folder.
        cloned: The planner as it was before PPO, with offsets of its own; saved in ``cloned/``.
        before: Validation scores of the cloned planner.
        after: Validation scores of the kept planner. Like ``before`` they are optimistic: epoch, checkpoint and offsets
            were chosen on the same dialogues.
        cross_fitted: Message scores with offsets fitted on other validation dialogues than those scored.
        without_offsets: Message scores without any offsets.
        curves: Learning curves, name -> {step: value}.
    """

    planner: StrategyPlanner
    cloned: StrategyPlanner
    before: dict[str, float]
    after: dict[str, float]
    cross_fitted: dict[str, float]
    without_offsets: dict[str, float]
    curves: dict[str, dict[int, float]]


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
    for name, split in (("train", train), ("valid", valid)):
        training_turns(split, name=f"planner, {name} split")
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - SB3's rollout buffer draws from numpy's global generator
    embedder = embedder if embedder is not None else CachedEncoder(SentenceEncoder(config.encoder))
    words = TfidfEmbedder(train, words=config.words)
    joined = JoinedEmbedder(embedder, words)
    observer = Observer(joined, window=config.window, max_strategies=config.max_strategies)
    log = TrainingLog(out)
    decisions, held_out = (Decisions.collect(split, observer=observer) for split in (train, valid))
    task, valid_task = (TurnTask.build(split, observer=observer) for split in (train, valid))
    validation = ValidationSet(valid, held_out, valid_task)
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
    cross_fitted = validation.cross_fitted(planner, rng=np.random.default_rng(seed))
    without_offsets = validation.message_scores(planner.with_offsets(np.zeros(len(Strategy))))
    planner.save(out)
    log.close()
    # Renamed first: a half-deleted checkpoint must not be taken for one to go on from.
    shutil.rmtree(checkpoints.rename(out / ".finished-checkpoints"))
    return TrainedPlanner(
        planner=planner,
        cloned=cloned,
        before=before,
        after=after,
        cross_fitted=cross_fitted,
        without_offsets=without_offsets,
        curves=log.curves,
    )
