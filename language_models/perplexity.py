"""Negative log-likelihood of given responses: what validation, checkpoint choice and reported perplexity all use.

Counted are the tokens of the text and the end token, each given the true tokens before it. Strategy tokens are seen by
the model but not counted (the 2021 authors' second code masks them in validation too), unless asked for. A response
longer than the format allows is cut as in training, and then has no end token.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn import functional
from transformers import PreTrainedModel

from language_models.batching import IGNORED, Collator, Example, scoring_order
from language_models.precision import autocast

Progress = Callable[[int], object]


def token_losses(
    model: torch.nn.Module, batch: dict[str, torch.Tensor], *, encoder_decoder: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Runs the model with teacher forcing.

    Args:
        model: Backbone, possibly wrapped for several processes.
        batch: What :class:`language_models.batching.Collator` makes.
        encoder_decoder: Kind of the backbone.

    Returns:
        Negative log-likelihood in nats, float32 (B, L), 0 where ignored; and the labels (B, L) it belongs to, where L
        is the longest target.
    """
    labels = batch["labels"]
    inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
    if encoder_decoder:
        logits = model(**inputs, use_cache=False).logits  # (B, L, V)
    else:
        # Targets end together on the right: only the last positions have labels, shifted by one.
        longest = int((labels != IGNORED).sum(dim=1).max())
        logits = model(**inputs, use_cache=False, logits_to_keep=longest + 1).logits[:, :-1]  # (B, L, V)
        labels = labels[:, labels.shape[1] - longest :]  # none where all targets are empty
    losses = functional.cross_entropy(
        logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none"
    )
    return losses.view(labels.shape), labels


def response_losses(
    model: PreTrainedModel,
    examples: Sequence[Example],
    *,
    collator: Collator,
    uncounted: Sequence[int] = (),
    batch_size: int = 64,
    precision: str = "fp32",
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Negative log-likelihood of every example's target, in batches of about one length.

    Args:
        model: Backbone; its training mode is restored afterwards.
        examples: Contexts and targets.
        collator: Of the backbone.
        uncounted: Token ids of targets that are not counted: the strategy tokens, or none to count them too.
        batch_size: Examples per forward pass.
        precision: ``bf16`` or ``fp32``.
        progress: Called with the number of finished examples after every batch.

    Returns:
        Sums in nats, float64 (N,), and numbers of counted tokens, int64 (N,). ``exp(sums.sum() / tokens.sum())`` is the
        perplexity per token.
    """
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
                batch = {name: one.to(model.device) for name, one in collator([examples[i] for i in rows]).items()}
                losses, labels = token_losses(model, batch, encoder_decoder=collator.encoder_decoder)
                counted = (labels != IGNORED) & ~torch.isin(labels, skipped)
                sums[rows] = (losses.double() * counted).sum(dim=1).cpu().numpy()
                tokens[rows] = counted.sum(dim=1).cpu().numpy()
                if progress is not None:
                    progress(len(rows))
    finally:
        model.train(was_training)
    return sums, tokens


def perplexity(sums: np.ndarray, tokens: np.ndarray) -> float:
    """Perplexity per token over all responses: ``exp`` of the mean negative log-likelihood."""
    return float(np.exp(sums.sum() / tokens.sum()))
