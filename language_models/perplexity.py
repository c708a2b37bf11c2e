"""Negative log-likelihood of given targets: what training, validation and reported perplexities all use.

Every token of a target counts, given the true tokens before it, but for those that a caller leaves out: markers that
the model sees and nobody reads.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch.nn import functional

from language_models.backbone import Backbone
from language_models.batching import scoring_order
from language_models.families.family import IGNORED, Example, Family
from language_models.precision import autocast

Progress = Callable[[int], object]


def token_losses(
    family: Family, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Runs a model with teacher forcing.

    Args:
        family: Of the model.
        model: Possibly wrapped for training in more than one process.
        batch: What the family collates.

    Returns:
        Negative log-likelihood in nats, float32 (B, L), 0 where ignored; and the labels (B, L) it belongs to, where L
        is the longest target.
    """
    logits, labels = family.target_logits(model, batch)
    losses = functional.cross_entropy(
        logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none"
    )
    return losses.view(labels.shape), labels


def target_losses(
    backbone: Backbone,
    examples: Sequence[Example],
    *,
    uncounted: Sequence[int] = (),
    batch_size: int = 64,
    precision: str = "fp32",
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Negative log-likelihood of every example's target, in batches of about one length.

    Args:
        backbone: Its model's training mode is restored afterwards.
        examples: Contexts and targets.
        uncounted: Token ids of targets that are not counted.
        batch_size: Examples per forward pass.
        precision: ``bf16`` or ``fp32``.
        progress: Called with the number of newly finished examples after every batch.

    Returns:
        Sums in nats, float64 (N,), and numbers of counted tokens, int64 (N,). ``exp(sums.sum() / tokens.sum())`` is the
        perplexity per token.
    """
    model = backbone.model
    sums = np.zeros(len(examples))
    tokens = np.zeros(len(examples), dtype=np.int64)
    order = scoring_order(examples, batch_size=batch_size)
    skipped = torch.tensor(list(uncounted), dtype=torch.long, device=model.device)
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), autocast(model.device, precision):
            for first in range(0, len(order), batch_size):
                rows = order[first : first + batch_size]
                batch = backbone.collate([examples[row] for row in rows])
                batch = {name: tensor.to(model.device) for name, tensor in batch.items()}
                losses, labels = token_losses(backbone.family, model, batch)
                counted = (labels != IGNORED) & ~torch.isin(labels, skipped)
                sums[rows] = (losses.double() * counted).sum(dim=1).cpu().numpy()
                tokens[rows] = counted.sum(dim=1).cpu().numpy()
                if progress is not None:
                    progress(len(rows))
    finally:
        model.train(was_training)
    return sums, tokens


def perplexity(sums: np.ndarray, tokens: np.ndarray) -> float:
    """Perplexity per token over all targets: ``exp`` of the mean negative log-likelihood."""
    return float(np.exp(sums.sum() / tokens.sum()))
