"""Fine-tuning of the encoders, one for each fold of the training dialogues, each on the other folds."""

import logging
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from corpus.dialogue import Role
from encoding.plan_codec import STOP
from encoding.sentence_encoder import SentenceEncoder
from language_models.precision import default_device
from planner.base_models.fine_tuned_encoder import (
    MULTI_STRATEGY,
    FineTunedEncoder,
    FrozenLayers,
    HistoryTokens,
    log_probabilities,
)
from planner.checkpoint import Checkpoint, check_finite, optimizer_tensors, restore_optimizer
from planner.config import FineTuningConfig
from planner.decisions import Decisions
from planner.training_log import TrainingLog

logger = logging.getLogger(__name__)

_BATCH = 32
_SORTED = 20  # batches' worth of rows that are sorted by length together: little padding, still mixed
_LAYER_DECAY = 0.9  # learning rate of a layer relative to the one above it
_HEAD_FACTOR = 10.0  # learning rate of the new head relative to the top layer
_STOP_SHARE = 0.4  # of the decisions to stop, nearly as many as messages and easier, a pass sees this share
_WARM_UP = 0.1
_VALIDATION_BATCH = 64


def fine_tune_encoders(
    encoder: SentenceEncoder,
    train: Decisions,
    valid: Decisions,
    *,
    fold: np.ndarray,
    config: FineTuningConfig,
    seed: int,
    folder: Path,
    log: TrainingLog,
) -> list[FineTunedEncoder]:
    """Trains an encoder for every fold; a killed training resumes after the last finished epoch.

    Args:
        valid: Scored after every epoch, for the log only.
        fold: Part of the training dialogues each history belongs to. Shape: (U,).
        config: Settings; ``epochs`` is set.
        seed: Seeds heads, orders and dropout.
        log: Receives ``reader/*`` curves by epoch, counted over all folds.
    """
    tokenizer, transformer = encoder.token_model()
    tokens = HistoryTokens(tokenizer, tokens=config.tokens)
    shared = FrozenLayers(transformer, frozen_layers=config.frozen_layers)
    data, held_out = (_Items(decisions, tokens) for decisions in (train, valid))
    encoders = []
    for part in range(int(fold.max()) + 1):
        torch.manual_seed(seed * 1000 + part)
        one = FineTunedEncoder(shared, dropout=config.dropout)
        one.to(default_device())
        _train(
            one,
            data,
            held_out,
            rows=np.flatnonzero(fold != part),
            config=config,
            rng=np.random.default_rng([seed, part]),
            checkpoint=Checkpoint(folder / str(part)),
            log=log,
            first_epoch=part * (config.epochs or 0),
        )
        encoders.append(one.eval())
    return encoders


class _Items:
    """Rows of tokens with what happened next."""

    def __init__(self, decisions: Decisions, tokens: HistoryTokens) -> None:
        self.tokens = tokens
        self.rows = tokens.rows(decisions.messages)
        by_supporter = [bool(h) and h[-1].role is Role.SUPPORTER for h in decisions.messages]
        self.can_stop = torch.tensor(by_supporter)
        self.decision = decisions.following
        # Whether a turn is multi-strategy is predicted only before it has begun.
        self.multi_strategy = np.where(by_supporter, -1, decisions.multi_strategy)

    def batches(self, rows: np.ndarray, rng: np.random.Generator | None, size: int) -> list[np.ndarray]:
        """Rows in batches of similar length; in random order with a generator."""
        order = rows if rng is None else rng.permutation(rows)
        chunk = len(order) if rng is None else size * _SORTED
        batches = []
        for start in range(0, len(order), chunk):
            part = order[start : start + chunk]
            part = part[np.argsort([len(self.rows[row]) for row in part], kind="stable")]
            batches += [part[at : at + size] for at in range(0, len(part), size)]
        return batches if rng is None else [batches[place] for place in rng.permutation(len(batches))]


