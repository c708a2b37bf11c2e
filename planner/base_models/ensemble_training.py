"""Training the members: linear ones by their solver, hidden ones by behaviour cloning.

Cross-fitting: which part of the training dialogues each of them belongs to.

Fits the network's linear members: the ladder's linear rungs become part of the planner, one per fold.
"""

import logging
import time
from pathlib import Path

import numpy as np
import torch

from encoding.observation import Observer, plan_features_size
from encoding.reasoning_codec import ReasoningCodec
from encoding.tfidf import JoinedEncoder
from planner.base_models.cloning import clone_behaviour
from planner.base_models.decisions import Decisions
from planner.base_models.ensemble import EnsembleNetwork, EnsembleShape
from planner.base_models.logistic import DecisionRegression
from planner.checkpoint import Checkpoint
from planner.config import PlannerConfig
from planner.training_log import TrainingLog


def fold_of_dialogues(dialogues: int, *, folds: int, seed: int) -> np.ndarray:
    """Draws folds of equal size, up to one.

    Args:
        dialogues: Number of dialogues.
        folds: Number of parts.
        seed: Of the draw.

    Returns:
        Fold of each dialogue, 0..folds - 1. Shape: (dialogues,).

    Raises:
        ValueError: There are fewer dialogues than folds.
    """
    if dialogues < folds:
        raise ValueError(f"{dialogues} training dialogues for {folds} folds, expected at least one each")
    return np.random.default_rng(seed).permutation(dialogues) % folds


logger = logging.getLogger(__name__)


def fit_linear_members(network: EnsembleNetwork, train: Decisions, *, fold: np.ndarray) -> None:
    """Puts the maximum-likelihood weights, under an L2 penalty, into the linear members.

    A convex problem is better left to its own solver than to the gradient steps of the hidden members.

    Args:
        network: Filled in place.
        train: What to learn from.
        fold: Part of the training dialogues each history belongs to; member f learns from all others. Shape: (U,).

    Raises:
        ValueError: All decisions outside a fold are alike.
    """
    parts = [
        ("meaning", network.linear_meaning, network.meaning_columns),
        ("words", network.linear_words, network.words_columns),
    ]
    for name, weights, columns in parts:
        began = time.perf_counter()
        seen = train.history[:, columns.cpu().numpy()]
        for part in range(network.shape.folds):
            rows = np.flatnonzero(fold[train.row] != part)
            features = np.concatenate([seen[train.row[rows]], train.plan[rows]], axis=1)
            regression = DecisionRegression(features, train.decision[rows], name=name)
            weights[part] = torch.from_numpy(np.concatenate([regression.weight.T, regression.bias[None]]))
        logger.info("linear members on %s fitted in %.1f s", name, time.perf_counter() - began)


def train_ensemble(
    train: Decisions,
    valid: Decisions,
    *,
    joined: JoinedEncoder,
    observer: Observer,
    fold: np.ndarray,
    reasoning: ReasoningCodec | None,
    config: PlannerConfig,
    seed: int,
    folder: Path,
    log: TrainingLog,
) -> EnsembleNetwork:
    """Trains all members, or goes on with them.

    Args:
        train: What to learn from.
        valid: What decides which epoch is kept.
        joined: The text_encoder behind the observer.
        observer: Encoded the histories.
        fold: Part of the training dialogues each history belongs to. Shape: (U,).
        reasoning: Values of the reasoning slots; ``None`` without reasoning.
        config: Settings.
        seed: Seeds weights, orders and dropout.
        folder: Where the state is kept.
        log: Receives the learning curves.
    """
    shape = EnsembleShape(
        history=observer.history_size,
        plan=plan_features_size(config.max_strategies),
        meaning=joined.meaning.dimension,
        words=joined.words.dimension,
        window=config.window,
        folds=config.folds,
        members=config.ensemble.networks,
        width=config.ensemble.width,
        reasoning=reasoning.width if reasoning is not None else 0,
    )
    torch.manual_seed(seed)
    network = EnsembleNetwork(shape, dropout=config.ensemble.dropout, input_dropout=config.ensemble.input_dropout)
    network.to("cuda" if torch.cuda.is_available() else "cpu")
    if not Checkpoint(folder).exists():
        fit_linear_members(network, train, fold=fold)
    clone_behaviour(
        network,
        train,
        valid,
        fold=fold,
        reasoning=reasoning,
        config=config.ensemble,
        rng=np.random.default_rng(seed),
        folder=folder,
        log=log,
    )
    return network
