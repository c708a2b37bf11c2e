"""Negative log-likelihood of given targets: what training, validation and reported perplexities all use.

Every token of a target counts, given the true tokens before it. Markers that the model sees and no person does are
summed apart, so that one pass gives the perplexity with and without them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from language_models.backbone import Backbone
from language_models.batching import scoring_order
from language_models.families.family import IGNORED, Example, Family, parts
from language_models.precision import autocast

Progress = Callable[[int], object]


class TargetLosses(NamedTuple):
    """Negative log-likelihood of N targets, in nats; ``exp(nats.sum() / tokens.sum())`` is the perplexity per token.

    Attributes:
        nats: Sums over counted tokens, float64 (N,).
        tokens: Numbers of counted tokens, int64 (N,).
        apart_nats: Sums over the tokens that are summed apart, float64 (N,).
        apart_tokens: Their numbers, int64 (N,).
    """

    nats: np.ndarray
    tokens: np.ndarray
    apart_nats: np.ndarray
    apart_tokens: np.ndarray

    def joined(self, owners: Sequence[int], count: int) -> "TargetLosses":
        """Sums over the targets of one owner each: (count,) instead of (N,)."""
        nats, tokens, apart_nats, apart_tokens = (np.bincount(owners, weights=one, minlength=count) for one in self)
        return TargetLosses(nats, tokens.astype(np.int64), apart_nats, apart_tokens.astype(np.int64))


def token_losses(
    family: Family, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Runs a model, possibly wrapped for more than one process, with teacher forcing on what its family collates.

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
    apart: Sequence[int] = (),
    batch_size: int = 64,
    precision: str = "fp32",
    progress: Progress | None = None,
) -> TargetLosses:
    """Negative log-likelihood of every example's target, in batches of about one length.

    Args:
        backbone: Its model's training mode is restored afterwards.
        apart: Token ids that are summed apart.
        precision: ``bf16`` or ``fp32``.
        progress: Called with the number of newly finished examples after every batch.
    """
    model = backbone.model
    sums = TargetLosses(*(np.zeros(len(examples), kind) for kind in (np.float64, np.int64) * 2))
    order = scoring_order(examples, batch_size=batch_size)
    marked = torch.tensor(list(apart), dtype=torch.long, device=model.device)
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), autocast(model.device, precision):
            for first in range(0, len(order), batch_size):
                batch = [examples[row] for row in order[first : first + batch_size]]
                lengths = [len(example.context) + len(example.target) for example in batch]
                for part in parts(lengths, device=model.device):
                    rows = order[first : first + batch_size][part]
                    inputs = backbone.collate(batch[part])
                    inputs = {name: tensor.to(model.device) for name, tensor in inputs.items()}
                    losses, labels = token_losses(backbone.family, model, inputs)
                    markers = torch.isin(labels, marked)
                    counted = (labels != IGNORED) & ~markers
                    for mask, (nats, tokens) in ((counted, sums[:2]), (markers, sums[2:])):
                        nats[rows] = (losses.double() * mask).sum(dim=1).cpu().numpy()
                        tokens[rows] = mask.sum(dim=1).cpu().numpy()
                if progress is not None:
                    progress(len(batch))
    finally:
        model.train(was_training)
    return sums


def perplexity(sums: np.ndarray, tokens: np.ndarray) -> float:
    """Perplexity per token over all targets: ``exp`` of the mean negative log-likelihood."""
    return float(np.exp(sums.sum() / tokens.sum()))
