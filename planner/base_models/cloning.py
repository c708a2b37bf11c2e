"""Behaviour cloning: the network's hidden members learn to decide as the supporters of the corpus did."""

import copy
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from encoding.reasoning_codec import ReasoningCodec
from planner.base_models.decisions import Decisions
from planner.base_models.ensemble import EnsembleNetwork
from planner.checkpoint import Checkpoint, module_tensors, optimizer_tensors, restore_module, restore_optimizer
from planner.config import EnsembleConfig
from planner.policy.plan_space import allowed_decisions
from planner.training_log import TrainingLog

logger = logging.getLogger(__name__)

_REASONING_WEIGHT = 0.1  # of the five slots' loss beside the decision's: a hint to the hidden layer, not its purpose


@dataclass(frozen=True)
class _Tensors:
    history: Tensor  # (U, H)
    reasoning: Tensor  # (U, 5)
    row: Tensor  # (N,)
    plan: Tensor  # (N, P)
    allowed: Tensor  # (N, 9)
    decision: Tensor  # (N,)

    @classmethod
    def of(cls, decisions: Decisions, device: torch.device) -> "_Tensors":
        arrays = (decisions.history, decisions.reasoning, decisions.row, decisions.plan, decisions.slots)
        history, reasoning, row, plan, slots = (torch.from_numpy(array).to(device) for array in arrays)
        decision = torch.from_numpy(decisions.decision).to(device)
        return cls(history, reasoning, row, plan, allowed_decisions(slots), decision)


def clone_behaviour(
    network: EnsembleNetwork,
    train: Decisions,
    valid: Decisions,
    *,
    fold: np.ndarray,
    reasoning: ReasoningCodec | None,
    config: EnsembleConfig,
    rng: np.random.Generator,
    folder: Path,
    log: TrainingLog,
) -> None:
    """Trains the hidden members in place by cross-entropy on gold decisions; keeps the epoch of lowest validation loss.

    Each member sees the data outside its fold, in its own order. Beside decisions the members learn to read the
    reasoning slots from the same hidden layer. State is saved after every epoch: a killed run goes on from there and
    ends with the same weights.

    Args:
        network: Trained in place; ends with the best epoch's weights.
        train: What to learn from.
        valid: What decides which epoch is kept.
        fold: Part of the training dialogues each history belongs to. Shape: (U,).
        reasoning: What the labels of reasoning mean; ``None``: no reasoning.
        config: Settings of cloning.
        rng: Draws the orders of the data.
        folder: Where the state is kept.
        log: Receives ``cloning/*`` curves by epoch.
    """
    device = network.device
    data, held_out = _Tensors.of(train, device), _Tensors.of(valid, device)
    seen = [np.flatnonzero(fold[train.row] != m % network.shape.folds) for m in range(network.shape.members)]
    shortest = min(len(rows) for rows in seen)
    batches = max(1, shortest // config.batch)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=config.weight_decay)
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
    progress = tqdm(range(first, config.epochs), initial=first, total=config.epochs, desc="cloning")
    for epoch in progress:
        began = time.perf_counter()
        network.train()
        orders = torch.from_numpy(np.stack([rng.permutation(rows)[:shortest] for rows in seen]))
        total = torch.zeros((), device=device)
        for batch in range(batches):
            share = (epoch + batch / batches) / config.epochs
            for group in optimizer.param_groups:
                group["lr"] = config.rate * one_cycle(share)
            chosen = orders[:, batch * config.batch : (batch + 1) * config.batch].to(device)  # (M, B)
            loss = _loss(network, data, chosen, reasoning)
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
        log.add("cloning/decisions_per_second", shortest / seconds, step=epoch + 1)
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
def validation_loss(network: EnsembleNetwork, decisions: _Tensors) -> float:
    """Mean negative log-likelihood of gold decisions under the whole mixture, in nats."""
    network.eval()
    total = 0.0
    for chosen in torch.arange(len(decisions.row), device=network.device).split(2048):
        history = decisions.history[decisions.row[chosen]]
        plan, allowed = decisions.plan[chosen, None], decisions.allowed[chosen, None]
        log_probabilities = network.decide(history, plan, allowed)[0].squeeze(1)
        total -= float(log_probabilities.gather(1, decisions.decision[chosen][:, None]).sum())
    return total / len(decisions.row)


def _loss(network: EnsembleNetwork, data: _Tensors, chosen: Tensor, reasoning: ReasoningCodec | None) -> Tensor:
    """Sum over members of the mean cross-entropy of their own batch. ``chosen``: (M, B)."""
    row = data.row[chosen]
    log_probabilities, scores = network.member_log_probabilities(
        data.history[row], data.plan[chosen], data.allowed[chosen]
    )
    loss = nn.functional.nll_loss(log_probabilities.flatten(0, 1), data.decision[chosen].flatten())
    if reasoning is not None:
        labels = data.reasoning[row].flatten(0, 1)  # (M * B, 5)
        loss = loss + _REASONING_WEIGHT * reasoning_loss(
            scores.flatten(0, 1).split(list(reasoning.sizes), dim=1), labels
        )
    return loss * network.shape.members


def reasoning_loss(slots: Sequence[Tensor], labels: Tensor) -> Tensor:
    """Cross-entropy of the reasoning slots, summed over slots; unknown labels teach nothing.

    Args:
        slots: Scores of each slot's values: five of shape (B, values).
        labels: Shape: (B, 5), -1 = unknown.
    """
    total = labels.new_zeros((), dtype=torch.float32)
    for scores, label in zip(slots, labels.T, strict=True):
        if (label >= 0).any():
            total = total + nn.functional.cross_entropy(scores, label, ignore_index=-1)
    return total


def one_cycle(progress: float) -> float:
    """Share of the peak learning rate: up over the first tenth of training, then down along a cosine to 0."""
    if progress < 0.1:
        return 0.1 + 9 * progress
    return 0.5 * (1 + np.cos(np.pi * (progress - 0.1) / 0.9))
