"""A base model: networks with one hidden layer, in which history (sentence embeddings) and prefix meet.

They are trained by behaviour cloning: cross-entropy on what the supporters of the corpus decided. From the same hidden
layer they learn to predict the reasoning slots.
"""

import copy
import logging
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from corpus.strategy import Strategy
from encoding.plan_codec import STOP
from encoding.reasoning_codec import ReasoningCodec
from planner.base_models.ensemble import BaseModel, EnsembleShape, TrainingData
from planner.checkpoint import (
    Checkpoint,
    check_finite,
    module_tensors,
    optimizer_tensors,
    restore_module,
    restore_optimizer,
)
from planner.config import EnsembleConfig
from planner.decisions import Decisions
from planner.plan_distribution import LARGEST_LOGIT, allowed_decisions, log_softmax

logger = logging.getLogger(__name__)

# Entries of a unit vector of length D are about 1/sqrt(D); this brings them to the size of the other features.
_EMBEDDING_GAIN = 0.3
_CHUNK = 32  # histories whose hidden layers, after every prefix, fit into a processor's cache
_REASONING_WEIGHT = 0.1  # of the five slots' loss beside the decision's: a hint to the hidden layer, not its purpose


class Networks(BaseModel):
    """M networks, one or more for each fold."""

    name = "networks"

    def __init__(self, shape: EnsembleShape, config: EnsembleConfig) -> None:
        super().__init__(shape, config)
        self.shape = shape
        self.columns: Tensor
        self.gain: Tensor
        columns = shape.columns(words=False)
        self.register_buffer("columns", columns, persistent=False)
        self.register_buffer("gain", _gain(shape, len(columns)), persistent=False)
        networks, width = shape.networks, shape.width
        self.history_weight = nn.Parameter(torch.randn(networks, len(columns), width) * len(columns) ** -0.5)
        self.plan_weight = nn.Parameter(torch.randn(networks, shape.plan, width) * shape.plan**-0.5)
        self.hidden_bias = nn.Parameter(torch.zeros(networks, 1, width))
        self.decision_weight = nn.Parameter(torch.randn(networks, width, STOP + 1) * 0.5 * width**-0.5)
        self.decision_bias = nn.Parameter(torch.zeros(networks, 1, STOP + 1))
        self.reasoning_weight = nn.Parameter(torch.randn(networks, width, shape.reasoning) * 0.5 * width**-0.5)
        self.reasoning_bias = nn.Parameter(torch.zeros(networks, 1, shape.reasoning))
        self.dropout = nn.Dropout(config.dropout)
        self.input_dropout = nn.Dropout(config.input_dropout)

    def forward(
        self, history: Tensor, plans: Tensor, allowed: Tensor, *, fold: int | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """See :meth:`BaseModel.forward`."""
        chosen = slice(None) if fold is None else slice(fold, None, self.shape.folds)
        share = torch.einsum("bc,mcf->mbf", history[:, self.columns] * self.gain, self.history_weight[chosen])
        empty = torch.relu(share + self._empty_plan_share()[chosen])
        reasoning = torch.bmm(empty, self.reasoning_weight[chosen]) + self.reasoning_bias[chosen]
        return self._decisions(share, plans, allowed, chosen), reasoning.mean(0)

    def log_probabilities(self, history: Tensor, plan: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
        """What each network predicts for a batch of its own, in training.

        Args:
            history: Shape: (M, B, H).
            plan: Shape: (M, B, P).
            allowed: Shape: (M, B, 9), bool.

        Returns:
            Log-probabilities of the decisions (M, B, 9), unnormalised scores of the reasoning slots (M, B, reasoning).
        """
        share = torch.bmm(self.input_dropout(history[..., self.columns] * self.gain), self.history_weight)
        hidden = self.dropout(torch.relu(share + torch.bmm(plan, self.plan_weight) + self.hidden_bias))
        logits = torch.bmm(hidden, self.decision_weight) + self.decision_bias
        empty = self.dropout(torch.relu(share + self._empty_plan_share()))
        return log_softmax(logits, allowed), torch.bmm(empty, self.reasoning_weight) + self.reasoning_bias

    def fit(self, data: TrainingData) -> None:
        """Trains in place; the epoch of lowest validation loss is selected.

        Each network sees the data outside its fold, in its own order. State is saved after every epoch: a killed run
        resumes from there and ends with the same weights.
        """
        config, fold, device = data.config, data.fold, self.gain.device
        rng = np.random.default_rng(data.seed)
        tensors = _Tensors(data.train, device)
        folds, networks = self.shape.folds, self.shape.networks
        seen = [np.flatnonzero(fold[data.train.row] != number % folds) for number in range(networks)]
        shortest = min(len(rows) for rows in seen)
        batches = max(1, shortest // config.batch)
        optimizer = torch.optim.AdamW(self.parameters(), lr=config.rate, weight_decay=config.weight_decay)
        checkpoint = Checkpoint(data.folder)
        best, best_loss, first = copy.deepcopy(self.state_dict()), float("inf"), 0
        if checkpoint.exists():
            values, saved = checkpoint.load()
            restore_module(self, saved, prefix="network")
            restore_optimizer(optimizer, saved, prefix="optimizer")
            torch.set_rng_state(saved["torch_rng"])
            rng.bit_generator.state = values["rng"]
            best = {name.removeprefix("best."): t for name, t in saved.items() if name.startswith("best.")}
            best_loss, first = values["best_loss"], values["step"]
            logger.info("training of the networks resumes after epoch %d", first)
        progress = tqdm(range(first, config.epochs), initial=first, total=config.epochs, desc="networks")
        for epoch in progress:
            began = time.perf_counter()
            self.train()
            orders = torch.from_numpy(np.stack([rng.permutation(rows)[:shortest] for rows in seen]))
            total = torch.zeros((), device=device)
            for batch in range(batches):
                for group in optimizer.param_groups:
                    group["lr"] = config.rate * one_cycle((epoch + batch / batches) / config.epochs)
                chosen = orders[:, batch * config.batch : (batch + 1) * config.batch].to(device)  # (M, B)
                loss = self._loss(tensors, chosen, data.reasoning)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.detach()
            # The networks' losses are summed for their gradients and averaged for people.
            train_loss = float(total) / batches / networks
            check_finite(train_loss, "ensemble", step=epoch + 1)
            seconds = time.perf_counter() - began
            valid_loss = data.validation_loss()
            if valid_loss < best_loss:
                best_loss, best = valid_loss, copy.deepcopy(self.state_dict())
            data.log.add("cloning/train_loss", train_loss, step=epoch + 1)
            data.log.add("cloning/valid_loss", valid_loss, step=epoch + 1)
            data.log.add("cloning/decisions_per_second", shortest / seconds, step=epoch + 1)
            progress.set_postfix(train=f"{train_loss:.3f}", valid=f"{valid_loss:.3f}")
            data.log.save()
            checkpoint.save(
                {"step": epoch + 1, "best_loss": best_loss, "rng": rng.bit_generator.state},
                tensors=module_tensors(self, prefix="network")
                | {f"best.{name}": tensor for name, tensor in best.items()}
                | optimizer_tensors(optimizer, prefix="optimizer")
                | {"torch_rng": torch.get_rng_state()},
            )
        self.load_state_dict(best)

    def _loss(self, data: "_Tensors", chosen: Tensor, reasoning: ReasoningCodec | None) -> Tensor:
        """Sum over networks of the mean cross-entropy of their own batch. ``chosen``: (M, B)."""
        row = data.row[chosen]
        predicted, scores = self.log_probabilities(data.history[row], data.plan[chosen], data.allowed[chosen])
        loss = nn.functional.nll_loss(predicted.flatten(0, 1), data.decision[chosen].flatten())
        if reasoning is not None:
            slots = scores.flatten(0, 1).split(list(reasoning.sizes), dim=1)
            loss = loss + _REASONING_WEIGHT * reasoning_loss(slots, data.reasoning[row].flatten(0, 1))
        return loss * self.shape.networks

    def _empty_plan_share(self) -> Tensor:
        """Reasoning comes before any strategy: the hidden layer's share of plan and bias then. Shape: (M, 1, F)."""
        slots = (self.shape.plan - 1) // (STOP + 1)
        stops = torch.arange(1, slots + 1, device=self.gain.device) * (STOP + 1) - 1  # every slot's STOP entry
        return self.plan_weight[:, stops].sum(1, keepdim=True) + self.hidden_bias

    def _decisions(self, share: Tensor, plans: Tensor, allowed: Tensor, chosen: slice) -> Tensor:
        """Mean probabilities of the networks; one after the other, so that a layer stays in the cache.

        Args:
            share: The hidden layers' share of the history. Shape: (M, B, F).
            plans: Shape: (R, P) or (B, R, P).
            allowed: Shape: (R, 9) or (B, R, 9).

        Returns:
            Shape: (B, R, 9).
        """
        # Histories and plans run fastest: sums over hidden units and over the nine decisions are then vectorised.
        each = plans if plans.dim() == 3 else plans[None]  # (B or 1, R, P)
        of_plans = torch.einsum("brp,mpf->mfbr", each, self.plan_weight[chosen])
        of_plans = (of_plans + self.hidden_bias[chosen, 0, :, None, None]).contiguous()  # (M, F, B or 1, R)
        possible = allowed.expand(*each.shape[:2], -1).permute(2, 0, 1).float().contiguous()  # (9, B or 1, R)
        of_histories = share.mT[..., None]  # (M, F, B, 1)
        weight, bias = self.decision_weight[chosen].mT, self.decision_bias[chosen].mT  # (M, 9, F), (M, 9, 1)
        parts = []
        for start in range(0, share.shape[1], _CHUNK):
            block = slice(start, start + _CHUNK)
            own = block if plans.dim() == 3 else slice(None)
            total = torch.zeros(())
            for network in range(len(share)):
                hidden = torch.relu(of_histories[network, :, block] + of_plans[network, :, own])  # (F, chunk, R)
                logits = torch.addmm(bias[network], weight[network], hidden.flatten(1)).unflatten(1, hidden.shape[1:])
                weights = logits.clamp(-LARGEST_LOGIT, LARGEST_LOGIT).exp() * possible[:, own]
                total = total + weights / weights.sum(0, keepdim=True)
            parts.append(total.permute(1, 2, 0))
        return torch.cat(parts) / len(share)


class _Tensors:
    """Decisions on a device: history (U, H), reasoning (U, 5), row (N,), plan (N, P), allowed (N, 9), decision (N,)."""

    def __init__(self, decisions: Decisions, device: torch.device) -> None:
        arrays = (decisions.history, decisions.reasoning, decisions.row, decisions.plan, decisions.decision)
        self.history, self.reasoning, self.row, self.plan, self.decision = (
            torch.from_numpy(array).to(device) for array in arrays
        )
        self.allowed = allowed_decisions(torch.from_numpy(decisions.slots)).to(device)


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


def _gain(shape: EnsembleShape, columns: int) -> Tensor:
    """Scale of each column that the hidden layers see. Shape: (columns,)."""
    message = shape.embedding + 2 + len(Strategy)
    gain = torch.ones(columns)
    for start in range(0, (shape.window + 1) * message, message):
        gain[start : start + shape.embedding] = _EMBEDDING_GAIN * shape.embedding**0.5
    return gain


BASE_MODELS = (Networks,)