def _train(
    encoder: FineTunedEncoder,
    data: _Items,
    held_out: _Items,
    *,
    rows: np.ndarray,
    config: FineTuningConfig,
    rng: np.random.Generator,
    checkpoint: Checkpoint,
    log: TrainingLog,
    first_epoch: int,
) -> None:
    epochs = config.epochs or 0
    optimizer = torch.optim.AdamW(_parameter_groups(encoder, config.rate), fused=True)
    epoch = 0
    if checkpoint.exists():
        values, tensors = checkpoint.load()
        epoch = values["step"]
        encoder.restore(
            {name.removeprefix("encoder."): t for name, t in tensors.items() if name.startswith("encoder.")}
        )
        if epoch < epochs:
            restore_optimizer(optimizer, tensors, prefix="optimizer")
            torch.set_rng_state(tensors["torch_rng"])
            rng.bit_generator.state = values["rng"]
        logger.info("fine-tuning resumes after epoch %d", first_epoch + epoch)
    while epoch < epochs:
        encoder.train()
        began = time.perf_counter()
        seen = rows[(data.decision[rows] != STOP) | (rng.random(len(rows)) < _STOP_SHARE)]
        batches = data.batches(seen, rng, _BATCH)
        total = 0.0
        for number, batch in enumerate(
            tqdm(batches, desc=f"fine-tuning, epoch {first_epoch + epoch + 1}", unit="batch")
        ):
            share = (epoch + number / len(batches)) / epochs
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * min(share / _WARM_UP, (1 - share) / (1 - _WARM_UP))
            loss = _loss(encoder, data, batch)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([p for p in encoder.parameters() if p.requires_grad], 1.0)
            optimizer.step()
            total += float(loss.detach())
        epoch += 1
        check_finite(total, "fine_tuning", step=first_epoch + epoch)
        log.add("reader/train_loss", total / len(batches), step=first_epoch + epoch)
        log.add("reader/valid_loss", _validation_loss(encoder, held_out), step=first_epoch + epoch)
        log.add("reader/histories_per_second", len(seen) / (time.perf_counter() - began), step=first_epoch + epoch)
        log.save()
        state = {f"encoder.{name}": value for name, value in encoder.tuned().items()}
        if epoch < epochs:  # a finished encoder needs no more than its weights
            state |= optimizer_tensors(optimizer, prefix="optimizer") | {"torch_rng": torch.get_rng_state()}
        checkpoint.save({"step": epoch, "rng": rng.bit_generator.state}, tensors=state)


def _parameter_groups(encoder: FineTunedEncoder, rate: float) -> list[dict[str, object]]:
    """Lower layers learn more slowly; biases and norms are not decayed."""
    layers = len(encoder.transformer.encoder.layer)
    groups: list[dict[str, object]] = []
    for name, parameter in encoder.named_parameters():
        if not parameter.requires_grad:
            continue
        peak = rate * _HEAD_FACTOR
        if name.startswith("transformer."):
            depth = int(name.split("layer.")[1].split(".")[0]) if "layer." in name else layers - 1
            peak = rate * _LAYER_DECAY ** (layers - 1 - depth)
        decay = 0.0 if parameter.dim() == 1 else 0.01
        groups.append({"params": [parameter], "lr": peak, "peak": peak, "weight_decay": decay})
    return groups


def _loss(encoder: FineTunedEncoder, data: _Items, batch: np.ndarray) -> Tensor:
    scores, decided = _predict(encoder, data, batch)
    loss = nn.functional.nll_loss(decided, torch.from_numpy(data.decision[batch]).to(scores.device))
    multi_strategy = data.multi_strategy[batch]
    known = torch.from_numpy(multi_strategy >= 0).to(scores.device)
    if known.any():
        target = torch.from_numpy(multi_strategy).to(scores.device)[known].float()
        loss = loss + nn.functional.binary_cross_entropy_with_logits(scores[known, MULTI_STRATEGY], target)
    return loss


@torch.no_grad()
def _validation_loss(encoder: FineTunedEncoder, items: _Items) -> float:
    """Mean negative log-likelihood of gold decisions, in nats."""
    encoder.eval()
    total = 0.0
    for batch in items.batches(np.arange(len(items.rows)), None, _VALIDATION_BATCH):
        _, decided = _predict(encoder, items, batch)
        total -= float(decided.gather(1, torch.from_numpy(items.decision[batch]).to(decided.device)[:, None]).sum())
    return total / len(items.rows)


def _predict(encoder: FineTunedEncoder, items: _Items, batch: np.ndarray) -> tuple[Tensor, Tensor]:
    device = encoder.head.weight.device
    ids, mask = items.tokens.batch([items.rows[row] for row in batch])
    scores = encoder(ids.to(device), mask.to(device))
    return scores, log_probabilities(scores, items.can_stop[batch].to(device))
