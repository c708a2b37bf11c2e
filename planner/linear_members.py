"""Fits the network's two linear members: the ladder's linear rungs become part of the planner."""

import logging
import time

import numpy as np
import torch
from torch import Tensor, nn

from planner.decisions import Decisions
from planner.logistic import DecisionRegression
from planner.network import DecisionNetwork

logger = logging.getLogger(__name__)


@torch.no_grad()
def fit_linear_members(network: DecisionNetwork, train: Decisions) -> None:
    """Puts the maximum-likelihood weights, under an L2 penalty, into the linear members.

    A convex problem is better left to its own solver than to the gradient steps of the hidden members.
    """
    parts: list[tuple[str, nn.Linear, Tensor]] = [
        ("meaning", network.linear_meaning, network.meaning_columns),
        ("words", network.linear_words, network.words_columns),
    ]
    for name, linear, columns in parts:
        began = time.perf_counter()
        history = train.history[:, columns.cpu().numpy()][train.row]
        regression = DecisionRegression(np.concatenate([history, train.plan], axis=1), train.decision, name=name)
        linear.weight.copy_(torch.from_numpy(regression.weight))
        linear.bias.copy_(torch.from_numpy(regression.bias))
        logger.info("linear member on %s fitted in %.1f s", name, time.perf_counter() - began)
