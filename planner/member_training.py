"""Training the members: linear ones by their solver, hidden ones by behaviour cloning."""

from pathlib import Path

import numpy as np
import torch

from encoding.observation import Observer, plan_features_size
from encoding.reasoning_codec import ReasoningCodec
from planner.checkpoint import Checkpoint
from planner.cloning import clone_behaviour
from planner.config import PlannerConfig
from planner.decisions import Decisions
from planner.joined_embedder import JoinedEmbedder
from planner.linear_members import fit_linear_members
from planner.network import MemberNetwork, NetworkShape
from planner.training_log import TrainingLog


def train_members(
    train: Decisions,
    valid: Decisions,
    *,
    joined: JoinedEmbedder,
    observer: Observer,
    fold: np.ndarray,
    reasoning: ReasoningCodec | None,
    config: PlannerConfig,
    seed: int,
    folder: Path,
    log: TrainingLog,
) -> MemberNetwork:
    """Trains all members, or goes on with them.

    Args:
        train: What to learn from.
        valid: What decides which epoch is kept.
        joined: The embedder behind the observer.
        observer: Encoded the histories.
        fold: Part of the training dialogues each history belongs to. Shape: (U,).
        reasoning: Values of the reasoning slots; ``None`` without reasoning.
        config: Settings.
        seed: Seeds weights, orders and dropout.
        folder: Where the state is kept.
        log: Receives the learning curves.
    """
    shape = NetworkShape(
        history=observer.history_size,
        plan=plan_features_size(config.max_strategies),
        meaning=joined.meaning.dimension,
        words=joined.words.dimension,
        window=config.window,
        folds=config.folds,
        members=config.members,
        width=config.width,
        reasoning=reasoning.width if reasoning is not None else 0,
    )
    torch.manual_seed(seed)
    network = MemberNetwork(shape, dropout=config.dropout, input_dropout=config.input_dropout)
    network.to("cuda" if torch.cuda.is_available() else "cpu")
    if not Checkpoint(folder).exists():
        fit_linear_members(network, train, fold=fold)
    clone_behaviour(
        network,
        train,
        valid,
        fold=fold,
        reasoning=reasoning,
        config=config,
        rng=np.random.default_rng(seed),
        folder=folder,
        log=log,
    )
    return network
