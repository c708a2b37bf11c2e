"""The reasoning behind plans, read off the probabilities of its slots."""

from collections.abc import Sequence

import torch
from torch import Tensor

from corpus.reasoning import Reasoning
from encoding.reasoning_codec import ReasoningCodec


def reasoning_of(marginals: Sequence[Tensor], codec: ReasoningCodec) -> list[Reasoning]:
    """The most probable value of each slot of each history, with its probability.

    Plans weigh every need and stage by its probability; what is shown is the likeliest, which a plan may differ from
    where another is nearly as likely.

    Args:
        marginals: Probability of each value of each slot. Five of shape (B, values).
        codec: Names of the values.

    Returns:
        One per history.
    """
    best = [marginal.max(1) for marginal in marginals]
    values = torch.stack([slot.indices for slot in best], dim=1).tolist()
    probabilities = torch.stack([slot.values for slot in best], dim=1).tolist()
    return [codec.reasoning(row, chances) for row, chances in zip(values, probabilities, strict=True)]
