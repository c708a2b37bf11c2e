"""Fits the network's linear members: the ladder's linear rungs become part of the planner, one per fold."""

import logging
import time

import numpy as np
import torch

from planner.decisions import Decisions
from planner.logistic import DecisionRegression
from planner.network import MemberNetwork

logger = logging.getLogger(__name__)


def fit_linear_members(network: MemberNetwork, train: Decisions, *, fold: np.ndarray) -> None:
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
