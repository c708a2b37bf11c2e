"""Writes turns after many contexts: batches by length, key-value cache, plans enforced, every row with its own seed.

Tokens are sampled by hand because transformers' ``generate`` samples a whole batch from one random state: there a text
depends on what else is in its batch, here on its own seed alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from language_models.backbone import Backbone
from language_models.batching import length_order
from language_models.decoding.constraints import TurnConstraints, Vocabulary
from language_models.families.family import CachedDecoder
from language_models.precision import autocast
from language_models.settings import DecodingConfig

CROWDED = 0.8  # finished rows are dropped once no more than this share of a batch is still writing
FIRST_LOOK = 1024  # likeliest tokens among which a row without top-k nearly always finds its top-p


@dataclass(frozen=True)
class Request:
    """One turn to write.

    Attributes:
        context: Token ids of what is read.
        plan: Markers of its messages, enforced in this order; ``None``: the model samples them from its distribution.
        seed: Whole numbers that fix this turn's random numbers, whatever else is in the batch.
        closing: Token ids that may close it: the end token, the continue token, or both, where the model decides.
    """

    context: list[int]
    plan: tuple[int, ...] | None
    seed: tuple[int, ...]
    closing: tuple[int, ...]


@dataclass
class ReadConversation:
    """What a model has read of the latest conversation: its next turn is read from where it differs.

    Attributes:
        decoder: Of the latest turn; ``None`` before the first.
    """

    decoder: CachedDecoder | None = None


def decode(
    backbone: Backbone,
    requests: Sequence[Request],
    *,
    vocabulary: Vocabulary,
    free_messages: int,
    config: DecodingConfig,
    batch_size: int = 64,
    precision: str = "fp32",
    conversation: ReadConversation | None = None,
) -> list[list[int]]:
    """Writes one turn for every request.

    The marker of a row without a plan is sampled as in the code of Liu et al. (ACL 2021): at the first position all
    tokens but the markers are masked, and temperature, top-k and top-p apply there as everywhere. Where the model's
    positions are too few for the longest messages that a turn may have, the messages of this turn must end earlier, all
    at the same number of tokens.

    Args:
        backbone: Its model is in evaluation mode.
        vocabulary: Where it has no markers, requests have no plans.
        free_messages: Most messages of a turn without a plan.
        batch_size: Turns written side by side.
        precision: ``bf16`` or ``fp32``.
        conversation: What was read before, of which a single request makes use; it is updated. Texts are the same with
            it up to rounding.

    Returns:
        Token ids in the order of the requests: markers, text, and what closed it, end or continue token.

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
            constraints = TurnConstraints(
                vocabulary,
                [one.plan for one in batch],
                [one.closing for one in batch],
                free_messages=free_messages,
                longest=[longest[index] for index in part],
                config=config,
            )
            read = conversation if len(requests) == 1 else None
            decoder = backbone.begin([one.context for one in batch], earlier=None if read is None else read.decoder)
            if read is not None:
                read.decoder = decoder
            for index, tokens in zip(part, _write(decoder, constraints, batch, config), strict=True):
                written[index] = tokens
    return written


def _write(
    decoder: CachedDecoder, constraints: TurnConstraints, batch: Sequence[Request], config: DecodingConfig
) -> list[list[int]]:
    """Writes a batch to its end; token ids in the batch's order."""
    device = decoder.logits.device
    steps = int((constraints.messages * (constraints.longest + 1)).max()) + 1  # text, marker or end of each; the end
    numbers = np.stack([np.random.default_rng(list(request.seed)).random(steps) for request in batch])
    uniforms = torch.from_numpy(numbers).to(device)  # (B, steps)
    active = torch.arange(len(batch), device=device)  # which request each row still in the batch belongs to
    seen = torch.zeros(decoder.logits.shape, dtype=torch.bool, device=device)  # (B, V)
    written: list[list[int]] = [[] for _ in batch]
    for step in range(steps):
        logits = penalize_repetition(decoder.logits.float(), seen, config.repetition_penalty)
        tokens = sample_tokens(constraints.restrict(logits), uniforms[active, step], config)
        over = constraints.finished.clone()  # rows that wrote their last token before
        text = constraints.advance(tokens)
        seen[torch.arange(len(active), device=device)[text], tokens[text]] = True
        for request, token, was_over in zip(active.tolist(), tokens.tolist(), over.tolist(), strict=True):
            if not was_over:
                written[request].append(token)
        writing = (~constraints.finished).nonzero().squeeze(1)
        if not len(writing):
            return written
        if len(writing) <= CROWDED * len(active):
            active, seen, tokens = active[writing], seen[writing], tokens[writing]
            constraints.keep(writing)
            decoder.keep(writing)
        decoder.step(tokens)
    raise AssertionError("a turn has no end although every message has one")


def _longest_message(backbone: Backbone, request: Request, *, free_messages: int, config: DecodingConfig) -> int:
    """Tokens of text that each message of a turn may have at most, so that the whole turn fits the model."""
    if request.plan is not None and not request.plan:
        raise ValueError("empty plan, expected at least one message")
    messages = free_messages if request.plan is None else len(request.plan)
    room = backbone.room(len(request.context))
    # Every message takes one position for its marker besides its text.
    longest = min(config.max_message_tokens, room // messages - 1)
    if longest < max(1, config.min_message_tokens):
        raise ValueError(
            f"a turn of {messages} messages does not fit: the backbone has {backbone.positions} positions, "
            f"of which the history takes {backbone.positions - room}"
        )
    return longest


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


def sample_tokens(logits: torch.Tensor, uniforms: torch.Tensor, config: DecodingConfig) -> torch.Tensor:
    """Samples one token per row by inverting the cumulative distribution.

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
    sampled = _invert(probabilities, tokens, uniforms, top_p=config.top_p)
    if not config.top_k and vocabulary > FIRST_LOOK:
        # Sorting a whole vocabulary costs more than the model does; only rows that are that undecided need it.
        beyond = (probabilities.sum(dim=1) < config.top_p).nonzero().squeeze(1)
        if len(beyond):
            values, tokens = scaled[beyond].topk(vocabulary, dim=1)
            sampled[beyond] = _invert(values.double().softmax(dim=1), tokens, uniforms[beyond], top_p=config.top_p)
    return sampled


def _invert(probabilities: torch.Tensor, tokens: torch.Tensor, uniforms: torch.Tensor, *, top_p: float) -> torch.Tensor:
    """Cuts sorted probabilities (B, K) where they reach ``top_p`` and takes each row's token (B, K) at its uniform."""
    before = probabilities.cumsum(dim=1) - probabilities
    within = probabilities * (before < top_p)
    cumulative = within.cumsum(dim=1)
    place = (cumulative <= uniforms[:, None] * cumulative[:, -1:]).sum(dim=1)
    place = torch.minimum(place, (within > 0).sum(dim=1) - 1)  # rounding must not lead past the last token
    return tokens.gather(1, place[:, None]).squeeze(1)
