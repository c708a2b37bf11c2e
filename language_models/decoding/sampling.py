"""Draws one token per row from logits: temperature, top-k, top-p, repetition penalty, and one uniform number a row.

How text is sampled: settings and the presets of the two 2021 codes.
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class DecodingConfig:
    """Settings of sampling; the defaults are the 2021 paper's (Liu et al., ACL 2021, section 6.1)."""

    temperature: float = 0.7
    """Logits are divided by it: below 1 sharper, above 1 flatter."""
    top_k: int = 30
    """Only this many likeliest tokens can be drawn; 0: all, 1: greedy decoding."""
    top_p: float = 0.9
    """Only the likeliest tokens that together reach this probability can be drawn, 0..1; 1: all."""
    repetition_penalty: float = 1.03
    """Logits of tokens that the response has already are made worse by this factor (Keskar et al. 2019); 1: not."""
    min_message_tokens: int = 2
    """Tokens of text before a message may end, so that none is empty."""
    max_message_tokens: int = 40
    """Tokens of text after which a message must end; fewer in a turn that the model's positions would not hold."""
    max_messages: int = 5
    """Messages after which a freely written turn must end (variants all-in-one and one-by-one)."""

    def __str__(self) -> str:
        """Short form for signatures, e.g. ``t0.7-k30-p0.9-r1.03-tokens2to40-messages5``."""
        return (
            f"t{self.temperature:g}-k{self.top_k}-p{self.top_p:g}-r{self.repetition_penalty:g}"
            f"-tokens{self.min_message_tokens}to{self.max_message_tokens}-messages{self.max_messages}"
        )

    def __post_init__(self) -> None:
        if not self.temperature > 0 or not self.repetition_penalty > 0:
            raise ValueError("temperature and repetition_penalty: expected more than 0")
        if self.top_k < 0:
            raise ValueError(f"top_k: got {self.top_k}, expected 0 or more")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p: got {self.top_p}, expected more than 0 and at most 1")
        if not 0 <= self.min_message_tokens <= self.max_message_tokens or self.max_message_tokens < 1:
            raise ValueError("expected 0 <= min_message_tokens <= max_message_tokens and 1 <= max_message_tokens")
        if self.max_messages < 1:
            raise ValueError(f"max_messages: got {self.max_messages}, expected at least 1")


DECODING_PRESETS: dict[str, DecodingConfig] = {
    "esconv2021": DecodingConfig(),
    # The authors' second code, its inference script: no top-k, no repetition penalty, at least 10 tokens.
    "esconv-official": DecodingConfig(top_k=0, repetition_penalty=1.0, min_message_tokens=10),
    "greedy": DecodingConfig(top_k=1),
}


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
