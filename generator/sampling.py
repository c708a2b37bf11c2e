"""Draws one token per row from logits: temperature, top-k, top-p, repetition penalty, and one uniform number a row."""

import torch

from generator.decoding_config import DecodingConfig


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
    size = min(config.top_k or logits.shape[1], logits.shape[1])
    values, tokens = (logits.float() / config.temperature).topk(size, dim=1)  # (B, K), likeliest first
    probabilities = values.double().softmax(dim=1)
    before = probabilities.cumsum(dim=1) - probabilities
    kept = probabilities * (before < config.top_p)
    cumulative = kept.cumsum(dim=1)
    place = (cumulative <= uniforms[:, None] * cumulative[:, -1:]).sum(dim=1)
    place = torch.minimum(place, (kept > 0).sum(dim=1) - 1)  # rounding must not lead past the last token kept
    return tokens.gather(1, place[:, None]).squeeze(1)
