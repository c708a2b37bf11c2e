"""Behaviour cloning of the policy network: gold reasoning and gold decisions from out-of-fold predictions."""

import copy
import logging
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from planner.base_models.networks import one_cycle, reasoning_loss
from planner.base_models.predictions import PredictionLayout
from planner.checkpoint import check_finite
from planner.config import PolicyConfig
from planner.decisions import Decisions
from planner.policy.network import PolicyNetwork
from planner.training_log import TrainingLog

logger = logging.getLogger(__name__)

_BATCH = 512
_WEIGHT_DECAY = 0.1
_REASONING_WEIGHT = 0.3


@dataclass(frozen=True)
class PredictedDecisions:
    """Decisions with the predictions they are made from.

    Attributes:
        predictions: Shape: (U, S), float32.
        reasoning: Labels, -1 = unknown. Shape: (U, 5).
        row: Which history each decision has. Shape: (N,).
        prefix: Row of the prefix in the plan space. Shape: (N,).
        decision: 0..8. Shape: (N,).
        realized: Whether the history holds the whole prefix already. Shape: (N,), bool.
    """

    predictions: Tensor
    reasoning: Tensor
    row: Tensor
    prefix: Tensor
    decision: Tensor
    realized: Tensor

    @classmethod
    def of(
        cls, decisions: Decisions, predictions: np.ndarray, layout: PredictionLayout, device: torch.device
    ) -> "PredictedDecisions":
        """Puts both together on a device."""
        prefix = layout.space.row_of_code[layout.space.codec.code(decisions.slots)]
        _, first = np.unique(decisions.row, return_index=True)  # the shortest plan of each history
        realized = np.zeros(len(decisions.row), bool)
        realized[first] = True
        arrays = (predictions, decisions.reasoning, decisions.row, prefix, decisions.decision, realized)
        return cls(*(torch.from_numpy(array).to(device) for array in arrays))


def clone_policy(
    network: PolicyNetwork,
    train: PredictedDecisions,
    valid: PredictedDecisions,
    *,
    config: PolicyConfig,
    rng: np.random.Generator,
    log: TrainingLog,
) -> None:
    """Trains the network in place by cross-entropy on reasoning and decisions, each slot given the gold ones before.

    The weights of lowest validation loss of the decisions, over all reasoning, are selected, those of the untrained
    network included, which decides as predicted. It takes a few seconds: no state is saved to resume from.

    Args:
        train: Out-of-fold predictions on training dialogues.
        log: Receives ``deliberation/*`` curves by epoch.
    """
    optimizer = torch.optim.AdamW(network.planning_parameters(), lr=config.rate, weight_decay=_WEIGHT_DECAY)
    batches = max(1, len(train.row) // _BATCH)
    best, best_loss = copy.deepcopy(network.state_dict()), decision_loss(network, valid)
    log.add("deliberation/valid_loss", best_loss, step=0)
    for epoch in range(config.epochs):
        network.train()
        order = torch.from_numpy(rng.permutation(len(train.row))).to(network.device)
        total = 0.0
        for batch in range(batches):
            for group in optimizer.param_groups:
                group["lr"] = config.rate * one_cycle((epoch + batch / batches) / config.epochs)
            loss = _loss(network, train, order[batch * _BATCH : (batch + 1) * _BATCH])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach())
        check_finite(total, "policy", step=epoch + 1)
        valid_loss = decision_loss(network, valid)
        if valid_loss < best_loss:
            best_loss, best = valid_loss, copy.deepcopy(network.state_dict())
        log.add("deliberation/train_loss", total / batches, step=epoch + 1)
        log.add("deliberation/valid_loss", valid_loss, step=epoch + 1)
    log.save()
    network.load_state_dict(best)
    network.eval()
    logger.info("policy network cloned: validation loss %.4f", best_loss)


@torch.no_grad()
def decision_loss(network: PolicyNetwork, data: PredictedDecisions) -> float:
    """Mean negative log-likelihood of the decisions after what the history holds, over all reasoning, in nats."""
    network.eval()
    total, count = 0.0, 0
    for chosen in data.realized.nonzero().squeeze(1).split(1024):
        decided = network.next_decisions(data.predictions[data.row[chosen]], data.prefix[chosen])  # (B, 9)
        total -= float(decided.gather(1, data.decision[chosen][:, None]).log().sum())
        count += len(chosen)
    return total / count


def _loss(network: PolicyNetwork, data: PredictedDecisions, chosen: Tensor) -> Tensor:
    row = data.row[chosen]
    labels = data.reasoning[row]
    slots, decided = network.steps(data.predictions[row], values=labels, rows=data.prefix[chosen])
    loss = nn.functional.nll_loss(decided, data.decision[chosen])
    return loss + _REASONING_WEIGHT * reasoning_loss(slots, labels) if slots else loss
