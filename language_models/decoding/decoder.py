"""Samples turns for many histories: batches by length, key-value cache, plans enforced, every row with its own seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from language_models.backbone import Backbone
from language_models.batching import length_order
from language_models.decoding.cache import CachedDecoder
from language_models.decoding.constraints import TurnConstraints, Vocabulary
from language_models.precision import autocast
from language_models.settings import DecodingConfig

CROWDED = 0.8  # finished rows are dropped once no more than this share of a batch is still writing


@dataclass(frozen=True)
class Request:
    """One turn to write.

    Attributes:
        context: Token ids of the history.
        plan: Strategy token ids, enforced in this order; ``None``: the model draws them from its own distribution.
        seed: Whole numbers that fix this turn's random numbers, whatever else is in the batch.
        closing: Token ids that may close it: the end token; of a message in ``one-by-one`` the end token, the continue
            token, or both, where the model decides.
    """

    context: list[int]
    plan: tuple[int, ...] | None
    seed: tuple[int, ...]
    closing: tuple[int, ...]


def decode(
    backbone: Backbone,
    requests: Sequence[Request],
    *,
    vocabulary: Vocabulary,
    free_messages: int,
    config: DecodingConfig,
    batch_size: int = 64,
    precision: str = "fp32",
) -> list[list[int]]:
    """Writes one turn for every request.

    The strategy of a row without a plan is drawn as the 2021 authors do: at the first position all tokens but the
    strategies are masked, and temperature, top-k and top-p apply there as everywhere. Where the model's positions are
    too few for the longest messages that a turn may have, the messages of this turn must end earlier, all at the same
    number of tokens.

    Args:
        backbone: Model in evaluation mode and tokenizer.
        requests: What to write.
        vocabulary: Token ids by their part; where it has no strategies, requests have no plans.
        free_messages: Most messages of a turn without a plan.
        config: Sampling settings.
        batch_size: Turns written side by side.
        precision: ``bf16`` or ``fp32``.

    Returns:
        Token ids in the order of the requests: strategy tokens, text, and what closed it, end or continue token.

    Raises:
        ValueError: An empty plan, or one of so many messages that the model's positions do not hold the shortest ones.
    """
    if not requests:
        return []
    longest = [_longest_message(backbone, one, free_messages=free_messages, config=config) for one in requests]
    written: list[list[int]] = [[] for _ in requests]
    order = length_order([len(request.context) for request in requests])
    with torch.inference_mode(), autocast(backbone.model.device, precision):
        for first in range(0, len(order), batch_size):
            part = order[first : first + batch_size]
            batch = [requests[index] for index in part]
            grammar = TurnConstraints(
                vocabulary,
                [one.plan for one in batch],
                [one.closing for one in batch],
                free_messages=free_messages,
                longest=[longest[index] for index in part],
                config=config,
            )
            decoder = CachedDecoder(backbone, [one.context for one in batch])
            for index, tokens in zip(part, _write(decoder, grammar, batch, config), strict=True):
                written[index] = tokens
    return written


def _write(
    decoder: CachedDecoder, grammar: TurnConstraints, batch: Sequence[Request], config: DecodingConfig
) -> list[list[int]]:
    """Writes a batch to its end; token ids in the batch's order."""
    device = decoder.mask.device
    steps = int((grammar.messages * (grammar.longest + 1)).max()) + 1  # text, strategy or end of each; the end
    numbers = np.stack([np.random.default_rng(list(request.seed)).random(steps) for request in batch])
    uniforms = torch.from_numpy(numbers).to(device)  # (B, steps)
    active = torch.arange(len(batch), device=device)  # which request each row still in the batch belongs to
    seen = torch.zeros(decoder.logits.shape, dtype=torch.bool, device=device)  # (B, V)
    written: list[list[int]] = [[] for _ in batch]
    for step in range(steps):
        logits = penalize_repetition(decoder.logits.float(), seen, config.repetition_penalty)
        tokens = draw(grammar.restrict(logits), uniforms[active, step], config)
        over = grammar.finished.clone()  # rows that wrote their last token before
        text = grammar.advance(tokens)
        seen[torch.arange(len(active), device=device)[text], tokens[text]] = True
        for request, token, was_over in zip(active.tolist(), tokens.tolist(), over.tolist(), strict=True):
            if not was_over:
                written[request].append(token)
        going = (~grammar.finished).nonzero().squeeze(1)
        if not len(going):
            return written
        if len(going) <= CROWDED * len(active):
            active, seen, tokens = active[going], seen[going], tokens[going]
            grammar.keep(going)
            decoder.keep(going)
        decoder.step(tokens)
    raise AssertionError("a turn has no end although every message has one")


def _longest_message(backbone: Backbone, request: Request, *, free_messages: int, config: DecodingConfig) -> int:
    """Tokens of text that each message of a turn may have at most, so that the whole turn fits the model."""
    if request.plan is not None and not request.plan:
        raise ValueError("empty plan, expected at least one strategy")
    messages = free_messages if request.plan is None else len(request.plan)
    history = 0 if backbone.encoder_decoder else len(request.context)
    # The start token takes one position, every message one for its strategy besides its text.
    longest = min(config.max_message_tokens, (backbone.positions - history - 1) // messages - 1)
    if longest < max(1, config.min_message_tokens):
        raise ValueError(
            f"a turn of {messages} messages does not fit: the backbone has {backbone.positions} positions, "
            f"of which the history takes {history}"
        )
    return longest


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
