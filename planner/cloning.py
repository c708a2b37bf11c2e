"""Behaviour cloning: the network's hidden members learn to decide as the supporters of the corpus did."""

import copy
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from planner.checkpoint import Checkpoint, module_tensors, optimizer_tensors, restore_module, restore_optimizer
from planner.config import PlannerConfig
from planner.decisions import Decisions
from planner.network import DecisionNetwork
from planner.plan_distribution import allowed_decisions
from planner.training_log import TrainingLog

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Tensors:
    history: Tensor  # (U, H)
    row: Tensor  # (N,)
    plan: Tensor  # (N, P)
    allowed: Tensor  # (N, 9)
    decision: Tensor  # (N,)

    @classmethod
    def of(cls, decisions: Decisions, device: torch.device) -> "_Tensors":
        arrays = (decisions.history, decisions.row, decisions.plan, decisions.slots, decisions.decision)
        history, row, plan, slots, decision = (torch.from_numpy(array).to(device) for array in arrays)
        return cls(history, row, plan, allowed_decisions(slots), decision)


def clone_behaviour(
    network: DecisionNetwork,
    train: Decisions,
    valid: Decisions,
    *,
    config: PlannerConfig,
    rng: np.random.Generator,
    folder: Path,
    log: TrainingLog,
) -> None:
    """Trains the hidden members in place by cross-entropy on gold decisions; keeps the epoch of lowest validation loss.

    Each member sees the data in its own order. State is saved after every epoch: a killed run goes on from there and
    ends with the same weights.

    Args:
        network: Trained in place; ends with the best epoch's weights.
        train: What to learn from.
        valid: What decides which epoch is kept.
        config: Settings of cloning.
        rng: Draws the orders of the data.
        folder: Where the state is kept.
        log: Receives ``cloning/*`` curves by epoch.
    """
    device = network.device
    data, held_out = _Tensors.of(train, device), _Tensors.of(valid, device)
    batches = max(1, len(train.row) // config.cloning_batch)
    optimizer = torch.optim.AdamW(network.hidden_parameters(), lr=config.cloning_rate, weight_decay=config.weight_decay)
    checkpoint = Checkpoint(folder)
    best, best_loss, first = copy.deepcopy(network.state_dict()), float("inf"), 0
    if checkpoint.exists():
        values, tensors = checkpoint.load()
        restore_module(network, tensors, prefix="network")
        restore_optimizer(optimizer, tensors, prefix="optimizer")
        torch.set_rng_state(tensors["torch_rng"])
        rng.bit_generator.state = values["rng"]
        best = {name.removeprefix("best."): t for name, t in tensors.items() if name.startswith("best.")}
        best_loss, first = values["best_loss"], values["step"]
        logger.info("cloning goes on after epoch %d", first)
    progress = tqdm(range(first, config.cloning_epochs), initial=first, total=config.cloning_epochs, desc="cloning")
    for epoch in progress:
        began = time.perf_counter()
        network.train()
        orders = torch.from_numpy(np.stack([rng.permutation(len(train.row)) for _ in range(network.shape.members)]))
        total = torch.zeros((), device=device)
        for batch in range(batches):
            share = (epoch + batch / batches) / config.cloning_epochs
            for group in optimizer.param_groups:
                group["lr"] = config.cloning_rate * _one_cycle(share)
            chosen = orders[:, batch * config.cloning_batch : (batch + 1) * config.cloning_batch].to(device)  # (M, B)
            loss = _loss(network, data, chosen)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        # The members' losses are summed for their gradients and averaged for people.
        train_loss = float(total) / batches / network.shape.members
        seconds = time.perf_counter() - began
        valid_loss = validation_loss(network, held_out)
        if valid_loss < best_loss:
            best_loss, best = valid_loss, copy.deepcopy(network.state_dict())
        log.add("cloning/train_loss", train_loss, step=epoch + 1)
        log.add("cloning/valid_loss", valid_loss, step=epoch + 1)
        log.add("cloning/decisions_per_second", len(train.row) / seconds, step=epoch + 1)
        progress.set_postfix(train=f"{train_loss:.3f}", valid=f"{valid_loss:.3f}")
        log.save()
        checkpoint.save(
            {"step": epoch + 1, "best_loss": best_loss, "rng": rng.bit_generator.state},
            tensors=module_tensors(network, prefix="network")
            | {f"best.{name}": tensor for name, tensor in best.items()}
            | optimizer_tensors(optimizer, prefix="optimizer")
            | {"torch_rng": torch.get_rng_state()},
        )
    network.load_state_dict(best)
    network.eval()


@torch.no_grad()
def validation_loss(network: DecisionNetwork, decisions: _Tensors) -> float:
    """Mean negative log-likelihood of gold decisions under the whole mixture, in nats."""
    network.eval()
    total = 0.0
    for chosen in torch.arange(len(decisions.row), device=network.device).split(2048):
        encoded = network.encode_history(decisions.history[decisions.row[chosen]])
        log_probabilities, _ = network.decide(encoded, decisions.plan[chosen], decisions.allowed[chosen])
        total -= float(log_probabilities.gather(1, decisions.decision[chosen][:, None]).sum())
    return total / len(decisions.row)


def _loss(network: DecisionNetwork, data: _Tensors, chosen: Tensor) -> Tensor:
    """Sum over members of the mean cross-entropy of their own batch. ``chosen``: (M, B)."""
    history, plan, allowed = data.history[data.row[chosen]], data.plan[chosen], data.allowed[chosen]
    log_probabilities = network.member_log_probabilities(history, plan, allowed)  # (M, B, 9)
    loss = nn.functional.nll_loss(log_probabilities.flatten(0, 1), data.decision[chosen].flatten())
    return loss * network.shape.members


def _one_cycle(progress: float) -> float:
    """Share of the peak learning rate: up over the first tenth of training, then down along a cosine to 0."""
    if progress < 0.1:
        return 0.1 + 9 * progress
    return 0.5 * (1 + np.cos(np.pi * (progress - 0.1) / 0.9))
