"""Draws one token per row from logits: temperature, top-k, top-p, repetition penalty, and one uniform number a row."""

import torch

from generator.decoding_config import DecodingConfig

FIRST_LOOK = 1024  # likeliest tokens among which a row without top-k nearly always finds its top-p


def penalize_repetition(logits: torch.Tensor, seen: torch.Tensor, penalty: float) -> torch.Tensor:
    """Makes tokens that were written already less likely.

    Source: Keskar et al. 2019, CTRL, section 4.1, as transformers has it: positive logits are divided, negative ones
    multiplied by the penalty.

    Args:
        logits: (B, V).
        seen: Which tokens the row has, bool (B, V).
        penalty: 1 changes nothing.
    """
    if penalty == 1.0:
        return logits
    return torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


def draw(logits: torch.Tensor, uniforms: torch.Tensor, config: DecodingConfig) -> torch.Tensor:
    """Draws one token per row by inverting the cumulative distribution.

    A row's token depends on its own logits and its own uniform number only, so a response is the same in any batch
    (up to rounding in the logits). Order of the steps as in transformers: temperature, top-k, top-p.

    Args:
        logits: (B, V), forbidden tokens at minus infinity, at least one finite per row.
        uniforms: One number per row, 0 <= u < 1, float64 (B,).
        config: Temperature, ``top_k``, ``top_p``.

    Returns:
        Token ids, int64 (B,).
    """
    scaled = logits.float() / config.temperature
    vocabulary = scaled.shape[1]
    values, tokens = scaled.topk(min(config.top_k or FIRST_LOOK, vocabulary), dim=1)  # (B, K), likeliest first
    whole = values if config.top_k else scaled
    probabilities = (values.double() - whole.double().logsumexp(dim=1, keepdim=True)).exp()
    drawn = _invert(probabilities, tokens, uniforms, top_p=config.top_p)
    if not config.top_k and vocabulary > FIRST_LOOK:
        # Sorting a whole vocabulary costs more than the model does; only rows that are that undecided need it.
        beyond = (probabilities.sum(dim=1) < config.top_p).nonzero().squeeze(1)
        if len(beyond):
            values, tokens = scaled[beyond].topk(vocabulary, dim=1)
            drawn[beyond] = _invert(values.double().softmax(dim=1), tokens, uniforms[beyond], top_p=config.top_p)
    return drawn


def _invert(probabilities: torch.Tensor, tokens: torch.Tensor, uniforms: torch.Tensor, *, top_p: float) -> torch.Tensor:
    """Cuts sorted probabilities (B, K) where they reach ``top_p`` and takes each row's token (B, K) at its uniform."""
    before = probabilities.cumsum(dim=1) - probabilities
    kept = probabilities * (before < top_p)
    cumulative = kept.cumsum(dim=1)
    place = (cumulative <= uniforms[:, None] * cumulative[:, -1:]).sum(dim=1)
    place = torch.minimum(place, (kept > 0).sum(dim=1) - 1)  # rounding must not lead past the last token kept
    return tokens.gather(1, place[:, None]).squeeze(1)
